"""
What remains of a stream: the recording, its files, and what happened by the word of its events file.

The wire: docs/protocol.md#recordings, #list-of-recordings.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import assert_never

from attrs import field, frozen

from odyssey_proto.kernel.introspection import Value
from odyssey_proto.kernel.secret import SECRET, MaskedRepr, sized


@dataclass(frozen=True, slots=True, repr=False)
class Recording(MaskedRepr, Value):
    """
    The files of one recorded stream.

    The addresses are presigned: whoever knows one can load the file for about an hour.
    """

    stream_id: str
    """The service's name for the stream."""
    video_url: str | None = dataclasses.field(default=None, metadata=SECRET)
    """MP4."""
    events_url: str | None = dataclasses.field(default=None, metadata=SECRET)
    """JSON Lines."""
    thumbnail_url: str | None = dataclasses.field(default=None, metadata=SECRET)
    """JPEG."""
    preview_url: str | None = dataclasses.field(default=None, metadata=SECRET)
    """MP4, smaller than the video."""
    frame_count: int | None = None
    """How many frames the video has, if the service says so."""
    duration_seconds: float | None = None
    """The length of the video in seconds, if the service says so."""

    @property
    def ready(self) -> bool:
        """Whether the video is there: it is made when the stream has ended."""
        return self.video_url is not None


@dataclass(frozen=True, slots=True)
class StreamRecordingInfo(Value):
    """One line of a list of recordings."""

    stream_id: str
    """The service's name for the stream."""
    width: int
    """Of the video, in pixels."""
    height: int
    """Of the video, in pixels."""
    started_at: str
    """ISO 8601."""
    ended_at: str | None = None
    """ISO 8601; `None` while the stream runs."""
    duration_seconds: float | None = None
    """The length in seconds; `None` while the stream runs."""


@dataclass(frozen=True, slots=True)
class StreamRecordingsList(Value):
    """One page of the recordings of an account, the most recent first."""

    recordings: list[StreamRecordingInfo]
    """Those of this page."""
    total: int
    """How many there are on all pages."""
    limit: int
    """How many a page may have."""
    offset: int
    """How many stand before this page."""


@unique
class RecordingFile(StrEnum):
    """The files of a recording."""

    VIDEO = "video"
    """The whole video: MP4."""
    PREVIEW = "preview"
    """A smaller video: MP4."""
    THUMBNAIL = "thumbnail"
    """A picture: JPEG."""
    EVENTS = "events"
    """What happened in the stream: JSON Lines."""

    def url_in(self, recording: Recording) -> str | None:
        """Returns the address of this file of `recording`, if it has one."""
        match self:
            case RecordingFile.VIDEO:
                return recording.video_url
            case RecordingFile.PREVIEW:
                return recording.preview_url
            case RecordingFile.THUMBNAIL:
                return recording.thumbnail_url
            case RecordingFile.EVENTS:
                return recording.events_url
            case _:
                assert_never(self)


@frozen
class FileVersion:
    """Which version of a file some bytes are the beginning of."""

    etag: str | None
    """The strong ETag (RFC 9110 section 8.8.3), without which a download cannot be resumed."""
    total: int | None
    """The size of the file in bytes, if the server has said it."""


@frozen
class DownloadProgress(Value):
    """How much of a file is there."""

    received: int
    """In bytes, those of earlier tries included."""
    total: int | None
    """How many there will be, if the server has said it."""

    @property
    def fraction(self) -> float | None:
        """From 0 to 1, if the total is known."""
        if self.total is None:
            return None
        return self.received / self.total if self.total else 1.0


@unique
class RecordedKind(StrEnum):
    """What kind of thing happened."""

    START = "start"
    """The stream began."""
    INTERACT = "interact"
    """A prompt was applied."""
    END = "end"
    """The stream ended."""
    OTHER = "other"
    """Something that this version does not know; `RecordedEvent.text` has it all."""


@frozen
class RecordedEvent(Value):
    """One line of an events file."""

    at: float
    """Seconds from the beginning of the stream."""
    kind: RecordedKind
    """What happened."""
    prompt: str | None = field(default=None, repr=sized)
    """As the service applied it, if the line says so; otherwise as it was given."""
    text: str = field(default="", repr=sized)
    """The whole line: a JSON object."""


@frozen
class EventLog(Value):
    """An events file: its lines in the order of time."""

    events: tuple[RecordedEvent, ...] = ()
    """In the order of time."""
    unreadable: int = 0
    """How many lines were no JSON objects with a time."""

    def __iter__(self) -> Iterator[RecordedEvent]:
        return iter(self.events)

    def __len__(self) -> int:
        return len(self.events)
