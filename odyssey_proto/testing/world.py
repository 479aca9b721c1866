"""
A client and the real service joined in memory, in virtual time: whole conversations without a socket.

What goes wrong is a plan of faults (`ServiceConfig(faults=...)`), or a rule that sees everything that
is on its way (`World.intercept`, `drop`, `replace`) and may lose or change it.
"""

import heapq
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any, assert_never
from urllib.parse import parse_qsl

from attrs import evolve

from odyssey_proto.client.client import Client
from odyssey_proto.conversations import Side
from odyssey_proto.kernel.machine import Instant, Machine, Span, after, millis, seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.seam.commands import Abandon
from odyssey_proto.seam.http import ExchangeId, HttpReply, HttpRequest
from odyssey_proto.seam.inputs import (
    ABNORMAL_CLOSURE,
    GOING_AWAY,
    ExchangeFailed,
    FetchedBytes,
    FetchEnded,
    FetchFailed,
    FetchId,
    FetchOpened,
    Replied,
    SocketClosed,
    SocketId,
    SocketOpened,
    SocketRefused,
    SocketText,
    TransportError,
    TransportErrorKind,
    Wake,
)
from odyssey_proto.seam.outputs import (
    CancelFetch,
    CancelRequest,
    ClientInput,
    CloseSocket,
    Completed,
    DropSocket,
    Failed,
    Fetch,
    Happened,
    OpenSocket,
    Preconnect,
    Progressed,
    Request,
    SendText,
    ShowPeer,
    StoreBody,
)
from odyssey_proto.seam.settings import Settings
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.io.film import EVENTS, PREVIEW, THUMBNAIL, VIDEO
from odyssey_proto.service.io.seam import (
    AcceptSocket,
    Answer,
    Asked,
    AskerGone,
    HangUp,
    Noted,
    Pace,
    RefuseSocket,
    Render,
    Rendered,
    SendFile,
    Show,
    SocketAsked,
)
from odyssey_proto.service.service import Service
from odyssey_proto.testing.fake_media import FakeMedia
from odyssey_proto.testing.transcript import IssuedCommand, Step, Transcript

DELAY = millis(10)
"""How long anything takes from one side to the other."""

FILE_SIZES = ((VIDEO, 3_000_000), (PREVIEW, 1_000_000), (THUMBNAIL, 20_000), (EVENTS, 300))
"""The files of every film, in bytes."""

COMMAND_TIME = seconds(300)
"""How long `do` waits for a command to end: the phases of a connect, each with its own end, add up."""

SETTINGS = Settings(api_url="http://localhost", api_key=Secret("ody_test"), seed=b"client")

type Rule = Callable[[Side, Any], Any]
"""Sees to whom an input is on its way, and returns it, another one instead, or `None` to lose it."""


