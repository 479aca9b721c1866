"""
A client for Odyssey, the world-model service that streams live, interactive video.

Everything public is here, and nothing is loaded before it is used.
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from odyssey_anyio.api.config import ClientConfig
    from odyssey_anyio.api.live_stream import LiveStream
    from odyssey_anyio.api.pages import Pages
    from odyssey_anyio.api.recordings import RecordingFile, StreamRecording
    from odyssey_anyio.api.simulation_job import SimulationJob, SimulationProgress
    from odyssey_anyio.api.simulations import ScriptInput
    from odyssey_anyio.api.statistics import Statistics
    from odyssey_anyio.client import Odyssey
    from odyssey_anyio.downloads.download import DownloadProgress
    from odyssey_anyio.errors.classes import (
        AccountSuspendedError,
        ConcurrentLimitReachedError,
        MonthlyLimitReachedError,
        OdysseyAuthError,
        OdysseyConnectionError,
        OdysseyError,
        OdysseyRequestError,
        OdysseySimulationError,
        OdysseyStreamConnectionError,
        OdysseyStreamError,
        OdysseyStreamTimeoutError,
        OdysseyStreamUsageError,
        OdysseyStreamValueError,
        OdysseyTimeoutError,
        OdysseyTraceError,
        OdysseyUsageError,
        OdysseyValueError,
        RateLimitError,
        SimulationCancelledError,
        SimulationFailedError,
        SimulationTimeoutError,
        StreamAccountSuspendedError,
        StreamConcurrentLimitReachedError,
        StreamDurationExceededError,
        StreamMonthlyLimitReachedError,
        StreamRateLimitError,
        StreamTimeLimitError,
    )
    from odyssey_anyio.events.event_stream import EventStream
    from odyssey_anyio.events.handlers import (
        BroadcastReadyCallback,
        ConnectedCallback,
        DisconnectedCallback,
        ErrorCallback,
        InteractAcknowledgedCallback,
        OdysseyEventHandlers,
        StatusChangeCallback,
        StreamEndedCallback,
        StreamErrorCallback,
        StreamStartedCallback,
        VideoFrameCallback,
    )
    from odyssey_anyio.images import ImageInput
    from odyssey_anyio.media.delivery import Bounded, EveryNth, FrameAccount, Lossless, Newest, Policy
    from odyssey_anyio.media.frame import VideoFrame
    from odyssey_anyio.media.frame_reader import FrameReader
    from odyssey_anyio.runtime.default_transports import media_here
    from odyssey_anyio.spectator import SpectatorConnection, connect_to_stream
    from odyssey_anyio.tracing.policy import TracePolicy
    from odyssey_anyio.tracing.session_trace import SessionTrace
    from odyssey_proto.kernel.failures import Failure, FailureKind, Fault, Phase
    from odyssey_proto.kernel.usage import UsageLimit
    from odyssey_proto.model.broadcast import BroadcastInfo
    from odyssey_proto.model.capabilities import StreamerCapabilities
    from odyssey_proto.model.config import AdvancedConfig, IcePolicy, Limits, Timeouts
    from odyssey_proto.model.credentials import ClientCredentials
    from odyssey_proto.model.events import (
        BroadcastReady,
        Connected,
        Disconnected,
        DurationLimit,
        ErrorHappened,
        Event,
        FramesResumed,
        FramesStalled,
        InteractAcknowledged,
        LimitApproaching,
        StatusChanged,
        StreamEnded,
        StreamFailed,
        StreamStarted,
    )
    from odyssey_proto.model.events_file import EventLog, RecordedEvent, RecordedKind
    from odyssey_proto.model.recordings import Recording, StreamRecordingInfo, StreamRecordingsList
    from odyssey_proto.model.script import End, Interact, Start
    from odyssey_proto.model.simulations import (
        SimulationJobDetail,
        SimulationJobInfo,
        SimulationJobsList,
        SimulationJobStatus,
        SimulationStream,
    )
    from odyssey_proto.model.status import ConnectionStatus
    from odyssey_proto.trace.redaction.redactor import Redaction

__version__ = "0.1.0"

__all__ = (
    "AccountSuspendedError",
    "AdvancedConfig",
    "Bounded",
    "BroadcastInfo",
    "BroadcastReady",
    "BroadcastReadyCallback",
    "ClientConfig",
    "ClientCredentials",
    "ConcurrentLimitReachedError",
    "Connected",
    "ConnectedCallback",
    "ConnectionStatus",
    "Disconnected",
    "DisconnectedCallback",
    "DownloadProgress",
    "DurationLimit",
    "End",
    "ErrorCallback",
    "ErrorHappened",
    "Event",
    "EventLog",
    "EventStream",
    "EveryNth",
    "Failure",
    "FailureKind",
    "Fault",
    "FrameAccount",
    "FrameReader",
    "FramesResumed",
    "FramesStalled",
    "IcePolicy",
    "ImageInput",
    "Interact",
    "InteractAcknowledged",
    "InteractAcknowledgedCallback",
    "LimitApproaching",
    "Limits",
    "LiveStream",
    "Lossless",
    "MonthlyLimitReachedError",
    "Newest",
    "Odyssey",
    "OdysseyAuthError",
    "OdysseyConnectionError",
    "OdysseyError",
    "OdysseyEventHandlers",
    "OdysseyRequestError",
    "OdysseySimulationError",
    "OdysseyStreamConnectionError",
    "OdysseyStreamError",
    "OdysseyStreamTimeoutError",
    "OdysseyStreamUsageError",
    "OdysseyStreamValueError",
    "OdysseyTimeoutError",
    "OdysseyTraceError",
    "OdysseyUsageError",
    "OdysseyValueError",
    "Pages",
    "Phase",
    "Policy",
    "RateLimitError",
    "RecordedEvent",
    "RecordedKind",
    "Recording",
    "RecordingFile",
    "Redaction",
    "ScriptInput",
    "SessionTrace",
    "SimulationCancelledError",
    "SimulationFailedError",
    "SimulationJob",
    "SimulationJobDetail",
    "SimulationJobInfo",
    "SimulationJobStatus",
    "SimulationJobsList",
    "SimulationProgress",
    "SimulationStream",
    "SimulationTimeoutError",
    "SpectatorConnection",
    "Start",
    "Statistics",
    "StatusChangeCallback",
    "StatusChanged",
    "StreamAccountSuspendedError",
    "StreamConcurrentLimitReachedError",
    "StreamDurationExceededError",
    "StreamEnded",
    "StreamEndedCallback",
    "StreamErrorCallback",
    "StreamFailed",
    "StreamMonthlyLimitReachedError",
    "StreamRateLimitError",
    "StreamRecording",
    "StreamRecordingInfo",
    "StreamRecordingsList",
    "StreamStarted",
    "StreamStartedCallback",
    "StreamTimeLimitError",
    "StreamerCapabilities",
    "Timeouts",
    "TracePolicy",
    "UsageLimit",
    "VideoFrame",
    "VideoFrameCallback",
    "__version__",
    "connect_to_stream",
    "media_here",
)

_HOMES: dict[str, tuple[str, ...]] = {
    "odyssey_anyio.client": ("Odyssey",),
    "odyssey_anyio.runtime.default_transports": ("media_here",),
    "odyssey_anyio.downloads.download": ("DownloadProgress",),
    "odyssey_anyio.errors.classes": (
        "AccountSuspendedError",
        "ConcurrentLimitReachedError",
        "MonthlyLimitReachedError",
        "OdysseyAuthError",
        "OdysseyConnectionError",
        "OdysseyError",
        "OdysseyRequestError",
        "OdysseySimulationError",
        "OdysseyStreamConnectionError",
        "OdysseyStreamError",
        "OdysseyStreamTimeoutError",
        "OdysseyStreamUsageError",
        "OdysseyStreamValueError",
        "OdysseyTimeoutError",
        "OdysseyTraceError",
        "OdysseyUsageError",
        "OdysseyValueError",
        "RateLimitError",
        "SimulationCancelledError",
        "SimulationFailedError",
        "SimulationTimeoutError",
        "StreamAccountSuspendedError",
        "StreamConcurrentLimitReachedError",
        "StreamDurationExceededError",
        "StreamMonthlyLimitReachedError",
        "StreamRateLimitError",
        "StreamTimeLimitError",
    ),
    "odyssey_anyio.events.event_stream": ("EventStream",),
    "odyssey_anyio.media.frame_reader": ("FrameReader",),
    "odyssey_anyio.events.handlers": (
        "BroadcastReadyCallback",
        "ConnectedCallback",
        "DisconnectedCallback",
        "ErrorCallback",
        "InteractAcknowledgedCallback",
        "OdysseyEventHandlers",
        "StatusChangeCallback",
        "StreamEndedCallback",
        "StreamErrorCallback",
        "StreamStartedCallback",
        "VideoFrameCallback",
    ),
    "odyssey_anyio.images": ("ImageInput",),
    "odyssey_anyio.api.simulation_job": ("SimulationJob", "SimulationProgress"),
    "odyssey_anyio.media.delivery": (
        "Bounded",
        "EveryNth",
        "FrameAccount",
        "Lossless",
        "Newest",
        "Policy",
    ),
    "odyssey_anyio.media.frame": ("VideoFrame",),
    "odyssey_anyio.api.pages": ("Pages",),
    "odyssey_anyio.api.recordings": ("RecordingFile", "StreamRecording"),
    "odyssey_anyio.api.simulations": ("ScriptInput",),
    "odyssey_anyio.spectator": (
        "SpectatorConnection",
        "connect_to_stream",
    ),
    "odyssey_anyio.api.statistics": ("Statistics",),
    "odyssey_anyio.api.live_stream": ("LiveStream",),
    "odyssey_anyio.tracing.policy": ("TracePolicy",),
    "odyssey_anyio.tracing.session_trace": ("SessionTrace",),
    "odyssey_proto.kernel.failures": (
        "Failure",
        "Fault",
        "Phase",
        "FailureKind",
    ),
    "odyssey_proto.model.broadcast": ("BroadcastInfo",),
    "odyssey_proto.model.capabilities": ("StreamerCapabilities",),
    "odyssey_anyio.api.config": ("ClientConfig",),
    "odyssey_proto.model.config": (
        "AdvancedConfig",
        "IcePolicy",
        "Limits",
        "Timeouts",
    ),
    "odyssey_proto.model.credentials": ("ClientCredentials",),
    "odyssey_proto.model.events": (
        "BroadcastReady",
        "Connected",
        "Disconnected",
        "ErrorHappened",
        "Event",
        "FramesResumed",
        "FramesStalled",
        "InteractAcknowledged",
        "DurationLimit",
        "LimitApproaching",
        "StatusChanged",
        "StreamEnded",
        "StreamFailed",
        "StreamStarted",
    ),
    "odyssey_proto.model.events_file": ("EventLog", "RecordedEvent", "RecordedKind"),
    "odyssey_proto.model.recordings": (
        "Recording",
        "StreamRecordingInfo",
        "StreamRecordingsList",
    ),
    "odyssey_proto.model.script": (
        "End",
        "Interact",
        "Start",
    ),
    "odyssey_proto.model.simulations": (
        "SimulationJobDetail",
        "SimulationJobInfo",
        "SimulationJobsList",
        "SimulationJobStatus",
        "SimulationStream",
    ),
    "odyssey_proto.model.status": ("ConnectionStatus",),
    "odyssey_proto.kernel.usage": ("UsageLimit",),
    "odyssey_proto.trace.redaction.redactor": ("Redaction",),
}
"""Where the public names are defined."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    _load()
    return globals()[name]


def __dir__() -> list[str]:
    return sorted(__all__)


def _load() -> None:
    """Loads everything public at once, and lets what is defined for it say that it lives here."""
    for home, names in _HOMES.items():
        module = _import_module(home)
        for name in names:
            value = globals()[name] = getattr(module, name)
            # The core's values are public where they are as well, and traces name them by that.
            if home.startswith("odyssey_anyio") and callable(value):
                value.__module__ = __name__
