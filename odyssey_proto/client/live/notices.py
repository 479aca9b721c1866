"""What several parts announce, or fail with."""

from attrs import evolve

from odyssey_proto.kernel.failures import Failure, FailureKind
from odyssey_proto.model.events import ConnectionStatus, ErrorHappened, StatusChanged
from odyssey_proto.seam.outputs import Happened

NO_RELAY = "no TURN server gave a relay"


def status(now: ConnectionStatus, message: str | None = None) -> Happened:
    """Returns the announcement of a status."""
    return Happened(StatusChanged(now, message))


INTERRUPTED: Happened = status(ConnectionStatus.RECONNECTING, "Nothing comes from the streamer")
"""The announcement that a peer is silent."""


def without_relay(failure: Failure, reasons: str) -> Failure:
    """Returns the failure of a peer that did not come up, and why there was no relay, if that is so."""
    if not reasons:
        return failure
    return evolve(failure, text=f"{failure.text}; {NO_RELAY}", detail=reasons)


def no_relay(reasons: str) -> Happened:
    """Returns the announcement that no TURN server gave a relay, each with its reason."""
    return warning(Failure(FailureKind.UNREACHABLE, NO_RELAY, code="network.no_relay", detail=reasons))


def warning(failure: Failure) -> Happened:
    """Returns the announcement of an error that the connection survives."""
    return Happened(ErrorHappened(failure, fatal=False))
