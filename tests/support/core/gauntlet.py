"""A client to whom anything may happen, and a world that remembers what it owes it."""

from typing import Any

from hypothesis import strategies as st

from odyssey_proto.client.client import Client
from odyssey_proto.kernel.errors import LocalProtocolError
from odyssey_proto.kernel.machine import Deadline, Instant, after, seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages import signaling, stream
from odyssey_proto.messages.stream import FROM_STREAMER, TO_STREAMER
from odyssey_proto.messages.token import sign
from odyssey_proto.model.config import Timeouts
from odyssey_proto.model.credentials import ClientCredentials
from odyssey_proto.model.events import Connected, Disconnected
from odyssey_proto.seam import inputs as i
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.commands import (
    Abandon,
    Call,
    Command,
    CommandId,
    Connect,
    ConnectWith,
    Disconnect,
    EndStream,
    Interact,
    MintCredentials,
    StartStream,
)
from odyssey_proto.seam.http import HttpReply, json_reply
from odyssey_proto.seam.inputs import PeerState, SdpKind, TransportError, TransportErrorKind, Wake
from odyssey_proto.seam.settings import Settings
from odyssey_proto.testing.peers import describe

JWT = sign({"session_id": "s1"}, b"key")
SDP = describe("test")
SETTINGS = Settings(
    api_url="https://api.example", api_key=Secret("ody_laws"), timeouts=Timeouts(), seed=b"laws"
)

COMMANDS: list[Any] = [
    Connect(),
    Connect(),
    ConnectWith(ClientCredentials("wss://sig.example", JWT)),
    MintCredentials(),
    StartStream("A cat"),
    StartStream("A cat", image="data:image/png;base64,AAAA"),
    Interact("Pet the cat"),
    Interact("Feed it"),
    EndStream(),
    Call("recordings.get", "stream-1"),
    Disconnect(),
]

STREAM_COMMANDS = COMMANDS[4:9]

REPLIES: list[HttpReply] = [
    json_reply({"access_token": "t1", "expires_in": 3600}),
    json_reply({"regions": [{"id": "r1", "ping_url": "https://r1.example/"}]}),
    json_reply(
        {"session_id": "s1", "signalling_url": "wss://sig.example", "capabilities": {"image_to_video": True}}
    ),
    json_reply({"session_token": JWT, "expires_in": 600}),
    json_reply({"iceServers": []}),
    json_reply({"detail": "no"}, 401),
    json_reply({"detail": "busy"}, 503),
    HttpReply(429, (("retry-after", "2"),), b"slow down"),
    HttpReply(200, (), b"not json"),
    HttpReply(500),
]

HAPPY = {
    "/auth/token": REPLIES[0],
    "/regions": REPLIES[1],
    "/sessions/request": REPLIES[2],
    "/sessions/token": REPLIES[3],
    "/config": REPLIES[4],
}

SIGNALS = [
    signaling.encode(signaling.Offer(SDP)),
    signaling.encode(signaling.SignalingError("streamer_disconnected")),
    signaling.encode(signaling.IceCandidate("candidate:1 1 udp 1 127.0.0.1 9 typ host", "0", 0)),
    '{"type": "news"}',
    "[]",
    "{",
]

STREAM_TEXTS = [
    stream.encode(stream.StreamStarted("stream-1", "A fine cat")),
    stream.encode(stream.UpdateAcknowledged("A petted cat")),
    stream.encode(stream.StreamEnded()),
    stream.encode(stream.InteractiveStreamError("session_timeout", "over")),
    stream.encode(stream.BroadcastReady("https://w.example/live/1", Secret("spec"), None)),
    stream.encode(stream.BroadcastReady(None, None, None)),
    '{"type": "news"}',
    "{",
]


GOODBYE = signaling.encode(signaling.ClientDisconnecting())

READY = 9
"""So many things have to go well until a session is ready."""


actions = st.one_of(
    st.tuples(st.just("command"), st.sampled_from(COMMANDS)),
    st.tuples(st.just("command"), st.sampled_from(STREAM_COMMANDS)),
    st.tuples(st.just("happy"), st.integers(0, 3)),
    st.tuples(st.just("happy"), st.integers(0, 3)),
    st.tuples(st.just("happy"), st.integers(0, 3)),
    st.tuples(st.just("reply"), st.integers(0, 3), st.sampled_from(REPLIES)),
    st.tuples(st.just("break"), st.integers(0, 3), st.sampled_from(TransportErrorKind)),
    st.tuples(st.just("signal"), st.sampled_from(SIGNALS)),
    st.tuples(st.just("close"), st.sampled_from([1000, 1001, 1006, 4000])),
    st.tuples(
        st.just("media"),
        st.sampled_from(["up", "up", "text", "moved", "broke", "seen", "down"]),
        st.integers(0, 9),
    ),
    st.tuples(st.just("abandon"), st.integers(1, 6)),
    st.tuples(st.just("refuse"), st.sampled_from(REPLIES)),
    st.tuples(st.just("wait"), st.integers(0, 40_000_000)),
    st.tuples(st.just("jump"), st.integers(0, 40_000_000)),
    st.tuples(st.just("wake")),
    st.tuples(st.just("past")),
)
"""What may happen, as `perform` takes it."""


