"""When a job is looked at again, and how waiting for it ends."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odyssey_proto.client.jobs.polling import (
    MAX_ASKED,
    MAX_MISSES,
    MAX_PAUSE,
    SHORTEST_PAUSE,
    Begin,
    Ended,
    Look,
    Looked,
    Polling,
    Progressed,
)
from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.kernel.entropy import Entropy
from odyssey_proto.kernel.failures import Failure, FailureKind, Phase
from odyssey_proto.kernel.machine import Instant, Span, millis, seconds
from odyssey_proto.messages.watching import JobSeen
from odyssey_proto.model.simulations import SimulationJobDetail, SimulationJobStatus
from odyssey_proto.seam.inputs import Wake

EVERY = seconds(5)
BROKE = Failure(FailureKind.SERVER_BROKE, "it broke")


def job(status: str = "pending", **known: Any) -> SimulationJobDetail:
    return SimulationJobDetail("j-1", SimulationJobStatus(status), "normal", "now", **known)


def begun(within: Span | None = None, seed: bytes = b"seed") -> Polling:
    polling = Polling(EVERY, within, Entropy(seed))
    assert polling.step(Instant(0), Begin()) == [Look()]
    return polling


def pause(polling: Polling, result: JobSeen | Failure, now: int = 0) -> int:
    """Returns how long it waits after a look."""
    polling.step(Instant(now), Looked(result))
    assert polling.deadline is not None
    assert polling.deadline.reason is ClientTimer.JOB_POLL
    return polling.deadline.at - now


def test_a_job_that_completes() -> None:
    polling = begun()
    assert polling.deadline is None
    assert polling.step(Instant(1), Looked(JobSeen(job()))) == [Progressed(job())]
    assert polling.deadline is not None
    at = polling.deadline.at
    assert polling.step(Instant(at - 1), Wake()) == []
    assert polling.step(at, Wake()) == [Look()]
    assert polling.step(at, Wake()) == []
    assert polling.step(at, Looked(JobSeen(job()))) == []
    done = job("completed")
    assert polling.step(at, Looked(JobSeen(done))) == [Progressed(done), Ended(done)]
    assert (polling.deadline, polling.job) == (None, done)
    assert polling.step(at, Looked(JobSeen(job()))) == []
    assert repr(polling) == "<Polling completed, over>"


@pytest.mark.parametrize(
    ("status", "why"), [("failed", FailureKind.JOB_FAILED), ("cancelled", FailureKind.JOB_CANCELLED)]
)
def test_a_job_that_does_not(status: str, why: FailureKind) -> None:
    polling = begun()
    ended = job(status, error_message="out\nof luck")
    seen, end = polling.step(Instant(0), Looked(JobSeen(ended)))
    assert seen == Progressed(ended)
    assert isinstance(end, Ended)
    failure = end.result
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.code, failure.phase) == (why, f"simulation.{status}", Phase.SIMULATION)
    assert failure.detail == "out of luck"
    assert not failure.retryable


@pytest.mark.parametrize("status", ["pending", "dispatched", "processing", "running", "hibernating"])
def test_any_other_state_is_waited_out(status: str) -> None:
    polling = begun()
    assert EVERY <= pause(polling, JobSeen(job(status))) <= EVERY * 1.1
    assert polling.deadline is not None
    assert polling.step(polling.deadline.at, Wake()) == [Look()]


@pytest.mark.parametrize(
    ("asked", "least"),
    [
        (seconds(2), seconds(2)),
        (seconds(30), seconds(30)),
        (Span(0), SHORTEST_PAUSE),
        (10**15, MAX_ASKED),
    ],
)
def test_the_service_sets_the_pace(asked: Span, least: Span) -> None:
    assert least <= pause(begun(), JobSeen(job(), asked)) <= least * 1.1


def test_clients_that_began_together_drift_apart() -> None:
    pauses = {pause(begun(seed=bytes([number])), JobSeen(job())) for number in range(20)}
    assert len(pauses) > 15
    assert pause(begun(), JobSeen(job())) == pause(begun(), JobSeen(job()))


def test_looks_that_fail_are_made_again_less_and_less_often() -> None:
    polling = begun()
    pauses = [pause(polling, BROKE) for _ in range(MAX_MISSES - 1)]
    assert all(before < later or later >= MAX_PAUSE for before, later in pairwise(pauses))
    assert max(pauses) <= MAX_PAUSE * 1.1
    assert polling.step(Instant(0), Looked(BROKE)) == [Ended(BROKE)]


def test_a_look_that_succeeds_forgives() -> None:
    polling = begun()
    for _ in range(3):
        for _ in range(MAX_MISSES - 1):
            pause(polling, BROKE)
        pause(polling, JobSeen(job()))


@pytest.mark.parametrize(
    "why",
    [FailureKind.AUTH_REFUSED, FailureKind.NOT_FOUND, FailureKind.MALFORMED, FailureKind.CLOSED_LOCALLY],
)
def test_what_will_not_pass_ends_the_waiting(why: FailureKind) -> None:
    failure = Failure(why, "no")
    assert begun().step(Instant(0), Looked(failure)) == [Ended(failure)]


def test_a_refusal_may_ask_for_a_longer_pause() -> None:
    failure = Failure(FailureKind.SERVER_BROKE, "busy", retry_after=seconds(90))
    assert pause(begun(), failure) >= seconds(90)


def test_patience_ends_between_two_looks_and_during_one() -> None:
    for result in (None, JobSeen(job())):
        polling = begun(seconds(3))
        if result is not None:
            polling.step(Instant(0), Looked(result))
        assert polling.deadline is not None
        assert (polling.deadline.at, polling.deadline.reason) == (seconds(3), ClientTimer.JOB_TIMEOUT)
        (end,) = polling.step(Instant(seconds(3)), Wake())
        assert isinstance(end, Ended)
        assert isinstance(end.result, Failure)
        assert (end.result.kind, end.result.code) == (FailureKind.TIMED_OUT, "timeout.simulation")
        assert polling.deadline is None


@given(
    st.lists(
        st.tuples(
            st.integers(0, seconds(20)),
            st.one_of(
                st.just(Wake()),
                st.builds(
                    Looked,
                    st.one_of(
                        st.builds(JobSeen, st.sampled_from(list(SimulationJobStatus)).map(job), st.none()),
                        st.sampled_from([BROKE, Failure(FailureKind.NOT_FOUND, "gone")]),
                    ),
                ),
            ),
        ),
        max_size=30,
    )
)
def test_it_ends_once_and_never_spins(script: list[tuple[int, Any]]) -> None:
    polling = begun(seconds(60))
    now, looking, ended = 0, True, False
    for later, inp in script:
        if isinstance(inp, Looked) and not looking:
            inp = Wake()
        now += later
        looking = looking and isinstance(inp, Wake)
        for output in polling.step(Instant(now), inp):
            assert not ended
            assert not (looking and output == Look())
            looking = looking or output == Look()
            ended = isinstance(output, Ended)
        assert polling.deadline is None if ended else polling.deadline is not None
        assert polling.deadline is None or polling.deadline.at > now
    assert repr(polling).startswith("<Polling ")
    polling.step(Instant(now + seconds(61)), Wake())
    assert polling.deadline is None


def test_the_shortest_pace_is_no_busy_loop() -> None:
    polling = Polling(Span(1), None, Entropy(b""))
    polling.step(Instant(0), Begin())
    assert pause(polling, JobSeen(job())) >= millis(100)
