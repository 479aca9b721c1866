"""The laws of the house, held against a client to whom anything may happen, in any order."""

from itertools import cycle
from typing import Any

import pytest
from core.gauntlet import Gauntlet, advance, begun, perform
from core.material import (
    COMMANDS,
    HEADS,
    READY,
    REPLIES,
    SETTINGS,
    SIGNALS,
    STREAM_COMMANDS,
    STREAM_TEXTS,
    actions,
)
from house.fuzz import examples
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from odyssey_proto.client.client import Client
from odyssey_proto.client.connecting.connector import MAX_RETRY_AFTER
from odyssey_proto.client.connecting.region_pings import MEASURING_TIMEOUT
from odyssey_proto.client.session import EXPLANATION_GRACE
from odyssey_proto.kernel.errors import LocalProtocolError
from odyssey_proto.kernel.machine import Instant, Span, after, seconds
from odyssey_proto.model.status import ConnectionStatus
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.commands import Command, CommandId, Connect, ConnectWith, Disconnect, Interact
from odyssey_proto.seam.inputs import TransportErrorKind, Wake

type Script = list[tuple[Any, ...]]

stream_actions = st.one_of(
    st.tuples(st.just("command"), st.sampled_from(STREAM_COMMANDS)),
    st.tuples(st.just("media"), st.just("text"), st.integers(0, len(STREAM_TEXTS) - 1)),
    st.tuples(st.just("media"), st.just("seen"), st.integers(0, 9)),
    st.tuples(st.just("abandon"), st.integers(2, 9)),
    st.tuples(st.just("wait"), st.integers(0, 20_000_000)),
    st.tuples(st.just("signal"), st.sampled_from(SIGNALS)),
)

news = st.one_of(
    st.tuples(st.just("happy"), st.integers(0, 3)),
    st.tuples(st.just("reply"), st.integers(0, 3), st.sampled_from(REPLIES)),
    st.tuples(st.just("break"), st.integers(0, 3), st.sampled_from(TransportErrorKind)),
    st.tuples(st.just("refuse"), st.sampled_from(REPLIES)),
    st.tuples(st.just("opened"), st.integers(0, 3), st.sampled_from(HEADS)),
    st.tuples(st.just("bytes"), st.integers(0, 3), st.integers(0, 2**21)),
    st.tuples(st.just("torn"), st.integers(0, 3), st.sampled_from(TransportErrorKind)),
    st.tuples(st.just("signal"), st.sampled_from(SIGNALS)),
    st.tuples(st.just("close"), st.sampled_from([1000, 1006])),
    st.tuples(
        st.just("media"),
        st.sampled_from(["described", "up", "text", "moved", "broke", "seen", "down"]),
        st.integers(0, 9),
    ),
)
"""What may come from outside."""

moments = st.integers(0, READY + 1)


def unhurried(usual: int) -> Any:
    """Returns the settings of a law that is tried with so many examples."""
    return settings(max_examples=examples(usual), deadline=None, suppress_health_check=[HealthCheck.too_slow])


def played(depth: int, script: Script) -> Gauntlet:
    """Returns a world that went well so far, and to which the script happened then."""
    world = begun(depth)
    for action in script:
        perform(world, action)
    return world


@unhurried(400)
@given(moments, st.lists(actions, max_size=60))
def test_whatever_happens_the_laws_hold(depth: int, script: Script) -> None:
    played(depth, script).finish()


@unhurried(300)
@given(st.lists(stream_actions, max_size=40))
def test_whatever_the_streamer_says_the_laws_hold(script: Script) -> None:
    played(READY + 1, script).finish()


@unhurried(100)
@given(moments, st.lists(actions, max_size=40))
def test_the_same_inputs_give_the_same_outputs(depth: int, script: Script) -> None:
    world = played(depth, script)
    world.finish()
    again = Client(SETTINGS)
    for now, inp, outputs in world.steps:
        assert tuple(again.step(now, inp)) == outputs
    assert again.deadline is None


# --- time -----------------------------------------------------------------------------------------


@unhurried(150)
@given(moments, st.lists(actions, max_size=40), st.integers(0, 2**36))
def test_the_past_is_the_present_and_more_wakes_change_nothing(depth: int, script: Script, past: int) -> None:
    world = played(depth, script)
    world.finish()
    again = Client(SETTINGS)
    for (now, inp, outputs), deadline in zip(world.steps, world.deadlines, strict=True):
        given_as = now
        if again.deadline is None or again.deadline.at > now:
            assert again.step(now, Wake()) == []
            given_as = Instant(min(past, now))
        assert tuple(again.step(given_as, inp)) == outputs
        assert again.deadline == deadline


