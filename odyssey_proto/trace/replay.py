"""Feeds a recording to a fresh machine and compares everything that it answers."""

import difflib
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from attrs import field, frozen

from odyssey_proto.errors import LocalProtocolError
from odyssey_proto.machine import Machine
from odyssey_proto.trace.blobs import expanded
from odyssey_proto.trace.describe import described
from odyssey_proto.trace.machines import fresh, state_of
from odyssey_proto.trace.recorder import Recorder
from odyssey_proto.trace.values import Step, Trace, name_of

BEFORE = 5
"""So many steps before a difference are kept."""

type State = tuple[tuple[str, str], ...]
"""The state of a machine after a step: a few words, each with its name."""


@frozen
class Replayed:
    """One step of a replay: what was recorded, what came, and how the machine stands after it."""

    index: int
    expected: Step
    actual: Step
    state: State

    @property
    def same(self) -> bool:
        """Whether it went the recorded way."""
        return self.expected == self.actual


@frozen
class Difference:
    """Where a replay went another way, and the steps that led there, the oldest first."""

    index: int
    expected: Step
    actual: Step
    before: tuple[Replayed, ...] = field(default=(), repr=False)
    state: State = field(default=(), repr=False)

    @property
    def text(self) -> str:
        """The difference for a reader: the steps before, then what was expected and what came."""
        steps = [_told(each) for each in self.before]
        heading = f"step {self.index} at {self.expected.at} µs: {name_of(self.expected.inp)}"
        lines = difflib.unified_diff(
            described(self.expected), described(self.actual), "recorded", "replayed", lineterm="", n=3
        )
        return "\n".join([*steps, heading, *lines, f"  state: {_words(self.state)}"])


class ReplayError(Exception):
    """A replay went another way than the recording; `difference` says where and how."""

    def __init__(self, difference: Difference) -> None:
        super().__init__(f"step {difference.index} went another way than recorded")
        self.difference = difference


def replayed(trace: Trace, machine: Machine[Any, Any] | None = None) -> Iterator[Replayed]:
    """
    Gives every step of a replay, one by one; whoever looks for differences stops at the first.

    The machine is a fresh one, made from the trace's settings, unless another is given.
    What the machine raises besides a refusal comes out of here, as it would in the driver.
    """
    under_test = fresh(trace.header.settings) if machine is None else machine
    seen: list[Step] = []
    recorder = Recorder(under_test, seen.append)
    for index, recorded in enumerate(trace.steps):
        expected = expanded(recorded)
        with suppress(LocalProtocolError):
            recorder.step(expected.at, expected.inp)
        yield Replayed(index, expected, seen.pop(), state_of(under_test))


def difference(trace: Trace, machine: Machine[Any, Any] | None = None) -> Difference | None:
    """Replays a whole trace; gives the first difference, or `None` if there is none."""
    before: deque[Replayed] = deque(maxlen=BEFORE)
    for step in replayed(trace, machine):
        if not step.same:
            return Difference(step.index, step.expected, step.actual, tuple(before), step.state)
        before.append(step)
    return None


def check(trace: Trace, machine: Machine[Any, Any] | None = None) -> None:
    """Replays a whole trace; raises `ReplayError` at the first difference."""
    found = difference(trace, machine)
    if found is not None:
        raise ReplayError(found)


def _told(step: Replayed) -> str:
    outputs = ", ".join(name_of(output) for output in step.actual.outputs) or "nothing"
    heard = f"step {step.index} at {step.actual.at} µs: {name_of(step.actual.inp)}"
    return f"{heard} → {outputs}; {_words(step.state)}"


def _words(state: State) -> str:
    return ", ".join(f"{name} {value}" for name, value in state if value)
