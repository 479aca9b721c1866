"""The laws of the house, held against a spectator to whom anything may happen, in any order."""

from house.fuzz import examples
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from odyssey_proto.client.spectator import Spectator
from odyssey_proto.kernel.machine import Deadline, Instant, Span, after
from odyssey_proto.seam.inputs import Wake
from odyssey_proto.testing.actions import Action, perform
from odyssey_proto.testing.spectator_by_hand import (
    SETTINGS,
    SpectatorByHand,
    SpectatorSituation,
    spectator_reached,
)
from odyssey_proto.testing.strategies.spectators import actions, news, situations

type Script = list[Action]


def played(situation: SpectatorSituation, script: Script) -> SpectatorByHand:
    """Returns a spectator for whom everything went well so far, and to whom the script happened then."""
    world = spectator_reached(situation)
    for action in script:
        perform(world, action)
    return world


@given(situations, st.lists(actions, max_size=14))
@settings(max_examples=examples(300), deadline=None)
def test_whatever_happens_the_laws_hold(situation: SpectatorSituation, script: Script) -> None:
    played(situation, script).finish()


@given(situations, st.lists(actions, max_size=14), st.integers(0, 2**26))
@settings(max_examples=examples(150), deadline=None)
def test_the_past_is_the_present_and_more_wakes_change_nothing(
    situation: SpectatorSituation, script: Script, past: int
) -> None:
    world = played(situation, script)
    world.finish()
    again = Spectator(SETTINGS)
    deadline: Deadline | None = None
    for step in world.steps:
        given_as = step.at
        if deadline is None or deadline.at > step.at:
            assert list(again.step(step.at, Wake())) == []
            given_as = Instant(min(past, step.at))
        assert tuple(again.step(given_as, step.input)) == step.outputs
        deadline = again.deadline
        assert deadline == step.deadline


@given(situations, st.lists(actions, max_size=6), news, st.integers(0, 10_000_000))
@settings(max_examples=examples(200), deadline=None)
def test_what_arrives_comes_before_the_timers_that_are_due(
    situation: SpectatorSituation, script: Script, arrival: Action, late: int
) -> None:
    in_time = played(situation, script)
    deadline, steps = in_time.spectator.deadline, len(in_time.steps)
    assume(deadline is not None and deadline.at > in_time.now)
    assert deadline is not None
    perform(in_time, arrival)
    assume(len(in_time.steps) > steps)
    overdue = played(situation, script)
    overdue.now = after(deadline.at, Span(late))
    perform(overdue, arrival)
    first, both = in_time.steps[steps].outputs, overdue.steps[steps].outputs
    assert both[: len(first)] == first
    overdue.finish()
