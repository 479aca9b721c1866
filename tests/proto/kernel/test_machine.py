"""Time as whole microseconds, and the table of timers."""

from enum import Enum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odyssey_proto.kernel.failures import LocalProtocolError, refused
from odyssey_proto.kernel.machine import (
    Deadline,
    Instant,
    RootMachine,
    Timers,
    after,
    earliest,
    millis,
    seconds,
)


class Reason(Enum):
    FIRST = 1
    SECOND = 2
    THIRD = 3


def test_spans() -> None:
    assert (seconds(1.5), millis(2.5), seconds(0)) == (1_500_000, 2_500, 0)
    assert after(Instant(5), millis(1)) == 1_005


def test_a_table_without_timers_is_at_rest() -> None:
    timers = Timers[Reason]()
    assert timers.deadline is None
    assert timers.due(Instant(10**18)) is None
    assert repr(timers) == "<Timers at rest>"


def test_a_timer_is_due_once_and_not_before_its_time() -> None:
    timers = Timers[Reason]()
    timers.set(Reason.SECOND, Instant(10))
    assert timers.armed(Reason.SECOND)
    assert timers.deadline == Deadline(Instant(10), Reason.SECOND)
    assert timers.due(Instant(9)) is None
    assert timers.due(Instant(10)) is Reason.SECOND
    assert timers.due(Instant(10)) is None
    assert not timers.armed(Reason.SECOND)


def test_setting_replaces_and_stopping_forgets() -> None:
    timers = Timers[Reason]()
    timers.set(Reason.FIRST, Instant(10))
    timers.set(Reason.FIRST, Instant(20))
    timers.set(Reason.THIRD, Instant(30))
    assert repr(timers) == "<Timers FIRST@20, THIRD@30>"
    timers.stop(Reason.FIRST, Reason.SECOND)
    assert timers.deadline == Deadline(Instant(30), Reason.THIRD)
    timers.clear()
    assert timers.deadline is None


@given(st.permutations(list(Reason)))
def test_timers_due_together_fire_as_they_are_declared(order: list[Reason]) -> None:
    timers = Timers[Reason]()
    for reason in order:
        timers.set(reason, Instant(7))
    assert [timers.due(Instant(7)) for _ in Reason] == list(Reason)


@given(st.dictionaries(st.sampled_from(Reason), st.integers(0, 100)), st.integers(0, 100))
def test_what_is_due_comes_in_the_order_of_time(armed: dict[Reason, int], now: int) -> None:
    timers = Timers[Reason]()
    for reason, at in armed.items():
        timers.set(reason, Instant(at))
    fired = []
    while (reason := timers.due(Instant(now))) is not None:
        fired.append(armed[reason])
    assert fired == sorted(at for at in armed.values() if at <= now)
    assert timers.deadline is None or timers.deadline.at > now


@given(st.lists(st.tuples(st.sampled_from(Reason), st.none() | st.integers(0, 3))))
def test_the_earliest_is_known_whatever_is_set_and_stopped(steps: list[tuple[Reason, int | None]]) -> None:
    timers, armed = Timers[Reason](), dict[Reason, int]()
    for reason, at in steps:
        if at is None:
            timers.stop(reason)
            armed.pop(reason, None)
        else:
            timers.set(reason, Instant(at))
            armed[reason] = at
        first = min(((at, reason.value, reason) for reason, at in armed.items()), default=None)
        assert timers.deadline == (None if first is None else Deadline(Instant(first[0]), first[2]))


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ((), None),
        ((None, None), None),
        ((Deadline(Instant(2), Reason.FIRST), None, Deadline(Instant(1), Reason.SECOND)), Reason.SECOND),
        ((Deadline(Instant(1), Reason.THIRD), Deadline(Instant(1), Reason.FIRST)), Reason.THIRD),
    ],
)
def test_the_earliest(given_: tuple[Deadline | None, ...], expected: Reason | None) -> None:
    found = earliest(*given_)
    assert (None if found is None else found.reason) is expected


class Alarm(RootMachine[int | None, str]):
    """Rings one round after the other, each a microsecond after the last, beginning where it is set."""

    def __init__(self) -> None:
        super().__init__()
        self._timers = Timers[Reason]()

    def _next_deadline(self) -> Deadline | None:
        return self._timers.deadline

    def _take(self, now: Instant, inp: int | None) -> list[str]:
        if inp is not None and inp < now:
            raise refused("it is too late for that", "state.alarm")
        if inp is not None:
            self._timers.set(Reason.FIRST, Instant(inp))
        return [f"taken at {now}"]

    def _wake(self, now: Instant) -> list[str]:
        assert self.deadline is not None
        at = self.deadline.at
        assert self._timers.due(now) is Reason.FIRST
        self._timers.set(Reason.FIRST, Instant(at + 1))
        return [f"ring for {at}"]


def test_a_step_takes_the_input_first_and_then_all_that_is_due() -> None:
    alarm = Alarm()
    assert alarm.step(Instant(5), 5) == ["taken at 5", "ring for 5"]
    assert alarm.step(Instant(8), None) == ["taken at 8", "ring for 6", "ring for 7", "ring for 8"]
    assert alarm.deadline == Deadline(Instant(9), Reason.FIRST)


def test_time_stands_still_when_the_clock_goes_back() -> None:
    alarm = Alarm()
    alarm.step(Instant(5), None)
    assert alarm.step(Instant(3), None) == ["taken at 5"]


def test_a_refused_command_leaves_no_trace_not_even_of_the_time() -> None:
    alarm = Alarm()
    alarm.step(Instant(5), None)
    with pytest.raises(LocalProtocolError):
        alarm.step(Instant(100), 7)
    assert alarm.step(Instant(6), None) == ["taken at 6"]
