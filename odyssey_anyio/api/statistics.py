"""A snapshot of what a client has done."""

from attrs import frozen

from odyssey_anyio.media.delivery import FrameAccount
from odyssey_proto.model.events import ConnectionStatus


@frozen
class Statistics:
    """
    What a client has done, at one moment.

    The frames are those of the peer in use; their account adds up.
    """

    status: ConnectionStatus
    session_id: str | None
    frames: FrameAccount | None
    handler_errors: int
    """How many times a handler raised."""
    events_dropped: int
    """How many events no handler was called for, because one before waited for too long."""
