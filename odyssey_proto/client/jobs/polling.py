"""When to look at a job again, and when to stop: at the service's pace, or our own with jitter."""

from typing import Literal, assert_never

from attrs import frozen

from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.kernel.entropy import Entropy
from odyssey_proto.kernel.failures import Failure, FailureKind, Phase, timed_out
from odyssey_proto.kernel.machine import Deadline, Instant, Span, Timers, after, millis, seconds
from odyssey_proto.kernel.one_line import one_line
from odyssey_proto.messages.watching import JobSeen
from odyssey_proto.model.simulations import SimulationJobDetail, SimulationJobStatus
from odyssey_proto.seam.inputs import Wake

SPREAD = 10
"""Jitter adds up to one part in so many, which keeps clients apart that began together."""

MAX_MISSES = 8
"""How many looks in a row may fail before waiting is given up."""

MAX_PAUSE = seconds(60)
"""The longest pause of our own after looks that failed."""

MAX_ASKED = seconds(600)
"""The longest pause that the service may ask for."""

SHORTEST_PAUSE = millis(100)
"""The shortest, whoever asks: nothing becomes a busy loop."""

type _Timer = Literal[ClientTimer.JOB_TIMEOUT, ClientTimer.JOB_POLL]


TOO_MANY_REQUESTS = 429
"""RFC 6585 section 4."""


@frozen
class Begin:
    """The waiting begins."""


@frozen
class Looked:
    """What came of a look."""

    result: JobSeen | Failure


@frozen
class Look:
    """Ask the service for the job."""


@frozen
class Progressed:
    """The job is seen for the first time, or has changed."""

    job: SimulationJobDetail


@frozen
class Ended:
    """Waiting is over: with the completed job, or why there is none."""

    result: SimulationJobDetail | Failure


type PollingInput = Begin | Looked | Wake
type PollingOutput = Look | Progressed | Ended


class Polling:
    """
    Waits for one job.

    Looks are `every` apart unless the service asks for another pace, and never two at once.
    A look that failed in a way that may pass is made again, less often each time.
    `within` bounds it all; `None` leaves that to the job.
    """

    def __init__(self, every: Span, within: Span | None, entropy: Entropy) -> None:
        self._every = every
        self._within = within
        self._entropy = entropy
        self._timers = Timers[_Timer]()
        self._now = Instant(0)
        self._misses = 0
        self._over = False
        self.job: SimulationJobDetail | None = None
        """The job as it was seen last."""

    def __repr__(self) -> str:
        status = "not seen" if self.job is None else self.job.status.value
        return f"<Polling {status}{', over' if self._over else ''}>"

    @property
    def deadline(self) -> Deadline | None:
        """The next look, or the end of all patience."""
        return self._timers.deadline

    def step(self, now: Instant, inp: PollingInput, /) -> list[PollingOutput]:
        """Takes the time and one input and returns what must be done, in order."""
        self._now = now = Instant(max(now, self._now))
        outputs = [] if self._over else self._take(now, inp)
        while not self._over and (due := self._timers.due(now)) is not None:
            outputs += self._expire() if due is ClientTimer.JOB_TIMEOUT else [Look()]
        return outputs

    def _take(self, now: Instant, inp: PollingInput) -> list[PollingOutput]:
        match inp:
            case Begin():
                if self._within is not None:
                    self._timers.set(ClientTimer.JOB_TIMEOUT, after(now, self._within))
                return [Look()]
            case Looked(result):
                return self._looked(now, result)
            case Wake():
                return []
            case _:
                assert_never(inp)

    def _looked(self, now: Instant, result: JobSeen | Failure) -> list[PollingOutput]:
        if isinstance(result, Failure):
            return self._missed(now, result)
        job, again = result.job, result.again
        changed = job != self.job
        self.job = job
        self._misses = 0
        outputs: list[PollingOutput] = [Progressed(job)] if changed else []
        if job.status.over:
            return outputs + self._end(outcome(job))
        self._pause(now, self._every if again is None else min(again, MAX_ASKED))
        return outputs

    def _missed(self, now: Instant, failure: Failure) -> list[PollingOutput]:
        self._misses += 1
        # A look costs nothing, so status 429 ends no waiting, whatever limit it means.
        passes = failure.retryable or failure.status == TOO_MANY_REQUESTS
        if not passes or self._misses >= MAX_MISSES:
            return self._end(failure)
        grown = max(self._every, min(self._every << self._misses, MAX_PAUSE))
        self._pause(now, max(grown, min(failure.retry_after or 0, MAX_ASKED)))
        return []

    def _pause(self, now: Instant, pause: int) -> None:
        pause = max(pause, SHORTEST_PAUSE)
        spread = self._entropy.span(Span(pause // SPREAD))
        self._timers.set(ClientTimer.JOB_POLL, after(now, Span(pause + spread)))

    def _expire(self) -> list[PollingOutput]:
        return self._end(timed_out(Phase.SIMULATION, ("end of the job",)))

    def _end(self, result: SimulationJobDetail | Failure) -> list[PollingOutput]:
        self._over = True
        self._timers.clear()
        return [Ended(result)]


def outcome(job: SimulationJobDetail) -> SimulationJobDetail | Failure:
    """Returns a job that is over, or the failure that it ended with."""
    if job.status is SimulationJobStatus.COMPLETED:
        return job
    why = FailureKind.JOB_CANCELLED if job.status is SimulationJobStatus.CANCELLED else FailureKind.JOB_FAILED
    return Failure(
        why,
        f"simulation {job.job_id} {'was cancelled' if why is FailureKind.JOB_CANCELLED else 'failed'}",
        code=f"simulation.{job.status.value}",
        phase=Phase.SIMULATION,
        detail=one_line(job.error_message or ""),
    )
