"""Limits of time are told of ahead: once for each stream and connection, and never after its end."""

from typing import Any

import pytest
from attrs import evolve
from core.gauntlet import Gauntlet, advance, begun
from core.material import READY, SDP, SETTINGS
from house.fuzz import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from odyssey_proto.kernel.machine import Instant, seconds
from odyssey_proto.messages import signaling, stream
from odyssey_proto.messages.stream import FROM_STREAMER
from odyssey_proto.model.config import Limits
from odyssey_proto.model.events import DurationLimit, LimitApproaching
from odyssey_proto.seam import inputs as i
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.commands import Disconnect, EndStream, Interact, StartStream
from odyssey_proto.seam.inputs import Wake

STREAM, CONNECTION = DurationLimit.STREAM, DurationLimit.CONNECTION
SILENT = {"connection": None, "stream": None}


def told(world: Gauntlet) -> list[tuple[Instant, LimitApproaching]]:
    """Returns what was told of limits, and when."""
    return [
        (at, out.event)
        for at, _, outs in world.steps
        for out in outs
        if isinstance(out, o.Happened) and isinstance(out.event, LimitApproaching)
    ]


def wait(world: Gauntlet, span: float) -> None:
    target = Instant(world.now + seconds(span))
    while (deadline := world.client.deadline) is not None and deadline.at <= target:
        world.now = Instant(max(world.now, deadline.at))
        world.step(Wake())
    world.now = target


def says(world: Gauntlet, message: Any) -> None:
    world.step(i.ChannelText(i.PeerId(1), FROM_STREAMER, stream.encode(message)))


def limited(depth: int, **limits: Any) -> Gauntlet:
    return begun(depth, evolve(SETTINGS, limits=Limits(**{**SILENT, **limits})))


def test_the_documented_limits() -> None:
    world = begun(READY + 1)
    wait(world, 3700)
    assert told(world) == [
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
    world = limited(READY + 1, **limits)
    wait(world, 200)
    assert told(world) == [(seconds(at), LimitApproaching(STREAM, left)) for at, left in when]
    world.finish()


def test_each_stream_is_told_of_on_its_own() -> None:
    world = limited(READY + 1, stream=10, ahead=4)
    wait(world, 7)
    world.command(EndStream())
    says(world, stream.StreamEnded())
    world.command(StartStream("two"))
    says(world, stream.StreamStarted("stream-2"))
    wait(world, 20)
    assert [at for at, _ in told(world)] == [seconds(6), seconds(13)]
    world.finish()


@pytest.mark.parametrize(
    "end",
    [
        lambda world: world.command(EndStream()),
        lambda world: says(world, stream.StreamEnded()),
        lambda world: says(world, stream.InteractiveStreamError("crashed", "it did")),
        lambda world: world.command(Disconnect()),
        lambda world: world.step(i.SocketClosed(i.SocketId(1), 1011, "gone", None)),
    ],
    ids=["our end", "its end", "error", "disconnect", "loss"],
)
def test_what_is_over_is_not_told_of(end: Any) -> None:
    world = limited(READY + 1, stream=10, ahead=4)
    end(world)
    # The answer to our end may be late, but nothing is told of a stream that is being ended.
    wait(world, 12)
    assert told(world) == []


def test_a_prompt_that_is_refused_gives_the_stream_no_more_time() -> None:
    world = limited(READY + 1, stream=100, ahead=10)
    wait(world, 50)
    world.command(Interact("bad words"))
    says(world, stream.InteractiveStreamError("moderation_failed", "no"))
    world.command(Interact("good words"))
    says(world, stream.UpdateAcknowledged("Good words"))
    wait(world, 200)
    assert told(world) == [(seconds(90), LimitApproaching(STREAM, 10.0))]
    world.finish()


def test_a_connection_is_measured_from_its_open_socket_and_told_of_once() -> None:
    world = limited(READY - 2, connection=100, ahead=10)
    wait(world, 20)
    advance(world, 0)
    advance(world, 0)
    assert world.client.status == "connected"
    wait(world, 30)
    # A second peer connection is not a second connection.
    world.step(i.SocketText(i.SocketId(1), signaling.encode(signaling.Offer(SDP))))
    advance(world, 0)
    assert world.client.status == "connected"
    wait(world, 300)
    assert told(world) == [(seconds(90), LimitApproaching(CONNECTION, 10.0))]
    world.finish()


def test_a_connection_that_is_over_is_not_told_of() -> None:
    world = limited(READY, connection=100, ahead=10)
    wait(world, 50)
    world.finish()
    wait(world, 500)
    assert told(world) == []


@settings(max_examples=examples(50), deadline=None)
@given(st.integers(1, 400), st.integers(0, 400), st.lists(st.integers(1, 200), max_size=6))
def test_once_for_each_whatever_the_numbers(limit: int, ahead: int, pauses: list[int]) -> None:
    world = limited(READY + 1, stream=limit, connection=limit, ahead=ahead)
    for pause in pauses:
        world.now = Instant(world.now + seconds(pause))
        world.step(Wake())
    seen = [event.limit for _, event in told(world)]
    due = sum(pauses) >= max(0, limit - ahead)
    assert sorted(seen, key=str) == ([CONNECTION, STREAM] if due else [])
    assert all(0 <= event.remaining <= limit for _, event in told(world))
    world.finish()
