"""A spectator, and a world that remembers what it owes it."""

from enum import Enum, unique
from typing import Any

from odyssey_proto.client.spectator import Spectator, SpectatorState
from odyssey_proto.kernel.errors import LocalProtocolError
from odyssey_proto.kernel.failures import Failure
from odyssey_proto.kernel.machine import Deadline, Instant
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages.whep import WHEP_OFFER, WhepAnswer
from odyssey_proto.model import events as e
from odyssey_proto.seam import inputs as i
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.commands import Command, CommandId, Connect, Disconnect
from odyssey_proto.seam.http import HttpReply, json_reply
from odyssey_proto.seam.inputs import MediaKind, PeerState, SdpKind, TransportError, TransportErrorKind, Wake
from odyssey_proto.seam.settings import SpectatorSettings
from odyssey_proto.testing.peers import describe

PEER = i.PeerId(1)
SDP = describe("media server")
SETTINGS = SpectatorSettings(webrtc_url="https://media.example/live/s", token=Secret("to/ken"))
ANSWER = WHEP_OFFER.encode_reply(WhepAnswer(SDP, "/live/s/whep/r1"))
CONFIG = json_reply({"iceServers": [{"urls": "stun:stun.example"}]})


class World:
    """A spectator, and what it owes."""

    def __init__(self) -> None:
        self.spectator = Spectator(SETTINGS)
        self.now = Instant(0)
        self.steps: list[tuple[Instant, Any, tuple[Any, ...]]] = []
        self.deadlines: list[Deadline | None] = []
        self.told: list[Any] = []
        self.ended: dict[int, Any] = {}
        self.asked: dict[int, Any] = {}
        self.peers = 0
        self.names = iter(range(1, 1000))
        self.commands: set[int] = set()

    def step(self, inp: Any) -> list[Any]:
        outputs = list(self.spectator.step(self.now, inp))
        self.steps.append((self.now, inp, tuple(outputs)))
        deadline = self.spectator.deadline
        self.deadlines.append(deadline)
        assert deadline is None or deadline.at > self.now, "no busy loop"
        kinds = [type(output) for output in outputs]
        if o.Request in kinds and o.DropPeer in kinds:
            assert kinds.index(o.Request) < kinds.index(o.DropPeer), "goodbye first"
        for output in outputs:
            self._note(output)
        return outputs

    def says(self, what: Any) -> int:
        name = next(self.names)
        self.step(Command(CommandId(name), what))
        self.commands.add(name)
        return name

    def perform(self, action: Any) -> None:
        """Carries out one action, where it is possible: a reply, a break, a time, a command or a notice."""
        match action:
            case HttpReply() if self.asked:
                self.replies(action)
            case "break" if self.asked:
                self.breaks()
            case ("jump", span):
                # Nobody wakes the spectator, so the next input meets timers that are overdue.
                self.now = Instant(self.now + span)
            case float():
                self.wait(action)
            case Connect() | Disconnect():
                try:
                    self.says(action)
                except LocalProtocolError as error:
                    assert isinstance(error.failure, Failure)  # noqa: PT017  # a refusal says why
            case HttpReply() | str():
                pass
            case _:
                self.step(action)

    def replies(self, reply: HttpReply) -> list[Any]:
        (exchange,) = self.asked
        self.asked.pop(exchange)
        return self.step(i.Replied(exchange, reply))  # type: ignore[arg-type]  # the name it gave

    def breaks(self) -> list[Any]:
        (exchange,) = self.asked
        self.asked.pop(exchange)
        return self.step(i.ExchangeFailed(exchange, TransportError(TransportErrorKind.REFUSED)))  # type: ignore[arg-type]  # as above

    def wait(self, span: float) -> list[Any]:
        ends = Instant(self.now + round(span * 1_000_000))
        outputs: list[Any] = []
        while (deadline := self.spectator.deadline) is not None and deadline.at <= ends:
            self.now = deadline.at
            outputs += self.step(Wake())
        self.now = ends
        return outputs

    def finish(self) -> None:
        """Leaves; nothing may be left then, every command has its end, and what comes late is nothing."""
        self.says(Disconnect())
        while self.asked:
            self.breaks()
        self.wait(100)
        assert self.spectator.deadline is None
        assert self.peers == 0
        assert self.commands <= self.ended.keys()
        connected = [event for event in self.told if isinstance(event, e.Connected)]
        assert len(connected) == len([event for event in self.told if isinstance(event, e.Disconnected)])
        for late in self._latecomers():
            assert self.step(late) == [], "silence"

    def _latecomers(self) -> list[Any]:
        """Returns what may still come for everything that there ever was."""
        asked = [out.exchange for _, _, outs in self.steps for out in outs if isinstance(out, o.Request)]
        return [
            *(i.Replied(exchange, ANSWER) for exchange in asked),
            i.LocalDescription(PEER, SdpKind.OFFER, SDP),
            i.TrackUp(PEER, MediaKind.VIDEO),
            *(i.PeerStateChanged(PEER, state) for state in PeerState),
            i.MediaSeen(PEER, 7),
            i.TrackDown(PEER, MediaKind.VIDEO),
            i.PeerFailed(PEER, TransportError(TransportErrorKind.CLOSED)),
            Wake(),
        ]

    def _note(self, output: Any) -> None:
        match output:
            case o.Happened(event):
                self.told.append(event)
            case o.Completed(command, result):
                assert command not in self.ended
                self.ended[command] = result
            case o.Failed(command, failure):
                assert command not in self.ended
                self.ended[command] = failure
            case o.Request(exchange, request):
                assert not self.asked, "one thing at a time"
                self.asked[exchange] = request
            case o.CancelRequest(exchange):
                del self.asked[exchange]
            case o.MakePeer():
                self.peers += 1
            case o.DropPeer():
                self.peers -= 1
                assert self.peers == 0
            case _:
                assert self.peers == 1, "an order for a peer that is not there"


@unique
class Step(Enum):
    """How far a spectator has come, named after what happens next."""

    CONFIG = "config"
    OFFERING = "offering"
    POSTING = "posting"
    CONNECTING = "connecting"
    WATCHING = "watching"


def reached(step: Step) -> World:
    """Returns a world in which everything went well as far as this step."""
    world = World()
    acts = {
        Step.CONFIG: lambda: world.says(Connect()),
        Step.OFFERING: lambda: world.replies(CONFIG),
        Step.POSTING: lambda: world.step(i.LocalDescription(PEER, SdpKind.OFFER, SDP)),
        Step.CONNECTING: lambda: world.replies(ANSWER),
        Step.WATCHING: lambda: shown(world),
    }
    for each, act in acts.items():
        act()
        if each is step:
            break
    assert (world.spectator.state is SpectatorState.WATCHING) == (step is Step.WATCHING)
    return world


def shown(world: World) -> list[Any]:
    world.step(i.PeerStateChanged(PEER, PeerState.CONNECTING))
    world.step(i.TrackUp(PEER, MediaKind.VIDEO))
    return world.step(i.PeerStateChanged(PEER, PeerState.CONNECTED))
