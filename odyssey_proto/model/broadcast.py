"""Where spectators can watch a stream."""

from attrs import field, frozen

from odyssey_proto.secret import secret_field


@frozen
class BroadcastInfo:
    """What a spectator needs (protocol.md section 6.2): the WHEP address and its token."""

    webrtc_url: str
    spectator_token: str = secret_field()
    hls_url: str | None = field(default=None)
    """The HLS playlist, if the service offers one."""
