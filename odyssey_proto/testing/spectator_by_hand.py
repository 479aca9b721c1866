"""A spectator whose whole outside is the test: the media server's replies, and what the engine reports."""

from collections.abc import Iterator
from enum import Enum, unique
from typing import Any

from odyssey_proto.client.spectator import Spectator, SpectatorState
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages.whep import WHEP_OFFER, WhepAnswer
from odyssey_proto.seam.http import HttpReply, json_reply
from odyssey_proto.seam.inputs import (
    LocalDescription,
    MediaInput,
    MediaKind,
    MediaSeen,
    PeerFailed,
    PeerId,
    PeerState,
    PeerStateChanged,
    Replied,
    SdpKind,
    TrackDown,
    TrackUp,
    TransportError,
    TransportErrorKind,
)
from odyssey_proto.seam.outputs import DropPeer, Request
from odyssey_proto.seam.settings import SpectatorSettings
from odyssey_proto.testing.fake_media import describe
from odyssey_proto.testing.hand_driven import HandDriven

PEER = PeerId(1)
SDP = describe("media server")
SETTINGS = SpectatorSettings(webrtc_url="https://media.example/live/s", token=Secret("to/ken"))
CONFIG_REPLY = json_reply({"iceServers": [{"urls": "stun:stun.example"}]})
ANSWER_REPLY = WHEP_OFFER.encode_reply(WhepAnswer(SDP, "/live/s/whep/r1"))

OFFERED = LocalDescription(PEER, SdpKind.OFFER, SDP)
"""The engine has made the offer."""
CONNECTED: tuple[MediaInput, ...] = (
    PeerStateChanged(PEER, PeerState.CONNECTING),
    TrackUp(PEER, MediaKind.VIDEO),
    PeerStateChanged(PEER, PeerState.CONNECTED),
)
"""What the engine reports of a peer that connects."""


class SpectatorByHand(HandDriven):
    """A spectator, and what a test says to it in place of the media server and the media engine."""

    def __init__(self, settings: SpectatorSettings = SETTINGS) -> None:
        self.spectator: Spectator = Spectator(settings)
        super().__init__(self.spectator, settings)

    def step(self, inp: Any) -> list[Any]:
        """Hands the spectator an input, now; it asks for one thing at a time, and says goodbye first."""
        outputs = super().step(inp)
        assert len(self.requests) <= 1, "one thing at a time"
        assert len(self.peers) <= 1
        kinds = [type(output) for output in outputs]
        if Request in kinds and DropPeer in kinds:
            assert kinds.index(Request) < kinds.index(DropPeer), "goodbye first"
        return outputs

    def goes_well(self, choice: int = 0) -> None:
        """Lets the next thing go well: a reply comes, the engine makes the offer, or media connects."""
        if self.requests:
            replies = {"GET": CONFIG_REPLY, "POST": ANSWER_REPLY, "DELETE": HttpReply(200)}
            self.reply(replies[self.request.method])
        elif self.peers:
            offered = any(output.request.method == "POST" for output in self.outputs(Request))
            self.media(*(CONNECTED if offered else (OFFERED,)))

    def late_inputs(self) -> Iterator[Any]:
        """Gives what may still come for everything that there ever was."""
        for request in self.outputs(Request):
            yield Replied(request.exchange, ANSWER_REPLY)
        yield from (OFFERED, *CONNECTED)
        yield from (PeerStateChanged(PEER, state) for state in PeerState)
        yield from (MediaSeen(PEER, 7), TrackDown(PEER, MediaKind.VIDEO))
        yield from (PeerFailed(PEER, TransportError(TransportErrorKind.CLOSED)),)


@unique
class SpectatorSituation(Enum):
    """How far a spectator has come, in order."""

    IDLE = "idle"
    CONFIGURING = "configuring"
    """It asks for ICE servers."""
    OFFERING = "offering"
    """Its engine makes the offer."""
    POSTING = "posting"
    """The offer is on its way."""
    CONNECTING = "connecting"
    """The answer has come."""
    WATCHING = "watching"


def spectator_reached(situation: SpectatorSituation) -> SpectatorByHand:
    """Returns a spectator for whom everything went well as far as this."""
    world = SpectatorByHand()
    before = list(SpectatorSituation).index(situation)
    if before:
        world.connect()
    for _ in range(before - 1):
        world.goes_well()
    watching = situation is SpectatorSituation.WATCHING
    assert (world.spectator.state is SpectatorState.WATCHING) == watching
    return world
