"""
HTTP/1.1 in bytes (RFC 9112), for both ends, through h11.

Every size has a bound: that of the head is ours, that of a body what the request says it accepts.
One request is under way at a time; what arrives beyond it waits in h11's buffer.
A server gets its requests whole, a client its replies in pieces, since one may be a long film.
"""

import re
from collections.abc import Callable, Iterable
from urllib.parse import parse_qsl

import h11
from attrs import field, frozen

from odyssey_proto.kernel.failures import RemoteProtocolError, invalid
from odyssey_proto.kernel.secret import revealed, sized
from odyssey_proto.kernel.url import Address
from odyssey_proto.seam.http import Headers, HttpReply, HttpRequest
from odyssey_proto.wire.target import with_query

MAX_HEAD_BYTES = 32 * 1024
"""
The largest head of a message: the most that common servers take by default (8 to 32 KiB).

A browser sends the cookies of all services of this machine to each, so the local one meets large heads.
Each field costs as much time as some hundred bytes of a value, so a head is refused before it is parsed:
one of 64 KiB in tiny fields would hold up a loop for 30 ms.
"""

_HEAD_END = re.compile(rb"\n\r?\n")

MAX_BODY_BYTES = 256 * 1024
"""The largest body that a server takes unless it says otherwise: room for the largest offer."""

type Admit = Callable[[HttpRequest], int]
"""
Judges a request by its head, without its query, before its body: returns the most bytes that may have.

Raises `RemoteProtocolError` with the status to refuse it with.
"""

MAX_INTERIM_REPLIES = 8
"""The most interim replies (1xx) before the real one."""

MAX_SMALL_CHUNKS = 1024
"""How many chunks of a body may be small: each costs as much time as kilobytes in one piece."""

SMALL_CHUNK_BYTES = 64

MAX_PARAMETERS = 256

USER_AGENT = b"odyssey-python"

_FIELD = re.compile(r"|[!-~\x80-\xff]([\t -~\x80-\xff]*[!-~\x80-\xff])?")
"""The value of a header field (RFC 9110 section 5.5)."""


class TooLargeError(RemoteProtocolError):
    """A body is over its limit, or a head (with status 431, RFC 6585 section 5)."""

    def __init__(self, message: str, status: int = 413) -> None:
        super().__init__(message, status=status)

    def __reduce__(self) -> tuple[object, ...]:
        return (TooLargeError, (str(self), self.status))


class ClosedEarlyError(RemoteProtocolError):
    """The connection closed before its reply was whole."""


@frozen
class Piece:
    """What arrived of a reply: its head, the first time that it is known, and some of its body."""

    head: HttpReply | None
    """Status and header fields."""
    body: bytes = field(repr=sized)
    whole: bool
    """Whether that was all of it."""


class ClientConnection:
    """
    The client's end of one connection: a request, its reply, and so on while it is `reusable`.

    After a `RemoteProtocolError` the connection is of no more use.
    """

    def __init__(self) -> None:
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
        self._accepts = 0
        self._received = 0
        self._interim = 0
        self._small_chunks = 0
        self._closed = False
        self.reply_begun: bool = False
        """Whether anything of the present reply has arrived."""

    @property
    def reusable(self) -> bool:
        """Whether another request may be sent."""
        idle = self._h11.our_state is h11.IDLE and self._h11.their_state is h11.IDLE
        return idle and not self._closed

    def send(self, request: HttpRequest, address: Address) -> bytes:
        """
        Returns the bytes of a request; the connection must be `reusable`.

        Raises `LocalProtocolError` for a header field that cannot be sent; the error does not repeat it.
        """
        self._accepts = request.accepts
        self._received = 0
        self._interim = 0
        self._small_chunks = 0
        self.reply_begun = False
        headers = [
            (b"host", address.authority.encode()),
            (b"user-agent", USER_AGENT),
            *_encoded(request.headers),
        ]
        body = request.content()
        if body or request.method in ("POST", "PUT", "PATCH"):
            headers.append((b"content-length", b"%d" % len(body)))
        target = with_query(address.target, request.query)
        data = bytes_of(self._h11, h11.Request(method=request.method, target=target, headers=headers))
        if body:
            data += bytes_of(self._h11, h11.Data(data=body))
        return data + bytes_of(self._h11, h11.EndOfMessage())

    def receive(self, data: bytes) -> Piece:
        """
        Takes bytes (none: the other side closed) and returns what came of them.

        Raises `RemoteProtocolError`, mostly `ClosedEarlyError` or `TooLargeError`, if no reply can come.
        """
        self.reply_begun = self.reply_begun or bool(data)
        self._closed = not data
        try:
            self._h11.receive_data(data)
            return self._read()
        except h11.RemoteProtocolError as error:
            kind = ClosedEarlyError if self._closed else RemoteProtocolError
            raise kind(str(error)) from None

    def _read(self) -> Piece:
        head = None
        body = bytearray()
        if self._h11.their_state is h11.SEND_RESPONSE:
            check_head(self._h11)
        while True:
            event = self._h11.next_event()
            match event:
                case h11.Response():
                    head = HttpReply(event.status_code, _decoded(event.headers))
                case h11.Data(data=data):
                    self._received += len(data)
                    if self._received > self._accepts:
                        raise TooLargeError(f"the body is over the limit of {self._accepts} bytes")
                    self._small_chunks = _count_small(self._small_chunks, event)
                    body += data
                case h11.EndOfMessage():
                    self._next()
                    return Piece(head, bytes(body), whole=True)
                case h11.InformationalResponse():
                    self._interim += 1
                    if self._interim > MAX_INTERIM_REPLIES:
                        raise RemoteProtocolError("too many interim replies")
                case h11.ConnectionClosed():
                    raise ClosedEarlyError("the connection closed before the reply")
                case _:
                    return Piece(head, bytes(body), whole=False)

    def _next(self) -> None:
        done = self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE
        # Bytes after a reply that nobody asked for make the connection untrustworthy.
        if done and not self._h11.trailing_data[0]:
            self._h11.start_next_cycle()


