"""What a machine went through: every input with its time, and everything it answered."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from attrs import define, field, frozen

from odyssey_proto.errors import LocalProtocolError
from odyssey_proto.machine import Deadline, Instant, Machine

MOST_STEPS = 100_000
"""A tape in memory takes so many steps: hours of a session at a few steps a second."""


@frozen
class Step:
    """One step: what came in, what went out, and when the machine wanted to be woken next."""

    at: Instant
    inp: Any
    outputs: tuple[Any, ...] = ()
    deadline: Deadline | None = None
    refused: str | None = None
    """Why the command was refused, if it was."""


@define
class Tape:
    """
    A recording in memory.

    It begins with the first step and stops when it is full, because a recording without its
    beginning cannot be replayed; `cut` counts the steps that are missing at the end.
    """

    settings: Any
    steps: list[Step] = field(factory=list)
    cut: int = 0
    most: int = MOST_STEPS

    def add(self, step: Step) -> None:
        """Takes one more step."""
        if self.cut or len(self.steps) >= self.most:
            self.cut += 1
        else:
            self.steps.append(step)


class Recorder[In, Out]:
    """
    A machine around a machine: it behaves the same and tells what happened.

    `before` is told of an input before it is taken, so that an input that breaks the machine is
    the last thing on record; `after` is told of the whole step.
    """

    def __init__(
        self,
        machine: Machine[In, Out],
        after: Callable[[Step], None],
        before: Callable[[Instant, In], None] = lambda now, inp: None,
    ) -> None:
        self._machine = machine
        self._before = before
        self._after = after

    def step(self, now: Instant, inp: In, /) -> Sequence[Out]:
        """Passes the step on, and tells of it."""
        self._before(now, inp)
        try:
            outputs = self._machine.step(now, inp)
        except LocalProtocolError as error:
            self._after(Step(now, inp, (), self.deadline, str(error)))
            raise
        self._after(Step(now, inp, tuple(outputs), self.deadline))
        return outputs

    @property
    def deadline(self) -> Deadline | None:
        """The machine's own deadline."""
        return self._machine.deadline


@frozen
class Difference:
    """Where a replay went another way."""

    index: int
    expected: Step
    actual: Step


def replay(steps: Sequence[Step], machine: Machine[Any, Any]) -> Difference | None:
    """Feeds the recorded inputs to a fresh machine; gives the first difference, if there is one."""
    seen: list[Step] = []
    again = Recorder(machine, seen.append)
    for index, expected in enumerate(steps):
        with suppress(LocalProtocolError):
            again.step(expected.at, expected.inp)
        if seen[index] != expected:
            return Difference(index, expected, seen[index])
    return None
