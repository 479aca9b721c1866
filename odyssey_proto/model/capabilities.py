"""What a streamer can do."""

from attrs import frozen


@frozen
class StreamerCapabilities:
    """What the streamer of a session can do (protocol.md section 3.3)."""

    image_to_video: bool = False
