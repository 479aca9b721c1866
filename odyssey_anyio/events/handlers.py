"""The ten handlers of a connection: their names, their types, and which event calls which."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Self

from odyssey_anyio.errors.mapping import error_of
from odyssey_anyio.media.audio_frame import AudioFrame
from odyssey_anyio.media.frame import VideoFrame
from odyssey_proto.model import events
from odyssey_proto.model.events import BroadcastInfo, ConnectionStatus, Event

if TYPE_CHECKING:
    from odyssey_anyio.media.delivery import Policy

type ConnectedCallback = Callable[[], object]
"""Is called when video and both data channels are up."""
type DisconnectedCallback = Callable[[], object]
"""Is called when an established connection is over."""
type VideoFrameCallback = Callable[[VideoFrame], object]
"""Is called with a picture."""
type AudioFrameCallback = Callable[[AudioFrame], object]
"""Is called with a stretch of sound."""
type StreamStartedCallback = Callable[[str], object]
"""Is called with the id of a stream that runs."""
type StreamEndedCallback = Callable[[], object]
"""Is called when the stream has ended."""
type InteractAcknowledgedCallback = Callable[[str], object]
"""Is called with a prompt as the service applied it."""
type BroadcastReadyCallback = Callable[[BroadcastInfo], object]
"""Is called with what spectators need."""
type StreamErrorCallback = Callable[[str, str], object]
"""Is called with the reason and the message of a stream's error."""
type ErrorCallback = Callable[[Exception, bool], object]
"""Is called with an error, and whether the connection is over because of it."""
type StatusChangeCallback = Callable[[ConnectionStatus, str | None], object]
"""Is called with the status, and perhaps a message."""


@dataclass
class OdysseyEventHandlers:
    """
    What to call when something happens; each may be a function or a coroutine function.

    They run one after the other, in the loop and thread of the application.
    """

    on_connected: ConnectedCallback | None = None
    """Media and data channels are up."""
    on_disconnected: DisconnectedCallback | None = None
    """An established connection is over; exactly once for each `on_connected`."""
    on_video_frame: VideoFrameCallback | None = None
    """A picture arrived; while it runs only the newest is kept, unless `frame_policy` says otherwise."""
    on_stream_started: StreamStartedCallback | None = None
    """A stream runs: its id."""
    on_stream_ended: StreamEndedCallback | None = None
    """The stream ended, by our wish or by itself."""
    on_interact_acknowledged: InteractAcknowledgedCallback | None = None
    """A prompt was applied, as the service worded it."""
    on_broadcast_ready: BroadcastReadyCallback | None = None
    """Spectators can watch now."""
    on_stream_error: StreamErrorCallback | None = None
    """The streamer reported an error: reason and message."""
    on_error: ErrorCallback | None = None
    """An error, and whether the connection is over because of it."""
    on_status_change: StatusChangeCallback | None = None
    """The status was announced, perhaps with a message."""

    def updated(self, other: Self) -> Self:
        """Returns these handlers with those that `other` names in place of the same ones here."""
        named = {each.name: getattr(other, each.name) for each in fields(other)}
        return replace(self, **{name: handler for name, handler in named.items() if handler is not None})


@dataclass
class ConnectHandlers(OdysseyEventHandlers):
    """The handlers of one connect, and which frames those of video and audio get."""

    frame_policy: "Policy | None" = None
    on_audio_frame: AudioFrameCallback | None = None
    """Sound arrived; only of a client that receives audio."""
    audio_policy: "Policy | None" = None


type HandlerCall = tuple[Callable[..., object] | None, tuple[Any, ...]]
"""A handler, if there is one, and what it is called with."""


def handler_of(event: Event, handlers: OdysseyEventHandlers) -> HandlerCall:
    """Returns the handler of an event, and its arguments."""
    match event:
        case events.StatusChanged(status, message):
            return handlers.on_status_change, (status, message)
        case events.Connected():
            return handlers.on_connected, ()
        case events.Disconnected():
            return handlers.on_disconnected, ()
        case events.StreamStarted(stream_id):
            return handlers.on_stream_started, (stream_id,)
        case events.InteractAcknowledged(prompt):
            return handlers.on_interact_acknowledged, (prompt,)
        case events.StreamEnded():
            return handlers.on_stream_ended, ()
        case events.StreamFailed(reason, message):
            return handlers.on_stream_error, (reason, message)
        case events.BroadcastReady(info):
            return handlers.on_broadcast_ready, (info,)
        case events.ErrorHappened(failure, fatal):
            return handlers.on_error, (error_of(failure), fatal)
        case events.FramesStalled() | events.FramesResumed() | events.QualityChanged():
            return None, ()
        case events.LimitApproaching() | events.Reconnecting() | events.Restored() | events.Renewed():
            return None, ()
