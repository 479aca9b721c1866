"""The laws of the house, held against a client to whom anything may happen, in any order."""

from functools import cache
from itertools import cycle
from typing import Any

import pytest
from attrs import evolve
from house.fuzz import examples
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from odyssey_proto.client.client import Client
from odyssey_proto.client.connecting.connector import MAX_RETRY_AFTER
from odyssey_proto.client.connecting.region_pings import MEASURING_TIMEOUT
from odyssey_proto.client.session import EXPLANATION_GRACE
from odyssey_proto.kernel.failures import LocalProtocolError
from odyssey_proto.kernel.machine import Deadline, Instant, Span, after, seconds
from odyssey_proto.messages import signaling
from odyssey_proto.model.config import ReconnectPolicy
from odyssey_proto.model.credentials import ClientCredentials
from odyssey_proto.model.events import ConnectionStatus
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.commands import Command, CommandId, Connect, ConnectWith, Disconnect
from odyssey_proto.seam.http import HttpReply, json_reply
from odyssey_proto.seam.inputs import PeerState, PeerStateChanged, TransportErrorKind, Wake
from odyssey_proto.testing.actions import (
    Action,
    FailRequest,
    Give,
    GoesWell,
    Jump,
    Media,
    RefuseSocket,
    Reply,
    ServerText,
    Wait,
    perform,
)
from odyssey_proto.testing.by_hand import OFFER, PEER, SESSION_TOKEN, SETTINGS, ClientByHand, connecting
from odyssey_proto.testing.situations import Situation, connected, reached
from odyssey_proto.testing.strategies.clients import (
    actions,
    news,
    policies,
    recovery_actions,
    scripts,
    situations,
    spans,
    stream_actions,
)

type Script = list[Action]


def unhurried(usual: int) -> Any:
    """Returns the settings of a law that is tried with so many examples."""
    return settings(max_examples=examples(usual), deadline=None, suppress_health_check=[HealthCheck.too_slow])


def played(situation: Situation, script: Script, policy: ReconnectPolicy | None = None) -> ClientByHand:
    """Returns a client for whom everything went well so far, and to whom the script happened then."""
    world = reached(situation, evolve(SETTINGS, reconnect=policy))
    for action in script:
        perform(world, action)
    return world


@unhurried(400)
@given(situations, scripts(actions, 60))
@example(
    Situation.AWAITING_OFFER,
    [GoesWell(), Jump(seconds(30)), Media(PeerStateChanged(PEER, PeerState.CLOSED))],
)
def test_whatever_happens_the_laws_hold(situation: Situation, script: Script) -> None:
    world = played(situation, script)
    world.finish()
    again = Client(SETTINGS)
    for step in world.steps:
        assert tuple(again.step(step.at, step.input)) == step.outputs, "the same inputs give the same outputs"
    assert again.deadline is None


@unhurried(300)
@given(policies, scripts(recovery_actions, 60))
def test_whatever_is_lost_the_laws_hold(policy: ReconnectPolicy, script: Script) -> None:
    world = played(Situation.STREAMING, script, policy)
    world.finish()
    again = Client(world.settings)
    for step in world.steps:
        assert tuple(again.step(step.at, step.input)) == step.outputs, "the same inputs give the same outputs"
    assert again.deadline is None


@unhurried(300)
@given(scripts(stream_actions, 40))
def test_whatever_the_streamer_says_the_laws_hold(script: Script) -> None:
    played(Situation.STREAMING, script).finish()


# --- time -----------------------------------------------------------------------------------------


@unhurried(150)
@given(situations, scripts(actions, 40), st.integers(0, 2**36))
def test_the_past_is_the_present_and_more_wakes_change_nothing(
    situation: Situation, script: Script, past: int
) -> None:
    world = played(situation, script)
    world.finish()
    again = Client(SETTINGS)
    deadline: Deadline | None = None
    for step in world.steps:
        given_as = step.at
        if deadline is None or deadline.at > step.at:
            assert again.step(step.at, Wake()) == []
            given_as = Instant(min(past, step.at))
        assert tuple(again.step(given_as, step.input)) == step.outputs
        deadline = again.deadline
        assert deadline == step.deadline