class Gauntlet:
    """A client, and a world that remembers what it owes it."""

    def __init__(self, settings: Settings = SETTINGS) -> None:
        self.settings = settings
        self.client = Client(settings)
        self.now = Instant(0)
        self.steps: list[tuple[Instant, Any, tuple[Any, ...]]] = []
        self.deadlines: list[Deadline | None] = []
        self.pending: dict[int, Any] = {}
        self.sockets: dict[int, bool] = {}
        self.peers: set[int] = set()
        self.goodbyes: set[int] = set()
        self.open: set[CommandId] = set()
        self.ended: dict[CommandId, Instant] = {}
        self.connected = 0
        self.disconnected = 0
        self._commands = 0
        self._peer_of: dict[int, int] = {}

    def step(self, inp: Any) -> list[Any]:
        try:
            outputs = self.client.step(self.now, inp)
        except LocalProtocolError:
            assert isinstance(inp, Command), "only a command can be refused"
            raise
        self.steps.append((self.now, inp, tuple(outputs)))
        deadline = self.client.deadline
        self.deadlines.append(deadline)
        assert deadline is None or deadline.at > self.now, "no busy loop"
        dropped: set[int] = set()
        for output in outputs:
            match output:
                case o.MakePeer(peer):
                    # Made for the socket that brought its offer.
                    self._peer_of[inp.socket] = peer
                case o.DropPeer(peer):
                    dropped.add(peer)
                case o.SendText(socket, text) if text == GOODBYE:
                    assert self._peer_of.get(socket) not in dropped, "goodbye first"
                    self.goodbyes.add(socket)
            self._note(output)
        return outputs

    def command(self, what: Any) -> None:
        self._commands += 1
        name = CommandId(self._commands)
        before = (self.client.deadline, repr(self.client), self.client.status)
        try:
            self.open.add(name)
            self.step(Command(name, what))
        except LocalProtocolError:
            self.open.discard(name)
            assert (self.client.deadline, repr(self.client), self.client.status) == before

    def _note(self, output: Any) -> None:
        match output:
            case o.Request(exchange, request):
                self.pending[exchange] = request
            case o.CancelRequest(exchange):
                self.pending.pop(exchange, None)
            case o.OpenSocket(socket):
                self.sockets[socket] = False
            case o.DropSocket(socket):
                opened = self.sockets.pop(socket, False)
                assert not opened or socket in self.goodbyes, "goodbye first"
            case o.SendText(socket):
                assert self.sockets.get(socket), "says something on a socket that is not open"
            case o.CloseSocket(socket):
                assert self.sockets.get(socket), "closes a socket that is not open"
                assert socket in self.goodbyes, "goodbye first"
            case o.MakePeer(peer):
                self.peers.add(peer)
            case o.DropPeer(peer):
                assert peer in self.peers
                self.peers.discard(peer)
            case o.Completed(command) | o.Failed(command):
                assert command in self.open, "ends once, and only what was accepted"
                self.open.discard(command)
                self.ended[command] = self.now
            case o.Happened(Connected()):
                self.connected += 1
            case o.Happened(Disconnected()):
                self.disconnected += 1
                assert self.disconnected <= self.connected

    def finish(self) -> None:
        """
        Leaves, and lets time pass until nothing waits: every command must have ended by then.

        Whatever comes after that, comes too late for anything.
        """
        self.command(Disconnect())
        left, leaving = self.now, CommandId(self._commands)
        for _ in range(200):
            deadline = self.client.deadline
            if deadline is None:
                break
            self.now = Instant(max(self.now, deadline.at))
            self.step(Wake())
        assert self.client.deadline is None, "at rest nothing waits"
        assert not self.open, "every accepted command ends"
        assert not self.pending
        assert not self.sockets
        assert not self.peers
        assert self.connected == self.disconnected, "every connection that was established is over once"
        patience = seconds(self.settings.timeouts.leave)
        assert self.ended[leaving] <= after(left, patience), "leaving is bounded in time"
        for late in (Wake(), *self._latecomers()):
            assert self.step(late) == [], "silence"
            assert self.client.deadline is None

    def _latecomers(self) -> list[Any]:
        """Returns what may still come for everything that there ever was."""
        late: list[Any] = []
        for output in [output for _, _, outputs in self.steps for output in outputs]:
            match output:
                case o.Request(exchange):
                    late += [
                        i.Replied(exchange, REPLIES[2]),
                        i.ExchangeFailed(exchange, TransportError(TransportErrorKind.CLOSED)),
                    ]
                case o.OpenSocket(socket):
                    late += [i.SocketOpened(socket), i.SocketText(socket, SIGNALS[0])]
                    late += [i.SocketRefused(socket, HttpReply(503)), i.SocketClosed(socket, 1006)]
                case o.MakePeer(peer):
                    late += [media(peer, what, 2) for what in ("described", "up", "text", "moved", "broke")]
                    late += [media(peer, what, 1) for what in ("moved", "seen", "down")]
        return late


