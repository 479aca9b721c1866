"""Where spectators can watch a stream."""

from attrs import frozen

from odyssey_proto.kernel.secret import secret_field


@frozen
class BroadcastInfo:
    """What a spectator needs (docs/protocol.md#messages-of-the-streamer): the WHEP address and its token."""

    hls_url: str | None
    """The HLS playlist, if the service offers one."""
    webrtc_url: str
    spectator_token: str = secret_field()
