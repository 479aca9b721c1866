"""ICE servers and candidates (docs/protocol.md#ice-servers, #messages-of-the-client)."""

from attrs import field, frozen

from odyssey_proto.kernel.machine import Span, seconds
from odyssey_proto.kernel.secret import Secret, sized

GATHER_TIMEOUT = seconds(2)
"""How long a STUN or TURN server may take unless something else is said."""


@frozen
class IceServer:
    """A STUN or TURN server, with what it asks for."""

    urls: tuple[str, ...]
    username: Secret | None = None
    credential: Secret | None = None


@frozen
class IceCandidate:
    """One trickled candidate; an empty `candidate` means that there are no more (RFC 8838)."""

    candidate: str = field(repr=sized)
    sdp_mid: str | None = None
    sdp_mline_index: int | None = None


@frozen
class IceConfig:
    """How a peer may find the other: servers, relays only or not, how long to gather."""

    servers: tuple[IceServer, ...] = ()
    relay_only: bool = False
    gather: Span = GATHER_TIMEOUT
