"""When a job is looked at again, and how waiting for it ends."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odyssey_proto.client.jobs.polling import (
    LOOK,
    MAX_BACKOFF,
    MAX_FAILED_LOOKS,
    MAX_RETRY_AFTER,
    MIN_PAUSE,
    Polling,
)
from odyssey_proto.client.jobs.watched import MAX_UNKNOWN
from odyssey_proto.client.rest.call_requests import CancelCall, StartCall
from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.kernel.entropy import Entropy
from odyssey_proto.kernel.failures import ABANDONED, Failure, FailureKind, Phase
from odyssey_proto.kernel.machine import Instant, Span, after, millis, seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages.recordings import GET_RECORDING
from odyssey_proto.messages.simulations import WATCH_SIMULATION, JobSeen
from odyssey_proto.model.recordings import Recording
from odyssey_proto.model.simulations import SimulationJobDetail, SimulationJobStatus
from odyssey_proto.seam.commands import CommandId, WaitForJob, WaitForRecording
from odyssey_proto.seam.outputs import Completed, Failed, Progressed
from odyssey_proto.seam.settings import Settings

EVERY = seconds(5)
BROKE = Failure(FailureKind.SERVER_BROKE, "it broke")
COMMAND = CommandId(7)
SETTINGS = Settings(api_url="https://api.example", api_key=Secret("ody_polling"))


def job(status: str = "pending", **known: Any) -> SimulationJobDetail:
    return SimulationJobDetail("j-1", SimulationJobStatus(status), "normal", "now", **known)


def looks(outputs: list[Any]) -> bool:
    """Tells whether the job is asked for, and nothing else is done."""
    match outputs:
        case [StartCall(name, request)] if name == LOOK:
            assert (request.endpoint, request.params, request.base) == (
                WATCH_SIMULATION,
                "j-1",
                "https://api.example",
            )
            assert (request.within, request.phase) == (seconds(SETTINGS.timeouts.call), Phase.CALL)
            return True
        case _:
            return False


def progressed(job: SimulationJobDetail) -> Progressed:
    return Progressed(COMMAND, job)


def begun(timeout: Span | None = None, seed: bytes = b"seed") -> Polling:
    polling = Polling(COMMAND, WaitForJob("j-1", EVERY, timeout), SETTINGS, Entropy(seed))
    assert looks([*polling.begin(Instant(0))])
    return polling


def pause(polling: Polling, result: JobSeen | Failure, now: int = 0) -> int:
    """Returns how long it waits after a look."""
    polling.on_result(Instant(now), result)
    assert polling.deadline is not None
    assert polling.deadline.reason is ClientTimer.JOB_POLL
    return polling.deadline.at - now


def test_a_job_that_completes() -> None:
    polling = begun()
    assert polling.deadline is None
    assert polling.on_result(Instant(1), JobSeen(job())) == [progressed(job())]
    assert polling.deadline is not None
    at = polling.deadline.at
    assert polling.wake(Instant(at - 1)) == []
    assert looks([*polling.wake(at)])
    assert polling.wake(at) == []
    assert polling.on_result(at, JobSeen(job())) == []
    done = job("completed")
    assert not polling.done
    assert polling.on_result(at, JobSeen(done)) == [progressed(done), Completed(COMMAND, done)]
    assert (polling.deadline, polling.done) == (None, True)
    assert repr(polling) == "<Polling simulation j-1 seen, over>"


@pytest.mark.parametrize(
    ("status", "why"), [("failed", FailureKind.JOB_FAILED), ("cancelled", FailureKind.JOB_CANCELLED)]
)
def test_a_job_that_does_not(status: str, why: FailureKind) -> None:
    polling = begun()
    ended = job(status, error_message="out\nof luck")
    seen, end = polling.on_result(Instant(0), JobSeen(ended))
    assert seen == progressed(ended)
    assert isinstance(end, Failed)
    failure = end.failure
    assert (failure.kind, failure.code, failure.phase) == (why, f"simulation.{status}", Phase.SIMULATION)
    assert failure.detail == "out of luck"
    assert not failure.retryable


@pytest.mark.parametrize("status", ["pending", "dispatched", "processing", "running", "hibernating"])
def test_any_other_state_is_waited_out(status: str) -> None:
    polling = begun()
    assert EVERY <= pause(polling, JobSeen(job(status))) <= EVERY * 1.1
    assert polling.deadline is not None
    assert looks([*polling.wake(polling.deadline.at)])


@pytest.mark.parametrize(
    ("asked", "least"),
    [
        (seconds(2), seconds(2)),
        (seconds(30), seconds(30)),
        (Span(0), MIN_PAUSE),
        (10**15, MAX_RETRY_AFTER),
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
    pauses = [pause(polling, BROKE) for _ in range(MAX_FAILED_LOOKS - 1)]
    assert all(before < later or later >= MAX_BACKOFF for before, later in pairwise(pauses))
    assert max(pauses) <= MAX_BACKOFF * 1.1
    assert polling.on_result(Instant(0), BROKE) == [Failed(COMMAND, BROKE)]


def test_a_look_that_succeeds_forgives() -> None:
    polling = begun()
    for _ in range(3):
        for _ in range(MAX_FAILED_LOOKS - 1):
            pause(polling, BROKE)
        pause(polling, JobSeen(job()))


@pytest.mark.parametrize(
    "why",
    [FailureKind.AUTH_REFUSED, FailureKind.NOT_FOUND, FailureKind.MALFORMED, FailureKind.CLOSED_LOCALLY],
)
def test_what_will_not_pass_ends_the_waiting(why: FailureKind) -> None:
    failure = Failure(why, "no")
    assert begun().on_result(Instant(0), failure) == [Failed(COMMAND, failure)]


def test_a_refusal_may_ask_for_a_longer_pause() -> None:
    failure = Failure(FailureKind.SERVER_BROKE, "busy", retry_after=seconds(90))
    assert pause(begun(), failure) >= seconds(90)


def test_patience_ends_between_two_looks_and_during_one() -> None:
    for result in (None, JobSeen(job())):
        polling = begun(seconds(3))
        if result is not None:
            polling.on_result(Instant(0), result)
        assert polling.deadline is not None
        assert polling.deadline.at == after(Instant(0), seconds(3))
        assert polling.deadline.reason is ClientTimer.JOB_TIMEOUT
        off, end = polling.wake(Instant(seconds(3)))
        assert off == CancelCall(LOOK)
        assert isinstance(end, Failed)
        assert (end.failure.kind, end.failure.code) == (FailureKind.TIMED_OUT, "timeout.simulation")
        assert polling.done
        assert polling.deadline is None


def test_the_end_of_patience_tells_how_the_last_look_failed() -> None:
    polling = begun(seconds(3))
    polling.on_result(Instant(0), Failure(FailureKind.SERVER_BROKE, "busy", detail="Back soon"))
    _, end = polling.wake(Instant(seconds(3)))
    assert isinstance(end, Failed)
    assert end.failure.message.endswith("timed out, no end of the job, after this: busy: Back soon")


def test_a_look_and_the_end_that_are_due_together_make_an_end() -> None:
    polling = begun(seconds(6))
    pause(polling, JobSeen(job()))
    *_, end = polling.wake(Instant(seconds(100)))
    assert isinstance(end, Failed)
    assert (polling.deadline, polling.done) == (None, True)


def test_it_can_be_given_up() -> None:
    polling = begun()
    assert polling.abandon(Instant(1), CommandId(8)) is None
    assert not polling.closed(Instant(1))
    assert polling.abandon(Instant(1), COMMAND) == [CancelCall(LOOK), Failed(COMMAND, ABANDONED)]
    assert polling.closed(Instant(1))
    assert (polling.deadline, polling.done) == (None, True)


results = st.one_of(
    st.builds(JobSeen, st.sampled_from(list(SimulationJobStatus)).map(job), st.none()),
    st.sampled_from([BROKE, Failure(FailureKind.NOT_FOUND, "gone")]),
)


@given(st.lists(st.tuples(st.integers(0, seconds(20)), st.none() | results), max_size=30))
def test_it_ends_once_and_never_spins(script: list[tuple[int, JobSeen | Failure | None]]) -> None:
    polling = begun(seconds(60))
    now, looking, ended = 0, True, False
    for later, result in script:
        now += later
        outputs: list[Any] = []
        if result is not None and looking:
            looking = False
            outputs += polling.on_result(Instant(now), result)
        outputs += polling.wake(Instant(now))
        for output in outputs:
            assert not ended
            assert not (looking and isinstance(output, StartCall))
            looking = (looking or isinstance(output, StartCall)) and not isinstance(output, CancelCall)
            ended = isinstance(output, Completed | Failed)
        assert polling.done is ended
        assert polling.deadline is None if ended else polling.deadline is not None
        assert polling.deadline is None or polling.deadline.at > now
        if ended:
            break
    assert repr(polling).startswith("<Polling ")
    polling.wake(Instant(now + seconds(61)))
    assert polling.deadline is None


def test_the_shortest_pace_is_no_busy_loop() -> None:
    polling = Polling(COMMAND, WaitForJob("j-1", Span(1)), SETTINGS, Entropy(b""))
    polling.begin(Instant(0))
    assert pause(polling, JobSeen(job())) >= millis(100)


@pytest.mark.parametrize("wrong", [("", EVERY), ("..", EVERY), (7, EVERY), ("j", 0), ("j", EVERY, -1)])
def test_a_wait_that_is_none(wrong: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match=r"id|every|timeout"):
        WaitForJob(*wrong)


# --- recordings -------------------------------------------------------------------------------------

NOT_THERE = Failure(FailureKind.NOT_FOUND, "no such recording")


def recording_awaited(timeout: Span | None = None) -> Polling:
    polling = Polling(COMMAND, WaitForRecording("s-1", EVERY, timeout), SETTINGS, Entropy(b"seed"))
    (look,) = polling.begin(Instant(0))
    assert isinstance(look, StartCall)
    assert (look.request.endpoint, look.request.params) == (GET_RECORDING, "s-1")
    return polling


def test_a_recording_is_awaited_from_before_it_is_known_until_its_video_is_there() -> None:
    polling = recording_awaited()
    for _ in range(2 * MAX_FAILED_LOOKS):
        assert EVERY <= pause(polling, NOT_THERE, now=1) <= EVERY * 1.1
    bare, ready = Recording("s-1"), Recording("s-1", video_url="https://files.example/v.mp4")
    assert polling.on_result(Instant(2), bare) == [Progressed(COMMAND, bare)]
    assert pause(polling, bare, now=3) >= EVERY
    assert polling.on_result(Instant(4), ready) == [Progressed(COMMAND, ready), Completed(COMMAND, ready)]
    assert (polling.deadline, polling.done) == (None, True)
    assert repr(polling) == "<Polling recording s-1 seen, over>"


def test_a_recording_that_stays_unknown_is_none() -> None:
    polling = recording_awaited()
    assert repr(polling) == "<Polling recording s-1>"
    assert polling.on_result(Instant(MAX_UNKNOWN), NOT_THERE) == [Failed(COMMAND, NOT_THERE)]


def test_a_recording_that_is_not_made_in_time() -> None:
    polling = recording_awaited(seconds(3))
    polling.on_result(Instant(0), NOT_THERE)
    _, end = polling.wake(Instant(seconds(3)))
    assert isinstance(end, Failed)
    assert (end.failure.code, end.failure.phase) == ("timeout.recording", Phase.RECORDING)
    assert end.failure.missing == ("video",)
    assert end.failure.cause == NOT_THERE


@pytest.mark.parametrize("wrong", [("", EVERY), ("..", EVERY), ("s", 0), ("s", EVERY, -1)])
def test_a_wait_for_a_recording_that_is_none(wrong: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match=r"id|every|timeout"):
        WaitForRecording(*wrong)
