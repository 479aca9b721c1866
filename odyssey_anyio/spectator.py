"""Watching a broadcast."""

from odyssey_anyio.errors import OdysseyConnectionError
from odyssey_anyio.handlers import DisconnectedCallback, VideoFrameCallback
from odyssey_proto.failures import Failure, Why


class SpectatorConnection:
    """A broadcast that is being watched."""


async def connect_to_stream(
    webrtc_url: str,
    spectator_token: str,
    on_video_frame: VideoFrameCallback | None = None,
    on_disconnected: DisconnectedCallback | None = None,
    debug: bool = False,
) -> SpectatorConnection:
    """
    Watches a broadcast.

    This version cannot yet: it always raises `OdysseyConnectionError` with the code `unsupported`.
    """
    text = "watching a broadcast is not part of this version"
    raise OdysseyConnectionError(text, Failure(Why.STATE, text, code="unsupported"))
