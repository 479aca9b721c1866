"""What several parts announce, or fail with."""

from attrs import evolve

from odyssey_proto.kernel.failures import Failure, Phase, timed_out
from odyssey_proto.model.events import ConnectionStatus, ErrorHappened, StatusChanged
from odyssey_proto.seam.outputs import Happened


def status(now: ConnectionStatus, message: str | None = None) -> Happened:
    """Returns the announcement of a status."""
    return Happened(StatusChanged(now, message))


INTERRUPTED: Happened = status(ConnectionStatus.RECONNECTING, "Nothing comes from the streamer")
"""The announcement that a peer is silent."""


def not_connected(phase: Phase, missing: tuple[str, ...], no_relay: str) -> Failure:
    """Returns the failure of a phase in which no peer came up, and why there was no relay, if that is so."""
    late = timed_out(phase, missing)
    if not no_relay:
        return late
    return evolve(late, text=f"{late.text}; no TURN server gave a relay", detail=no_relay)


def warning(failure: Failure) -> Happened:
    """Returns the announcement of an error that the connection survives."""
    return Happened(ErrorHappened(failure, fatal=False))
