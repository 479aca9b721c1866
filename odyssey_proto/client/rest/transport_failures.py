"""From how the outside broke to what that means for a call."""

from odyssey_proto.kernel.failures import Failure, Why
from odyssey_proto.seam.inputs import Breakage, Broke

_MEANING: dict[Broke, tuple[Why, str]] = {
    Broke.UNRESOLVED: (Why.UNREACHABLE, "the host name is unknown"),
    Broke.REFUSED: (Why.UNREACHABLE, "the connection was refused"),
    Broke.UNREACHABLE: (Why.UNREACHABLE, "the host cannot be reached"),
    Broke.NO_RELAY: (Why.UNREACHABLE, "only relays are allowed, and no TURN server gave one"),
    Broke.TLS: (Why.UNREACHABLE, "the TLS handshake failed"),
    Broke.CLOSED: (Why.UNREACHABLE, "the connection broke"),
    Broke.MALFORMED: (Why.MALFORMED, "what arrived breaks the protocol"),
    Broke.TOO_LARGE: (Why.MALFORMED, "a message is over the size limit"),
    Broke.SILENT: (Why.UNREACHABLE, "the other side went silent"),
    Broke.INVALID: (Why.INVALID, "what was given is unusable"),
    Broke.INTERNAL: (Why.MEDIA_FAILED, "a library failed unexpectedly"),
}


def broken(why: Breakage, what: str) -> Failure:
    """Returns the failure of `what`, which broke in this way."""
    kind, words = _MEANING[why.how]
    return Failure(kind, f"{what} failed: {words}", code=f"network.{why.how.value}", detail=why.detail)
