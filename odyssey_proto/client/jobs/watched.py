"""What can be waited for: the call that shows it, and what is seen by it."""

from collections.abc import Callable
from typing import Any, assert_never

from attrs import frozen

from odyssey_proto.kernel.failures import Failure, FailureKind, Phase
from odyssey_proto.kernel.machine import Span, seconds
from odyssey_proto.kernel.server_words import server_words
from odyssey_proto.messages.endpoint import ClientEndpoint
from odyssey_proto.messages.recordings import GET_RECORDING
from odyssey_proto.messages.simulations import WATCH_SIMULATION, JobSeen
from odyssey_proto.model.recordings import Recording
from odyssey_proto.model.simulations import SimulationJobDetail, SimulationJobStatus
from odyssey_proto.seam.commands import WaitForJob, WaitForRecording

MAX_UNKNOWN = seconds(60)
"""How long a recording may be unknown to the service: that of a stream that has just ended may be."""

type Wait = WaitForJob | WaitForRecording
"""The commands that look at something until it has its end."""


@frozen
class Seen:
    """Something as it was seen by a look."""

    value: Any
    end: Any | Failure | None
    """What the wait ends with; `None`: it is looked at again."""
    pace: Span | None = None
    """How long the service wants to be left alone, if it says so."""


@frozen
class Watched:
    """Something that is waited for."""

    endpoint: ClientEndpoint[str, Any]
    id: str
    phase: Phase
    missing: str
    """What is missing if the time is over first."""
    seen: Callable[[Any], Seen]
    unknown: Span
    """For how long an answer that there is no such thing means that it is still to come."""


def watched(what: Wait) -> Watched:
    """Returns what a command waits for."""
    match what:
        case WaitForJob(job_id):
            return Watched(WATCH_SIMULATION, job_id, Phase.SIMULATION, "end of the job", _job, Span(0))
        case WaitForRecording(stream_id):
            return Watched(GET_RECORDING, stream_id, Phase.RECORDING, "video", _recording, MAX_UNKNOWN)
        case _:
            assert_never(what)


def _job(result: JobSeen) -> Seen:
    return Seen(result.job, _outcome(result.job) if result.job.status.over else None, result.again)


def _outcome(job: SimulationJobDetail) -> SimulationJobDetail | Failure:
    if job.status is SimulationJobStatus.COMPLETED:
        return job
    cancelled = job.status is SimulationJobStatus.CANCELLED
    return Failure(
        FailureKind.JOB_CANCELLED if cancelled else FailureKind.JOB_FAILED,
        f"simulation {job.job_id} {'was cancelled' if cancelled else 'failed'}",
        code=f"simulation.{job.status.value}",
        phase=Phase.SIMULATION,
        detail=server_words(job.error_message or ""),
    )


def _recording(recording: Recording) -> Seen:
    return Seen(recording, recording if recording.ready else None)
