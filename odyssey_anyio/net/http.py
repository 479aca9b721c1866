"""HTTP exchanges over kept connections: the sockets of the pool that `wire.pool` decides about."""

import select
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import count

import anyio
from anyio.abc import ByteStream, SocketAttribute
from attrs import define, field

from odyssey_anyio.aio.machine_loop import Clock, patience
from odyssey_anyio.aio.tasks import spawn, start
from odyssey_anyio.net.streams import (
    BROKEN_STREAM,
    MAX_SEND_BYTES,
    Dialer,
    abort,
    receive,
    send,
    transport_error,
)
from odyssey_anyio.net.transports import ExchangeError
from odyssey_proto.kernel.failures import LocalProtocolError, RemoteProtocolError
from odyssey_proto.kernel.secret import Secret, sized
from odyssey_proto.kernel.url import Address, is_local, parse
from odyssey_proto.seam.http import MAX_REDIRECTS, Headers, HttpReply, HttpRequest, redirected
from odyssey_proto.seam.inputs import TransportError, TransportErrorKind, Wake
from odyssey_proto.wire.http1 import ClientConnection
from odyssey_proto.wire.pool import (
    Ask,
    CloseConnection,
    CloseIdle,
    ConnectionId,
    ConnectionPool,
    Fail,
    Grant,
    OpenAhead,
    OpenConnection,
    PoolInput,
    PoolLimits,
    Release,
    RequestId,
    Stale,
    UseConnection,
)

_HUNG_UP = select.POLLHUP | select.POLLERR | getattr(select, "POLLRDHUP", 0)


class _Connection:
    def __init__(self, stream: ByteStream, *, tls: bool) -> None:
        self.stream = stream
        # What TLS 1.3 sends behind the handshake (RFC 8446 section 4.6.1) is read with the first reply.
        self._tickets = tls
        self.http = ClientConnection()
        self.sending = False
        """Whether some of the present request has not been sent."""
        self.local: bool = _is_local(stream)
        """Whether it leads to this machine or its own link."""
        self._poll = select.poll()
        self._poll.register(stream.extra(SocketAttribute.raw_socket), select.POLLIN | _HUNG_UP)

    @property
    def stale(self) -> bool:
        """Whether something has arrived that belongs to no request, mostly the end."""
        return any(event & _HUNG_UP or not self._tickets for _, event in self._poll.poll(0))

    def begin(self, request: HttpRequest, address: Address) -> bytes:
        """Begins a request; returns its bytes."""
        self.sending = True
        self._tickets = False
        return self.http.send(request, address)


@define(eq=False)
class StreamedReply:
    """A reply whose body is still on its way."""

    head: HttpReply
    """Status and header fields."""
    _first: bytes = field(repr=sized)
    _whole: bool
    _connection: _Connection = field(repr=False)

    @property
    def local(self) -> bool:
        """Whether it came from this machine or its own link."""
        return self._connection.local

    @property
    def reusable(self) -> bool:
        """Whether all of it has arrived, and its connection can serve another request."""
        return self._whole and self._connection.http.reusable and not self._connection.sending

    async def receive(self) -> bytes:
        """Returns the next bytes, none at the end; raises `ExchangeError`."""
        data, self._first = self._first, b""
        while not data and not self._whole:
            try:
                piece = self._connection.http.receive(await receive(self._connection.stream))
            except Exception as error:
                raise ExchangeError(transport_error(error)) from error
            data, self._whole = piece.body, piece.whole
        return data


