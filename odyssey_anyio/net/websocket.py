"""WebSockets over TCP and TLS: one task group a socket, ended as a whole."""

import math
import ssl
from collections.abc import Callable

import anyio
from anyio.abc import ByteStream

from odyssey_anyio.aio.machine_loop import Clock, patience
from odyssey_anyio.aio.tasks import start
from odyssey_anyio.net.streams import BROKEN_STREAM, Dialer, abort, receive, transport_error
from odyssey_anyio.net.transports import ExchangeError, Outbox
from odyssey_proto.kernel.failures import LocalProtocolError
from odyssey_proto.kernel.url import parse
from odyssey_proto.seam.inputs import (
    ABNORMAL_CLOSURE,
    SocketClosed,
    SocketId,
    SocketInput,
    SocketOpened,
    SocketRefused,
    SocketText,
    TransportError,
    TransportErrorKind,
)
from odyssey_proto.seam.outputs import OpenSocket, SendText
from odyssey_proto.wire import websocket as wire
from odyssey_proto.wire.target import with_query

type Deliver = Callable[[SocketInput], None]


class WebSockets:
    """Opens WebSockets."""

    uses_only_anyio = True

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._dialer = Dialer(tls)

    async def run(self, order: OpenSocket, outbox: Outbox, deliver: Deliver) -> None:
        """
        Opens a socket and runs it to its end, sending what `outbox` holds.

        The last thing delivered is `SocketRefused` or `SocketClosed`.
        """
        try:
            address = parse(order.url)
            stream = await self._dialer.dial(address)
        except (ExchangeError, LocalProtocolError) as error:
            deliver(SocketClosed(order.socket, ABNORMAL_CLOSURE, error=transport_error(error)))
            return
        target = with_query(address.target, order.query)
        socket, hello = wire.connect(address.authority, target, accepts=order.accepts)
        try:
            await Runner(order.socket, stream, socket, outbox, deliver, Clock()).run(wire.Effects(hello))
        finally:
            await abort(stream)


class Runner:
    """Moves bytes between a stream and one end of a WebSocket, of either role, until it is over."""

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
        self._sending = anyio.Lock()
        self._reading = anyio.CancelScope()

    async def run(self, first: wire.Effects, early: bytes = b"") -> None:
        """Runs to the end; the connection is then to be aborted. `early` is what came with the handshake."""
        try:
            async with anyio.create_task_group() as group:
                start(group, self._write, name="odyssey socket writer")
                await self._apply(first)
                if early:
                    await self._apply(self._socket.receive(self._clock(), early))
                await self._read()
                group.cancel_scope.cancel()
        except* Exception as errors:  # noqa: BLE001  # whatever it was, the socket is over
            self._broken(transport_error(errors))

    async def _read(self) -> None:
        while not self._socket.closed:
            data: bytes | None = None
            with anyio.CancelScope(deadline=self._wake_at()) as self._reading:
                data = await receive(self._stream)
            now = self._clock()
            await self._apply(self._socket.tick(now) if data is None else self._socket.receive(now, data))

    async def _write(self) -> None:
        while True:
            item = await self._outbox.take()
            if item is None:
                await self._apply(self._socket.close(self._clock(), 1009))
                raise ExchangeError(TransportError(TransportErrorKind.TOO_LARGE))
            if isinstance(item, SendText):
                await self._apply(self._socket.send_text(self._clock(), item.text))
            else:
                await self._apply(self._socket.close(self._clock(), item.code, item.reason))
                self._reading.deadline = self._wake_at()

    async def _apply(self, effects: wire.Effects) -> None:
        if effects.data:
            async with self._sending:
                await self._send(effects.data)
        for event in effects.events:
            match event:
                case wire.Opened():
                    self._deliver(SocketOpened(self._name))
                case wire.Refused(reply):
                    self._deliver(SocketRefused(self._name, reply))
                case wire.Text(text):
                    self._deliver(SocketText(self._name, text))
                case wire.Closed(code, reason, error):
                    self._deliver(SocketClosed(self._name, code, reason, error))

    async def _send(self, data: bytes) -> None:
        # A connection that the other side has already closed ends where it is read.
        try:
            await self._stream.send(data)
        except BROKEN_STREAM:
            if self._socket.closed:
                return
            raise

    def _wake_at(self) -> float:
        left = patience(self._socket.deadline, self._clock())
        return math.inf if left is None else anyio.current_time() + left

    def _broken(self, error: TransportError) -> None:
        if not self._socket.closed:
            self._deliver(SocketClosed(self._name, ABNORMAL_CLOSURE, error=error))
