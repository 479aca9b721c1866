"""A client and a service joined in memory, in virtual time: the whole conversation without a socket."""

import heapq
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any, assert_never
from urllib.parse import parse_qsl

from attrs import evolve

from odyssey_proto.client.client import Client, ClientInput
from odyssey_proto.kernel.errors import LocalProtocolError
from odyssey_proto.kernel.failures import Failure
from odyssey_proto.kernel.machine import Deadline, Instant, Machine, Span, after, millis, seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.model.events import Event
from odyssey_proto.seam.commands import Command, CommandId
from odyssey_proto.seam.http import ExchangeId, HttpReply, HttpRequest
from odyssey_proto.seam.inputs import (
    ABNORMAL_CLOSURE,
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
    CloseSocket,
    Completed,
    DropSocket,
    Failed,
    Fetch,
    Happened,
    OpenSocket,
    Progressed,
    Request,
    SendText,
    StoreBody,
)
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
from odyssey_proto.testing.peers import FakeMedia

CLIENT = "client"
SERVICE = "service"

DELAY = millis(10)
"""How long anything takes from one to the other."""

FILE_SIZES = ((VIDEO, 3_000_000), (PREVIEW, 1_000_000), (THUMBNAIL, 20_000), (EVENTS, 300))
"""The files of every film, in bytes."""

PATIENCE = seconds(60)
"""How long a test waits for a command to end, in virtual time."""


