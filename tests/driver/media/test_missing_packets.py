"""What is asked for again, and when: at once, again while it does not come, and never for ever."""

from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from odyssey_anyio.media.missing_packets import (
    FIRST_REPEAT_SECONDS,
    GIVE_UP_SECONDS,
    MAX_MISSING_PACKETS,
    MAX_REPEAT_SECONDS,
    MIN_REPEAT_SECONDS,
    MissingPackets,
)


class Receiver:
    """Takes packets at moments of a test's choice."""

    def __init__(self) -> None:
        self.now = 0.0
        self.packets = MissingPackets(lambda: self.now)

    def take(self, number: int, source: int = 1) -> list[int]:
        """Takes a packet; returns what is asked for."""
        packet: Any = SimpleNamespace(ssrc=source, sequence_number=number % 2**16)
        assert self.packets.add(packet) is bool(self.packets.missing)
        return self.packets.missing


def test_what_is_missing_is_asked_for_at_once_and_again_until_it_is_there() -> None:
    receiver = Receiver()
    assert receiver.take(10) == []
    assert receiver.take(13) == [11, 12]
    assert receiver.take(14) == []
    receiver.now = FIRST_REPEAT_SECONDS
    assert receiver.take(15) == [11, 12]
    assert receiver.take(12) == []
    receiver.now = 2 * FIRST_REPEAT_SECONDS
    assert receiver.take(16) == [11]
    assert receiver.take(11) == []
    receiver.now = 1.0
    assert receiver.take(17) == []
    assert repr(receiver.packets) == "<MissingPackets 0>"


def test_how_long_an_answer_may_take_is_measured_by_those_that_came() -> None:
    receiver = Receiver()
    receiver.take(1)
    assert receiver.take(3) == [2]
    receiver.now = 0.04
    receiver.take(2)
    assert receiver.packets.repeat_seconds == 0.06
    # An answer to one of two requests measures nothing.
    assert receiver.take(5) == [4]
    receiver.now = 0.2
    assert receiver.take(6) == [4]
    receiver.now = 0.201
    receiver.take(4)
    assert receiver.packets.repeat_seconds == 0.06
    for number in range(10, 100, 2):
        receiver.take(number)
        receiver.take(number - 1)
    assert receiver.packets.repeat_seconds == MIN_REPEAT_SECONDS
    receiver = Receiver()
    receiver.take(1)
    receiver.take(3)
    receiver.now = 0.4
    receiver.take(2)
    assert receiver.packets.repeat_seconds == MAX_REPEAT_SECONDS


def test_a_sender_that_counts_anew_is_followed() -> None:
    receiver = Receiver()
    assert receiver.take(40_000) == []
    assert receiver.take(30_000) == []
    assert receiver.take(30_003) == [30_001, 30_002]


def test_what_never_comes_is_given_up() -> None:
    receiver = Receiver()
    receiver.take(1)
    assert receiver.take(3) == [2]
    receiver.now = GIVE_UP_SECONDS
    assert receiver.take(4) == []
    receiver.now = 2 * GIVE_UP_SECONDS
    assert receiver.take(5) == []


def test_more_than_can_be_sent_again_is_not_asked_for() -> None:
    receiver = Receiver()
    receiver.take(1)
    assert len(receiver.take(1 + MAX_MISSING_PACKETS)) == MAX_MISSING_PACKETS - 1
    assert receiver.take(4 + MAX_MISSING_PACKETS) == []
    assert receiver.take(6 + MAX_MISSING_PACKETS) == [5 + MAX_MISSING_PACKETS]


def test_another_sender_begins_anew() -> None:
    receiver = Receiver()
    receiver.take(1)
    assert receiver.take(3) == [2]
    receiver.now = 1.0
    assert receiver.take(900, source=2) == []
    assert receiver.take(902, source=2) == [901]


@given(
    first=st.sampled_from([0, 65_530]),
    steps=st.lists(st.tuples(st.integers(0, 4), st.floats(0, 0.1)), max_size=60),
)
def test_only_what_is_missing_is_asked_for(first: int, steps: list[tuple[int, float]]) -> None:
    """The numbers wrap round, and packets come twice."""
    receiver = Receiver()
    receiver.take(first)
    number, came, first_missed = first, {first % 2**16}, {}
    for step, seconds in steps:
        receiver.now += seconds
        for missed in range(number + 1, number + step):
            first_missed[missed % 2**16] = receiver.now
        number += step
        came.add(number % 2**16)
        asked = receiver.take(number)
        assert not set(asked) & came
        assert all(receiver.now - first_missed[each] < GIVE_UP_SECONDS for each in asked)
        assert {each % 2**16 for each in range(number - step + 1, number)} <= set(asked)
