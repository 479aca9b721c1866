"""WebSockets over TCP and TLS: one task group a socket, ended as a whole."""

import math
import ssl
from collections.abc import Awaitable, Callable

import anyio
import anyio.lowlevel
from anyio.abc import ByteStream

from odyssey_anyio.aio.machine_loop import Clock, patience
from odyssey_anyio.aio.tasks import start
from odyssey_anyio.net.streams import BROKEN_STREAM, Dialer, abort, receive, send, transport_error
from odyssey_anyio.net.transports import ExchangeError, Outbox
from odyssey_proto.kernel.failures import LocalProtocolError
from odyssey_proto.kernel.url import Address, parse
from odyssey_proto.seam.inputs import (
    ABNORMAL_CLOSURE,
    SocketAnswered,
    SocketClosed,
    SocketId,
    SocketInput,
    SocketOpened,
    SocketRefused,
    SocketText,
    TransportError,
    TransportErrorKind,
)
from odyssey_proto.seam.outputs import CloseSocket, OpenSocket, SendText
from odyssey_proto.wire import websocket as wire
from odyssey_proto.wire.target import with_query

MAX_READ_BYTES = 4 * 1024
"""How much is read at once."""

PIECE_BYTES = 512
"""
After so much of it others have their turn.

It may be 256 messages, each of which is a step of the core: some ten milliseconds of work.
"""

MAX_REPLY_BYTES = 64 * 1024
"""How much of what must be answered may wait because the other side does not read."""

FLUSH_SECONDS = 1.0
"""How long the last reply, mostly to a close, may take."""

type Deliver = Callable[[SocketInput], None]


class WebSockets:
    """
    Opens WebSockets.

    `connect` opens a connection, or gives one that is open already; unless it is given, each has a fresh one.
    """

    uses_only_anyio = True

    def __init__(
        self,
        tls: ssl.SSLContext | None = None,
        connect: Callable[[Address], Awaitable[ByteStream]] | None = None,
    ) -> None:
        self._connect = connect or Dialer(tls).dial
        self._running: dict[SocketId, Runner] = {}

    async def run(self, order: OpenSocket, outbox: Outbox, deliver: Deliver) -> None:
        """
        Opens a socket and runs it to its end, sending what `outbox` holds.

        The last thing delivered is `SocketRefused` or `SocketClosed`.
        """
        try:
            address = parse(order.url)
            stream = await self._connect(address)
        except (ExchangeError, LocalProtocolError) as error:
            deliver(SocketClosed(order.socket, ABNORMAL_CLOSURE, error=transport_error(error)))
            return
        target = with_query(address.target, order.query)
        socket, hello = wire.connect(address.authority, target, accepts=order.accepts)
        runner = self._running[order.socket] = Runner(order.socket, stream, socket, outbox, deliver, Clock())
        try:
            await runner.run(wire.Effects(hello))
        finally:
            del self._running[order.socket]
            await abort(stream)

    def ping(self, socket: SocketId) -> None:
        """Sends a ping, whose pong is delivered as `SocketAnswered`; nothing on one that is gone."""
        if socket in self._running:
            self._running[socket].ping()


