"""WebSockets over TCP and TLS: one task group a socket, ended as a whole."""

import math
import ssl
from collections.abc import Callable

import anyio
from anyio.abc import ByteStream

from odyssey_anyio.aio.machine_loop import Clock
from odyssey_anyio.aio.tasks import start
from odyssey_anyio.net.streams import BROKEN_STREAM, Dialer, cut, meaning, receive
from odyssey_anyio.net.transports import ExchangeError, SocketMail
from odyssey_proto.kernel.errors import LocalProtocolError
from odyssey_proto.kernel.url import parse
from odyssey_proto.seam.inputs import (
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

    async def run(self, order: OpenSocket, mail: SocketMail, deliver: Deliver) -> None:
        """
        Opens a socket and runs it to its end, sending what `mail` holds.

        The last thing delivered is `SocketRefused` or `SocketClosed`.
        """
        try:
            address = parse(order.url)
            stream = await self._dialer.dial(address)
        except (ExchangeError, LocalProtocolError) as error:
            deliver(SocketClosed(order.socket, 1006, error=meaning(error)))
            return
        target = with_query(address.target, order.query)
        socket, hello = wire.connecting(address.authority, target, accepts=order.accepts)
        try:
            await Runner(order.socket, stream, socket, mail, deliver).run(wire.Effects(hello))
        finally:
            await cut(stream)


class Runner:
    """Moves bytes between a stream and one end of a WebSocket, of either role, until it is over."""

    def __init__(
        self,
        name: SocketId,
        stream: ByteStream,
        socket: wire.WebSocket,
        mail: SocketMail,
        deliver: Deliver,
    ) -> None:
        self._name = name
        self._stream = stream
        self._socket = socket
        self._mail = mail
        self._deliver = deliver
        self._clock = Clock()
        self._sending = anyio.Lock()
        self._patience = anyio.CancelScope()

    async def run(self, first: wire.Effects, already: bytes = b"") -> None:
        """Runs to the end; the connection is then to be cut. `already` are bytes that came early."""
        try:
            async with anyio.create_task_group() as group:
                start(group, self._write, name="odyssey socket writer")
                await self._apply(first)
                if already:
                    await self._apply(self._socket.receive(self._clock(), already))
                await self._read()
                group.cancel_scope.cancel()
        except* Exception as errors:  # noqa: BLE001  # whatever it was, the socket is over
            self._over(meaning(errors))

    async def _read(self) -> None:
        while not self._socket.over:
            data: bytes | None = None
            with anyio.CancelScope(deadline=self._wake_at()) as self._patience:
                data = await receive(self._stream)
            now = self._clock()
            await self._apply(self._socket.tick(now) if data is None else self._socket.receive(now, data))

    async def _write(self) -> None:
        while True:
            item = await self._mail.take()
            if item is None:
                await self._apply(self._socket.close(self._clock(), 1009))
                raise ExchangeError(TransportError(TransportErrorKind.TOO_LARGE))
            if isinstance(item, SendText):
                await self._apply(self._socket.send_text(self._clock(), item.text))
            else:
                await self._apply(self._socket.close(self._clock(), item.code, item.reason))
                self._patience.deadline = self._wake_at()

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
                case wire.Closed(code, reason, why):
                    self._deliver(SocketClosed(self._name, code, reason, why))

    async def _send(self, data: bytes) -> None:
        # A connection that the other side has already closed ends where it is read.
        try:
            await self._stream.send(data)
        except BROKEN_STREAM:
            if self._socket.over:
                return
            raise

    def _wake_at(self) -> float:
        deadline = self._socket.deadline
        if deadline is None:
            return math.inf
        return anyio.current_time() + max(0, deadline.at - self._clock()) / 1_000_000

    def _over(self, why: TransportError) -> None:
        if not self._socket.over:
            self._deliver(SocketClosed(self._name, 1006, error=why))