@frozen
class Upgrade:
    """A request to go on as a WebSocket."""

    request: HttpRequest
    headers: tuple[tuple[bytes, bytes], ...] = field(repr=False)
    target: bytes = field(repr=False)
    trailing: bytes = field(repr=sized)
    """What already came after it."""


class ServerConnection:
    """
    The server's end of one connection.

    `receive` gives a request once it is whole; after `send` of its reply, `next_request` gives the one
    behind it if it has come already.
    """

    def __init__(self, admit: Admit = lambda head: MAX_BODY_BYTES) -> None:
        self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD_BYTES)
        self._admit = admit
        self.max_body: int = 0
        """The most bytes that the body of the present request may have; 0 before its head is known."""
        self._head: h11.Request | None = None
        self._body = bytearray()
        self._small_chunks = 0
        self.must_close: bool = False
        """Whether the connection must be closed once everything is sent."""

    @property
    def idle(self) -> bool:
        """Whether nothing of a request has arrived."""
        unread, _ = self._h11.trailing_data
        return self._head is None and self._h11.their_state is h11.IDLE and not unread

    @property
    def interim_reply(self) -> bytes:
        """The bytes, if any, that the client waits for before it sends its body (RFC 9110 section 10.1.1)."""
        if self.must_close or not self._h11.they_are_waiting_for_100_continue:
            return b""
        return bytes_of(self._h11, h11.InformationalResponse(status_code=100, headers=[]))

    def receive(self, data: bytes) -> HttpRequest | Upgrade | None:
        """
        Takes bytes (none: the other side closed) and returns the request once it is whole.

        Raises `RemoteProtocolError` with the status to refuse it with; then only `send` remains.
        """
        self._h11.receive_data(data)
        return self.next_request()

    def next_request(self) -> HttpRequest | Upgrade | None:
        """Returns the next request if it has come already; raises as `receive` does."""
        try:
            return self._read()
        except h11.RemoteProtocolError as error:
            self.must_close = True
            raise RemoteProtocolError(str(error), status=error.error_status_hint) from None
        except TooLargeError:
            self.must_close = True
            raise

    def send(self, reply: HttpReply) -> bytes:
        """Returns the bytes of a reply."""
        bodiless = reply.status in (204, 304) or 100 <= reply.status < 200
        own = ("content-length", "connection")
        headers = _encoded(tuple(pair for pair in reply.headers if pair[0] not in own))
        if not bodiless:
            headers.append((b"content-length", b"%d" % len(reply.body)))
        if self.must_close:
            headers.append((b"connection", b"close"))
        if self._h11.our_state not in (h11.IDLE, h11.SEND_RESPONSE, h11.SWITCHED_PROTOCOL):
            return b""
        # What is said to HEAD ends with its head, which has the length of what GET would bring.
        head_only = self._head is not None and self._head.method == b"HEAD"
        data = bytes_of(self._h11, h11.Response(status_code=reply.status, headers=headers))
        if reply.body and not bodiless and not head_only:
            data += bytes_of(self._h11, h11.Data(data=reply.body))
        data += bytes_of(self._h11, h11.EndOfMessage())
        self._next()
        return data

    def _next(self) -> None:
        self._head = None
        self._body.clear()
        self.max_body = 0
        self._small_chunks = 0
        if self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE:
            self._h11.start_next_cycle()
        else:
            self.must_close = True

    def _read(self) -> HttpRequest | Upgrade | None:
        if self._h11.their_state is h11.IDLE:
            check_head(self._h11)
        while True:
            event = self._h11.next_event()
            match event:
                case h11.Request():
                    self._head = event
                    self._judge(event)
                    if _wants_websocket(event):
                        return self._upgrade(event)
                case h11.Data(data=data):
                    self._check_size(len(self._body) + len(data))
                    self._small_chunks = _count_small(self._small_chunks, event)
                    self._body += data
                case h11.EndOfMessage():
                    assert self._head is not None, "h11 gives the head first"
                    return _request(self._head, bytes(self._body))
                case h11.ConnectionClosed():
                    self.must_close = True
                    return None
                case _:
                    return None

    def _judge(self, head: h11.Request) -> None:
        path = head.target.decode("ascii", "replace").partition("?")[0]
        try:
            self.max_body = self._admit(
                HttpRequest(head.method.decode("ascii"), path, headers=_decoded(head.headers))
            )
        except RemoteProtocolError:
            self.must_close = True
            raise
        self._check_size(_content_length(head))

    def _check_size(self, size: int) -> None:
        if size > self.max_body:
            raise TooLargeError(f"the body is over the limit of {self.max_body} bytes")

    def _upgrade(self, head: h11.Request) -> Upgrade:
        self._h11.next_event()
        self.must_close = True
        trailing = bytes(self._h11.trailing_data[0])
        pairs = tuple((bytes(name), bytes(value)) for name, value in head.headers)
        return Upgrade(_request(head, b""), pairs, bytes(head.target), trailing)


