"""
What lies between clients and a service: an output of one is an input of the other, a while later.

Each client counts its exchanges and sockets from 1, so the service gets them by other names: those of
client `k` of `n` are `id * n + k` there, and keep their sign.
"""

import heapq
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Any, assert_never
from urllib.parse import parse_qsl

from odyssey_proto.conversations import Side
from odyssey_proto.kernel.machine import Instant, Span, after, seconds
from odyssey_proto.kernel.secret import revealed
from odyssey_proto.seam.http import ExchangeId, HttpReply, HttpRequest
from odyssey_proto.seam.inputs import (
    ABNORMAL_CLOSURE,
    ExchangeFailed,
    FetchedBytes,
    FetchEnded,
    FetchFailed,
    FetchId,
    FetchOpened,
    PeerState,
    Replied,
    SocketAnswered,
    SocketClosed,
    SocketId,
    SocketOpened,
    SocketRefused,
    SocketText,
    TransportError,
    TransportErrorKind,
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
    PingSocket,
    Preconnect,
    Progressed,
    Request,
    SendText,
    ShowPeer,
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
from odyssey_proto.testing.fake_media import Delivery, FakeMedia, Owner

FILE_SIZES = ((VIDEO, 3_000_000), (PREVIEW, 1_000_000), (THUMBNAIL, 20_000), (EVENTS, 300))
"""The files of every film, in bytes."""

CLOSED = TransportError(TransportErrorKind.CLOSED)

MEDIA_SILENCE = seconds(2.5)
"""After how long a media engine reports that nothing comes any more."""

PONG_MISSING = seconds(25)
"""After how long at most a WebSocket that carries nothing ends (`wire.websocket`)."""

NOT_CARRIED = frozenset({Happened, Progressed, Completed, Failed, ShowPeer, Preconnect, Noted, Pace, Show})
"""Outputs that concern nobody but whoever runs the machine."""

type Rule = Callable[[Owner, Any], Any]
"""Sees to whom an input is on its way, and returns it, another one instead, or `None` to lose it."""


class Network:
    """
    Carries everything that clients and one service have for each other, each thing for `delay`.

    Films are drawn at once, and the body of a file that is fetched comes in two halves.
    """

    def __init__(self, clients: Sequence[Owner], delay: Span, media: FakeMedia) -> None:
        self.rules: list[Rule] = []
        self._clients = clients
        self._delay = delay
        self._media = media
        self._mail: list[tuple[Instant, int, Owner, Any]] = []
        self._order = count()
        self._cancelled: set[int] = set()
        self._sockets: set[int] = set()
        self._bodies: dict[int, int] = {}

    # --- what is on its way ---------------------------------------------------------------------

    @property
    def next_at(self) -> Instant | None:
        """When the next thing arrives."""
        return self._mail[0][0] if self._mail else None

    def take(self) -> tuple[Owner, Any]:
        """Takes out what arrives next, and for whom."""
        _, _, owner, inp = heapq.heappop(self._mail)
        return owner, inp

    def send(self, now: Instant, owner: Owner, inp: Any, delay: Span | None = None) -> None:
        """Puts an input on its way, unless a rule loses it."""
        for rule in self.rules:
            inp = rule(owner, inp)
            if inp is None:
                return
        self.post(after(now, self._delay if delay is None else delay), owner, inp)

    def post(self, at: Instant, owner: Owner, inp: Any) -> None:
        """Lets an input arrive at a moment, past every rule."""
        heapq.heappush(self._mail, (at, next(self._order), owner, inp))

    def deliver(self, now: Instant, notices: Iterable[Delivery]) -> None:
        """Puts what media engines report on its way."""
        for owner, notice in notices:
            self.send(now, owner, notice)

    # --- what breaks ----------------------------------------------------------------------------

    def close_sockets(self, now: Instant, code: int = ABNORMAL_CLOSURE, client: Owner | None = None) -> None:
        """Ends the WebSockets of one client, or all: with this code, or by a broken connection."""
        error = CLOSED if code == ABNORMAL_CLOSURE else None
        for socket in sorted(self._sockets):
            owner, inner = self._inside(socket)
            if client in (None, owner):
                self._sockets.discard(socket)
                self.send(now, owner, SocketClosed(SocketId(inner), code, error=error))
                self.send(now, Side.SERVER, SocketClosed(SocketId(socket), code, error=error))

    def lose_media(self, now: Instant, client: Owner | None = None) -> None:
        """Breaks the peer connections of one client, or all."""
        self.deliver(now, self._media.lose(PeerState.FAILED, client))

    def forget_flows(self, now: Instant, client: Owner) -> None:
        """Nothing more comes by the WebSockets and peers of a client; each side finds out in its time."""
        silent = TransportError(TransportErrorKind.SILENT)
        for socket in sorted(self._sockets):
            owner, inner = self._inside(socket)
            if owner == client:
                self._sockets.discard(socket)
                for side, name in ((owner, inner), (Side.SERVER, socket)):
                    gone = SocketClosed(SocketId(name), ABNORMAL_CLOSURE, error=silent)
                    self.send(now, side, gone, PONG_MISSING)
        for owner, notice in self._media.sever(client):
            self.send(now, owner, notice, MEDIA_SILENCE)

    def forget_service(self) -> None:
        """Throws away what is on its way to the service, which is gone."""
        self._mail = [each for each in self._mail if each[2] is not Side.SERVER]
        heapq.heapify(self._mail)

    # --- what somebody wants done ---------------------------------------------------------------

    def carry(self, now: Instant, owner: Owner, output: Any) -> None:
        """Carries out one output of a client or of the service."""
        if type(output) in NOT_CARRIED:
            return
        match output:
            case Request():
                asked = ExchangeId(self._outside(owner, output.exchange))
                self.send(now, Side.SERVER, Asked(asked, received(output.request)))
            case CancelRequest(exchange):
                outer = self._outside(owner, exchange)
                self._cancelled.add(outer)
                self.send(now, Side.SERVER, AskerGone(ExchangeId(outer)))
            case Fetch() | StoreBody() | CancelFetch():
                self._carry_fetch(now, owner, output)
            case SendFile(exchange, reply, length=length):
                self._open_body(now, exchange, reply, length)
            case Answer(exchange, reply) if exchange < 0:
                self._open_body(now, exchange, reply, len(reply.body))
            case Render(film):
                self.send(now, Side.SERVER, Rendered(film.stream_id, FILE_SIZES))
            case Answer(exchange) | HangUp(exchange) if exchange in self._cancelled:
                pass
            case Answer(exchange, reply):
                client, inner = self._inside(exchange)
                self.send(now, client, Replied(ExchangeId(inner), reply))
            case HangUp(exchange):
                client, inner = self._inside(exchange)
                self.send(now, client, ExchangeFailed(ExchangeId(inner), CLOSED))
            case (
                OpenSocket()
                | AcceptSocket()
                | RefuseSocket()
                | SendText()
                | PingSocket()
                | CloseSocket()
                | DropSocket()
            ):
                self._carry_socket(now, owner, output)
            case _:
                self.deliver(now, self._media.order(owner, output))

    def _carry_fetch(self, now: Instant, owner: Owner, output: Fetch | StoreBody | CancelFetch) -> None:
        match output:
            case Fetch(fetch, _, url, headers):
                # For the service it is a request, with a name that the client gives to none of its own.
                place, _, query = url.reveal().partition("?")
                request = HttpRequest("GET", place, tuple(parse_qsl(query)), headers)
                outer = ExchangeId(self._outside(owner, -fetch))
                self.send(now, Side.SERVER, Asked(outer, received(request)))
            case StoreBody(fetch):
                length = self._bodies[self._outside(owner, -fetch)]
                self.send(now, owner, FetchedBytes(fetch, length // 2))
                self.send(now, owner, FetchedBytes(fetch, length - length // 2))
                self.send(now, owner, FetchEnded(fetch))
            case CancelFetch(fetch):
                self.send(now, owner, FetchFailed(fetch, CLOSED))
            case _:
                assert_never(output)

    def _open_body(self, now: Instant, exchange: int, reply: HttpReply, length: int) -> None:
        self._bodies[exchange] = length
        owner, inner = self._inside(exchange)
        self.send(now, owner, FetchOpened(FetchId(-inner), reply))

    def _carry_socket(self, now: Instant, owner: Owner, output: Any) -> None:
        here = output.socket
        outer = here if owner is Side.SERVER else self._outside(owner, here)
        other, inner = self._inside(outer) if owner is Side.SERVER else (Side.SERVER, outer)
        there = SocketId(inner)
        match output:
            case OpenSocket(_, url, query):
                self._sockets.add(outer)
                self.send(now, other, SocketAsked(there, received(HttpRequest("GET", url, query))))
            case _ if outer not in self._sockets:
                pass
            case AcceptSocket():
                self.send(now, other, SocketOpened(there))
            case RefuseSocket(_, reply):
                self._sockets.discard(outer)
                self.send(now, other, SocketRefused(there, reply))
            case SendText(_, text):
                self.send(now, other, SocketText(there, text))
            case PingSocket():
                self.send(now, owner, SocketAnswered(here), Span(2 * self._delay))
            case CloseSocket(_, code, reason):
                self._sockets.discard(outer)
                self.send(now, other, SocketClosed(there, code, reason))
                self.send(now, owner, SocketClosed(here, code, reason), Span(2 * self._delay))
            case _:
                self._sockets.discard(outer)
                self.send(now, other, SocketClosed(there, ABNORMAL_CLOSURE))

    # --- names ----------------------------------------------------------------------------------

    def _outside(self, owner: Owner, inner: int) -> int:
        return inner * len(self._clients) + self._clients.index(owner)

    def _inside(self, outer: int) -> tuple[Owner, int]:
        inner, number = divmod(outer, len(self._clients))
        return self._clients[number], inner


def received(request: HttpRequest) -> HttpRequest:
    """Returns a request as the server sees it: only the path, and nothing secret any more."""
    rest = request.url.split("://", 1)[-1]
    path = "/" + rest.partition("/")[2]
    query = tuple((name, revealed(value)) for name, value in request.query)
    headers = tuple((name, revealed(value)) for name, value in request.headers)
    return HttpRequest(request.method, path, query, headers, request.content(), request.accepts)