class Pair:
    """
    Runs a client against a service.

    Everything that crosses between them takes `delay`; time jumps from one thing to the next.
    Films are drawn at once, and the body of a file that is fetched comes in two halves.
    `results` holds what became of each command, `events` what was reported to the application, `log`
    every input and output in order.
    """

    def __init__(
        self,
        client: Client,
        service: Machine[Any, Any],
        *,
        delay: Span = DELAY,
        media: FakeMedia | None = None,
        lost: Callable[[str, Any], bool] = lambda side, inp: False,
    ) -> None:
        self.client = client
        self.service = service
        self.media = media or FakeMedia()
        self.now = Instant(0)
        self.results: dict[CommandId, Completed | Failed] = {}
        self.ended: list[CommandId] = []
        self.events: list[Event] = []
        self.log: list[tuple[Instant, str, Any, tuple[Any, ...]]] = []
        self.shown: list[Show] = []
        self._delay = delay
        self._lost = lost
        self._mail: list[tuple[Instant, int, str, Any]] = []
        self._order = count()
        self._commands = count(1)
        self._cancelled: set[int] = set()
        self._sockets: set[SocketId] = set()
        self._bodies: dict[FetchId, int] = {}

    # --- what a test says -----------------------------------------------------------------------

    def says(self, what: Any) -> CommandId:
        """Returns the client a command; a refusal is raised."""
        command = CommandId(next(self._commands))
        self._step(CLIENT, Command(command, what))
        return command

    def does(self, what: Any, within: Span = PATIENCE) -> Any:
        """Returns a command and runs until it ended; returns its result or its `Failure`."""
        command = self.says(what)
        self.run(within, until=lambda: command in self.results)
        return self.outcome(command)

    def outcome(self, command: CommandId) -> Any:
        """Returns the result of a command that ended, or its `Failure`; `KeyError` if it did not end."""
        match self.results[command]:
            case Completed(_, result):
                return result
            case Failed(_, failure):
                return failure
            case never:
                assert_never(never)

    def hears(self, inp: ClientInput) -> None:
        """Hands the client an input as if it came from outside, now."""
        self._step(CLIENT, inp)

    def frames(self, count: int = 24) -> None:
        """Lets frames arrive."""
        self._deliver(self.media.frames(count))

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

    # --- what happens ---------------------------------------------------------------------------

    def _next(self) -> Instant | None:
        moments = [deadline.at for deadline in self._deadlines()]
        if self._mail:
            moments.append(self._mail[0][0])
        return max(min(moments), self.now) if moments else None

    def _deadlines(self) -> list[Deadline]:
        found = (self.client.deadline, self.service.deadline)
        return [deadline for deadline in found if deadline is not None]

    def _turn(self) -> None:
        if self._mail and self._mail[0][0] <= self.now:
            _, _, side, inp = heapq.heappop(self._mail)
            self._step(side, inp)
            return
        for side, machine in ((CLIENT, self.client), (SERVICE, self.service)):
            deadline = machine.deadline
            if deadline is not None and deadline.at <= self.now:
                self._step(side, Wake())

    def _step(self, side: str, inp: Any) -> None:
        machine: Machine[Any, Any] = self.client if side == CLIENT else self.service
        try:
            outputs = tuple(machine.step(self.now, inp))
        except LocalProtocolError:
            self.log.append((self.now, side, inp, ()))
            raise
        self.log.append((self.now, side, inp, outputs))
        for output in outputs:
            self._carry(side, output)

    def _send(self, side: str, inp: Any, delay: Span | None = None) -> None:
        if not self._lost(side, inp):
            at = after(self.now, self._delay if delay is None else delay)
            heapq.heappush(self._mail, (at, next(self._order), side, inp))

    def _deliver(self, inputs: Iterable[tuple[str, Any]]) -> None:
        for side, inp in inputs:
            self._send(side, inp)

    def _carry(self, side: str, output: Any) -> None:
        other = SERVICE if side == CLIENT else CLIENT
        match output:
            case Happened(event):
                self.events.append(event)
            case Progressed() | Noted() | Pace():
                pass
            case Completed(command) | Failed(command):
                self.results[command] = output
                self.ended.append(command)
            case Request(exchange, request):
                self._send(SERVICE, Asked(exchange, received(request)))
            case CancelRequest(exchange):
                self._cancelled.add(exchange)
                self._send(SERVICE, AskerGone(exchange))
            case Fetch() | StoreBody() | CancelFetch():
                self._carry_fetch(output)
            case SendFile(exchange, reply, length=length):
                self._open_body(exchange, reply, length)
            case Answer(exchange, reply) if exchange < 0:
                self._open_body(exchange, reply, len(reply.body))
            case Render(film):
                self._send(SERVICE, Rendered(film.stream_id, FILE_SIZES))
            case Answer(exchange, reply):
                if exchange not in self._cancelled:
                    self._send(CLIENT, Replied(exchange, reply))
            case Show():
                self.shown.append(output)
            case HangUp(exchange) if exchange not in self._cancelled:
                self._send(CLIENT, ExchangeFailed(exchange, TransportError(TransportErrorKind.CLOSED)))
            case HangUp():
                pass
            case OpenSocket() | AcceptSocket() | RefuseSocket() | SendText() | CloseSocket() | DropSocket():
                self._carry_socket(side, other, output)
            case _:
                self._deliver(self.media.order(side, output))

    def _carry_fetch(self, output: Fetch | StoreBody | CancelFetch) -> None:
        match output:
            case Fetch(fetch, _, url, headers):
                # For the service it is a request, with a name that the client gives to none of its own.
                place, _, query = url.reveal().partition("?")
                request = HttpRequest("GET", place, tuple(parse_qsl(query)), headers)
                self._send(SERVICE, Asked(ExchangeId(-fetch), received(request)))
            case StoreBody(fetch):
                length = self._bodies[fetch]
                self._send(CLIENT, FetchedBytes(fetch, length // 2))
                self._send(CLIENT, FetchedBytes(fetch, length - length // 2))
                self._send(CLIENT, FetchEnded(fetch))
            case CancelFetch(fetch):
                self._send(CLIENT, FetchFailed(fetch, TransportError(TransportErrorKind.CLOSED)))
            case _:
                assert_never(output)

    def _open_body(self, exchange: ExchangeId, reply: HttpReply, length: int) -> None:
        fetch = FetchId(-exchange)
        self._bodies[fetch] = length
        self._send(CLIENT, FetchOpened(fetch, reply))

    def _carry_socket(self, side: str, other: str, output: Any) -> None:
        socket = output.socket
        match output:
            case OpenSocket(_, url, query):
                self._sockets.add(socket)
                self._send(SERVICE, SocketAsked(socket, received(HttpRequest("GET", url, query))))
            case _ if socket not in self._sockets:
                pass
            case AcceptSocket():
                self._send(CLIENT, SocketOpened(socket))
            case RefuseSocket(_, reply):
                self._sockets.discard(socket)
                self._send(CLIENT, SocketRefused(socket, reply))
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
    query = tuple((name, _open(value)) for name, value in request.query)
    headers = tuple((name, _open(value)) for name, value in request.headers)
    return evolve(request, url=path, query=query, headers=headers, body=request.content())


def _open(value: str | Secret) -> str:
    return value.reveal() if isinstance(value, Secret) else value


def failure_of(result: Any) -> Failure:
    """Returns a result that must be a failure; `AssertionError` if it is none."""
    assert isinstance(result, Failure), f"expected a failure, got {result!r}"
    return result
