"""Scripted jobs: their states and what they make (docs/protocol.md#simulations)."""

from dataclasses import dataclass, field
from enum import StrEnum, unique

from odyssey_proto.kernel.failures import WORDING
from odyssey_proto.kernel.introspection import Value
from odyssey_proto.model.recordings import Recording


@unique
class SimulationJobStatus(StrEnum):
    """Where a job stands."""

    PENDING = "pending"
    """It waits for its turn."""
    DISPATCHED = "dispatched"
    """It was given to a region."""
    PROCESSING = "processing"
    """It is played."""
    RUNNING = "running"
    """Said by the service's documentation instead of the two before it."""
    COMPLETED = "completed"
    """Its videos are there."""
    FAILED = "failed"
    """It ended without them; `error_message` may say why."""
    CANCELLED = "cancelled"
    """It was cancelled before it began."""
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
class SimulationJobInfo(Value):
    """One job, in brief."""

    job_id: str
    """The service's name for the job."""
    status: SimulationJobStatus
    """Where it stands."""
    priority: str
    """In the service's words."""
    created_at: str
    """ISO 8601, as all moments here."""
    completed_at: str | None = None
    """`None` while it is not over."""
    error_message: str | None = field(default=None, metadata=WORDING)
    """Why it failed, in the service's words."""


@dataclass(frozen=True)
class _DetailFields:
    """
    All fields of a job's detail.

    A dataclass takes its fields from the last of its bases first.
    So those that a detail shares with `SimulationJobInfo` stand where they are documented, among the others.
    """

    __slots__ = ()

    job_id: str
    """The service's name for the job."""
    status: SimulationJobStatus
    """Where it stands."""
    priority: str
    """In the service's words."""
    created_at: str
    """ISO 8601, as all moments here."""
    dispatched_at: str | None = None
    """When it was given to a region; `None` before that."""
    started_at: str | None = None
    """When it began to be played; `None` before that."""
    completed_at: str | None = None
    """`None` while it is not over."""
    error_message: str | None = None
    """Why it failed, in the service's words."""
    assigned_region: str | None = None
    """The id of the region that plays it."""
    retry_count: int = 0
    """How many times the service has tried it again."""
    streams: list[SimulationStream] = field(default_factory=list)
    """One for each script, once there is a recording of it."""
    estimated_wait_minutes: float | None = None
    """In minutes, if the service says so."""


@dataclass(frozen=True, slots=True)
class SimulationJobDetail(SimulationJobInfo, _DetailFields):
    """One job, with all that is known about it."""


@dataclass(frozen=True, slots=True)
class SimulationJobsList(Value):
    """One page of the jobs of an account."""

    jobs: list[SimulationJobInfo]
    """Those of this page."""
    total: int
    """How many there are on all pages."""
    limit: int
    """How many a page may have."""
    offset: int
    """How many stand before this page."""
