"""Recordings walked forward and back."""

from typing import Any

import pytest
from attrs import evolve
from core.traced import recorded

from odyssey.inspect.travel import Travel
from odyssey_proto.client.client import Client
from odyssey_proto.trace import Trace
from odyssey_proto.trace import machines as made


@pytest.fixture(scope="module")
def trace() -> Trace:
    return recorded()


@pytest.fixture
def travel(trace: Trace) -> Travel:
    return Travel(trace)


def test_it_stands_before_the_first_step_and_goes_where_it_is_told(travel: Travel) -> None:
    assert (travel.at, travel.step, travel.beats, travel.state, travel.replayed) == (-1, None, (), (), None)
    assert travel.forward() is travel.trace.steps[0]
    assert travel.forward(3) is travel.trace.steps[3]
    assert travel.back() is travel.trace.steps[2]
    assert travel.go(10_000) is travel.trace.steps[-1]
    assert travel.back(10_000) is None
    assert repr(travel) == f"<Travel at step -1 of {len(travel)}>"


def test_the_state_is_known_at_any_step_in_any_order(travel: Travel) -> None:
    travel.go(len(travel) - 1)
    last = dict(travel.state)
    assert last["status"] == "disconnected"
    travel.go(0)
    assert dict(travel.state)["status"] == "authenticating"
    travel.go(len(travel) - 1)
    assert dict(travel.state) == last
    assert len(travel.states) == len(travel)
    assert travel.different is None


def test_the_records_of_a_step_are_at_hand(travel: Travel) -> None:
    travel.go(0)
    assert [beat.record.step for beat in travel.beats] == [0] * len(travel.beats)
    assert travel.beats[0].line.title == "Connect"


def test_why_goes_back_to_the_first_cause(travel: Travel) -> None:
    (started,) = [beat for beat in travel.story.beats if beat.line.title == "stream started"]
    reasons = [beat.line.title for beat in travel.why(started.number)]
    assert reasons[0] == "StartStream"
    assert reasons[-1] == "stream started"


def test_words_are_found_from_here_on(travel: Travel) -> None:
    first = next(travel.find("SESSIONS/REQUEST"))
    assert first.record.name == "Request"
    travel.go(first.record.step)
    assert next(travel.find("sessions/request")).record.name == "Replied"
    assert list(travel.find("nowhere")) == []


def test_a_machine_of_its_own_stands_where_the_travel_does(travel: Travel) -> None:
    travel.go(0)
    machine: Any = travel.machine()
    assert isinstance(machine, Client)
    assert machine.status.value == "authenticating"


def test_the_first_step_that_goes_another_way_is_found(trace: Trace) -> None:
    steps = list(trace.steps)
    steps[0] = evolve(steps[0], outputs=())
    travel = Travel(evolve(trace, steps=tuple(steps)))
    different = travel.different
    assert different is not None
    assert different.index == 0


def test_a_machine_that_breaks_leaves_the_rest_unknown(trace: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        deadline = None

        def step(self, *_: Any) -> Any:
            raise ZeroDivisionError

    monkeypatch.setattr("odyssey_proto.trace.replay.fresh", lambda settings: Broken())
    travel = Travel(trace)
    travel.go(3)
    assert travel.state == ()
    assert travel.broke is not None
    assert isinstance(travel.broke.raised, ZeroDivisionError)
    assert travel.different is travel.broke
    assert travel.replayed is None
    assert travel.states == ()
    assert made.fresh is not None