class HttpPool:
    """
    Carries out exchanges; each has a connection to itself, and connections are used again.

    How many there are, how long they are kept and what is repeated is said in `wire.pool`.
    Redirects of safe requests are followed, without the access token when they lead elsewhere, and never
    from another machine to this one or its own link.
    Where another request is sent is for whoever asked to see.
    """

    uses_only_anyio = True

    def __init__(
        self,
        tls: ssl.SSLContext | None = None,
        limits: PoolLimits | None = None,
        *,
        max_redirects: int = MAX_REDIRECTS,
    ) -> None:
        self._dialer = Dialer(tls)
        self._max_redirects = max_redirects
        self._clock = Clock()
        limits = limits or PoolLimits()
        self._pool = ConnectionPool(limits)
        self._idle_seconds = limits.idle_time / 1_000_000
        self._names = count(1)
        self._connections: dict[ConnectionId, _Connection] = {}
        self._grants: dict[RequestId, Grant] = {}
        self._in_line: dict[RequestId, anyio.Event] = {}
        self._closing: list[_Connection] = []
        self._watch: anyio.CancelScope | None = None
        self._watch_ended: anyio.Event | None = None

    def __repr__(self) -> str:
        return f"<HttpPool {self._pool.idle} idle>"

    async def exchange(self, request: HttpRequest) -> HttpReply:
        """Sends a request and returns its reply, whatever the status; raises `ExchangeError`."""
        async with self._replied(request) as reply:
            body = bytearray()
            while data := await reply.receive():
                body += data
            return HttpReply(reply.head.status, reply.head.headers, bytes(body))

    @asynccontextmanager
    async def fetch(self, url: Secret, headers: Headers, accepts: int) -> AsyncIterator[StreamedReply]:
        """
        Asks for a file and returns its reply, whatever the status, whose body is taken piece by piece.

        Nothing is added to the headers, and redirects are followed as in `exchange`.
        """
        async with self._replied(HttpRequest("GET", url.reveal(), headers=headers, accepts=accepts)) as reply:
            yield reply

    async def preconnect(self, url: str, connections: int) -> None:
        """
        Opens connections to the host of an address until so many are not in use; never raises.

        Who asks for one meanwhile waits for these.
        """
        try:
            address = parse(url)
        except LocalProtocolError:
            return
        async with anyio.create_task_group() as group:
            for _ in range(connections):
                name = RequestId(next(self._names))
                await self._step(OpenAhead(name, address.origin, connections))
                if name in self._grants:
                    start(group, self._open_ahead, name, address, name="odyssey connection ahead")

    async def take(self, address: Address) -> ByteStream:
        """Returns a connection, kept or fresh, that is the caller's from now on; raises `ExchangeError`."""
        name = RequestId(next(self._names))
        await self._step(Ask(name, address.origin, safe=True))
        try:
            connection = await self._connection(name, address)
            number = next(number for number, each in self._connections.items() if each is connection)
            return self._connections.pop(number).stream
        finally:
            self._grants.pop(name, None)
            await self._step(Release(name, reusable=False))

    def close_idle(self) -> None:
        """Uses none again that is kept now; they are closed with the next exchange, or at the end."""
        self._carry_out(CloseIdle(for_good=False))

    async def aclose(self) -> None:
        """Closes every connection that is not in use; one in use is closed when it is given back."""
        await self._step(CloseIdle(for_good=True))
        if self._watch is None and self._watch_ended is not None:
            await self._watch_ended.wait()

    @asynccontextmanager
    async def _replied(self, request: HttpRequest) -> AsyncIterator[StreamedReply]:
        """Sends a request where redirects lead it; the block may take its reply."""
        local = True
        for _ in range(self._max_redirects + 1):
            name = RequestId(next(self._names))
            reply: StreamedReply | None = None
            try:
                reply = await self._begin(name, request, local)
                local = local and reply.local
                elsewhere = _elsewhere(request, reply.head)
                if elsewhere is None:
                    yield reply
                    return
            finally:
                self._grants.pop(name, None)
                await self._step(Release(name, reusable=reply is not None and reply.reusable))
            request = elsewhere
        raise ExchangeError(TransportError(TransportErrorKind.MALFORMED, "too many redirects"))

    async def _begin(self, name: RequestId, request: HttpRequest, local: bool) -> StreamedReply:
        """
        Sends a request and returns its reply as soon as the head is there.

        `local` tells whether it may go to this machine or its own link, whatever its host is called.
        """
        try:
            address = parse(request.url)
        except Exception as error:
            raise ExchangeError(transport_error(error)) from error
        await self._step(Ask(name, address.origin, request.safe))
        while True:
            connection = await self._connection(name, address)
            try:
                if not local and connection.local:
                    why = "a redirect to this machine or its own link"
                    raise ExchangeError(TransportError(TransportErrorKind.MALFORMED, why))
                return await _ask(connection, request, address)
            except Exception as error:
                await self._step(Fail(name, not connection.sending, connection.http.reply_begun))
                if name not in self._grants:
                    raise ExchangeError(transport_error(error)) from error

    async def _connection(self, name: RequestId, address: Address) -> _Connection:
        """Returns the connection that a request gets, once it is its turn."""
        while True:
            match await self._granted(name):
                case OpenConnection(_, fresh):
                    stream = await self._dialer.dial(address)
                    self._connections[fresh] = connection = _Connection(stream, tls=address.tls)
                    return connection
                case UseConnection(_, kept):
                    if not self._connections[kept].stale:
                        return self._connections[kept]
                    await self._step(Stale(name))

    async def _open_ahead(self, name: RequestId, address: Address) -> None:
        opened = False
        try:
            await self._connection(name, address)
            opened = True
        except ExchangeError:
            # Whoever needs it tries by itself, and says what is wrong.
            pass
        finally:
            self._grants.pop(name, None)
            await self._step(Release(name, reusable=opened))

    async def _granted(self, name: RequestId) -> Grant:
        if name not in self._grants:
            self._in_line[name] = anyio.Event()
            try:
                await self._in_line[name].wait()
            finally:
                del self._in_line[name]
        return self._grants.pop(name)

    async def _step(self, inp: PoolInput) -> None:
        self._carry_out(inp)
        while self._closing:
            await abort(self._closing.pop().stream)

    def _carry_out(self, inp: PoolInput) -> None:
        for output in self._pool.step(self._clock(), inp):
            match output:
                case UseConnection(request) | OpenConnection(request):
                    self._grants[request] = output
                    if request in self._in_line:
                        self._in_line[request].set()
                case CloseConnection(connection):
                    if connection in self._connections:
                        self._closing.append(self._connections.pop(connection))
        if self._pool.idle and self._watch is None:
            self._watch = anyio.CancelScope()
            self._watcher = spawn(
                partial(self._close_old, self._watch), "odyssey idle connections", self._watch.cancel
            )
        elif self._watch is not None and not self._connections:
            self._watch.cancel()
            self._watch = None

    async def _close_old(self, scope: anyio.CancelScope) -> None:
        """Closes what is kept for too long, until there is no connection left or the loop ends."""
        self._watch_ended = ended = anyio.Event()
        try:
            with scope:
                while True:
                    # What is given back while nothing is kept will be kept for longer than this sleep.
                    left = patience(self._pool.deadline, self._clock())
                    await anyio.sleep(self._idle_seconds if left is None else left)
                    await self._step(Wake())
        finally:
            ended.set()


