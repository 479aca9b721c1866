"""
Everything outside of a client: the service's machine, fake media, and what a test does in between.

The service answers by itself.
What it would never do is done by the world on the way: it loses (`silent`), holds up (`stalled`) or
replaces (`replies`) what passes, and has the streamer or the server say more than they would.
"""

import json
import time
from collections import Counter
from collections.abc import Iterable
from itertools import count
from typing import TYPE_CHECKING, Any

import anyio
from attrs import evolve

from odyssey_anyio.media.frame import VideoFrame
from odyssey_anyio.net.transports import ExchangeError
from odyssey_proto.conversations import Side
from odyssey_proto.kernel.machine import Instant
from odyssey_proto.messages import signaling, stream
from odyssey_proto.messages.sessions import SESSION_REQUEST
from odyssey_proto.messages.stream import TO_STREAMER
from odyssey_proto.model.credentials import ClientCredentials
from odyssey_proto.seam.http import ExchangeId, HttpReply, HttpRequest, json_body, json_reply
from odyssey_proto.seam.inputs import (
    ABNORMAL_CLOSURE,
    ChannelText,
    ChannelUp,
    PeerId,
    PeerStateChanged,
    SocketClosed,
    SocketId,
    SocketText,
    TrackUp,
    TransportError,
    TransportErrorKind,
    Wake,
)
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.io.seam import (
    AcceptSocket,
    Answer,
    Asked,
    HangUp,
    Noted,
    Pace,
    RefuseSocket,
    Show,
    SocketAsked,
)
from odyssey_proto.service.live.streamer import expanded
from odyssey_proto.service.service import Service
from odyssey_proto.testing.fake_media import FakeMedia
from odyssey_proto.testing.network import received

if TYPE_CHECKING:
    from inmemory.transports import Engine, Socket

STREAMER_COMES = (PeerStateChanged, TrackUp, ChannelUp)
"""What tells a client that its peer connects."""

GIVEN_FIELDS = {
    "/auth/token": ("access_token",),
    "/sessions/request": ("session_id",),
    "/sessions/token": ("session_token",),
}
"""Where replies have the tokens and ids that later requests must name."""


