"""A service in memory, behind the three transports: what a client's shell needs to be tried out."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel

from odyssey_anyio.media.delivery import FrameFanout, FrameStream, Policy
from odyssey_anyio.media.frame import VideoFrame
from odyssey_anyio.net.transports import ExchangeError, Outbox
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages import signaling, stream
from odyssey_proto.messages.auth import AUTH_TOKEN
from odyssey_proto.messages.ice import ICE_CONFIG
from odyssey_proto.messages.regions import REGIONS
from odyssey_proto.messages.sessions import SESSION_REQUEST, SESSION_TOKEN
from odyssey_proto.messages.token import sign
from odyssey_proto.seam.http import Headers, HttpReply, HttpRequest, json_reply
from odyssey_proto.seam.inputs import (
    ChannelText,
    ChannelUp,
    LocalDescription,
    MediaInput,
    MediaKind,
    PeerId,
    PeerState,
    PeerStateChanged,
    SdpKind,
    SocketClosed,
    SocketInput,
    SocketOpened,
    SocketText,
    TrackUp,
    TransportError,
    TransportErrorKind,
)
from odyssey_proto.seam.outputs import (
    ChannelSend,
    CloseSocket,
    DropPeer,
    MakeAnswer,
    MakePeer,
    MediaOutput,
    OpenSocket,
    SendText,
    SetRemote,
)
from odyssey_proto.testing.fake_media import describe
from odyssey_trio_compat import call_soon

TOKEN = sign({"session_id": "s-1"}, b"key")

REPLIES: tuple[tuple[Any, Any], ...] = (
    (AUTH_TOKEN, {"access_token": "access", "expires_in": 3600}),
    (REGIONS, {"regions": []}),
    (
        SESSION_REQUEST,
        {"session_id": "s-1", "signalling_url": "ws://signal", "capabilities": {"image_to_video": True}},
    ),
    (SESSION_TOKEN, {"session_token": TOKEN, "expires_in": 600}),
    (ICE_CONFIG, {"iceServers": []}),
)


class World:
    """
    Everything outside of a client.

    `silent` names messages that are not answered, `stalled` calls that are not yet, `replies` what
    other calls are answered with; `received` has what the client said, in order, and `image` the image of
    the last start.
    """

    def __init__(self) -> None:
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
        self.engine: Engine | None = None
        self.socket: Callable[[SocketInput], None] | None = None
        self.applied: Callable[[str], str] = lambda prompt: f"{prompt}!"
        self.streams = 0
        self.image: str | None = None

    @property
    def transports(self) -> dict[str, Any]:
        """What to make a client with."""
        return {"exchanges": lambda: Exchanges(self), "sockets": lambda: Sockets(self), "media": self._media}

    async def stall(self, what: str) -> None:
        """Waits for as long as something is stalled."""
        while what in self.stalled:
            await anyio.sleep(0.001)

    def says(self, message: stream.StreamMessage) -> None:
        """Lets the streamer say something."""
        assert self.engine is not None
        self.engine.say(message)

    def signals(self, message: signaling.SignalingMessage) -> None:
        """Lets the signaling server say something."""
        assert self.socket is not None
        self.socket(SocketText(self.socket_name, signaling.encode(message)))

    @property
    def listing(self) -> HttpReply:
        """An empty list of recordings."""
        return json_reply({"recordings": [], "total": 0, "limit": 50, "offset": 0})

    def garbles(self) -> None:
        """Lets the signaling server say something that is no message."""
        assert self.socket is not None
        self.socket(SocketText(self.socket_name, "[]"))

    def hangs_up(self, code: int = 1006) -> None:
        """Closes the signaling socket from the other side."""
        assert self.socket is not None
        why = TransportError(TransportErrorKind.CLOSED) if code == 1006 else None
        self.socket(SocketClosed(self.socket_name, code, error=why))

    def shows(self, count: int = 1) -> None:
        """Lets frames arrive."""
        assert self.engine is not None
        for number in range(count):
            self.engine.fanout.offer(VideoFrame(None, 704, 1280, number))  # type: ignore[arg-type]  # no pixels

    def answers(self, request: HttpRequest) -> HttpReply:
        """Returns the reply to a request."""
        for endpoint, value in REPLIES:
            if endpoint.matches(request):
                self.granted += endpoint is SESSION_REQUEST
                return json_reply(value)
        return json_reply({"detail": "not here"}, 404)

    def hears(self, text: str) -> None:
        """Answers what the client says to the streamer."""
        message = stream.decode(text)
        self.received.append(type(message).__name__)
        if type(message).__name__ in self.silent:
            return
        match message:
            case stream.InteractiveStreamStart(prompt):
                self.streams += 1
                self.image = message.image
                self.says(stream.StreamStarted(f"stream-{self.streams}", self.applied(prompt)))
            case stream.Update(prompt):
                self.says(stream.UpdateAcknowledged(self.applied(prompt)))
            case stream.InteractiveStreamEnd():
                self.says(stream.StreamEnded())

    def _media(self) -> "Engine":
        self.engine = Engine(self)
        return self.engine


class Fetched:
    """A file in memory, on its way in pieces."""

    def __init__(self, data: bytes | None) -> None:
        headers = () if data is None else (("content-length", str(len(data))),)
        self.head = HttpReply(404 if data is None else 200, headers)
        self._left = data or b""

    async def receive(self) -> bytes:
        await anyio.lowlevel.checkpoint()
        piece, self._left = self._left[:10], self._left[10:]
        return piece


class Exchanges:
    """HTTP in memory."""

    uses_only_anyio = True

    def __init__(self, world: World) -> None:
        self._world = world

    async def exchange(self, request: HttpRequest) -> HttpReply:
        path = "/" + request.url.split("/", 3)[3]
        self._world.asked[path] += 1
        self._world.bodies.append(request.content())
        await anyio.lowlevel.checkpoint()
        await self._world.stall(path)
        reply = self._world.replies.get(path)
        if isinstance(reply, Exception):
            raise reply
        if reply is not None:
            return reply
        here = HttpRequest(request.method, path, request.query, request.headers, request.content())
        return self._world.answers(here)

    @asynccontextmanager
    async def fetch(self, url: Secret, headers: Headers, accepts: int) -> AsyncIterator[Fetched]:
        self._world.fetching += 1
        try:
            await anyio.lowlevel.checkpoint()
            yield Fetched(self._world.files.get(url.reveal()))
        finally:
            self._world.fetching -= 1

    async def aclose(self) -> None:
        self._world.closed["exchanges"] += 1


class Sockets:
    """WebSockets in memory."""

    uses_only_anyio = True

    def __init__(self, world: World) -> None:
        self._world = world

    async def run(self, order: OpenSocket, outbox: Outbox, deliver: Callable[[SocketInput], None]) -> None:
        world = self._world
        world.open += 1
        try:
            await anyio.lowlevel.checkpoint()
            await world.stall("socket")
            world.socket, world.socket_name = deliver, order.socket
            world.opened += 1
            deliver(SocketOpened(order.socket))
            if "offer" not in world.silent:
                deliver(SocketText(order.socket, signaling.encode(signaling.Offer(describe("streamer")))))
            while isinstance(item := await outbox.take(), SendText):
                self._take(item.text)
            assert isinstance(item, CloseSocket)
            deliver(SocketClosed(order.socket, item.code, item.reason))
        finally:
            world.open -= 1

    def _take(self, text: str) -> None:
        message = signaling.decode(text)
        if isinstance(message, signaling.InteractiveStreamStart):
            self._world.hears(text)
        elif not isinstance(message, signaling.KeepAlive):
            self._world.received.append(type(message).__name__)


class Engine:
    """Media in memory: connected as soon as it answers."""

    uses_only_anyio = True

    def __init__(self, world: World) -> None:
        self._world = world
        self._fanouts: dict[PeerId, FrameFanout] = {}
        self.fanout = FrameFanout()
        self.peer: PeerId | None = None

    async def start(self, deliver: Callable[[MediaInput], None]) -> None:
        await anyio.lowlevel.checkpoint()
        if "media" in self._world.silent:
            raise RuntimeError("no media here")
        self._deliver = deliver
        self._ring = call_soon()

    def order(self, order: MediaOutput) -> None:
        match order:
            case MakePeer(peer):
                self.peer = peer
                self.fanout = self._fanouts[peer] = FrameFanout()
            case MakeAnswer(peer):
                self._deliver(LocalDescription(peer, SdpKind.ANSWER, describe("client")))
                if "peer" not in self._world.silent:
                    self._up(peer)
            case ChannelSend(_, _, text):
                self._world.hears(text)
            case DropPeer(peer):
                self._world.received.append("DropPeer")
                self._fanouts.pop(peer).end()
            case SetRemote() | _:
                pass

    def say(self, message: stream.StreamMessage) -> None:
        assert self.peer is not None
        self._deliver(ChannelText(self.peer, "streamerToClient", stream.encode(message)))

    def move(self, state: PeerState) -> None:
        assert self.peer is not None
        self._deliver(PeerStateChanged(self.peer, state))

    def frames(self, peer: PeerId, policy: Policy) -> FrameStream:
        return self._fanouts[peer].open(policy, self._ring)

    async def aclose(self) -> None:
        self._world.closed["media"] += 1
        for fanout in self._fanouts.values():
            fanout.end()

    def _up(self, peer: PeerId) -> None:
        self._deliver(PeerStateChanged(peer, PeerState.CONNECTED))
        self._deliver(TrackUp(peer, MediaKind.VIDEO))
        for label in ("clientToStreamer", "streamerToClient"):
            self._deliver(ChannelUp(peer, label, 65536))


def broken(how: TransportErrorKind = TransportErrorKind.REFUSED) -> ExchangeError:
    """Returns what an exchange raises that gets no reply."""
    return ExchangeError(TransportError(how))