class World(Transcript):
    """
    Runs a client against a service.

    Everything that crosses between them takes `delay`; time jumps from one thing to the next.
    Commands run until they ended: `world.start("A cat").result` is the id of the stream.
    With `frames_every` frames arrive so often on every peer that receives video.
    Films are drawn at once, and the body of a file that is fetched comes in two halves.
    `service_steps` are all steps of the service, and `shown` has every scene that it showed.
    """

    now: Instant

    def __init__(
        self,
        client: Client | None = None,
        service: Machine[Any, Any] | None = None,
        *,
        delay: Span = DELAY,
        media: FakeMedia | None = None,
        frames_every: Span | None = None,
    ) -> None:
        self.client: Client = client or Client(SETTINGS)
        super().__init__(self.client)
        self.service: Machine[Any, Any] | Service = service or Service(ServiceConfig(), seed=b"service")
        self.media: FakeMedia = media or FakeMedia()
        self.service_steps: list[Step] = []
        self.shown: list[Show] = []
        self._delay = delay
        self._rules: list[Rule] = []
        self._mail: list[tuple[Instant, int, Side, Any]] = []
        self._order = count()
        self._cancelled: set[ExchangeId] = set()
        self._sockets: set[SocketId] = set()
        self._bodies: dict[FetchId, int] = {}
        self._frames_every = frames_every
        self._next_frames = Instant(frames_every or 0)

    # --- what a test says -----------------------------------------------------------------------

    def do(self, what: Any, within: Span = COMMAND_TIME) -> IssuedCommand:
        """Gives a command and runs until it ended; it may still be pending if that takes longer."""
        command = self.give(what)
        self.run(within, until=lambda: not command.pending)
        return command

    def abandon(self, command: IssuedCommand) -> IssuedCommand:
        """Gives up on a command, and does not wait until what it held is given back."""
        return self.give(Abandon(command.id))

    def wait(self, span: Span) -> None:
        """Lets time pass."""
        self.run(span)

    def run(self, span: Span, until: Callable[[], bool] = lambda: False) -> None:
        """Lets time pass, until it is over or the condition holds."""
        ends = after(self.now, span)
        while not until():
            moment = self._next()
            if moment is None or moment > ends:
                self.now = ends
                return
            self.now = moment
            self._turn()

    def frames(self, count: int = 24) -> None:
        """Lets frames arrive."""
        self._deliver(self.media.frames(count))

    def lose_media(self) -> None:
        """Breaks the peer connection."""
        self._deliver(self.media.lose())

    def close_sockets(self, code: int = ABNORMAL_CLOSURE) -> None:
        """Ends every WebSocket between the two: with this code, or by a broken connection."""
        error = TransportError(TransportErrorKind.CLOSED) if code == ABNORMAL_CLOSURE else None
        for socket in sorted(self._sockets):
            for side in Side:
                self._send(side, SocketClosed(socket, code, error=error))
        self._sockets.clear()

    def restart_service(self, service: Machine[Any, Any]) -> None:
        """Puts another service in the place of this one, as if it had been started again."""
        self.close_sockets(GOING_AWAY)
        self.lose_media()
        self.service = service

    def inject(self, inp: ClientInput) -> None:
        """Hands the client an input as if it came from outside, now."""
        self.step(inp)

    def intercept(self, rule: Rule) -> None:
        """Lets a rule see everything that is on its way from now on."""
        self._rules.append(rule)

    def drop(self, kind: type[Any], to: Side = Side.CLIENT, times: int | None = None) -> None:
        """Loses inputs of one class on their way to a side: so many, or all."""
        self.replace(kind, lambda inp: None, to, times)

    def replace(
        self, kind: type[Any], by: Callable[[Any], Any], to: Side = Side.CLIENT, times: int | None = None
    ) -> None:
        """Changes inputs of one class on their way to a side: so many, or all."""
        left = iter(range(times)) if times is not None else count()

        def rule(side: Side, inp: Any) -> Any:
            fits = side is to and isinstance(inp, kind)
            return by(inp) if fits and next(left, None) is not None else inp

        self.intercept(rule)

    # --- what happens ---------------------------------------------------------------------------

    def _next(self) -> Instant | None:
        found = (self.client.deadline, self.service.deadline)
        moments = [deadline.at for deadline in found if deadline is not None]
        if self._mail:
            moments.append(self._mail[0][0])
        if self._frames_every is not None:
            moments.append(self._next_frames)
        return max(min(moments), self.now) if moments else None

    def _turn(self) -> None:
        if self._mail and self._mail[0][0] <= self.now:
            _, _, side, inp = heapq.heappop(self._mail)
            self._arrive(side, inp)
            return
        for side, machine in ((Side.CLIENT, self.client), (Side.SERVER, self.service)):
            deadline = machine.deadline
            if deadline is not None and deadline.at <= self.now:
                self._arrive(side, Wake())
        if self._frames_every is not None and self._next_frames <= self.now:
            self._next_frames = after(self.now, self._frames_every)
            self.frames()

    def step(self, inp: Any) -> list[Any]:
        """Hands the client an input, now, and carries out what it gives."""
        outputs = super().step(inp)
        for output in outputs:
            self._carry(Side.CLIENT, output)
        return outputs

    def _arrive(self, side: Side, inp: Any) -> None:
        if side is Side.CLIENT:
            self.step(inp)
            return
        outputs = tuple(self.service.step(self.now, inp))
        self.service_steps.append(Step(self.now, inp, outputs, self.service.deadline))
        for output in outputs:
            self._carry(side, output)

    def _send(self, side: Side, inp: Any, delay: Span | None = None) -> None:
        for rule in self._rules:
            inp = rule(side, inp)
            if inp is None:
                return
        at = after(self.now, self._delay if delay is None else delay)
        heapq.heappush(self._mail, (at, next(self._order), side, inp))

    def _deliver(self, notices: Iterable[tuple[Side, Any]]) -> None:
        for side, notice in notices:
            self._send(side, notice)

    def _carry(self, side: Side, output: Any) -> None:
        match output:
            case ShowPeer() | Happened() | Progressed() | Completed() | Failed() | Noted() | Pace():
                pass
            case Request(exchange, request):
                self._send(Side.SERVER, Asked(exchange, received(request)))
            case CancelRequest(exchange):
                self._cancelled.add(exchange)
                self._send(Side.SERVER, AskerGone(exchange))
            case Preconnect():
                # Connections cost nothing here.
                pass
            case Fetch() | StoreBody() | CancelFetch():
                self._carry_fetch(output)
            case SendFile(exchange, reply, length=length):
                self._open_body(exchange, reply, length)
            case Answer(exchange, reply) if exchange < 0:
                self._open_body(exchange, reply, len(reply.body))
            case Render(film):
                self._send(Side.SERVER, Rendered(film.stream_id, FILE_SIZES))
            case Answer(exchange) | HangUp(exchange) if exchange in self._cancelled:
                pass
            case Answer(exchange, reply):
                self._send(Side.CLIENT, Replied(exchange, reply))
            case HangUp(exchange):
                self._send(Side.CLIENT, ExchangeFailed(exchange, TransportError(TransportErrorKind.CLOSED)))
            case Show():
                self.shown.append(output)
            case OpenSocket() | AcceptSocket() | RefuseSocket() | SendText() | CloseSocket() | DropSocket():
                self._carry_socket(side, output)
            case _:
                self._deliver(self.media.order(side, output))

    def _carry_fetch(self, output: Fetch | StoreBody | CancelFetch) -> None:
        match output:
            case Fetch(fetch, _, url, headers):
                # For the service it is a request, with a name that the client gives to none of its own.
                place, _, query = url.reveal().partition("?")
                request = HttpRequest("GET", place, tuple(parse_qsl(query)), headers)
                self._send(Side.SERVER, Asked(ExchangeId(-fetch), received(request)))
            case StoreBody(fetch):
                length = self._bodies[fetch]
                self._send(Side.CLIENT, FetchedBytes(fetch, length // 2))
                self._send(Side.CLIENT, FetchedBytes(fetch, length - length // 2))
                self._send(Side.CLIENT, FetchEnded(fetch))
            case CancelFetch(fetch):
                closed = TransportError(TransportErrorKind.CLOSED)
                self._send(Side.CLIENT, FetchFailed(fetch, closed))
            case _:
                assert_never(output)

    def _open_body(self, exchange: ExchangeId, reply: HttpReply, length: int) -> None:
        fetch = FetchId(-exchange)
        self._bodies[fetch] = length
        self._send(Side.CLIENT, FetchOpened(fetch, reply))

    def _carry_socket(self, side: Side, output: Any) -> None:
        other = Side.SERVER if side is Side.CLIENT else Side.CLIENT
        socket = output.socket
        match output:
            case OpenSocket(_, url, query):
                self._sockets.add(socket)
                self._send(other, SocketAsked(socket, received(HttpRequest("GET", url, query))))
            case _ if socket not in self._sockets:
                pass
            case AcceptSocket():
                self._send(other, SocketOpened(socket))
            case RefuseSocket(_, reply):
                self._sockets.discard(socket)
                self._send(other, SocketRefused(socket, reply))
            case SendText(_, text):
                self._send(other, SocketText(socket, text))
            case CloseSocket(_, code, reason):
                self._sockets.discard(socket)
                self._send(other, SocketClosed(socket, code, reason))
                self._send(side, SocketClosed(socket, code, reason), Span(2 * self._delay))
            case _:
                self._sockets.discard(socket)
                self._send(other, SocketClosed(socket, ABNORMAL_CLOSURE))


def received(request: HttpRequest) -> HttpRequest:
    """Returns a request as the server sees it: only the path, and nothing secret any more."""
    rest = request.url.split("://", 1)[-1]
    path = "/" + rest.partition("/")[2]
    query = tuple((name, _revealed(value)) for name, value in request.query)
    headers = tuple((name, _revealed(value)) for name, value in request.headers)
    return evolve(request, url=path, query=query, headers=headers, body=request.content())


def _revealed(value: str | Secret) -> str:
    return value.reveal() if isinstance(value, Secret) else value
