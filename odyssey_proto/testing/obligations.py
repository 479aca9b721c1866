"""What a client or spectator owes whoever runs it: kept at every step, whatever comes."""

from typing import Any

from odyssey_proto.kernel.machine import Deadline, Instant
from odyssey_proto.messages import signaling
from odyssey_proto.model.events import (
    Connected,
    ConnectionStatus,
    Disconnected,
    Event,
    Reconnecting,
    Renewed,
    Restored,
    StatusChanged,
)
from odyssey_proto.seam.commands import Command, CommandId
from odyssey_proto.seam.http import ExchangeId, HttpRequest
from odyssey_proto.seam.inputs import (
    ExchangeFailed,
    FetchEnded,
    FetchFailed,
    FetchId,
    PeerId,
    Replied,
    SocketClosed,
    SocketId,
    SocketOpened,
    SocketRefused,
    SocketText,
)
from odyssey_proto.seam.outputs import (
    AddCandidate,
    AskKeyframe,
    CancelFetch,
    CancelRequest,
    ChannelSend,
    CloseSocket,
    Completed,
    DropPeer,
    DropSocket,
    Failed,
    Fetch,
    Happened,
    MakeAnswer,
    MakeOffer,
    MakePeer,
    OpenSocket,
    PingSocket,
    Progressed,
    Request,
    SendText,
    SetRemote,
    ShowPeer,
    StoreBody,
)

GOODBYE = signaling.encode(signaling.ClientDisconnecting())


class Obligations:
    """
    Follows the steps of one machine, and asserts what holds of each.

    It asks to be woken in the future only; orders are for what exists and is open; a command ends
    once; the goodbye comes before the peer is dropped and the socket closed; every established
    connection is over once; a session that is replaced is reported from the first attempt to the last.
    """

    def __init__(self) -> None:
        self.requests: dict[ExchangeId, HttpRequest] = {}
        """What was asked for and has no reply."""
        self.fetches: dict[FetchId, CommandId] = {}
        """Every fetch under way, and the command that it is for."""
        self.cancelled_fetches: set[FetchId] = set()
        """Fetches that were broken off; they still have an end, and may count what came until then."""
        self.sockets: dict[SocketId, bool] = {}
        """Every socket that is not gone, and whether it is open."""
        self.peers: set[PeerId] = set()
        self.unanswered: set[CommandId] = set()
        """Commands that have not ended."""
        self._connected = 0
        self._disconnected = 0
        self._status = ConnectionStatus.DISCONNECTED
        self._attempts = 0
        """How many attempts were reported since a session was lost."""
        self._goodbyes: set[SocketId] = set()
        self._peer_of: dict[SocketId, PeerId] = {}
        self._offered_on: SocketId | None = None

    def check(self, now: Instant, inp: Any, outputs: list[Any], deadline: Deadline | None) -> None:
        """Takes one step into account; `AssertionError` says what was owed."""
        assert deadline is None or deadline.at > now, "a deadline lies ahead"
        self._take(inp)
        dropped: set[PeerId] = set()
        for output in outputs:
            self._give(output, dropped)

    def settled(self) -> None:
        """Asserts that nothing is left once nothing waits."""
        assert not self.unanswered, "every accepted command ends"
        assert not self.requests
        assert not self.fetches
        assert not self.sockets
        assert not self.peers
        assert self._connected == self._disconnected, "every established connection is over once"
        assert not self._attempts, "every loss has an end"

    def _take(self, inp: Any) -> None:
        match inp:
            case Command():
                self.unanswered.add(inp.command)
            case Replied() | ExchangeFailed():
                self.requests.pop(inp.exchange, None)
            case FetchEnded(fetch) | FetchFailed(fetch):
                self.fetches.pop(fetch, None)
                self.cancelled_fetches.discard(fetch)
            case SocketText(socket):
                self._offered_on = socket
            case SocketOpened(socket) if socket in self.sockets:
                self.sockets[socket] = True
            case SocketRefused(socket) | SocketClosed(socket):
                self.sockets.pop(socket, None)

    def _give(self, output: Any, dropped: set[PeerId]) -> None:
        """Takes one output; `dropped` are the peers that were dropped before it in the same step."""
        match output:
            case Happened():
                self._report(output.event)
            case Request():
                self.requests[output.exchange] = output.request
            case Completed() | Failed():
                assert output.command in self.unanswered, "a command ends once, and only if it was accepted"
                self.unanswered.discard(output.command)
            case CancelRequest(exchange):
                self.requests.pop(exchange, None)
            case Fetch(fetch, command):
                assert command in self.unanswered, "a fetch for a command that has ended"
                assert command not in self.fetches.values(), "one fetch after the other"
                self.fetches[fetch] = command
            case StoreBody(fetch):
                assert fetch in self.fetches, "a body that nobody fetches"
            case CancelFetch(fetch):
                del self.fetches[fetch]
                self.cancelled_fetches.add(fetch)
            case Progressed(command):
                assert command in self.unanswered, "progress of a command that has ended"
            case OpenSocket(socket):
                self.sockets[socket] = False
            case DropSocket(socket):
                opened = self.sockets.pop(socket, False)
                assert not opened or socket in self._goodbyes, "goodbye first"
            case SendText(socket, text):
                assert self.sockets.get(socket), "a text for a socket that is not open"
                if text == GOODBYE:
                    assert self._peer_of.get(socket) not in dropped, "goodbye first"
                    self._goodbyes.add(socket)
            case PingSocket(socket):
                assert self.sockets.get(socket), "a ping for a socket that is not open"
            case CloseSocket(socket):
                assert self.sockets.get(socket), "a close of a socket that is not open"
                assert socket in self._goodbyes, "goodbye first"
            case MakePeer(peer):
                self.peers.add(peer)
                if self._offered_on is not None:
                    # Made for the socket that brought its offer, perhaps a while ago.
                    self._peer_of[self._offered_on] = peer
            case DropPeer(peer):
                assert peer in self.peers, "a peer is dropped once"
                self.peers.discard(peer)
                dropped.add(peer)
            case (
                MakeOffer(peer)
                | MakeAnswer(peer)
                | SetRemote(peer)
                | AddCandidate(peer)
                | AskKeyframe(peer)
                | ChannelSend(peer)
            ):
                assert peer in self.peers, "an order for a peer that is not there"
            case ShowPeer(peer):
                assert peer in self.peers, "a peer is shown that is not there"

    def _report(self, event: Event) -> None:
        match event:
            case StatusChanged():
                self._status = event.status
            case Connected():
                self._connected += 1
            case Disconnected():
                self._disconnected += 1
                assert self._disconnected <= self._connected, "a connection is over once"
                self._attempts = 0
            case Reconnecting(attempt=attempt):
                assert self._connected > self._disconnected, "only what was connected is connected again"
                assert self._status is ConnectionStatus.RECONNECTING
                assert attempt == self._attempts + 1, "every attempt is reported"
                self._attempts = attempt
            case Restored(attempts=attempts):
                assert 0 < attempts == self._attempts, "every loss is reported"
                assert self._status is ConnectionStatus.CONNECTED
                self._attempts = 0
            case Renewed():
                assert not self._attempts, "nothing was lost"
                assert self._status is ConnectionStatus.CONNECTED
            case _:
                pass
