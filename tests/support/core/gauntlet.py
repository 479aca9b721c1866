"""A client to whom anything may happen, and a world that remembers what it owes it."""

from typing import Any

from core.material import GOODBYE, HAPPY, HEADS, READY, REPLIES, SDP, SETTINGS, SIGNALS, STREAM_TEXTS
from odyssey_proto.client.client import Client
from odyssey_proto.kernel.errors import LocalProtocolError
from odyssey_proto.kernel.machine import Deadline, Instant, after, seconds
from odyssey_proto.messages.stream import FROM_STREAMER, TO_STREAMER
from odyssey_proto.model.events import Connected, Disconnected
from odyssey_proto.seam import inputs as i
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.commands import (
    Abandon,
    Command,
    CommandId,
    Connect,
    Disconnect,
    StartStream,
)
from odyssey_proto.seam.http import HttpReply
from odyssey_proto.seam.inputs import PeerState, SdpKind, TransportError, TransportErrorKind, Wake
from odyssey_proto.seam.settings import Settings


class Gauntlet:
    """A client, and a world that remembers what it owes it."""

    def __init__(self, settings: Settings = SETTINGS) -> None:
        self.settings = settings
        self.client = Client(settings)
        self.now = Instant(0)
        self.steps: list[tuple[Instant, Any, tuple[Any, ...]]] = []
        self.deadlines: list[Deadline | None] = []
        self.pending: dict[int, Any] = {}
        self.fetches: dict[int, CommandId] = {}
        self.cancelled: dict[int, CommandId] = {}
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
            case o.Fetch(fetch, command):
                assert command in self.open, "fetches for a command that waits"
                assert command not in self.fetches.values(), "one after the other"
                self.fetches[fetch] = command
            case o.StoreBody(fetch):
                assert fetch in self.fetches
            case o.CancelFetch(fetch):
                self.cancelled[fetch] = self.fetches.pop(fetch)
            case o.Progressed(command):
                assert command in self.open, "goes on as long as it waits"
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
        assert not self.fetches
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
                case o.Fetch(fetch):
                    late += [i.FetchOpened(fetch, HEADS[0]), i.FetchedBytes(fetch, 1), i.FetchEnded(fetch)]
                    late += [i.FetchFailed(fetch, TransportError(TransportErrorKind.CLOSED))]
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
        case ("opened", index, head):
            fetch = picked(world.fetches, index)
            if fetch is not None:
                world.step(i.FetchOpened(fetch, head))
        case ("bytes", index, count):
            # What was broken off may still count what came until then.
            fetch = picked(world.fetches | world.cancelled, index)
            if fetch is not None:
                world.step(i.FetchedBytes(fetch, count))
        case ("whole", index):
            fetch = picked(world.fetches, index)
            if fetch is not None:
                del world.fetches[fetch]
                world.step(i.FetchEnded(fetch))
        case ("torn", index, how):
            fetch = picked(world.fetches | world.cancelled, index)
            if fetch is not None:
                world.fetches.pop(fetch, None)
                world.cancelled.pop(fetch, None)
                world.step(i.FetchFailed(fetch, TransportError(how)))
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
