"""The laws of the house, held against a spectator to whom anything may happen, in any order."""

from typing import Any

from core.spectating import ANSWER, CONFIG, PEER, SDP, SETTINGS, Step, World, reached
from house.fuzz import examples
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from odyssey_proto.client.spectator import Spectator
from odyssey_proto.kernel.machine import Instant, Span, after
from odyssey_proto.seam import inputs as i
from odyssey_proto.seam.commands import Connect, Disconnect
from odyssey_proto.seam.http import HttpReply
from odyssey_proto.seam.inputs import MediaKind, PeerState, SdpKind, TransportError, TransportErrorKind, Wake

anything = st.sampled_from(
    [
        *(i.PeerStateChanged(PEER, state) for state in PeerState),
        i.TrackUp(PEER, MediaKind.VIDEO),
        i.TrackUp(PEER, MediaKind.AUDIO),
        i.TrackDown(PEER, MediaKind.VIDEO),
        i.LocalDescription(PEER, SdpKind.OFFER, SDP),
        i.MediaSeen(PEER, 3),
        i.PeerFailed(PEER, TransportError(TransportErrorKind.SILENT)),
        i.PeerStateChanged(i.PeerId(9), PeerState.FAILED),
        CONFIG,
        ANSWER,
        HttpReply(401),
        "break",
        Connect(),
        Disconnect(),
        1.0,
        10.0,
        ("jump", 1_000_000),
        ("jump", 10_000_000),
    ]
)

news = st.sampled_from(
    [
        *(i.PeerStateChanged(PEER, state) for state in PeerState),
        i.TrackUp(PEER, MediaKind.VIDEO),
        i.TrackDown(PEER, MediaKind.VIDEO),
        i.LocalDescription(PEER, SdpKind.OFFER, SDP),
        i.PeerFailed(PEER, TransportError(TransportErrorKind.SILENT)),
        CONFIG,
        ANSWER,
        HttpReply(401),
        "break",
    ]
)
steps = st.sampled_from([None, *Step])


def played(step: Step | None, script: list[Any]) -> World:
    """Returns a world that went well so far, and to which the script happened then."""
    world = World() if step is None else reached(step)
    for action in script:
        world.perform(action)
    return world


@given(steps, st.lists(anything, max_size=14))
@settings(max_examples=examples(300), deadline=None)
def test_whatever_happens_the_laws_hold(step: Step | None, script: list[Any]) -> None:
    played(step, script).finish()


@given(steps, st.lists(anything, max_size=14), st.integers(0, 2**26))
@settings(max_examples=examples(150), deadline=None)
def test_the_past_is_the_present_and_more_wakes_change_nothing(
    step: Step | None, script: list[Any], past: int
) -> None:
    world = played(step, script)
    world.finish()
    again = Spectator(SETTINGS)
    for (now, inp, outputs), deadline in zip(world.steps, world.deadlines, strict=True):
        given_as = now
        if again.deadline is None or again.deadline.at > now:
            assert list(again.step(now, Wake())) == []
            given_as = Instant(min(past, now))
        assert tuple(again.step(given_as, inp)) == outputs
        assert again.deadline == deadline


@given(steps, st.lists(anything, max_size=6), news, st.integers(0, 10_000_000))
@settings(max_examples=examples(200), deadline=None)
def test_what_arrives_comes_before_the_timers_that_are_due(
    step: Step | None, script: list[Any], arrival: Any, late: int
) -> None:
    in_time, overdue = played(step, script), played(step, script)
    deadline = overdue.spectator.deadline
    assume(deadline is not None and deadline.at > overdue.now)
    assert deadline is not None
    overdue.now = after(deadline.at, Span(late))
    steps = len(in_time.steps)
    in_time.perform(arrival)
    overdue.perform(arrival)
    assume(len(in_time.steps) > steps)
    first, both = in_time.steps[steps][2], overdue.steps[steps][2]
    assert both[: len(first)] == first
    overdue.finish()