@unhurried(300)
@given(moments, st.lists(actions, max_size=20), news, st.integers(0, 40_000_000))
def test_what_arrives_comes_before_the_timers_that_are_due(
    depth: int, script: Script, arrival: tuple[Any, ...], late: int
) -> None:
    # Who waits for a goodbye is released at the end of a step, after the timers.
    script = [action for action in script if action != ("command", Disconnect())]
    in_time, overdue = played(depth, script), played(depth, script)
    deadline = overdue.client.deadline
    assume(deadline is not None and deadline.at > overdue.now)
    assert deadline is not None
    overdue.now = after(deadline.at, Span(late))
    steps = len(in_time.steps)
    perform(in_time, arrival)
    perform(overdue, arrival)
    assume(len(in_time.steps) > steps)
    first, both = seen(in_time, steps), seen(overdue, steps)
    assert both[: len(first)] == first
    overdue.finish()


def seen(world: Gauntlet, step: int) -> list[Any]:
    """Returns the outputs of a step, without the bodies of requests: latencies are measured by the clock."""
    return [
        (output.request.method, output.request.url) if isinstance(output, o.Request) else output
        for output in world.steps[step][2]
    ]


@pytest.mark.parametrize("depth", range(1, READY))
def test_what_arrives_when_its_time_is_over_still_counts(depth: int) -> None:
    world = begun(depth)
    deadline = world.client.deadline
    assert deadline is not None
    world.now = deadline.at
    advance(world, 0)
    while world.client.status is not ConnectionStatus.CONNECTED:
        assert world.client.status is not ConnectionStatus.FAILED
        advance(world, 0)
    world.finish()


def test_a_connected_client_that_is_left_alone_stays_connected() -> None:
    world = begun(READY)
    assert world.client.status == "connected"
    perform(world, ("wait", seconds(600)))
    assert world.client.status == "connected"
    world.finish()


def test_a_refused_command_does_not_even_move_the_clock() -> None:
    world = begun(3)
    deadline = world.client.deadline
    assert deadline is not None
    with pytest.raises(LocalProtocolError, match="already connecting"):
        world.client.step(deadline.at, Command(CommandId(9), Connect()))
    assert world.step(Wake()) == []
    world.finish()


# --- an end to waiting ----------------------------------------------------------------------------


def longest_connect() -> Span:
    """Returns how long a connect may take: the sum of what its phases may."""
    timeouts, advanced = SETTINGS.timeouts, SETTINGS.advanced
    attempts = advanced.max_retries + 1
    queue = SETTINGS.queue + seconds(1)  # the last request may begin when the queue's time is over
    pause = max(MAX_RETRY_AFTER, seconds(advanced.max_retry_delay_ms / 1000))
    attempt = seconds(timeouts.prepare) + seconds(timeouts.signal)
    negotiate = seconds(timeouts.negotiate) + EXPLANATION_GRACE
    before = seconds(timeouts.authenticate) + MEASURING_TIMEOUT + queue
    return Span(before + attempts * attempt + (attempts - 1) * pause + negotiate)


@unhurried(150)
@given(
    st.sampled_from([Connect(), COMMANDS[2]]),
    st.integers(0, READY - 1),
    st.lists(news, max_size=5),
    st.integers(100_000, 40_000_000),
)
@example(Connect(), 7, [("signal", SIGNALS[0])], 1_000_000)
@example(Connect(), 7, [("signal", SIGNALS[0]), ("media", "described", 0), ("media", "up", 0)], 1_000_000)
@example(Connect(), 8, [("media", "moved", 3)], 1_000_000)
@example(Connect(), 3, [("reply", 0, REPLIES[6])], 100_000)
@example(Connect(), 5, [("happy", 0), ("refuse", REPLIES[7])], 1_000_000)
def test_a_connect_ends_in_time_whatever_the_server_does(
    what: Connect | ConnectWith, depth: int, script: Script, pause: int
) -> None:
    world = Gauntlet()
    world.command(what)
    for _ in range(depth):
        advance(world, 0)
    for action in cycle([*script, ("wait", pause)]):
        if CommandId(1) in world.ended or world.now > longest_connect():
            break
        perform(world, action)
    assert world.ended[CommandId(1)] <= longest_connect()
    world.finish()


def test_there_is_no_other_input_than_a_command_that_is_refused() -> None:
    world = Gauntlet()
    with pytest.raises(LocalProtocolError, match="not connected"):
        world.step(Command(CommandId(1), Interact("hello")))
