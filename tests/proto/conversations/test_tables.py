"""The tables say what the protocol says, and no conversation is stuck in a state."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

import pytest

from odyssey_proto.conversations import Side
from odyssey_proto.conversations.signaling import SIGNALING_TABLE, SignalingState
from odyssey_proto.conversations.stream import STREAM_TABLE, StreamState, stream_conversation
from odyssey_proto.messages.signaling import (
    Answer,
    ClientDisconnecting,
    KeepAlive,
    Offer,
    SignalingError,
)
from odyssey_proto.messages.stream import (
    BroadcastReady,
    InteractiveStreamEnd,
    InteractiveStreamError,
    InteractiveStreamStart,
    StreamEnded,
    StreamStarted,
    Update,
    UpdateAcknowledged,
)
from odyssey_proto.model.ice import IceCandidate

START, UPDATE, END = InteractiveStreamStart("A cat"), Update("Pet it"), InteractiveStreamEnd()
STARTED, ACKNOWLEDGED, ENDED = StreamStarted("s1", None), UpdateAcknowledged("Pet it"), StreamEnded()
ERROR = InteractiveStreamError("lease_denied", "no")
CLIENT, SERVER = Side.CLIENT, Side.SERVER

STATES = {"signaling": (SignalingState, SIGNALING_TABLE), "stream": (StreamState, STREAM_TABLE)}


def reached(table: Mapping[Any, Any], start: Enum) -> set[Enum]:
    found, left = {start}, [start]
    while left:
        state = left.pop()
        for (before, _, _), after in table.items():
            if before is state and after not in found:
                found.add(after)
                left.append(after)
    return found


@pytest.mark.parametrize("name", STATES)
def test_every_state_can_be_reached(name: str) -> None:
    states, table = STATES[name]
    assert reached(table, next(iter(states))) == set(states)


def test_from_every_state_a_stream_can_be_started_again() -> None:
    for state in StreamState:
        assert StreamState.IDLE in reached(STREAM_TABLE, state)


def test_signaling_can_be_left_from_everywhere_and_for_good() -> None:
    for state in SignalingState:
        assert SignalingState.LEFT in reached(SIGNALING_TABLE, state)
    assert reached(SIGNALING_TABLE, SignalingState.LEFT) == {SignalingState.LEFT}


@pytest.mark.parametrize("state", StreamState)
@pytest.mark.parametrize("kind", [StreamStarted, UpdateAcknowledged, StreamEnded, InteractiveStreamError])
def test_the_streamer_is_understood_in_every_state(state: StreamState, kind: type) -> None:
    # A late reply and an end out of nowhere are no mistakes; only these cannot come out of nothing.
    late = {(StreamState.LIVE, StreamStarted)}
    assert ((state, SERVER, kind) in STREAM_TABLE) == ((state, kind) not in late)


@pytest.mark.parametrize("kind", [Update, InteractiveStreamStart, InteractiveStreamEnd, KeepAlive, Answer])
def test_the_server_never_says_what_is_the_clients(kind: type) -> None:
    for table in (STREAM_TABLE, SIGNALING_TABLE):
        assert not [state for state, side, said in table if side is SERVER and said is kind]


@pytest.mark.parametrize("kind", [Offer, SignalingError, StreamStarted, StreamEnded, BroadcastReady])
def test_the_client_never_says_what_is_the_servers(kind: type) -> None:
    for table in (STREAM_TABLE, SIGNALING_TABLE):
        assert not [state for state, side, said in table if side is CLIENT and said is kind]


@pytest.mark.parametrize(
    ("story", "ends"),
    [
        ([(CLIENT, START), (SERVER, STARTED), (CLIENT, UPDATE), (SERVER, ACKNOWLEDGED)], StreamState.LIVE),
        ([(CLIENT, START), (SERVER, STARTED), (CLIENT, END), (SERVER, ENDED)], StreamState.IDLE),
        ([(CLIENT, START), (SERVER, ERROR)], StreamState.IDLE),
        ([(CLIENT, START), (CLIENT, END), (SERVER, STARTED), (SERVER, ENDED)], StreamState.IDLE),
        ([(CLIENT, START), (SERVER, STARTED), (SERVER, ENDED)], StreamState.IDLE),
        ([(CLIENT, START), (SERVER, STARTED), (SERVER, ERROR)], StreamState.UNCERTAIN),
        ([(CLIENT, START), (SERVER, STARTED), (SERVER, ERROR), (CLIENT, START)], StreamState.STARTING),
        ([(CLIENT, START), (SERVER, STARTED), (SERVER, ERROR), (SERVER, ACKNOWLEDGED)], StreamState.LIVE),
        ([(CLIENT, START), (SERVER, STARTED), (CLIENT, END), (CLIENT, END)], StreamState.ENDING),
        ([(SERVER, STARTED), (CLIENT, UPDATE)], StreamState.LIVE),
    ],
)
def test_stories_of_streams(story: list[tuple[Side, object]], ends: StreamState) -> None:
    conversation = stream_conversation(CLIENT)
    for side, message in story:
        conversation.advance(side, message)
    assert conversation.state is ends


@pytest.mark.parametrize("state", [StreamState.STARTING, StreamState.LIVE, StreamState.ENDING])
def test_one_stream_at_a_time(state: StreamState) -> None:
    assert (state, CLIENT, InteractiveStreamStart) not in STREAM_TABLE


@pytest.mark.parametrize("state", [StreamState.IDLE, StreamState.STARTING, StreamState.ENDING])
def test_no_update_without_a_stream(state: StreamState) -> None:
    assert (state, CLIENT, Update) not in STREAM_TABLE


def test_no_answer_without_an_offer() -> None:
    answered = [state for state, side, kind in SIGNALING_TABLE if kind is Answer]
    assert answered == [SignalingState.OFFERED]


@pytest.mark.parametrize("side", Side)
def test_candidates_cross_both_ways_at_any_time(side: Side) -> None:
    for state in (SignalingState.OPEN, SignalingState.OFFERED, SignalingState.ANSWERED):
        assert SIGNALING_TABLE[state, side, IceCandidate] is state


def test_after_the_goodbye_the_client_is_silent() -> None:
    assert not [
        kind for state, side, kind in SIGNALING_TABLE if (state, side) == (SignalingState.LEFT, CLIENT)
    ]
    left = {kind for (state, _, kind), after in SIGNALING_TABLE.items() if after is SignalingState.LEFT}
    assert ClientDisconnecting in left
