"""The contract of every machine: time and one input go in, everything to be done comes out."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import Enum
from functools import cache
from typing import NewType, Protocol

from attrs import frozen

Instant = NewType("Instant", int)
"""A moment on the driver's monotonic clock, in whole microseconds."""

Span = NewType("Span", int)
"""A length of time, in whole microseconds."""


def seconds(amount: float) -> Span:
    """Returns the span of `amount` seconds, rounded to whole microseconds."""
    return Span(round(amount * 1_000_000))


def millis(amount: float) -> Span:
    """Returns the span of `amount` milliseconds, rounded to whole microseconds."""
    return Span(round(amount * 1_000))


def after(now: Instant, span: Span) -> Instant:
    """Returns the instant `span` after `now`."""
    return Instant(now + span)


@frozen
class Deadline:
    """The earliest moment at which a machine wants to be woken, and why."""

    at: Instant
    reason: Enum


class Machine[In, Out](Protocol):
    """
    A pure state machine.

    It never blocks, reads no clock, draws no randomness and keeps no reference to its caller.
    Nothing that comes from outside makes `step` raise.
    Only a command can be refused, by `LocalProtocolError`, and then nothing has changed.
    """

    def step(self, now: Instant, inp: In, /) -> Sequence[Out]:
        """
        Takes the time and one input and returns what must be done, in order.

        The input is handled first, then the timers that are due at `now`.
        A `now` before the last one counts as the last one.
        """
        ...

    @property
    def deadline(self) -> Deadline | None:
        """The next moment to be woken at, later than the last `now`; `None` when nothing waits."""
        ...


class RootMachine[In, Out](ABC):
    """
    The one way in which a machine is stepped, for those that a driver runs.

    A clock that went back is taken to stand still.
    The input comes first, because it may be what a timer waited for; then whatever is due, one
    round after the other, until nothing is: so a deadline always lies ahead.
    A command that is refused leaves no trace, not even of the time.
    """

    def __init__(self) -> None:
        self._now = Instant(0)
        self.deadline: Deadline | None = None
        """The next moment to be woken at, which only a step changes; `None` when nothing waits."""

    def step(self, now: Instant, inp: In, /) -> list[Out]:
        """
        Takes the time and one input and returns what must be done, in order.

        Raises `LocalProtocolError` for a command that the present state refuses; then nothing has
        changed.
        """
        now = max(now, self._now)
        outputs = self._take(now, inp)
        self._now = now
        self.deadline = self._next_deadline()
        while self.deadline is not None and self.deadline.at <= now:
            outputs += self._wake(now)
            self.deadline = self._next_deadline()
        return outputs

    @property
    def state_in_words(self) -> tuple[tuple[str, str], ...]:
        """The state in a few words, each with its name; nothing secret is among them."""
        return (("machine", repr(self)),)

    @abstractmethod
    def _next_deadline(self) -> Deadline | None:
        """Returns the earliest deadline of anything under way; asked for once after each change."""

    @abstractmethod
    def _take(self, now: Instant, inp: In) -> list[Out]:
        """Takes one input."""

    @abstractmethod
    def _wake(self, now: Instant) -> list[Out]:
        """Carries out whatever is due; the deadline moves on with each call."""


class Timers[Reason: Enum]:
    """
    A table of deadlines, one for each reason.

    Reasons are compared in the order in which their Enum declares them, so two timers that are
    due at the same moment fire in the same order on every run.
    A part names the reasons that are its own, as in `Timers[Literal[Timer.POLL, Timer.END]]`,
    and a `match` on what is due can then be proved complete.
    """

    def __init__(self) -> None:
        self._at: dict[Reason, Instant] = {}
        self.deadline: Deadline | None = None
        """The earliest armed deadline: asked for after every step, so it is kept and not looked for."""

    def __repr__(self) -> str:
        armed = sorted(self._at.items(), key=_order)
        waiting = ", ".join(f"{reason.name}@{at}" for reason, at in armed)
        return f"<Timers {waiting or 'at rest'}>"

    def set(self, reason: Reason, at: Instant) -> None:
        """Arms the timer of `reason` for `at`, replacing what it was armed for."""
        self._at[reason] = at
        first = self.deadline
        if first is None or at < first.at:
            self.deadline = Deadline(at, reason)
        elif at == first.at or reason is first.reason:
            self._changed()

    def stop(self, *reasons: Reason) -> None:
        """Disarms the timers of `reasons`; one that is not armed stays so."""
        for reason in reasons:
            self._at.pop(reason, None)
        if self.deadline is not None and self.deadline.reason in reasons:
            self._changed()

    def clear(self) -> None:
        """Disarms everything."""
        self._at.clear()
        self.deadline = None

    def armed(self, reason: Reason) -> bool:
        """Tells whether the timer of `reason` is armed."""
        return reason in self._at

    def due(self, now: Instant) -> Reason | None:
        """Takes out the earliest reason that is due at `now`, or gives `None`."""
        if self.deadline is None or self.deadline.at > now:
            return None
        first = min(self._at.items(), key=_order)[0]
        self.stop(first)
        return first

    def _changed(self) -> None:
        if self._at:
            reason, at = min(self._at.items(), key=_order)
            self.deadline = Deadline(at, reason)
        else:
            self.deadline = None


def _order(item: tuple[Enum, Instant]) -> tuple[Instant, int]:
    return item[1], _rank(item[0])


@cache
def _rank(reason: Enum) -> int:
    return list(type(reason)).index(reason)


def earliest(*deadlines: Deadline | None) -> Deadline | None:
    """Returns the earliest of several deadlines; the first named wins a tie."""
    first: Deadline | None = None
    for deadline in deadlines:
        if deadline is not None and (first is None or deadline.at < first.at):
            first = deadline
    return first
