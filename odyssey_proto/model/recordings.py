"""
What remains of a stream: the recording and its files.

The wire: docs/protocol.md#recordings, #list-of-recordings.
"""

from attrs import frozen

from odyssey_proto.kernel.secret import secret_field


@frozen
class Recording:
    """
    The files of one recorded stream.

    The addresses are presigned: whoever knows one can load the file for about an hour.
    """

    stream_id: str
    video_url: str | None = secret_field(default=None)
    """MP4."""
    events_url: str | None = secret_field(default=None)
    """JSON Lines."""
    thumbnail_url: str | None = secret_field(default=None)
    """JPEG."""
    preview_url: str | None = secret_field(default=None)
    """MP4, smaller than the video."""
    frame_count: int | None = None
    duration_seconds: float | None = None


@frozen
class StreamRecordingInfo:
    """One line of a list of recordings."""

    stream_id: str
    width: int
    height: int
    started_at: str
    """ISO 8601."""
    ended_at: str | None = None
    """ISO 8601; `None` while the stream runs."""
    duration_seconds: float | None = None


@frozen
class StreamRecordingsList:
    """One page of the recordings of an account, the most recent first."""

    recordings: tuple[StreamRecordingInfo, ...]
    total: int
    """How many there are on all pages."""
    limit: int
    offset: int
