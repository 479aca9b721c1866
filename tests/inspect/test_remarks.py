"""What a reader must know of a trace."""

from typing import Any

import pytest
from attrs import evolve
from core.traced_sessions import recorded

from odyssey.inspect.cursor import TraceCursor
from odyssey.inspect.transcript import NOW_TAKEN, remarks
from odyssey_proto.client.client import Client
from odyssey_proto.kernel.machine import Instant
from odyssey_proto.seam.inputs import Wake
from odyssey_proto.trace import Trace
from odyssey_proto.trace.machines import fresh

TRACE = recorded()
BROKEN = evolve(TRACE, steps=TRACE.steps[:3], broken=(TRACE.steps[3].at, TRACE.steps[3].inp))


def remarks_on(trace: Trace) -> list[str]:
    return list(remarks(TraceCursor(trace, fresh)))


@pytest.fixture
def fourth_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    step = Client.step

    def broken(self: Client, now: Instant, inp: Any, /) -> Any:
        if inp == TRACE.steps[3].inp:
            raise KeyError("what is in an error may be secret")
        return step(self, now, inp)

    monkeypatch.setattr(Client, "step", broken)


def test_a_whole_recording_that_replays_needs_no_remark() -> None:
    assert remarks_on(TRACE) == []


def test_what_is_missing_is_said() -> None:
    assert remarks_on(evolve(TRACE, cut=1)) == ["The recorder was full: 1 step at the end left out."]
    assert remarks_on(evolve(TRACE, cut=7)) == ["The recorder was full: 7 steps at the end left out."]
    assert remarks_on(evolve(TRACE, ended=False)) == [
        "The file stops without its end record: lines may be missing."
    ]
    assert remarks_on(evolve(BROKEN, ended=False)) == [
        "The file stops in the middle of a step without its end record: lines may be missing."
    ]


def test_a_replay_that_goes_another_way_is_said() -> None:
    other = evolve(TRACE.steps[2], outputs=())
    trace = evolve(TRACE, steps=(*TRACE.steps[:2], other, *TRACE.steps[3:]))
    assert remarks_on(trace) == ["A replay goes another way at step 2."]


def test_an_input_that_broke_the_recorded_core_is_taken_now() -> None:
    assert remarks_on(BROKEN) == [NOW_TAKEN]


@pytest.mark.usefixtures("fourth_breaks")
def test_an_input_that_breaks_the_core_again_is_said() -> None:
    where = f"KeyError in {__name__}, line "
    (remark,) = remarks_on(BROKEN)
    assert remark.startswith(f"A replay breaks the core at step 3, as when it was recorded: {where}")
    (remark,) = remarks_on(TRACE)
    assert remark.startswith(f"A replay breaks the core at step 3: {where}")
    assert "secret" not in remark


@pytest.mark.usefixtures("fourth_breaks")
def test_a_trace_that_broke_the_core_is_walked_to_its_last_input() -> None:
    cursor = TraceCursor(BROKEN, fresh)
    step = cursor.go(99)
    assert step is not None
    assert (cursor.at, len(cursor), step.inp) == (3, 4, TRACE.steps[3].inp)
    assert [entry.record.value for entry in cursor.entries] == [step.inp]
    assert cursor.state == ()
    cursor.back()
    assert dict(cursor.state)["status"] == "authenticating"
    machine: Any = cursor.machine()
    assert machine.status.value == "authenticating"
    cursor.forward()
    assert repr(cursor.machine()) == repr(machine)


def test_what_was_not_answered_may_be_nothing_bad() -> None:
    cursor = TraceCursor(evolve(TRACE, steps=(), broken=(Instant(5), Wake())), fresh)
    cursor.go(0)
    assert dict(cursor.state)["status"] == "disconnected"
