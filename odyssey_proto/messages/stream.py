"""Stream control on the data channels (docs/protocol.md#stream-messages)."""

from typing import Any

from attrs import field, frozen

from odyssey_proto.kernel.failures import Failure, FailureKind, UsageCode, UsageLimit
from odyssey_proto.kernel.secret import Secret, revealed, sized
from odyssey_proto.kernel.server_words import bounded_words, server_words
from odyssey_proto.messages.codec import Codec, Shape, Unknown, bare
from odyssey_proto.messages.fields import Fields
from odyssey_proto.messages.refusals import usage_failure

__all__ = (
    "FROM_STREAMER",
    "LIMITS",
    "START",
    "TO_STREAMER",
    "BroadcastReady",
    "InteractiveStreamEnd",
    "InteractiveStreamError",
    "InteractiveStreamStart",
    "StreamEnded",
    "StreamMessage",
    "StreamStarted",
    "Unknown",
    "Update",
    "UpdateAcknowledged",
    "decode",
    "encode",
    "stream_failure",
    "stream_words",
)

TO_STREAMER = "clientToStreamer"
FROM_STREAMER = "streamerToClient"
"""The labels of the two data channels (docs/protocol.md#data-channels)."""

NO_REASON = "unknown"
NO_MESSAGE = "the stream failed"

MAX_REASON = 64
MAX_WORDS = 2000


@frozen
class InteractiveStreamStart:
    """The client wants a stream; the only message that may also go over signaling."""

    prompt: str = field(default="", repr=sized)
    portrait: bool = True
    image: str | None = field(default=None, repr=sized)
    """A data URL."""
    broadcast: bool = False
    bypass_prompt_expansion: bool | None = None


@frozen
class Update:
    """The client steers the stream."""

    prompt: str = field(repr=sized)


@frozen
class InteractiveStreamEnd:
    """The client wants the stream to end."""


@frozen
class StreamStarted:
    """The stream runs."""

    stream_id: str
    applied_prompt: str | None = field(default=None, repr=sized)


@frozen
class UpdateAcknowledged:
    """A prompt was applied, in this form."""

    prompt: str = field(repr=sized)


@frozen
class StreamEnded:
    """The stream is over."""


@frozen
class InteractiveStreamError:
    """The stream failed, or was refused."""

    reason: str = NO_REASON
    message: str = field(default=NO_MESSAGE, repr=sized)


@frozen
class BroadcastReady:
    """Spectators can watch."""

    webrtc_url: str | None = None
    spectator_token: Secret | None = None
    hls_url: str | None = None


type StreamMessage = (
    InteractiveStreamStart
    | Update
    | InteractiveStreamEnd
    | StreamStarted
    | UpdateAcknowledged
    | StreamEnded
    | InteractiveStreamError
    | BroadcastReady
    | Unknown
)
"""Everything either side may say about a stream."""


def encode(message: StreamMessage) -> str:
    """Returns the text of a message; raises `LocalProtocolError` if UTF-8 cannot say it."""
    return _CODEC.encode(message)


def decode(text: str) -> StreamMessage:
    """Returns the message of a text; raises `RemoteProtocolError` if it breaks the protocol."""
    return _CODEC.decode(text)


def type_of(text: str) -> str | None:
    """Returns the `type` of a text that breaks the protocol, as far as it can be read."""
    return _CODEC.type_of(text)


STARTED = "stream_started"
ACKNOWLEDGED = "update_acknowledged"

LIMITS = {
    "quota_exceeded": UsageCode.MONTHLY_LIMIT_REACHED,
    "concurrent_limit_exceeded": UsageCode.CONCURRENT_LIMIT_REACHED,
    "session_timeout": UsageCode.STREAM_DURATION_EXCEEDED,
}
"""The reasons that are account limits (docs/protocol.md#stream-errors), in the codes of REST."""


def stream_failure(error: InteractiveStreamError) -> Failure:
    """Returns what a stream error means; its reason is kept as the code, its message as the text."""
    limit = LIMITS.get(error.reason)
    if limit is not None:
        usage = UsageLimit(limit.value, bounded_words(error.message, MAX_WORDS))
        return usage_failure(usage, detail=server_words(error.message))
    reason, words = stream_words(error)
    text = f"the streamer refused ({reason})"
    return Failure(FailureKind.STREAM_REFUSED, text, code=reason, detail=words)


def stream_words(error: InteractiveStreamError) -> tuple[str, str]:
    """Returns the reason and the message of a stream error, each on one line."""
    return server_words(error.reason, MAX_REASON) or NO_REASON, server_words(error.message) or NO_MESSAGE


def _write_start(start: InteractiveStreamStart) -> dict[str, Any]:
    optional = {
        "input_image_base64": start.image,
        "bypass_vlm_expansion": start.bypass_prompt_expansion,
    }
    needed = {"prompt": start.prompt, "portrait": start.portrait, "broadcast": start.broadcast}
    return needed | {name: value for name, value in optional.items() if value is not None}


def _read_start(fields: Fields) -> InteractiveStreamStart:
    return InteractiveStreamStart(
        prompt=fields.text_or("prompt", ""),
        portrait=fields.flag_or("portrait", True),
        image=fields.text_or("input_image_base64", None),
        broadcast=fields.flag_or("broadcast", False),
        bypass_prompt_expansion=fields.flag_or("bypass_vlm_expansion", None),
    )


def _write_started(started: StreamStarted) -> dict[str, Any]:
    said = {} if started.applied_prompt is None else {"applied_prompt": started.applied_prompt}
    return {"stream_id": started.stream_id} | said


def _read_started(fields: Fields) -> StreamStarted:
    return StreamStarted(fields.identifier("stream_id"), fields.text_or("applied_prompt", None))


def _read_error(fields: Fields) -> InteractiveStreamError:
    # An error with unusable members is still an error.
    reason, message = fields.text_if("reason"), fields.text_if("message")
    return InteractiveStreamError((reason or NO_REASON)[:MAX_REASON], (message or NO_MESSAGE)[:MAX_WORDS])


def _write_broadcast(ready: BroadcastReady) -> dict[str, Any]:
    token = revealed(ready.spectator_token)
    return {"broadcast_url": ready.hls_url, "webrtc_url": ready.webrtc_url, "spectator_token": token}


def _read_broadcast(fields: Fields) -> BroadcastReady:
    token = fields.text_if("spectator_token")
    return BroadcastReady(
        webrtc_url=fields.text_if("webrtc_url"),
        spectator_token=None if token is None else Secret(token),
        hls_url=fields.text_if("broadcast_url"),
    )


START = Shape("interactive_stream_start", InteractiveStreamStart, _write_start, _read_start)
"""The one shape that both the data channel and signaling have."""

_CODEC = Codec[StreamMessage](
    START,
    Shape("update", Update, lambda m: {"prompt": m.prompt}, lambda f: Update(f.text("prompt"))),
    bare("interactive_stream_end", InteractiveStreamEnd),
    Shape(STARTED, StreamStarted, _write_started, _read_started),
    Shape(
        ACKNOWLEDGED,
        UpdateAcknowledged,
        lambda m: {"prompt": m.prompt},
        lambda f: UpdateAcknowledged(f.text("prompt")),
    ),
    bare("stream_ended", StreamEnded),
    Shape(
        "interactive_stream_error",
        InteractiveStreamError,
        lambda m: {"reason": m.reason, "message": m.message},
        _read_error,
    ),
    Shape("broadcast_ready", BroadcastReady, _write_broadcast, _read_broadcast),
)
