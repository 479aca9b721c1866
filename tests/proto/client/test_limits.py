"""Limits of time are announced: once for each stream and connection, and never after its end."""

from typing import Any

import pytest
from attrs import evolve
from house.fuzz import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from odyssey_proto.kernel.machine import Instant, seconds
from odyssey_proto.messages import stream
from odyssey_proto.model.config import Limits
from odyssey_proto.model.events import DurationLimit, LimitApproaching
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.inputs import Wake
from odyssey_proto.seam.settings import Settings
from odyssey_proto.testing.by_hand import RENEWAL, SETTINGS, ClientByHand
from odyssey_proto.testing.situations import Situation, connected, reached, streaming

STREAM, CONNECTION = DurationLimit.STREAM, DurationLimit.CONNECTION
NO_LIMITS = {"connection": None, "stream": None}


def announced(world: ClientByHand) -> list[tuple[Instant, LimitApproaching]]:
    """Returns what was announced of limits, and when."""
    return [
        (step.at, output.event)
        for step in world.steps
        for output in step.outputs
        if isinstance(output, o.Happened) and isinstance(output.event, LimitApproaching)
    ]


def with_limits(**limits: Any) -> Settings:
    """Returns settings with these limits and no others."""
    return evolve(SETTINGS, limits=Limits(**{**NO_LIMITS, **limits}))


def test_the_documented_limits() -> None:
    world = streaming()
    world.wait(seconds(3700))
    assert announced(world) == [
        (seconds(135), LimitApproaching(STREAM, 15.0)),
        (seconds(3585), LimitApproaching(CONNECTION, 15.0)),
    ]
    world.finish()


@pytest.mark.parametrize(
    ("limits", "when"),
    [
        ({"stream": 10, "ahead": 4}, [(6, 4.0)]),
        ({"stream": 10, "ahead": 0}, [(10, 0.0)]),
        ({"stream": 10, "ahead": 10}, [(0, 10.0)]),
        ({"stream": 10, "ahead": 60}, [(0, 10.0)]),
        ({"stream": None, "ahead": 4}, []),
    ],
)
def test_the_lead_time(limits: dict[str, Any], when: list[tuple[float, float]]) -> None:
    world = streaming(with_limits(**limits))
    world.wait(seconds(200))
    assert announced(world) == [(seconds(at), LimitApproaching(STREAM, left)) for at, left in when]
    world.finish()


def test_each_stream_is_announced_on_its_own() -> None:
    world = streaming(with_limits(stream=10, ahead=4))
    world.wait(seconds(7))
    world.end()
    world.streamer_says(stream.StreamEnded())
    world.start("two")
    world.streamer_says(stream.StreamStarted("stream-2"))
    world.wait(seconds(20))
    assert [at for at, _ in announced(world)] == [seconds(6), seconds(13)]
    world.finish()


@pytest.mark.parametrize(
    "end",
    [
        lambda world: world.end(),
        lambda world: world.streamer_says(stream.StreamEnded()),
        lambda world: world.streamer_says(stream.InteractiveStreamError("crashed", "it did")),
        lambda world: world.disconnect(),
        lambda world: world.socket_closes(1011, "gone"),
    ],
    ids=["our end", "its end", "error", "disconnect", "loss"],
)
def test_what_is_over_is_not_announced(end: Any) -> None:
    world = streaming(with_limits(stream=10, ahead=4))
    end(world)
    # The answer to our end may be late, but nothing is announced of a stream that is being ended.
    world.wait(seconds(12))
    assert announced(world) == []


def test_a_prompt_that_is_refused_gives_the_stream_no_more_time() -> None:
    world = streaming(with_limits(stream=100, ahead=10))
    world.wait(seconds(50))
    world.interact("bad words")
    world.streamer_says(stream.InteractiveStreamError("moderation_failed", "no"))
    world.interact("good words")
    world.streamer_says(stream.UpdateAcknowledged("Good words"))
    world.wait(seconds(200))
    assert announced(world) == [(seconds(90), LimitApproaching(STREAM, 10.0))]
    world.finish()


def test_a_connection_is_measured_from_its_open_socket_and_announced_once() -> None:
    world = reached(Situation.AWAITING_OFFER, with_limits(connection=100, ahead=10))
    world.wait(seconds(20))
    world.goes_well()
    world.goes_well()
    assert world.client.status == "connected"
    world.wait(seconds(30))
    # A second peer connection is not a second connection.
    world.server_says(RENEWAL)
    world.goes_well()
    assert world.client.status == "connected"
    world.wait(seconds(300))
    assert announced(world) == [(seconds(90), LimitApproaching(CONNECTION, 10.0))]
    world.finish()


def test_a_connection_that_is_over_is_not_announced() -> None:
    world = connected(with_limits(connection=100, ahead=10))
    world.wait(seconds(50))
    world.finish()
    world.wait(seconds(500))
    assert announced(world) == []


@settings(max_examples=examples(50), deadline=None)
@given(st.integers(1, 400), st.integers(0, 400), st.lists(st.integers(1, 200), max_size=6))
def test_once_for_each_whatever_the_numbers(limit: int, ahead: int, pauses: list[int]) -> None:
    world = streaming(with_limits(stream=limit, connection=limit, ahead=ahead))
    for pause in pauses:
        world.now = Instant(world.now + seconds(pause))
        world.step(Wake())
    seen = [event.limit for _, event in announced(world)]
    due = sum(pauses) >= max(0, limit - ahead)
    assert sorted(seen, key=str) == ([CONNECTION, STREAM] if due else [])
    assert all(0 <= event.remaining <= limit for _, event in announced(world))
    world.finish()
