"""The server's end of HTTP and WebSocket: connections on one side, the service's machine on the other."""

from collections.abc import Callable
from itertools import count

import anyio
from anyio.abc import ByteStream
from anyio.abc import Listener as ByteListener
from attrs import define, field

from odyssey_anyio.aio.machine_loop import Clock
from odyssey_anyio.net.streams import BROKEN_STREAM, cut, receive
from odyssey_anyio.net.transports import SocketMail
from odyssey_anyio.net.websocket import Runner
from odyssey_proto.kernel.errors import RemoteProtocolError
from odyssey_proto.messages.refusals import detail_reply
from odyssey_proto.seam.http import ExchangeId, HttpReply, HttpRequest
from odyssey_proto.seam.inputs import (
    SocketClosed,
    SocketId,
    SocketInput,
    SocketText,
    TransportError,
    TransportErrorKind,
)
from odyssey_proto.seam.outputs import SOCKET_LIMIT, CloseSocket, DropSocket, SendText
from odyssey_proto.service.io.seam import (
    AcceptSocket,
    Answer,
    Asked,
    AskerGone,
    HangUp,
    RefuseSocket,
    SocketAsked,
)
from odyssey_proto.wire import websocket as wire
from odyssey_proto.wire.http1 import MAX_HEAD_BYTES, ServerConnection, Upgrade

KEEP = 60.0
"""How long a connection may stay without a request, in seconds."""

REQUEST = 30.0
"""How long a request may take to arrive, in seconds."""

MAX_CONNECTIONS = 512

ABNORMAL = 1006
"""The close code of a connection that broke (RFC 6455 section 7.4.1)."""

GOING_AWAY = 1001
"""The close code of a server that goes down (RFC 6455 section 7.4.1)."""

LOOK = 0.01
"""What is left to send is looked at so often, in seconds."""

type Heard = Asked | AskerGone | SocketAsked | SocketText | SocketClosed
type Order = Answer | HangUp | AcceptSocket | RefuseSocket | SendText | CloseSocket | DropSocket


@define(eq=False)
class _Waiting:
    """Somebody who asked and waits for the machine's answer."""

    event: anyio.Event = field(factory=anyio.Event)
    answer: HttpReply | None = None

    def give(self, answer: HttpReply | None) -> None:
        self.answer = answer
        self.event.set()


@define(eq=False)
class _Socket:
    mail: SocketMail = field(factory=SocketMail)
    scope: anyio.CancelScope = field(factory=anyio.CancelScope)
    handshake: _Waiting = field(factory=_Waiting)