def check_head(connection: h11.Connection) -> None:
    """Refuses a head that is too large, also one that is there already: h11 bounds what is incomplete."""
    unread = connection.trailing_data[0]
    if len(unread) > MAX_HEAD_BYTES and not _HEAD_END.search(unread, 0, MAX_HEAD_BYTES):
        raise TooLargeError(f"the head is over the limit of {MAX_HEAD_BYTES} bytes", status=431)


def _count_small(before: int, data: h11.Data) -> int:
    """Returns how many small chunks there are with this one; raises `TooLargeError` for too many."""
    whole = data.chunk_start and data.chunk_end
    count = before + (whole and len(data.data) < SMALL_CHUNK_BYTES)
    if count > MAX_SMALL_CHUNKS:
        raise TooLargeError(f"the body has over {MAX_SMALL_CHUNKS} small chunks")
    return count


def _request(head: h11.Request, body: bytes) -> HttpRequest:
    target = head.target.decode("ascii", "replace")
    path, _, query = target.partition("?")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="replace", max_num_fields=MAX_PARAMETERS)
    except ValueError:
        raise RemoteProtocolError("too many query parameters") from None
    return HttpRequest(head.method.decode("ascii"), path, tuple(pairs), _decoded(head.headers), body)


def _content_length(head: h11.Request) -> int:
    """Returns how long the body is said to be, which h11 has checked; 0 if nothing is said."""
    return next((int(value) for name, value in head.headers if name == b"content-length"), 0)


def _wants_websocket(head: h11.Request) -> bool:
    named = {name: value.lower() for name, value in head.headers if name in (b"upgrade", b"connection")}
    tokens = [token.strip() for token in named.get(b"connection", b"").split(b",")]
    return named.get(b"upgrade") == b"websocket" and b"upgrade" in tokens


def _encoded(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Returns header fields as bytes, as `_decoded` reads them."""
    pairs = []
    for name, value in headers:
        plain = revealed(value)
        if not _FIELD.fullmatch(plain):
            raise invalid(f"the value of the header field {name} cannot be sent")
        pairs.append((name.encode("ascii"), plain.encode("latin-1")))
    return pairs


def _decoded(headers: Iterable[tuple[bytes, bytes]]) -> tuple[tuple[str, str], ...]:
    # Field values are bytes; latin-1 gives each of them back unchanged (RFC 9110 section 5.5).
    return tuple((name.decode("ascii"), value.decode("latin-1")) for name, value in headers)


def bytes_of(connection: h11.Connection, event: h11.Event) -> bytes:
    """Returns the bytes of what one end says."""
    data = connection.send(event)
    assert data is not None, "only the end of a connection sends nothing"
    return bytes(data)
