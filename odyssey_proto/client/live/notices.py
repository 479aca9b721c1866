"""Two events that several parts announce."""

from odyssey_proto.kernel.failures import Failure
from odyssey_proto.model.events import ConnectionStatus, ErrorHappened, StatusChanged
from odyssey_proto.seam.outputs import Happened


def status(now: ConnectionStatus, message: str | None = None) -> Happened:
    """Returns the announcement of a status."""
    return Happened(StatusChanged(now, message))


def warning(failure: Failure) -> Happened:
    """Returns the announcement of an error that the connection survives."""
    return Happened(ErrorHappened(failure, fatal=False))
