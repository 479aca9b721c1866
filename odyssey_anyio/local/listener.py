"""The server's end of HTTP and WebSocket: connections on one side, the service's machine on the other."""

import logging
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from email.utils import formatdate
from itertools import count

import anyio
from anyio.abc import ByteStream
from anyio.abc import Listener as ByteListener
from attrs import define, evolve, field

from odyssey_anyio.aio.machine_loop import Clock
from odyssey_anyio.aio.wakeup import Wakeup
from odyssey_anyio.net.streams import BROKEN_STREAM, abort, receive, send
from odyssey_anyio.net.transports import Outbox
from odyssey_anyio.net.unread import read_on_demand
from odyssey_anyio.net.websocket import Runner
from odyssey_proto.kernel.failures import RemoteProtocolError
from odyssey_proto.messages.refusals import detail_reply
from odyssey_proto.seam.http import ExchangeId, HttpReply, HttpRequest
from odyssey_proto.seam.inputs import (
    ABNORMAL_CLOSURE,
    GOING_AWAY,
    SocketClosed,
    SocketId,
    SocketInput,
    SocketText,
    TransportError,
    TransportErrorKind,
)
from odyssey_proto.seam.outputs import CloseSocket, DropSocket, SendText
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
from odyssey_proto.wire.http1 import MAX_BODY_BYTES, MAX_HEAD_BYTES, Admit, ServerConnection, Upgrade

logger: logging.Logger = logging.getLogger("odyssey.service")

KEEP_ALIVE_SECONDS = 60.0
"""How long a connection may stay without a request."""

REQUEST_SECONDS = 30.0
"""How long a request may take to arrive, from its first byte."""

LINGER_SECONDS = 2.0
"""How long what still comes of a refused request is thrown away, so that its sender can read why."""

MAX_MESSAGE = 64 * 1024 * 1024
"""The largest message on a WebSocket, in bytes: a start may hold an image."""

MAX_CONNECTIONS = 512

MAX_LARGE_BODIES = 4
"""How many requests whose bodies may be large are taken at a time; others wait for their turn."""

type ListenerInput = Asked | AskerGone | SocketAsked | SocketText | SocketClosed
"""What connections bring to the machine."""

type ListenerOutput = Answer | HangUp | AcceptSocket | RefuseSocket | SendText | CloseSocket | DropSocket


@define(eq=False)
class _Decision:
    """What the machine decides about a request: a reply, or none."""

    made: anyio.Event = field(factory=anyio.Event)
    reply: HttpReply | None = None

    def make(self, reply: HttpReply | None) -> None:
        self.reply = reply
        self.made.set()


@define(eq=False)
class _Socket:
    outbox: Outbox = field(factory=Outbox)
    scope: anyio.CancelScope = field(factory=anyio.CancelScope)
    handshake: _Decision = field(factory=_Decision)
    """Accepted by no reply, refused by one."""


