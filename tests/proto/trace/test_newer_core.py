"""The trace of an older core, held against a newer one that goes another way to the same results."""

import pytest
from attrs import evolve
from core.newer_cores import NEWER, Newer, Swapped, older
from core.traced_sessions import recorded, scenarios

from odyssey_proto.kernel.machine import Instant
from odyssey_proto.model.events import StreamEnded
from odyssey_proto.seam.inputs import Wake
from odyssey_proto.seam.outputs import Happened
from odyssey_proto.trace import (
    BEHAVIOUR,
    Header,
    ReplayError,
    ServiceSettings,
    Step,
    Trace,
    Verdict,
    application_difference,
    check,
    lines,
    read,
    verdict,
)
from odyssey_proto.trace.machines import fresh
from odyssey_proto.trace.redaction.redactor import redacted

NOT_MEASURED = [name for name in scenarios() if name not in ("recovered", "path-lost")]
"""How long a gap lasted is seen as well, and a core that takes another way measures another one."""


@pytest.mark.parametrize("core", NEWER)
@pytest.mark.parametrize("name", NOT_MEASURED)
def test_a_core_that_goes_another_way_shows_the_application_the_same(name: str, core: type[Newer]) -> None:
    found = check(older(name), core)
    assert found.moved_on
    assert found.difference is None


@pytest.mark.parametrize("core", NEWER)
def test_it_says_so(core: type[Newer]) -> None:
    found = check(older(), core)
    assert found.steps is not None
    assert found.text == (
        f"recorded by a core of behaviour {BEHAVIOUR + 1}, replayed by one of {BEHAVIOUR}: "
        f"step {found.steps.index} went another way than recorded, and the application sees the same"
    )


def test_a_core_that_claims_to_behave_as_recorded_is_held_to_every_step() -> None:
    today = redacted(recorded(), fresh)
    assert today.header.behaviour == BEHAVIOUR
    with pytest.raises(ReplayError, match=r"^step 0 went another way than recorded$"):
        check(today, Newer)


def test_an_older_trace_that_replays_step_by_step_needs_no_second_look() -> None:
    found = check(older(), fresh)
    assert found == Verdict(older(), None)
    assert (found.moved_on, found.text) == (True, "24 steps, all the same again")


def test_the_behaviour_is_written_and_read() -> None:
    trace = older()
    assert f'"behaviour":{BEHAVIOUR + 1}' in next(iter(lines(trace)))
    assert read(lines(trace)) == trace
    assert redacted(trace, fresh) == trace


def test_an_older_trace_is_exported_if_the_application_sees_the_same() -> None:
    trace = older()
    assert redacted(trace, Swapped) == trace


def test_a_service_is_held_to_every_step_whatever_its_behaviour() -> None:
    trace = Trace(Header(ServiceSettings(), behaviour=BEHAVIOUR + 1), (Step(Instant(0), Wake()),))
    check(trace, fresh)
    odd = evolve(trace, steps=(Step(Instant(0), Wake(), (Happened(StreamEnded()),)),))
    found = verdict(odd, fresh)
    assert found.difference is found.steps is not None
    assert found.text.startswith(f"recorded by a core of behaviour {BEHAVIOUR + 1}, ")
    with pytest.raises(ValueError, match="a service has no application"):
        application_difference(odd, fresh)


def test_a_request_without_a_reply_on_record_gets_none() -> None:
    trace = older()
    first = evolve(trace, steps=trace.steps[:1])
    assert application_difference(first, fresh) is None
    assert application_difference(first, Swapped) is None


def test_a_trace_without_steps_shows_the_same() -> None:
    assert application_difference(Trace(older().header), fresh) is None