def perform(world: Gauntlet, action: tuple[Any, ...]) -> None:
    """Carries out one action, where it is possible."""
    match action:
        case ("command", what):
            world.command(what)
        case ("happy", index):
            advance(world, index)
        case ("reply", index, reply):
            exchange = picked(world.pending, index)
            if exchange is not None:
                del world.pending[exchange]
                world.step(i.Replied(exchange, reply))
        case ("break", index, how):
            exchange = picked(world.pending, index)
            if exchange is not None:
                del world.pending[exchange]
                world.step(i.ExchangeFailed(exchange, TransportError(how)))
        case ("signal", text):
            for socket in [name for name, opened in world.sockets.items() if opened][:1]:
                world.step(i.SocketText(i.SocketId(socket), text))
        case ("close", code):
            for socket in list(world.sockets)[:1]:
                del world.sockets[socket]
                why = TransportError(TransportErrorKind.CLOSED) if code == 1006 else None
                world.step(i.SocketClosed(i.SocketId(socket), code, "bye", why))
        case ("refuse", reply):
            for socket in [name for name, opened in world.sockets.items() if not opened][:1]:
                del world.sockets[socket]
                world.step(i.SocketRefused(i.SocketId(socket), reply))
        case ("media", what, index):
            for peer in list(world.peers)[:1]:
                world.step(media(i.PeerId(peer), what, index))
        case ("abandon", number):
            world.command(Abandon(CommandId(number)))
        case ("wait", span):
            target = Instant(world.now + span)
            while (deadline := world.client.deadline) is not None and deadline.at <= target:
                world.now = Instant(max(world.now, deadline.at))
                world.step(Wake())
            world.now = target
        case ("jump", span):
            # Nobody wakes the client, so the next input meets timers that are overdue.
            world.now = Instant(world.now + span)
        case ("wake",):
            before = world.client.deadline
            if before is None or before.at > world.now:
                assert world.step(Wake()) == [], "an extra wake changes nothing"
                assert world.client.deadline == before
        case ("past",):
            now, world.now = world.now, Instant(0)
            outputs = world.client.step(Instant(0), Wake())
            world.now = now
            assert outputs == [], "the past counts as the present"


def picked(pending: dict[int, Any], index: int) -> Any:
    names = list(pending)
    return names[index % len(names)] if names else None


def advance(world: Gauntlet, index: int) -> None:
    """Lets the next thing go well."""
    exchange = picked(world.pending, index)
    if exchange is not None:
        request = world.pending.pop(exchange)
        path = "/" + request.url.split("://", 1)[1].partition("/")[2]
        world.step(i.Replied(exchange, HAPPY.get(path, HttpReply(200))))
        return
    for socket, opened in world.sockets.items():
        if not opened:
            world.sockets[socket] = True
            world.step(i.SocketOpened(i.SocketId(socket)))
            return
        if not world.peers:
            world.step(i.SocketText(i.SocketId(socket), SIGNALS[0]))
            return
    for peer in list(world.peers):
        world.step(media(i.PeerId(peer), "described", 0))
        for index in range(4):
            if peer in world.peers:
                world.step(media(i.PeerId(peer), "up", index))


def begun(depth: int, settings: Settings = SETTINGS) -> Gauntlet:
    """Returns a world that went well so far: `READY` steps lead to a session, one more to a stream."""
    world = Gauntlet(settings)
    if depth:
        world.command(Connect())
    for _ in range(min(depth, READY)):
        advance(world, 0)
    if depth > READY:
        assert world.client.status == "connected"
        world.command(StartStream("A cat"))
        world.step(media(i.PeerId(1), "text", 0))
    return world


def media(peer: i.PeerId, what: str, index: int) -> Any:
    match what:
        case "described":
            return i.LocalDescription(peer, SdpKind.ANSWER, SDP)
        case "up":
            return [
                i.PeerStateChanged(peer, PeerState.CONNECTED),
                i.TrackUp(peer, i.MediaKind.VIDEO),
                i.ChannelUp(peer, TO_STREAMER, 200),
                i.ChannelUp(peer, FROM_STREAMER, 200),
                i.TrackUp(peer, i.MediaKind.AUDIO),
            ][index % 5]
        case "text":
            return i.ChannelText(peer, FROM_STREAMER, STREAM_TEXTS[index % len(STREAM_TEXTS)])
        case "moved":
            return i.PeerStateChanged(peer, list(PeerState)[index % len(PeerState)])
        case "broke":
            return i.PeerFailed(
                peer, TransportError(list(TransportErrorKind)[index % len(TransportErrorKind)])
            )
        case "seen":
            return i.MediaSeen(peer, index)
        case _:
            return [
                i.ChannelDown(peer, TO_STREAMER),
                i.TrackDown(peer, i.MediaKind.VIDEO),
                i.ChannelDown(peer, "other"),
                i.TrackDown(peer, i.MediaKind.AUDIO),
            ][index % 4]
