"""Everything that happens on a connection: one closed union, made to be matched."""

from enum import Enum, unique

from attrs import frozen

from odyssey_proto.kernel.failures import Failure
from odyssey_proto.model.broadcast import BroadcastInfo
from odyssey_proto.model.status import ConnectionStatus


@frozen
class StatusChanged:
    """The connection's status was announced; `message` may say more."""

    status: ConnectionStatus
    message: str | None = None


@frozen
class Connected:
    """Media and both data channels are up: streams may start."""

    session_id: str


@frozen
class Disconnected:
    """An established connection is over; exactly once for each `Connected`."""

    failure: Failure | None = None
    """Why, if it was not our own wish."""


@frozen
class StreamStarted:
    """A stream runs; `applied_prompt` is the prompt as the service expanded it, if it said so."""

    stream_id: str
    applied_prompt: str | None = None


@frozen
class InteractAcknowledged:
    """The service applied a prompt."""

    prompt: str


@frozen
class StreamEnded:
    """The stream ended, by our wish or by itself."""


@frozen
class StreamFailed:
    """The streamer reported an error; `failure` is what waiting calls were ended with."""

    reason: str
    message: str
    failure: Failure


@frozen
class BroadcastReady:
    """Spectators can watch now."""

    info: BroadcastInfo


@frozen
class FramesStalled:
    """A stream runs, but no frame has come for some seconds; `received` came before."""

    received: int


@frozen
class FramesResumed:
    """Frames come again after a stall."""

    received: int


@unique
class Lifetime(Enum):
    """What a limit of time ends (docs/protocol.md#limits)."""

    STREAM = "stream"
    CONNECTION = "connection"


@frozen
class LimitApproaching:
    """The service will end the stream or the connection soon, because of its length; once for each."""

    of: Lifetime
    remaining: float
    """In seconds, as far as we know the limit: see `Limits`."""


@frozen
class ErrorHappened:
    """The connection met an error; after a fatal one it is over."""

    failure: Failure
    fatal: bool


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
    | LimitApproaching
    | ErrorHappened
)