class Listener:
    """
    Accepts connections and speaks for the machine.

    `deliver` takes what the machine is to be stepped with; `carry_out` does what it wants, without blocking.
    `admit` judges each request by its head.
    """

    def __init__(self, deliver: Callable[[ListenerInput], None], admit: Admit) -> None:
        self._deliver = deliver
        self._admit = admit
        self._large_bodies = anyio.Semaphore(MAX_LARGE_BODIES)
        self._names = count(1)
        self._undecided: dict[ExchangeId, _Decision] = {}
        self._unsent: set[_Decision] = set()
        self._sockets: dict[SocketId, _Socket] = {}
        self._connections = 0
        self._changed = Wakeup()

    def __repr__(self) -> str:
        return f"<Listener {self._connections} connections, {len(self._sockets)} sockets>"

    async def serve(self, listener: ByteListener[ByteStream]) -> None:
        """Serves until it is cancelled."""
        await listener.serve(self._connection)

    def carry_out(self, output: ListenerOutput) -> None:
        """Does what the machine wants; what concerns nobody any more is forgotten."""
        match output:
            case Answer(exchange, reply) if exchange in self._undecided:
                decision = self._undecided.pop(exchange)
                self._unsent.add(decision)
                decision.make(reply)
            case HangUp(exchange) if exchange in self._undecided:
                self._undecided.pop(exchange).make(None)
            case AcceptSocket(name) if name in self._sockets:
                self._sockets[name].handshake.make(None)
            case RefuseSocket(name, reply) if name in self._sockets:
                self._sockets[name].handshake.make(reply)
            case SendText(name) | CloseSocket(name) if name in self._sockets:
                self._sockets[name].outbox.put(output)
            case DropSocket(name) if name in self._sockets:
                self._sockets[name].scope.cancel()
            case _:
                pass

    async def flush(self) -> None:
        """Waits until every answer that was given is on its way."""
        while self._unsent:
            await self._changed.wait()

    async def close_sockets(self) -> None:
        """Closes every WebSocket as going away, and waits until the clients have closed theirs."""
        # The machine ends too: how its clients end is no more its concern.
        self._deliver = _ignore
        opened = {name: socket for name, socket in self._sockets.items() if socket.handshake.made.is_set()}
        for name, socket in opened.items():
            socket.outbox.put(CloseSocket(name, GOING_AWAY, "the service ends"))
        while opened.keys() & self._sockets.keys():
            await self._changed.wait()

    # --- connections ----------------------------------------------------------------------------

    async def _connection(self, stream: ByteStream) -> None:
        self._connections += 1
        read_on_demand(stream)
        try:
            if self._connections <= MAX_CONNECTIONS:
                await self._converse(stream, ServerConnection(self._admit))
        except (*BROKEN_STREAM, TimeoutError):
            return
        finally:
            self._connections -= 1
            await abort(stream)

    async def _converse(self, stream: ByteStream, http: ServerConnection) -> None:
        """Answers one request after another, as long as both sides keep the connection."""
        request: HttpRequest | Upgrade | None = None
        while not http.must_close:
            try:
                async with AsyncExitStack() as turn:
                    request = request or await self._next_request(stream, http, turn)
                    if isinstance(request, Upgrade):
                        await self._upgrade(stream, http, request)
                        return
                    if request is None or not await self._answer(stream, http, request):
                        return
                request = http.next_request()
            except RemoteProtocolError as error:
                logger.info("refused: %s", error)
                await _reply(stream, http, detail_reply(error.status, str(error)))
                await _linger(stream)
                return

    async def _next_request(
        self, stream: ByteStream, http: ServerConnection, turn: AsyncExitStack
    ) -> HttpRequest | Upgrade | None:
        """Returns the next request, or `None` if there is none; one that may be large waits for its turn."""
        data = b""
        if http.idle:
            with anyio.fail_after(KEEP_ALIVE_SECONDS):
                data = await receive(stream)
            if not data:
                return None
        in_turn = False
        with anyio.fail_after(REQUEST_SECONDS):
            while True:
                request = http.receive(data) if data else http.next_request()
                if request is not None or http.must_close:
                    return request
                if http.max_body > MAX_BODY_BYTES and not in_turn:
                    await turn.enter_async_context(self._large_bodies)
                    in_turn = True
                if interim := http.interim_reply:
                    await send(stream, interim)
                data = await receive(stream)
                if not data:
                    return http.receive(data)

    async def _answer(self, stream: ByteStream, http: ServerConnection, request: HttpRequest) -> bool:
        """Has a request answered; `False` if whoever asked is gone, or gets no answer."""
        name = ExchangeId(next(self._names))
        decision = self._undecided[name] = _Decision()
        self._deliver(Asked(name, request))
        try:
            reply = await self._decided(stream, http, decision)
            if reply is not None:
                await _reply(stream, http, reply)
            return reply is not None
        finally:
            self._unsent.discard(decision)
            self._changed.set()
            if self._undecided.pop(name, None) is not None:
                self._deliver(AskerGone(name))

    async def _decided(
        self, stream: ByteStream, http: ServerConnection, decision: _Decision
    ) -> HttpReply | None:
        """Waits for the machine, and watches meanwhile whether the other side is still there."""

        async def watch() -> None:
            read_ahead = 0
            while read_ahead <= MAX_HEAD_BYTES:
                try:
                    data = await receive(stream)
                except BROKEN_STREAM:
                    data = b""
                if not data:
                    group.cancel_scope.cancel()
                    return
                read_ahead += len(data)
                http.receive(data)

        async with anyio.create_task_group() as group:
            group.start_soon(watch)
            await decision.made.wait()
            group.cancel_scope.cancel()
        return decision.reply

    async def _upgrade(self, stream: ByteStream, http: ServerConnection, upgrade: Upgrade) -> None:
        name = SocketId(next(self._names))
        socket = self._sockets[name] = _Socket()
        self._deliver(SocketAsked(name, upgrade.request))
        closed = False

        def deliver(inp: SocketInput) -> None:
            nonlocal closed
            if not closed and isinstance(inp, SocketText | SocketClosed):
                closed = isinstance(inp, SocketClosed)
                self._deliver(inp)

        try:
            with socket.scope:
                refusal = await self._decided(stream, http, socket.handshake)
                accepted = socket.handshake.made.is_set() and refusal is None
                clock = Clock()
                handshake = wire.accept(clock(), upgrade.headers, upgrade.target, accepts=MAX_MESSAGE)
                if accepted and handshake is not None:
                    end, answer = handshake
                    runner = Runner(name, stream, end, socket.outbox, deliver, clock)
                    await runner.run(wire.Effects(answer), upgrade.trailing)
                elif refusal is not None or accepted:
                    await _reply(stream, http, refusal or detail_reply(400, "not a WebSocket handshake"))
        finally:
            del self._sockets[name]
            self._changed.set()
            deliver(SocketClosed(name, ABNORMAL_CLOSURE, error=TransportError(TransportErrorKind.CLOSED)))


async def _reply(stream: ByteStream, http: ServerConnection, reply: HttpReply) -> None:
    """Sends a reply with the time of that, unless it has one (RFC 9110 section 6.6.1)."""
    if reply.header("date") is None:
        reply = evolve(reply, headers=(*reply.headers, ("date", formatdate(usegmt=True))))
    await send(stream, http.send(reply))


async def _linger(stream: ByteStream) -> None:
    """
    Lets the other side read what was sent last: a connection closed with something unread is reset.

    As nginx does by `lingering_close`.
    """
    with suppress(OSError):  # whoever reset the connection reads nothing
        await stream.send_eof()
    with anyio.move_on_after(LINGER_SECONDS):
        while await receive(stream):
            pass


def _ignore(_: ListenerInput) -> None:
    """Drops an input that comes after the machine has ended."""
