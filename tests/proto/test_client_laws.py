"""The laws of the house, held against a client to whom anything may happen, in any order."""

from typing import Any

import pytest
from core.gauntlet import (
    COMMANDS,
    READY,
    SETTINGS,
    SIGNALS,
    STREAM_TEXTS,
    Gauntlet,
    actions,
    begun,
    perform,
)
from house.fuzz import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odyssey_proto.client import Client
from odyssey_proto.commands import Command, CommandId, Interact
from odyssey_proto.errors import LocalProtocolError
from odyssey_proto.machine import seconds

stream_actions = st.one_of(
    st.tuples(st.just("command"), st.sampled_from(COMMANDS[4:9])),
    st.tuples(st.just("media"), st.just("text"), st.integers(0, len(STREAM_TEXTS) - 1)),
    st.tuples(st.just("media"), st.just("seen"), st.integers(0, 9)),
    st.tuples(st.just("abandon"), st.integers(2, 9)),
    st.tuples(st.just("wait"), st.integers(0, 20_000_000)),
    st.tuples(st.just("signal"), st.sampled_from(SIGNALS)),
)


@settings(max_examples=examples(400), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, READY + 1), st.lists(actions, max_size=60))
def test_whatever_happens_the_laws_hold(depth: int, script: list[tuple[Any, ...]]) -> None:
    world = begun(depth)
    for action in script:
        perform(world, action)
    world.finish()


@settings(max_examples=examples(300), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(stream_actions, max_size=40))
def test_whatever_the_streamer_says_the_laws_hold(script: list[tuple[Any, ...]]) -> None:
    world = begun(READY + 1)
    for action in script:
        perform(world, action)
    world.finish()


@settings(max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, READY + 1), st.lists(actions, max_size=40))
def test_the_same_inputs_give_the_same_outputs(depth: int, script: list[tuple[Any, ...]]) -> None:
    world = begun(depth)
    for action in script:
        perform(world, action)
    world.finish()
    again = Client(SETTINGS)
    for now, inp, outputs in world.steps:
        assert tuple(again.step(now, inp)) == outputs
    assert again.deadline is None


def test_a_connected_client_that_is_left_alone_stays_connected() -> None:
    world = begun(READY)
    assert world.client.status == "connected"
    perform(world, ("wait", seconds(600)))
    assert world.client.status == "connected"
    world.finish()


def test_there_is_no_other_input_than_a_command_that_is_refused() -> None:
    world = Gauntlet()
    with pytest.raises(LocalProtocolError, match="not connected"):
        world.step(Command(CommandId(1), Interact("hello")))
