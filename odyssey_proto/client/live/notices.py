"""What the application is told, in the two forms that several parts use."""

from odyssey_proto.kernel.failures import Failure
from odyssey_proto.model.events import ErrorHappened, StatusChanged
from odyssey_proto.model.status import ConnectionStatus
from odyssey_proto.seam.outputs import Happened


def status(now: ConnectionStatus, message: str | None = None) -> Happened:
    """Announces a status."""
    return Happened(StatusChanged(now, message))


def complaint(failure: Failure) -> Happened:
    """Tells of an error that the connection survives."""
    return Happened(ErrorHappened(failure, fatal=False))