def _is_local(stream: ByteStream) -> bool:
    address = stream.extra(SocketAttribute.remote_address, None)
    return isinstance(address, tuple) and is_local(str(address[0]))


async def _ask(connection: _Connection, request: HttpRequest, address: Address) -> StreamedReply:
    """Sends a request and returns its reply, which may come before a long request was sent."""
    data = connection.begin(request, address)
    if len(data) <= MAX_SEND_BYTES:
        await send(connection.stream, data)
        connection.sending = False
        return await _replied(connection)
    reply: StreamedReply | None = None
    async with anyio.create_task_group() as group:
        start(group, _send_beside, connection, data, name="odyssey request sender")
        reply = await _replied(connection)
        group.cancel_scope.cancel()
    assert reply is not None, "without it the group raises"
    return reply


async def _send_beside(connection: _Connection, data: bytes) -> None:
    """Sends a request while its reply is waited for."""
    try:
        await send(connection.stream, data)
        connection.sending = False
    except BROKEN_STREAM:
        # A server that refuses what it has not read replies and closes: the reply says why.
        return


async def _replied(connection: _Connection) -> StreamedReply:
    while True:
        piece = connection.http.receive(await receive(connection.stream))
        if piece.head is not None:
            return StreamedReply(piece.head, piece.body, piece.whole, connection)


def _elsewhere(request: HttpRequest, reply: HttpReply) -> HttpRequest | None:
    """Returns the request that follows a redirect; what is not safe is never sent twice by us."""
    try:
        return redirected(request, reply) if request.safe else None
    except RemoteProtocolError as error:
        raise ExchangeError(TransportError(TransportErrorKind.MALFORMED, str(error))) from error
