"""What an untrusted client needs to join one session (protocol.md section 10)."""

from attrs import field, frozen

from odyssey_proto.model.capabilities import StreamerCapabilities
from odyssey_proto.secret import secret_field


@frozen
class ClientCredentials:
    """PLACEHOLDER: completed with to_dict, from_dict and the derived session id."""

    signaling_url: str
    session_token: str = secret_field()
    expires_in: int = 600
    capabilities: StreamerCapabilities | None = field(default=None)