class World:
    """
    A service in memory, and what passes between it and clients.

    `silent` names what is lost on the way: messages of the client, and "offer", "peer" and "media";
    `stalled` names calls that are not answered yet, and "socket" and "close" for those of a WebSocket,
    `replies` what others are answered with.
    `received` has what clients said, in order, `tokens`, `session_ids` and `stream_ids` what the service
    gave, and `image` the image of the last start.
    """

    def __init__(self, **config: Any) -> None:
        self.silent: set[str] = set()
        self.stalled: set[str] = set()
        self.replies: dict[str, HttpReply | Exception] = {}
        self.received: list[str] = []
        self.asked: Counter[str] = Counter()
        self.bodies: list[Any] = []
        self.files: dict[str, bytes] = {}
        self.open = 0
        self.fetching = 0
        self.granted = 0
        self.opened = 0
        self.closed: Counter[str] = Counter()
        self.session_ids: list[str] = []
        self.stream_ids: list[str] = []
        self.tokens: list[str] = []
        self.image: str | None = None
        self.engine: Engine | None = None
        self.socket: Socket | None = None
        self.media = FakeMedia()
        self._began = time.monotonic()
        self._names = count(1)
        self._answers: dict[ExchangeId, HttpReply | None] = {}
        self._real: dict[str, str] = {}
        self._sockets: dict[SocketId, Socket] = {}
        self._engines: dict[PeerId, Engine] = {}
        self.configure(**config)

    def configure(self, **config: Any) -> None:
        """Makes the service anew, with a configuration."""
        self.service = Service(ServiceConfig(capacity=1_000, **config), b"memory", time.time_ns() // 1_000)

    @property
    def transports(self) -> dict[str, Any]:
        """What to make a client with."""
        from inmemory.transports import Engine, Exchanges, Sockets

        def engine() -> Engine:
            self.engine = Engine(self)
            return self.engine

        return {"exchanges": lambda: Exchanges(self), "sockets": lambda: Sockets(self), "media": engine}

    async def stall(self, what: str) -> None:
        """Waits for as long as something is stalled."""
        while what in self.stalled:
            await anyio.sleep(0.001)

    # --- what a test has the others say ---------------------------------------------------------

    def says(self, message: stream.StreamMessage) -> None:
        """Lets the streamer say something by itself."""
        assert self.engine is not None
        if isinstance(message, stream.StreamEnded | stream.InteractiveStreamError):
            self._end_streams(self.engine)
        self.engine.say(message)

    def signals(self, message: signaling.SignalingMessage) -> None:
        """Lets the signaling server say something by itself."""
        assert self.socket is not None
        self.socket.deliver(SocketText(self.socket.name, signaling.encode(message)))

    def garbles(self) -> None:
        """Lets the signaling server say something that is no message."""
        assert self.socket is not None
        self.socket.deliver(SocketText(self.socket.name, "[]"))

    def hangs_up(self, code: int = ABNORMAL_CLOSURE) -> None:
        """Closes the signaling socket from the other side."""
        assert self.socket is not None
        self.socket.end(code)

    def shows(self, count: int = 1) -> None:
        """Lets frames arrive."""
        assert self.engine is not None
        for number in range(count):
            self.engine.fanout.offer(VideoFrame(None, 704, 1280, number))  # type: ignore[arg-type]  # no pixels

    @property
    def listing(self) -> HttpReply:
        """An empty list of recordings."""
        return json_reply({"recordings": [], "total": 0, "limit": 50, "offset": 0})

    def credentials(self) -> ClientCredentials:
        """Reserves a session on behalf of some other client."""
        access = self._json(HttpRequest("POST", "/auth/token", body=json_body({"api_key": "ody_other"})))
        bearer = (("authorization", f"Bearer {access['access_token']}"),)
        grant = self._json(HttpRequest("POST", "/sessions/request", (), bearer, json_body({})))
        body = json_body({"session_id": grant["session_id"]})
        token = self._json(HttpRequest("POST", "/sessions/token", (), bearer, body))
        return ClientCredentials(grant["signalling_url"], token["session_token"], token["expires_in"])

    # --- what clients ask for -------------------------------------------------------------------

    def ask(self, request: HttpRequest) -> HttpReply:
        """Has the service answer a request, or what a test put in its place."""
        asked = self._in_its_words(received(request))
        placed = self.replies.get(received(request).url)
        if isinstance(placed, Exception):
            raise placed
        reply = placed or self._answer(asked)
        if placed is not None and placed.ok and asked.url in GIVEN_FIELDS:
            self._stands_for(placed, self._answer(asked))
        if SESSION_REQUEST.matches(asked) and reply.ok:
            self.granted += 1
        return reply

    def shake_hands(self, socket: "Socket", url: str, query: Any) -> None:
        """Opens a WebSocket to the service."""
        name = SocketId(next(self._names))
        self._sockets[name], socket.outer, self.socket = socket, name, socket
        self.opened += 1
        self.step(SocketAsked(name, self._in_its_words(received(HttpRequest("GET", url, query)))))

    def take_text(self, socket: "Socket", text: str) -> None:
        """Takes what a client said on the signaling connection."""
        message = signaling.decode(text)
        name = type(message).__name__
        if not isinstance(message, signaling.KeepAlive):
            self._note(message)
        if name not in self.silent:
            self.step(SocketText(socket.outer, text))

    def take_channel_text(self, peer: PeerId, label: str, text: str) -> bool:
        """Tells whether what a client said on a data channel arrives."""
        message = stream.decode(text)
        self._note(message)
        return type(message).__name__ not in self.silent

    def socket_gone(self, socket: "Socket", code: int, reason: str = "") -> None:
        """Tells the service of the end of a socket."""
        if self._sockets.pop(socket.outer, None) is not None:
            self.step(SocketClosed(socket.outer, code, reason))

    def peer(self, engine: "Engine") -> PeerId:
        """Returns a name for a client's peer that no other client has given."""
        name = PeerId(next(self._names))
        self._engines[name] = engine
        return name

    # --- the service ----------------------------------------------------------------------------

    @property
    def now(self) -> Instant:
        return Instant(int((time.monotonic() - self._began) * 1_000_000))

    @property
    def due_in(self) -> float | None:
        """How long until the service wants to be woken, in seconds."""
        deadline = self.service.deadline
        return None if deadline is None else max(0, deadline.at - self.now) / 1_000_000

    def wake(self) -> None:
        """Wakes the service."""
        self.step(Wake())

    def step(self, inp: Any) -> None:
        """Hands the service an input, and carries out what it gives."""
        for output in self.service.step(self.now, inp):
            self._carry(output)

    def deliver(self, notices: Iterable[tuple[Side, Any]]) -> None:
        """Hands what media report to whom it is for."""
        for side, notice in notices:
            if side is Side.SERVER:
                self.step(notice)
            elif not ("peer" in self.silent and isinstance(notice, STREAMER_COMES)):
                self._note_stream(notice)
                self._engines[notice.peer].hand(notice)

    def _carry(self, output: Any) -> None:
        match output:
            case Answer(exchange, reply):
                self._answers[exchange] = reply
            case Noted() | Pace() | Show():
                pass
            case HangUp(exchange):
                self._answers[exchange] = None
            case AcceptSocket(socket) | RefuseSocket(socket) if socket in self._sockets:
                self._sockets[socket].shaken(output)
            case _ if hasattr(output, "socket"):
                self._carry_socket(output)
            case _ if hasattr(output, "peer"):
                self.deliver(self.media.order(Side.SERVER, output))
            case _:
                raise AssertionError(f"no test in memory needs {output!r}")

    def _carry_socket(self, output: Any) -> None:
        socket = self._sockets.get(output.socket)
        if socket is None:
            return
        if hasattr(output, "text"):
            offer = isinstance(signaling.decode(output.text), signaling.Offer)
            if not (offer and "offer" in self.silent):
                socket.deliver(SocketText(socket.name, output.text))
            return
        del self._sockets[output.socket]
        socket.end(getattr(output, "code", ABNORMAL_CLOSURE), getattr(output, "reason", ""))

    def _answer(self, request: HttpRequest) -> HttpReply:
        exchange = ExchangeId(next(self._names))
        self.step(Asked(exchange, request))
        reply = self._answers.pop(exchange, None)
        assert reply is not None, f"the service does not answer {request.url}"
        given = json.loads(reply.body) if reply.ok and request.url in GIVEN_FIELDS else {}
        for field in GIVEN_FIELDS.get(request.url, ()):
            (self.session_ids if field == "session_id" else self.tokens).append(given[field])
        return reply

    def _stands_for(self, placed: HttpReply, real: HttpReply) -> None:
        """Remembers what the tokens and ids that a test made up stand for."""
        made_up, given = json.loads(placed.body), json.loads(real.body)
        for field in {"access_token", "session_id", "session_token"} & made_up.keys() & given.keys():
            self._real[made_up[field]] = given[field]

    def _in_its_words(self, request: HttpRequest) -> HttpRequest:
        """Returns a request with the tokens and ids that the service gave, not those that stand for them."""

        def real(text: str) -> str:
            for made_up, given in self._real.items():
                text = text.replace(made_up, given)
            return text

        return evolve(
            request,
            url=real(request.url),
            query=tuple((name, real(str(value))) for name, value in request.query),
            headers=tuple((name, real(str(value))) for name, value in request.headers),
            body=real(request.content().decode("latin-1")).encode("latin-1"),
        )

    def _json(self, request: HttpRequest) -> Any:
        return json.loads(self._answer(evolve(request, body=request.content())).body)

    def _note(self, message: Any) -> None:
        self.received.append(type(message).__name__)
        if isinstance(message, stream.InteractiveStreamStart):
            self.image = message.image

    def _note_stream(self, notice: Any) -> None:
        if isinstance(notice, ChannelText):
            message = stream.decode(notice.text)
            if isinstance(message, stream.StreamStarted):
                self.stream_ids.append(message.stream_id)

    def _end_streams(self, engine: "Engine") -> None:
        """Has the service end the stream of a client; its reply is what the test says."""
        engine.muted = True
        end = stream.encode(stream.InteractiveStreamEnd())
        self.deliver(engine.sent(ChannelText(engine.present_peer, TO_STREAMER, end)))
        engine.muted = False


def applied(prompt: str) -> str:
    """Returns what the service makes of a prompt."""
    return expanded(prompt)


def broken(how: TransportErrorKind = TransportErrorKind.REFUSED) -> ExchangeError:
    """Returns what an exchange raises that gets no reply."""
    return ExchangeError(TransportError(how))
