"""HTTP exchanges over kept connections."""

import select
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from anyio.abc import ByteStream, SocketAttribute
from attrs import define, field

from odyssey_anyio.net.streams import connect, cut, meaning, receive, tls_context
from odyssey_anyio.net.transports import ExchangeError
from odyssey_proto.kernel.errors import RemoteProtocolError
from odyssey_proto.kernel.secret import Secret, sized
from odyssey_proto.kernel.url import Address, parse
from odyssey_proto.seam.http import Headers, HttpReply, HttpRequest
from odyssey_proto.seam.inputs import TransportError, TransportErrorKind
from odyssey_proto.seam.redirects import MAX_REDIRECTS, redirected
from odyssey_proto.wire.http1 import ClientConnection

IDLE = 15.0
"""How long an unused connection is kept, in seconds: less than servers usually keep theirs."""

MAX_IDLE = 8
"""The most unused connections that are kept, over all origins."""


@define(eq=False)
class _Connection:
    stream: ByteStream
    origin: tuple[bool, str, int]
    http: ClientConnection = field(factory=ClientConnection)
    used: bool = False
    since: float = 0.0

    @property
    def stale(self) -> bool:
        """Whether it was kept too long, or something arrived that nobody asked for: mostly its end."""
        return time.monotonic() - self.since > IDLE or _readable(self.stream)


@define(eq=False)
class Body:
    """A reply whose body is still on its way."""

    connection: _Connection = field(repr=False)
    head: HttpReply
    """Status and header fields."""
    _first: bytes = field(repr=sized)
    whole: bool
    """Whether all of it has arrived."""

    async def receive(self) -> bytes:
        """Returns the next bytes, none at the end; raises `ExchangeError`."""
        first, self._first = self._first, b""
        while not first and not self.whole:
            try:
                piece = self.connection.http.take(await receive(self.connection.stream))
            except Exception as error:
                raise ExchangeError(meaning(error)) from error
            first, self.whole = piece.body, piece.whole
        return first


class HttpPool:
    """
    Carries out exchanges; each has a connection to itself, and connections are used again.

    It keeps at most `MAX_IDLE` unused ones, each for `IDLE` seconds.
    Redirects of safe requests are followed, without the access token when they lead elsewhere.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._idle: list[_Connection] = []
        self._closed = False

    def __repr__(self) -> str:
        return f"<HttpPool {len(self._idle)} idle>"

    async def exchange(self, request: HttpRequest) -> HttpReply:
        """Sends a request and returns its reply, whatever the status; raises `ExchangeError`."""
        for _ in range(MAX_REDIRECTS + 1):
            reply = await self._attempt(request, self._converse)
            elsewhere = _elsewhere(request, reply)
            if elsewhere is None:
                return reply
            request = elsewhere
        raise ExchangeError(TransportError(TransportErrorKind.MALFORMED, "too many redirects"))

    @asynccontextmanager
    async def fetch(self, url: Secret, headers: Headers, accepts: int) -> AsyncIterator[Body]:
        """
        Asks for a file and returns its reply, whatever the status, whose body is taken piece by piece.

        Nothing is added to the headers, and redirects are followed as in `exchange`.
        """
        request = HttpRequest("GET", url.reveal(), headers=headers, accepts=accepts)
        for _ in range(MAX_REDIRECTS + 1):
            body = await self._attempt(request, self._begin)
            try:
                elsewhere = _elsewhere(request, body.head)
            except ExchangeError:
                await cut(body.connection.stream)
                raise
            if elsewhere is None:
                break
            await cut(body.connection.stream)
            request = elsewhere
        else:
            raise ExchangeError(TransportError(TransportErrorKind.MALFORMED, "too many redirects"))
        try:
            yield body
        finally:
            if not (body.whole and body.connection.http.reusable and self._keep(body.connection)):
                await cut(body.connection.stream)

    async def aclose(self) -> None:
        """Closes every connection that is not in use; one in use is closed when it is given back."""
        self._closed = True
        idle, self._idle = self._idle, []
        for connection in idle:
            await cut(connection.stream)

    async def _attempt[T](
        self, request: HttpRequest, converse: Callable[[_Connection, HttpRequest, Address], Awaitable[T]]
    ) -> T:
        try:
            address = parse(request.url)
        except Exception as error:
            raise ExchangeError(meaning(error)) from error
        connection = await self._connection(address)
        again = connection.used and request.safe
        try:
            return await converse(connection, request, address)
        except ExchangeError:
            # A kept connection may have ended just as it was taken up again.
            if not again or connection.http.heard:
                raise
        return await converse(await self._fresh(address), request, address)

    async def _converse(self, connection: _Connection, request: HttpRequest, address: Address) -> HttpReply:
        kept = False
        try:
            await connection.stream.send(connection.http.send(request, address))
            while (reply := connection.http.receive(await receive(connection.stream))) is None:
                pass
            kept = connection.http.reusable and self._keep(connection)
            return reply
        except Exception as error:
            raise ExchangeError(meaning(error)) from error
        finally:
            if not kept:
                await cut(connection.stream)

    async def _begin(self, connection: _Connection, request: HttpRequest, address: Address) -> Body:
        """Sends a request and returns its reply as soon as the head is there."""
        try:
            await connection.stream.send(connection.http.send(request, address))
            while True:
                piece = connection.http.take(await receive(connection.stream))
                if piece.head is not None:
                    return Body(connection, piece.head, piece.body, whole=piece.whole)
        except BaseException as error:
            await cut(connection.stream)
            if isinstance(error, Exception):
                raise ExchangeError(meaning(error)) from error
            raise

    async def _connection(self, address: Address) -> _Connection:
        while (connection := self._take(address.origin)) is not None:
            if not connection.stale:
                return connection
            await cut(connection.stream)
        return await self._fresh(address)

    def _take(self, origin: tuple[bool, str, int]) -> _Connection | None:
        """Takes out the connection to an origin that was used last, before anybody else can."""
        for connection in reversed(self._idle):
            if connection.origin == origin:
                self._idle.remove(connection)
                return connection
        return None

    async def _fresh(self, address: Address) -> _Connection:
        if address.tls and self._tls is None:
            self._tls = tls_context()
        stream = await connect(address, self._tls or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        return _Connection(stream, address.origin)

    def _keep(self, connection: _Connection) -> bool:
        if self._closed or len(self._idle) >= MAX_IDLE:
            return False
        connection.used = True
        connection.since = time.monotonic()
        self._idle.append(connection)
        return True


def _readable(stream: ByteStream) -> bool:
    poll = select.poll()
    poll.register(stream.extra(SocketAttribute.raw_socket), select.POLLIN)
    return bool(poll.poll(0))


def _elsewhere(request: HttpRequest, reply: HttpReply) -> HttpRequest | None:
    """Returns the request that follows a redirect; what is not safe is never sent twice by us."""
    try:
        return redirected(request, reply) if request.safe else None
    except RemoteProtocolError as error:
        raise ExchangeError(TransportError(TransportErrorKind.MALFORMED, str(error))) from error
