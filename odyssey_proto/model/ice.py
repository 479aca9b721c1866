"""ICE servers and candidates (docs/protocol.md#ice-servers, #messages-of-the-client)."""

from attrs import field, frozen

from odyssey_proto.kernel.secret import Secret, sized


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