class Runner:
    """
    Moves bytes between a stream and one end of a WebSocket, of either role, until it is over.

    One task reads and one sends, and neither waits for the other: what the reader has to answer (pongs,
    the answer to a close) waits for the sender in `_replies`, which is bounded.
    """

    def __init__(
        self,
        name: SocketId,
        stream: ByteStream,
        socket: wire.WebSocket,
        outbox: Outbox,
        deliver: Deliver,
        clock: Clock,
    ) -> None:
        self._name = name
        self._stream = stream
        self._socket = socket
        self._outbox = outbox
        self._deliver = deliver
        self._clock = clock
        self._replies = bytearray()
        self._sending = False
        self._reading = anyio.CancelScope()

    async def run(self, first: wire.Effects, early: bytes = b"") -> None:
        """Runs to the end; the connection is then to be aborted. `early` is what came with the handshake."""
        try:
            async with anyio.create_task_group() as group:
                self._reply(first)
                start(group, self._write, name="odyssey socket writer")
                if early:
                    self._reply(self._socket.receive(self._clock(), early))
                await self._read()
                with anyio.move_on_after(FLUSH_SECONDS):
                    await self._outbox.changed.until(lambda: not self._replies and not self._sending)
                group.cancel_scope.cancel()
        except* Exception as errors:  # noqa: BLE001  # whatever it was, the socket is over
            self._broken(transport_error(errors))

    def ping(self) -> None:
        """
        Asks at once whether the other side is there; never blocks.

        Behind what is being sent it would say nothing of the other side: then it counts as answered.
        """
        if self._sending or self._replies or self._outbox.ready:
            self._deliver(SocketAnswered(self._name))
        else:
            self._reply(self._socket.ping())

    async def _read(self) -> None:
        while not self._socket.closed:
            data: bytes | None = None
            with anyio.CancelScope(deadline=self._wake_at()) as self._reading:
                data = await receive(self._stream, MAX_READ_BYTES)
            if data is not None:
                await self._take(data)
            elif self._wake_at() <= anyio.current_time():
                self._reply(self._socket.tick(self._clock()))

    async def _take(self, data: bytes) -> None:
        """Takes what has come; nothing means that the other side closed the connection."""
        for at in range(0, max(len(data), 1), PIECE_BYTES):
            effects = self._socket.receive(self._clock(), data[at : at + PIECE_BYTES])
            self._reply(effects)
            if effects.events:
                await anyio.lowlevel.checkpoint()

    async def _write(self) -> None:
        while True:
            await self._outbox.changed.until(lambda: bool(self._replies) or self._outbox.ready)
            if self._replies:
                data = bytes(self._replies)
                self._replies.clear()
            else:
                data = await self._next()
            self._sending = True
            try:
                await send(self._stream, data)
            except BROKEN_STREAM:
                # A connection that the other side has closed ends where it is read.
                return
            finally:
                self._sending = False
                self._outbox.changed.set()
            self._reading.deadline = self._wake_at()

    async def _next(self) -> bytes:
        """Returns the bytes of what the outbox has next."""
        item = await self._outbox.take()
        match item:
            case SendText(_, text):
                effects = self._socket.send_text(self._clock(), text)
            case CloseSocket(_, code, reason):
                effects = self._socket.close(self._clock(), code, reason)
            case None:
                await send(self._stream, self._socket.close(self._clock(), 1009).data)
                raise ExchangeError(TransportError(TransportErrorKind.TOO_LARGE))
        self._announce(effects)
        return effects.data

    def _reply(self, effects: wire.Effects) -> None:
        """Has the sender send what the reader has to say, and delivers what happened."""
        self._replies += effects.data
        self._outbox.changed.set()
        self._announce(effects)
        if len(self._replies) > MAX_REPLY_BYTES:
            raise ExchangeError(TransportError(TransportErrorKind.SILENT))

    def _announce(self, effects: wire.Effects) -> None:
        for event in effects.events:
            match event:
                case wire.Opened():
                    self._deliver(SocketOpened(self._name))
                case wire.Refused(reply):
                    self._deliver(SocketRefused(self._name, reply))
                case wire.Text(text):
                    self._deliver(SocketText(self._name, text))
                case wire.Answered():
                    self._deliver(SocketAnswered(self._name))
                case wire.Closed(code, reason, error):
                    self._deliver(SocketClosed(self._name, code, reason, error))

    def _wake_at(self) -> float:
        """Returns when the reader is to look at the time, by the clock of the loop."""
        if self._socket.closed:
            return -math.inf
        deadline = self._socket.deadline
        # A ping behind a long message would count its time as the other side's; the message has a deadline.
        if deadline is None or (self._sending and deadline.reason is wire.SocketTimer.PING):
            return math.inf
        return anyio.current_time() + (patience(deadline, self._clock()) or 0)

    def _broken(self, error: TransportError) -> None:
        if not self._socket.closed:
            self._deliver(SocketClosed(self._name, ABNORMAL_CLOSURE, error=error))
