"""Scripted jobs: their states and what they make (docs/protocol.md#simulations)."""

from dataclasses import dataclass, field
from enum import StrEnum, unique

from odyssey_proto.kernel.failures import WORDING
from odyssey_proto.model.recordings import Recording


@unique
class SimulationJobStatus(StrEnum):
    """Where a job stands."""

    PENDING = "pending"
    DISPATCHED = "dispatched"
    PROCESSING = "processing"
    RUNNING = "running"
    """Said by the service's documentation instead of the two before it."""
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"
    """A state that this version does not know; the job may still go on."""

    @classmethod
    def _missing_(cls, value: object) -> "SimulationJobStatus | None":
        return cls.UNKNOWN if isinstance(value, str) else None

    @property
    def over(self) -> bool:
        """Whether a job in this state will never change again."""
        return self in _FINAL


_FINAL = frozenset({SimulationJobStatus.COMPLETED, SimulationJobStatus.FAILED, SimulationJobStatus.CANCELLED})


@dataclass(frozen=True, slots=True, repr=False)
class SimulationStream(Recording):
    """What one script of a job made: the same files as of any recorded stream."""

    script_index: int = 0
    """Which script of a batch it was."""


@dataclass(frozen=True, slots=True)
class SimulationJobInfo:
    """One job, in brief."""

    job_id: str
    status: SimulationJobStatus
    priority: str
    created_at: str
    """ISO 8601, as all moments here."""
    completed_at: str | None = None
    error_message: str | None = field(default=None, metadata=WORDING)


@dataclass(frozen=True)
class _DetailFields:
    """
    All fields of a job's detail.

    A dataclass takes its fields from the last of its bases first.
    So those that a detail shares with `SimulationJobInfo` stand where they are documented, among the others.
    """

    __slots__ = ()

    job_id: str
    status: SimulationJobStatus
    priority: str
    created_at: str
    dispatched_at: str | None = None
    started_at: str | None = None
    completed_at: str | None = None
    error_message: str | None = None
    assigned_region: str | None = None
    retry_count: int = 0
    streams: list[SimulationStream] = field(default_factory=list)
    """One for each script, once there is a recording of it."""
    estimated_wait_minutes: float | None = None


@dataclass(frozen=True, slots=True)
class SimulationJobDetail(SimulationJobInfo, _DetailFields):
    """One job, with all that is known about it."""


@dataclass(frozen=True, slots=True)
class SimulationJobsList:
    """One page of the jobs of an account."""

    jobs: list[SimulationJobInfo]
    total: int
    """How many there are on all pages."""
    limit: int
    offset: int