@unhurried(300)
@given(situations, scripts(actions, 20), news, spans)
def test_what_arrives_comes_before_the_timers_that_are_due(
    situation: Situation, script: Script, arrival: Action, late: Span
) -> None:
    # Who waits for a goodbye is released at the end of a step, after the timers.
    script = [action for action in script if action != Give(Disconnect())]
    in_time = played(situation, script)
    deadline, steps = in_time.client.deadline, len(in_time.steps)
    assume(deadline is not None and deadline.at > in_time.now)
    assert deadline is not None
    perform(in_time, arrival)
    assume(len(in_time.steps) > steps)
    overdue = played(situation, script)
    overdue.now = after(deadline.at, late)
    perform(overdue, arrival)
    first, both = seen(in_time, steps), seen(overdue, steps)
    assert both[: len(first)] == first
    overdue.finish()


def seen(world: ClientByHand, step: int) -> list[Any]:
    """Returns the outputs of a step, without the bodies of requests: latencies are measured by the clock."""
    return [
        (output.request.method, output.request.url) if isinstance(output, o.Request) else output
        for output in world.steps[step].outputs
    ]


@pytest.mark.parametrize("situation", list(Situation)[1:-2])
def test_what_arrives_when_its_time_is_over_still_counts(situation: Situation) -> None:
    world = reached(situation)
    deadline = world.client.deadline
    assert deadline is not None
    world.now = deadline.at
    world.goes_well()
    while world.client.status is not ConnectionStatus.CONNECTED:
        assert world.client.status is not ConnectionStatus.FAILED
        world.goes_well()
        # For another attempt, if the time of the one before is over as well.
        world.wait(seconds(1))
    world.finish()


def test_a_connected_client_that_is_left_alone_stays_connected() -> None:
    world = connected()
    world.wait(seconds(600))
    assert world.client.status == "connected"
    world.finish()


def test_a_refused_command_does_not_even_move_the_clock() -> None:
    world = reached(Situation.QUEUEING)
    deadline = world.client.deadline
    assert deadline is not None
    with pytest.raises(LocalProtocolError, match="already connecting"):
        world.client.step(deadline.at, Command(CommandId(9), Connect()))
    assert world.step(Wake()) == []
    world.finish()


# --- an end to waiting ----------------------------------------------------------------------------

UNTIL_QUEUE, UNTIL_SOCKET, UNTIL_OFFER = (
    situation.value - Situation.AUTHENTICATING.value
    for situation in (Situation.QUEUEING, Situation.OPENING_SOCKET, Situation.AWAITING_OFFER)
)
"""So many things go well before."""

OFFERED = ServerText(signaling.encode(OFFER))
SLOW_DOWN = HttpReply(429, (("retry-after", "2"),), b"slow down")


@cache
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
    st.sampled_from([Connect(), ConnectWith(ClientCredentials("wss://sig.example", SESSION_TOKEN))]),
    st.integers(0, Situation.CONNECTED.value - Situation.AUTHENTICATING.value - 1),
    scripts(news, 5),
    st.integers(100_000, 40_000_000).map(Span),
)
@example(Connect(), UNTIL_OFFER, [OFFERED], seconds(1))
@example(Connect(), UNTIL_OFFER, [OFFERED, *map(Media, connecting(PEER)[:2])], seconds(1))
@example(Connect(), UNTIL_OFFER + 1, [Media(PeerStateChanged(PEER, PeerState.DISCONNECTED))], seconds(1))
@example(Connect(), UNTIL_QUEUE, [Reply(0, json_reply({"detail": "busy"}, 503))], seconds(0.1))
@example(Connect(), UNTIL_SOCKET - 1, [GoesWell(), RefuseSocket(SLOW_DOWN)], seconds(1))
@example(
    Connect(),
    1,
    [
        FailRequest(3, TransportErrorKind.CLOSED),
        ServerText(signaling.encode(signaling.SignalingError("streamer_disconnected"))),
        GoesWell(),
    ],
    seconds(0.1),
)
def test_a_connect_ends_in_time_whatever_the_server_does(
    what: Connect | ConnectWith, steps: int, script: Script, pause: Span
) -> None:
    world = ClientByHand()
    connect = world.give(what)
    for _ in range(steps):
        world.goes_well()
    for action in cycle([*script, Wait(pause)]):
        if not connect.pending or world.now > longest_connect():
            break
        perform(world, action)
    assert connect.ended_at is not None
    assert connect.ended_at <= longest_connect()
    world.finish()


def test_there_is_no_other_input_than_a_command_that_is_refused() -> None:
    world = ClientByHand()
    with pytest.raises(LocalProtocolError, match="not connected"):
        world.interact("hello")
