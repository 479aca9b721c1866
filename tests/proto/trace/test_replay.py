"""A recording, written, read and replayed, goes the way it went."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import pytest
from attrs import evolve
from core.traced_sessions import PICTURE, again, giving, good_session, recorded, traced_world
from house.fuzz import examples
from hypothesis import HealthCheck, given, settings

from odyssey_proto.client.client import Client
from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.kernel.machine import Deadline, Instant
from odyssey_proto.seam.commands import Connect, Interact, StartStream
from odyssey_proto.seam.inputs import Wake
from odyssey_proto.seam.outputs import SendText
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.testing.actions import Action, perform
from odyssey_proto.testing.by_hand import SETTINGS
from odyssey_proto.testing.situations import Situation, reached
from odyssey_proto.testing.strategies.clients import actions, scripts, situations
from odyssey_proto.trace import (
    Header,
    Limits,
    Recorder,
    ReplayError,
    ServiceSettings,
    Trace,
    TraceBuffer,
    check,
    difference,
    fresh,
    lines,
    read,
    replayed,
    state_of,
)
from odyssey_proto.trace.policy import Images
from odyssey_proto.trace.redaction.redactor import RedactionError, redacted
from odyssey_proto.trace.replay import place_of


def test_a_session_comes_back_as_it_was_written() -> None:
    trace = recorded()
    assert again(trace) == trace
    assert again(trace).steps[0].inp.what == Connect()
    assert again(trace).header.created == 1_700_000_000_000_000


def test_a_session_replays() -> None:
    assert difference(again(recorded()), fresh) is None


def test_a_replay_shows_each_step_and_the_state_after_it() -> None:
    trace = recorded()
    steps = list(replayed(trace, fresh))
    assert [step.index for step in steps] == list(range(len(trace.steps)))
    assert all(step.same for step in steps)
    statuses = [dict(step.state)["status"] for step in steps]
    assert statuses[0] == "authenticating"
    assert "connected" in statuses
    assert statuses[-1] == "disconnected"


def test_a_refused_command_is_on_record_and_refused_again() -> None:
    trace = again(recorded(giving([Interact("hello")])))
    refused = trace.steps[0].refused
    assert refused is not None
    assert (refused.name, refused.text) == ("state.not_connected", "not connected")
    assert difference(trace, fresh) is None


def test_the_first_difference_shows_where_what_and_what_was_before() -> None:
    trace = recorded()
    index = next(
        i for i, step in enumerate(trace.steps) if any(isinstance(o, SendText) for o in step.outputs)
    )
    odd = evolve(
        trace.steps[index], outputs=(), deadline=Deadline(Instant(7), ClientTimer.NEGOTIATION_TIMEOUT)
    )
    found = difference(evolve(trace, steps=(*trace.steps[:index], odd, *trace.steps[index + 1 :])), fresh)
    assert found is not None
    assert (found.index, found.expected) == (index, odd)
    assert len(found.before) == 5
    assert found.actual == trace.steps[index]
    text = found.text
    assert f"step {index - 1} at" in text
    assert "+SendText" in text
    assert "-deadline: NEGOTIATION_TIMEOUT at 7" in text
    assert "state: status connecting" in text


def test_a_check_raises_the_difference() -> None:
    trace = recorded()
    with pytest.raises(ReplayError, match="step 0 went another way") as caught:
        check(evolve(trace, steps=(evolve(trace.steps[0], outputs=()), *trace.steps[1:])), fresh)
    assert caught.value.difference.index == 0
    check(trace, fresh)


def test_the_difference_of_a_replay_shows_no_secret() -> None:
    trace = recorded()
    for index, step in enumerate(trace.steps):
        found = difference(
            evolve(
                trace,
                steps=(
                    *trace.steps[:index],
                    evolve(step, deadline=Deadline(Instant(1), ClientTimer.NEGOTIATION_TIMEOUT)),
                ),
            ),
            fresh,
        )
        assert found is not None
        assert "ody_0123456789abcdef" not in found.text.split("--- recorded")[0]
        assert "ody_0123456789abcdef" not in repr(found)


def test_a_service_is_recorded_and_replayed_as_well() -> None:
    settings = ServiceSettings(ServiceConfig(capacity=1), b"seed", 5)
    machine = fresh(settings)
    buffer = TraceBuffer(Header(settings))
    recorder = Recorder(machine, buffer.after, buffer.before)
    recorder.step(Instant(3), Wake())
    trace = again(buffer.trace())
    assert trace.header.machine == "service"
    assert trace.header.created is None
    assert difference(trace, fresh) is None
    assert dict(state_of(machine))["machine"].startswith("<Service")


def test_a_time_that_runs_backwards_is_on_record_as_it_counts() -> None:
    buffer = TraceBuffer(Header(SETTINGS))
    recorder = Recorder(Client(SETTINGS), buffer.after, buffer.before)
    for now in (5, 3):
        recorder.step(Instant(now), Wake())
    trace = again(buffer.trace())
    assert [step.at for step in trace.steps] == [5, 5]
    assert difference(trace, fresh) is None


def test_a_full_buffer_keeps_the_beginning_and_says_what_is_missing() -> None:
    whole = recorded()
    trace = again(recorded(limits=Limits(steps=10)))
    assert trace.steps == whole.steps[:10]
    assert trace.cut == len(whole.steps) - 10
    assert difference(trace, fresh) is None
    small = recorded(limits=Limits(size=5000))
    assert 0 < len(small.steps) < len(whole.steps)
    assert small.cut
    assert again(recorded(limits=Limits(steps=0))).cut == len(whole.steps)


def test_a_buffer_gives_its_first_steps() -> None:
    world, buffer = traced_world()
    good_session(world)
    assert buffer.trace(3).steps == buffer.trace().steps[:3]
    assert buffer.trace(10_000) == buffer.trace()


def test_an_input_that_breaks_the_machine_is_the_last_thing_on_record() -> None:
    class Broken:
        deadline = None

        def step(self, now: Instant, inp: Wake, /) -> list[object]:
            raise RuntimeError("a bug")

    buffer = TraceBuffer(Header(SETTINGS))
    with pytest.raises(RuntimeError):
        Recorder(Broken(), buffer.after, buffer.before).step(Instant(9), Wake())
    trace = again(buffer.trace())
    assert trace.steps == ()
    assert trace.broken == (9, Wake())
    assert [record.name for record in trace.records()] == ["Wake"]


@contextmanager
def bug() -> Iterator[None]:
    """Makes the core break when a stream is asked for."""
    step = Client.step

    def broken(self: Client, now: Instant, inp: Any, /) -> Any:
        if isinstance(getattr(inp, "what", None), StartStream):
            raise ZeroDivisionError(inp.what.prompt)
        return step(self, now, inp)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Client, "step", broken)
        yield


def crashed(**how: Any) -> Trace:
    """Returns the recording of a session that broke the core."""
    world, buffer = traced_world(**how)
    with bug(), pytest.raises(ZeroDivisionError):
        good_session(world)
    return buffer.trace()


def test_an_input_that_broke_the_core_and_does_so_again_is_a_difference() -> None:
    with bug():
        trace = again(redacted(crashed(), fresh))
        found = difference(trace, fresh)
        with pytest.raises(ReplayError, match=r"step 14 breaks the core: ZeroDivisionError in ") as caught:
            check(trace, fresh)
    assert found is not None
    assert (found.index, found.expected, found.actual.inp.what.prompt) == (14, None, "A cat")
    assert isinstance(found.raised, ZeroDivisionError)
    assert len(found.before) == 5
    assert dict(found.state)["status"] == "connected"
    for words in ("StartStream\n", "-no answer is on record", "+the core breaks: ZeroDivisionError in "):
        assert words in found.text
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert "A cat" not in str(caught.value)


def test_an_input_that_broke_the_core_and_is_taken_now_is_none() -> None:
    trace = again(crashed())
    *_, last = replayed(trace, fresh)
    assert (last.index, last.expected, last.same) == (len(trace.steps), None, True)
    assert last.actual.outputs
    assert difference(trace, fresh) is None
    check(trace, fresh)


@pytest.mark.parametrize("images", Images)
def test_the_image_of_an_input_that_broke_the_core_is_kept_hashed_or_dropped(images: Images) -> None:
    trace = crashed(limits=Limits(images=images))
    assert trace.broken is not None
    assert (trace.broken[1].what.image == PICTURE) == (images is Images.KEEP)
    assert again(trace) == trace
    assert TraceBuffer.of(trace).trace() == trace
    assert difference(trace, fresh) is None


def test_a_core_that_breaks_on_the_way_is_a_difference() -> None:
    trace = recorded()
    with bug():
        steps = list(replayed(trace, fresh))
        found = difference(trace, fresh)
    assert [step.same for step in steps] == [True] * 14 + [False]
    assert found is not None
    assert (found.index, found.expected) == (14, trace.steps[14])
    assert [step.index for step in found.before] == [9, 10, 11, 12, 13]
    assert "-SendText\n" in found.text
    assert "+the core breaks: ZeroDivisionError in " in found.text


def test_a_replay_that_cannot_be_done_refuses_the_export() -> None:
    def unusable(settings: Any) -> NoReturn:
        raise KeyError("a secret")

    with pytest.raises(RedactionError, match="the trace cannot be replayed: KeyError"):
        redacted(recorded(), unusable)


def test_an_error_that_was_not_raised_has_no_place() -> None:
    assert place_of(ValueError("x")) == "ValueError"


def test_what_is_different_in_a_step_with_an_image_is_shown_with_its_stand_in() -> None:
    trace = recorded()
    at = next(index for index, step in enumerate(trace.steps) if step.condensed)
    odd = evolve(trace.steps[at], deadline=None)
    found = difference(evolve(trace, steps=(*trace.steps[:at], odd)), fresh)
    assert found is not None
    assert found.actual == trace.steps[at]
    assert len(found.text) < 2 * len(PICTURE)


def test_a_buffer_that_was_read_from_a_file_that_was_cut_off_says_so() -> None:
    trace = read(list(lines(recorded()))[:-1])
    assert not TraceBuffer.of(trace).trace().ended
    assert not redacted(trace, fresh).ended


def test_a_buffer_is_full_when_its_stand_ins_stand_for_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("odyssey_proto.trace.recorder.MAX_STAND_IN_CHARS", 1000)
    trace = recorded()
    assert trace.cut
    assert not any(isinstance(getattr(step.inp, "what", None), StartStream) for step in trace.steps)


def test_records_tell_what_happened_in_order() -> None:
    records = list(recorded().records())
    assert [record.kind for record in records[:4]] == ["input", "output", "output", "deadline"]
    assert records[0].name == "Connect"
    assert {"StatusChanged", "Completed", "Request", "StartStream", "Replied"} <= {
        record.name for record in records
    }
    refused = list(recorded(giving([Interact("x")])).records())
    assert refused[1].kind == "refused"


@pytest.mark.parametrize("images", Images)
def test_an_image_is_kept_hashed_or_dropped_and_the_way_stays_the_same(images: Images) -> None:
    trace = again(recorded(limits=Limits(images=images)))
    started = next(
        step.inp.what for step in trace.steps if isinstance(getattr(step.inp, "what", None), StartStream)
    )
    size = sum(map(len, lines(trace)))
    if images is Images.KEEP:
        assert started.image == PICTURE
        assert size > 2 * len(PICTURE)
    else:
        assert started.image.startswith("data:image/png;base64,<blob 9600 ")
        assert ("-" in started.image[-3:]) == (images is Images.DROP)
        assert size < 2 * len(PICTURE)
    assert difference(trace, fresh) is None


@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(situations, scripts(actions, 30))
def test_whatever_happens_replays(situation: Situation, script: list[Action]) -> None:
    world = reached(situation)
    for action in script:
        perform(world, action)
    world.finish()
    buffer = TraceBuffer(Header(SETTINGS))
    recorder = Recorder(Client(SETTINGS), buffer.after, buffer.before)
    for step in world.steps:
        recorder.step(step.at, step.input)
    trace = again(buffer.trace())
    assert trace == buffer.trace()
    assert difference(trace, fresh) is None
