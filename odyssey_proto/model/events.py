"""Everything that happens on a connection: one closed union, made to be matched."""

import dataclasses
from dataclasses import dataclass
from enum import Enum, StrEnum, unique

from attrs import field, frozen

from odyssey_proto.kernel.failures import WORDING, Failure
from odyssey_proto.kernel.introspection import Value
from odyssey_proto.kernel.secret import SECRET, MaskedRepr, sized
from odyssey_proto.model.quality import LimitingFactor


@unique
class ConnectionStatus(StrEnum):
    """Where a connection stands (docs/protocol.md#status-and-callbacks)."""

    AUTHENTICATING = "authenticating"
    """The API key is exchanged for an access token."""
    CONNECTING = "connecting"
    """A session is reserved and brought up."""
    RECONNECTING = "reconnecting"
    """Nothing comes from the streamer, or a lost session is replaced."""
    CONNECTED = "connected"
    """Streams may start."""
    DISCONNECTED = "disconnected"
    """There is no connection: not yet, or not any more."""
    FAILED = "failed"
    """The connection could not be made, or ended with an error."""


@frozen
class StatusChanged(Value):
    """The connection's status was announced; `message` may say more."""

    status: ConnectionStatus
    """Where the connection stands now."""
    message: str | None = field(default=None, metadata=WORDING)
    """Why, in words that may change; `None` if there is nothing to say."""


@frozen
class Connected(Value):
    """Media and both data channels are up: streams may start."""

    session_id: str
    """The service's name for the session."""


@frozen
class Disconnected(Value):
    """An established connection is over; exactly once for each `Connected`."""

    failure: Failure | None = None
    """Why, if it was not our own wish."""


@frozen
class StreamStarted(Value):
    """A stream runs; `applied_prompt` is the prompt as the service expanded it, if it said so."""

    stream_id: str
    """The service's name for the stream, also that of its recording."""
    applied_prompt: str | None = field(default=None, repr=sized)
    """The prompt as the service worded it; `None` if it did not say."""


@frozen
class InteractAcknowledged(Value):
    """The service applied a prompt."""

    prompt: str = field(repr=sized)
    """The prompt as the service worded it."""


@frozen
class StreamEnded(Value):
    """The stream ended, by our wish or by itself."""


@frozen
class StreamFailed(Value):
    """
    The streamer reported an error (docs/protocol.md#stream-errors).

    The error itself does not say what it is about; `ends` and `answered` say what is known about that.
    """

    reason: str
    """The service's code, such as `moderation_failed`."""
    message: str = field(metadata=WORDING)
    """What the service says about it, in its own words."""
    failure: Failure
    """What the calls that were waiting have raised."""
    ends: bool | None = None
    """
    Whether it ended the stream.

    `True`: the stream was starting or ending, or a limit of the account ended it.
    `False`: it answered a prompt, or concerns the broadcast only.
    `None`: it came by itself while the stream ran, and the streamer did not say more.
    """
    answered: bool = False
    """Whether a call was waiting and has raised it; otherwise this event is all there is."""


@dataclass(frozen=True, slots=True, repr=False)
class BroadcastInfo(MaskedRepr, Value):
    """What a spectator needs (docs/protocol.md#messages-of-the-streamer): the WHEP address and its token."""

    hls_url: str | None
    """The HLS playlist, if the service offers one."""
    webrtc_url: str
    """The address of WHEP, for `connect_to_stream`."""
    spectator_token: str = dataclasses.field(metadata=SECRET)
    """The token for it; a secret, which opens this one broadcast."""


@frozen
class BroadcastReady(Value):
    """Spectators can watch now."""

    info: BroadcastInfo
    """What to hand to spectators."""


@unique
class StallReason(Enum):
    """Why there is no new picture."""

    NO_FRAMES = "no_frames"
    """None comes."""
    NOT_DECODED = "not_decoded"
    """Frames come, but none can be decoded: a keyframe is missing, or they are broken."""


@frozen
class FramesStalled(Value):
    """A stream runs, but there has been no new picture for some seconds; `received` came before."""

    received: int
    """How many frames of the session had come."""
    reason: StallReason = StallReason.NO_FRAMES
    """Whether none comes, or none can be decoded."""


@frozen
class FramesResumed(Value):
    """Frames come again after a stall."""

    received: int
    """How many frames of the session have come."""


@frozen
class QualityChanged(Value):
    """
    What limits the video of a stream is another thing than before, and has been for two seconds.

    If two causes alternate, such as loss and jitter, the more frequent one is named.
    At the end of a stream it is nothing again.
    It is judged while frames come: where none do, `FramesStalled` says so, and only the statistics name the
    link or the streamer.
    """

    limiting_factor: LimitingFactor | None
    """What it is now; `None`: nothing."""


@unique
class DurationLimit(Enum):
    """What a limit of time ends (docs/protocol.md#limits)."""

    STREAM = "stream"
    """The stream."""
    CONNECTION = "connection"
    """The connection, and with it the stream."""


@frozen
class LimitApproaching(Value):
    """The service will soon end the stream or the connection because of its length; once for each."""

    limit: DurationLimit
    """What will be ended."""
    remaining: float
    """In seconds, as far as the limit is known: see `Limits`."""


@frozen
class Reconnecting(Value):
    """
    The session of a connection was lost, or could not be replaced, and (again) a new one is tried for.

    It happens at each attempt, under `ConnectionStatus.RECONNECTING`; `Restored` or `Disconnected` follows.
    """

    cause: Failure
    """The loss, or why the attempt before failed."""
    attempt: int
    """Which attempt since the loss it is, from 1."""
    delay: float
    """The pause before it, in seconds; the lost session is left meanwhile."""


@frozen
class Restored(Value):
    """
    A new session has taken the place of one that was lost, and if a stream ran, a new one shows.

    That stream began anew, with the last prompt, the orientation, the image and the broadcast of the one
    before: what it showed goes on from the prompt, not from the last picture, and spectators of a broadcast
    have to come to its new address (`BroadcastReady`).
    """

    session_id: str
    """The service's name for the new session."""
    stream_id: str | None
    """`None`: there is no stream, because none ran, or the policy says so, or it was refused."""
    attempts: int
    """How many attempts it took."""
    seconds: float
    """How long there was no picture, from the last report of frames to the next; else no session."""
    lost_prompts: tuple[str, ...] = field(default=(), repr=lambda prompts: f"<{len(prompts)} prompts>")
    """What calls of `interact` were to say that have failed: it may have shown, and does not any more."""


@frozen
class Renewed(Value):
    """A new session has taken the place of one that was near a limit of time, with no picture missed."""

    session_id: str
    """The service's name for the new session."""
    stream_id: str | None
    """The new stream; `None` if none runs."""


@frozen
class ErrorHappened(Value):
    """The connection met an error; after a fatal one it is over."""

    failure: Failure
    """What went wrong, as a value."""
    fatal: bool
    """Whether the connection is over because of it."""


type Event = (
    StatusChanged
    | Connected
    | Disconnected
    | StreamStarted
    | InteractAcknowledged
    | StreamEnded
    | StreamFailed
    | BroadcastReady
    | FramesStalled
    | FramesResumed
    | QualityChanged
    | LimitApproaching
    | Reconnecting
    | Restored
    | Renewed
    | ErrorHappened
)
"""Everything that may happen on a connection; closed, so that a `match` over it can be complete."""
