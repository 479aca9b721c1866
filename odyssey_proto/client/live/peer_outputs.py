"""What a peer reports to the session or the spectator that owns it, and what it has the driver do."""

from enum import Enum, unique

from attrs import field, frozen

from odyssey_proto.kernel.failures import Failure
from odyssey_proto.kernel.secret import sized
from odyssey_proto.model.quality import LimitingFactor
from odyssey_proto.seam.outputs import (
    AddCandidate,
    DropPeer,
    Happened,
    MakeAnswer,
    MakeOffer,
    MakePeer,
    SetRemote,
)


@unique
class NegotiationState(Enum):
    """How far two peers have come with each other."""

    NEW = "new"
    """There is no peer connection yet."""
    DESCRIBING = "describing"
    """The engine makes our description."""
    OFFERED = "offered"
    """Our offer is made; its answer is not there."""
    CONNECTING = "connecting"
    """Both descriptions are there."""
    READY = "ready"
    LOST = "lost"


@frozen
class DescriptionReady:
    """Our description, offer or answer as the role has it, can be sent to the other side."""

    sdp: str = field(repr=sized)


@frozen
class PeerReady:
    """Connected, with a video track and all channels of the role."""


@frozen
class StreamerText:
    """A message of the streamer arrived on its data channel."""

    text: str = field(repr=sized)


@frozen
class FramesCounted:
    """So many video frames have arrived since the peer was made: decoded, and not."""

    received: int
    undecoded: int
    limited_by: LimitingFactor | None


@frozen
class RelaysFailed:
    """There are TURN servers, and none of them gave a relay; `reasons` has each with its reason."""

    reasons: str


@frozen
class PeerInterrupted:
    """Nothing comes from the other side; the peer is lost if that lasts."""


@frozen
class PeerRestored:
    """Something comes again."""


@unique
class Loss(Enum):
    """How a peer was lost."""

    CLOSED = "closed"
    """The other side closed the connection, its video or a channel, perhaps on purpose."""
    FAILED = "failed"
    """The connection failed; the other side may be gone."""
    BROKEN = "broken"
    """It never came to a connection, or did not recover, or our own engine failed."""


@frozen
class PeerLost:
    """The peer is of no more use."""

    failure: Failure
    loss: Loss


type PeerOutput = (
    MakePeer
    | SetRemote
    | MakeAnswer
    | MakeOffer
    | AddCandidate
    | DropPeer
    | DescriptionReady
    | PeerReady
    | StreamerText
    | FramesCounted
    | RelaysFailed
    | PeerInterrupted
    | PeerRestored
    | Happened
    | PeerLost
)