class Listener:
    """
    Accepts connections and speaks for the machine.

    `deliver` is told what was asked; `order` carries out what the machine wants, without blocking.
    """

    def __init__(self, deliver: Callable[[Heard], None]) -> None:
        self._deliver = deliver
        self._names = count(1)
        self._asked: dict[ExchangeId, _Waiting] = {}
        self._unsent: set[_Waiting] = set()
        self._sockets: dict[SocketId, _Socket] = {}
        self._connections = 0

    def __repr__(self) -> str:
        return f"<Listener {self._connections} connections, {len(self._sockets)} sockets>"

    async def serve(self, listener: ByteListener[ByteStream]) -> None:
        """Serves until it is cancelled."""
        await listener.serve(self._connection)

    def order(self, order: Order) -> None:
        """Carries out what the machine wants; what concerns nobody any more is forgotten."""
        match order:
            case Answer(exchange, reply):
                if exchange in self._asked:
                    waiting = self._asked.pop(exchange)
                    self._unsent.add(waiting)
                    waiting.give(reply)
            case HangUp(exchange):
                if exchange in self._asked:
                    self._asked.pop(exchange).give(None)
            case AcceptSocket(name) if name in self._sockets:
                self._sockets[name].handshake.give(None)
            case RefuseSocket(name, reply) if name in self._sockets:
                self._sockets[name].handshake.give(reply)
            case SendText(name) | CloseSocket(name) if name in self._sockets:
                self._sockets[name].mail.put(order)
            case DropSocket(name) if name in self._sockets:
                self._sockets[name].scope.cancel()
            case _:
                pass

    async def rest(self) -> None:
        """Waits until every answer that was given is on its way."""
        while self._unsent:
            await anyio.sleep(LOOK)

    async def leave(self) -> None:
        """Closes every WebSocket as going away, and waits until the clients have closed theirs."""
        # Whoever answers is leaving too: how its clients end is no more its concern.
        self._deliver = _nobody
        opened = {name: socket for name, socket in self._sockets.items() if socket.handshake.event.is_set()}
        for name, socket in opened.items():
            socket.mail.put(CloseSocket(name, GOING_AWAY, "the service ends"))
        while opened.keys() & self._sockets.keys():
            await anyio.sleep(LOOK)

    # --- connections ----------------------------------------------------------------------------

    async def _connection(self, stream: ByteStream) -> None:
        self._connections += 1
        try:
            if self._connections <= MAX_CONNECTIONS:
                await self._converse(stream, ServerConnection())
        except (*BROKEN_STREAM, TimeoutError):
            return
        finally:
            self._connections -= 1
            await cut(stream)

    async def _converse(self, stream: ByteStream, http: ServerConnection) -> None:
        """Answers one request after another, as long as both sides keep the connection."""
        asked: HttpRequest | Upgrade | None = None
        while not http.must_close:
            try:
                asked = asked or await self._next(stream, http)
                if isinstance(asked, Upgrade):
                    await self._upgrade(stream, http, asked)
                    return
                if asked is None or not await self._answer(stream, http, asked):
                    return
                asked = http.next_request()
            except RemoteProtocolError as error:
                await stream.send(http.send(detail_reply(error.status, str(error))))
                return

    async def _next(self, stream: ByteStream, http: ServerConnection) -> HttpRequest | Upgrade | None:
        """Returns the next request, or `None` if there is none."""
        began = anyio.current_time()
        while True:
            limit = KEEP if http.idle else REQUEST
            with anyio.fail_after(max(0.0, began + limit - anyio.current_time())):
                data = await receive(stream)
            asked = http.receive(data)
            if asked is not None or not data or http.must_close:
                return asked
            if interim := http.interim_reply:
                await stream.send(interim)

    async def _answer(self, stream: ByteStream, http: ServerConnection, asked: HttpRequest) -> bool:
        """Has a request answered; `False` if whoever asked is gone."""
        name = ExchangeId(next(self._names))
        waiting = self._asked[name] = _Waiting()
        self._deliver(Asked(name, asked))
        try:
            answered = await self._wait(stream, http, waiting)
            if answered is not None:
                await stream.send(http.send(answered))
            return answered is not None
        finally:
            self._unsent.discard(waiting)
            if self._asked.pop(name, None) is not None:
                self._deliver(AskerGone(name))

    async def _wait(self, stream: ByteStream, http: ServerConnection, waiting: _Waiting) -> HttpReply | None:
        """Waits for the machine, and watches meanwhile whether the other side is still there."""

        async def watch() -> None:
            held = 0
            while held <= MAX_HEAD_BYTES:
                try:
                    data = await receive(stream)
                except BROKEN_STREAM:
                    data = b""
                if not data:
                    group.cancel_scope.cancel()
                    return
                held += len(data)
                http.receive(data)

        async with anyio.create_task_group() as group:
            group.start_soon(watch)
            await waiting.event.wait()
            group.cancel_scope.cancel()
        return waiting.answer

    async def _upgrade(self, stream: ByteStream, http: ServerConnection, asked: Upgrade) -> None:
        name = SocketId(next(self._names))
        socket = self._sockets[name] = _Socket()
        self._deliver(SocketAsked(name, asked.request))
        closed = False

        def deliver(heard: SocketInput) -> None:
            nonlocal closed
            if not closed and isinstance(heard, SocketText | SocketClosed):
                closed = isinstance(heard, SocketClosed)
                self._deliver(heard)

        try:
            with socket.scope:
                refusal = await self._wait(stream, http, socket.handshake)
                accepted = socket.handshake.event.is_set() and refusal is None
                both = wire.accepting(Clock()(), asked.headers, asked.target, accepts=SOCKET_LIMIT)
                if accepted and both is not None:
                    ends, hello = both
                    runner = Runner(name, stream, ends, socket.mail, deliver)
                    await runner.run(wire.Effects(hello), asked.trailing)
                elif refusal is not None or accepted:
                    await stream.send(http.send(refusal or detail_reply(400, "not a WebSocket handshake")))
        finally:
            del self._sockets[name]
            deliver(SocketClosed(name, ABNORMAL, error=TransportError(TransportErrorKind.CLOSED)))


def _nobody(_: Heard) -> None:
    """Hears nothing."""
