"""A snapshot of what a client has done."""

from attrs import frozen

from odyssey_anyio.media.delivery import FrameAccount
from odyssey_anyio.media.link_figures import LinkFigures
from odyssey_anyio.tracing.times import FirstFrameTimes
from odyssey_proto.kernel.introspection import Value
from odyssey_proto.model.events import ConnectionStatus


@frozen
class Statistics(Value):
    """What a client has done since it was made, at one moment."""

    status: ConnectionStatus
    """Where the connection stands."""
    session_id: str | None
    """The service's name for the session; `None` without one."""
    frames: FrameAccount
    """
    What became of the frames, of all sessions: `received` is `delivered`, `pending` and all of `dropped`.

    Each reader counts its own, and so does `on_video_frame`: a frame that two of them got is in it twice.
    """
    audio: FrameAccount
    """The same of the sound."""
    link: LinkFigures | None
    """
    How the packets of the video came in the last two seconds, and what limits it; `None` without a session.

    `link.limiting_factor` is a `LimitingFactor`, or `None` if nothing limits it.
    """
    first_frame: FirstFrameTimes | None
    """How long the way to the first frame took, part by part; `None` before one came."""
    round_trip: float | None
    """From the last prompt to its acknowledgement, in seconds; `None` before one was applied."""
    handler_errors: int
    """How many times a handler raised."""
    events_dropped: int
    """How many events no handler was called for, because one before waited for too long."""
    recoveries: int
    """How many times a lost session was replaced."""
