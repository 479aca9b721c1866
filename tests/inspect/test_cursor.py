"""Recordings walked forward and back."""

from typing import Any

import pytest
from attrs import evolve
from core.traced_sessions import recorded

from odyssey.inspect.cursor import TraceCursor
from odyssey_proto.client.client import Client
from odyssey_proto.trace import Trace
from odyssey_proto.trace.machines import fresh


@pytest.fixture(scope="module")
def trace() -> Trace:
    return recorded()


@pytest.fixture
def cursor(trace: Trace) -> TraceCursor:
    return TraceCursor(trace, fresh)


def test_it_stands_before_the_first_step_and_goes_to_any_other(cursor: TraceCursor) -> None:
    assert (cursor.at, cursor.step, cursor.entries, cursor.state, cursor.replayed) == (-1, None, (), (), None)
    assert cursor.forward() is cursor.trace.steps[0]
    assert cursor.forward(3) is cursor.trace.steps[3]
    assert cursor.back() is cursor.trace.steps[2]
    assert cursor.go(10_000) is cursor.trace.steps[-1]
    assert cursor.back(10_000) is None
    assert repr(cursor) == f"<TraceCursor at step -1 of {len(cursor)}>"


def test_the_state_is_known_at_any_step_in_any_order(cursor: TraceCursor) -> None:
    cursor.go(len(cursor) - 1)
    last = dict(cursor.state)
    assert last["status"] == "disconnected"
    cursor.go(0)
    assert dict(cursor.state)["status"] == "authenticating"
    cursor.go(len(cursor) - 1)
    assert dict(cursor.state) == last
    assert len(cursor.states) == len(cursor)
    assert cursor.different is None


def test_the_records_of_a_step_are_at_hand(cursor: TraceCursor) -> None:
    cursor.go(0)
    assert [entry.record.step for entry in cursor.entries] == [0] * len(cursor.entries)
    assert cursor.entries[0].line.title == "Connect"


def test_why_goes_back_to_the_first_cause(cursor: TraceCursor) -> None:
    (started,) = [entry for entry in cursor.story.entries if entry.line.title == "stream started"]
    reasons = [entry.line.title for entry in cursor.why(started.number)]
    assert reasons[0] == "StartStream"
    assert reasons[-1] == "stream started"


def test_words_are_found_from_here_on(cursor: TraceCursor) -> None:
    first = next(cursor.find("SESSIONS/REQUEST"))
    assert first.record.name == "Request"
    cursor.go(first.record.step)
    assert next(cursor.find("sessions/request")).record.name == "Replied"
    assert list(cursor.find("nowhere")) == []


def test_a_machine_of_its_own_stands_where_the_cursor_does(cursor: TraceCursor) -> None:
    cursor.go(0)
    machine: Any = cursor.machine()
    assert isinstance(machine, Client)
    assert machine.status.value == "authenticating"


def test_the_first_step_that_goes_another_way_is_found(trace: Trace) -> None:
    steps = list(trace.steps)
    steps[0] = evolve(steps[0], outputs=())
    cursor = TraceCursor(evolve(trace, steps=tuple(steps)), fresh)
    different = cursor.different
    assert different is not None
    assert different.index == 0


def test_a_machine_that_breaks_leaves_the_rest_unknown(trace: Trace) -> None:
    class Broken:
        deadline = None

        def step(self, *_: Any) -> Any:
            raise ZeroDivisionError

    cursor = TraceCursor(trace, lambda settings: Broken())
    cursor.go(3)
    assert cursor.state == ()
    assert cursor.broke is not None
    assert isinstance(cursor.broke.raised, ZeroDivisionError)
    assert cursor.different is cursor.broke
    assert cursor.replayed is None
    assert cursor.states == ()
