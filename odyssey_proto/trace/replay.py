"""Gives the inputs of a trace to a fresh machine and compares everything that it answers."""

import difflib
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from attrs import evolve, field, frozen

from odyssey_proto.kernel.failures import LocalProtocolError
from odyssey_proto.kernel.machine import Machine, RootMachine
from odyssey_proto.trace.behaviour import same_decisions
from odyssey_proto.trace.blobs import expanded, folded
from odyssey_proto.trace.describe import described
from odyssey_proto.trace.recorder import Recorder
from odyssey_proto.trace.values import Make, Step, Trace, name_of

BEFORE = 5
"""How many steps before a difference are kept."""

type State = tuple[tuple[str, str], ...]
"""The state of a machine after a step: a few words, each with its name."""


@frozen
class Replayed:
    """One step of a replay: what was recorded, what came, and how the machine stands after it."""

    index: int
    expected: Step | None
    """`None` if the input broke the recorded machine, so that no answer is on record."""
    actual: Step
    """Without an answer if the input broke the machine."""
    state: State = field(default=(), repr=False)
    """How it stands after the step; if that broke it, how it stood before."""
    raised: Exception | None = field(default=None, eq=False)
    """What the machine raised besides a refusal; then the replay is over. What it says may hold secrets."""

    @property
    def same(self) -> bool:
        """
        Whether it went the recorded way, wording aside.

        An input that broke the recorded machine must be taken now.
        """
        if self.raised is not None:
            return False
        return self.expected is None or same_decisions(self.expected, self.actual)


@frozen
class Difference(Replayed):
    """The step at which a replay went another way."""

    before: tuple[Replayed, ...] = field(default=(), repr=False)
    """The steps that led there, the oldest first."""

    @property
    def summary(self) -> str:
        """The difference in one line."""
        if self.raised is not None:
            return f"step {self.index} breaks the core: {place_of(self.raised)}"
        return f"step {self.index} went another way than recorded"

    @property
    def text(self) -> str:
        """The difference for a reader: the steps before, then what was expected and what came."""
        steps = [_summary_of(each) for each in self.before]
        heading = f"step {self.index} at {self.actual.at} µs: {name_of(self.actual.inp)}"
        recorded = ["no answer is on record"] if self.expected is None else described(self.expected)
        came = (
            described(self.actual) if self.raised is None else [f"the core breaks: {place_of(self.raised)}"]
        )
        lines = difflib.unified_diff(recorded, came, "recorded", "replayed", lineterm="", n=3)
        return "\n".join([*steps, heading, *lines, f"  state: {_words(self.state)}"])


def state_of(machine: Machine[Any, Any]) -> State:
    """Returns the state of a machine, and what it waits for."""
    deadline = machine.deadline
    waits = "" if deadline is None else f"{deadline.reason.name} at {deadline.at}"
    words = machine.state_in_words if isinstance(machine, RootMachine) else (("machine", repr(machine)),)
    return (*words, ("waits", waits))


def replayed(trace: Trace, make: Make) -> Iterator[Replayed]:
    """
    Returns every step of a replay, one by one; whoever looks for differences stops at the first.

    The machine is made of the trace's settings.
    The input that broke the recorded machine, if one did, comes last.
    If the machine raises anything besides a refusal, that step is the last.
    """
    under_test = make(trace.header.settings)
    seen: list[Step] = []
    recorder = Recorder(under_test, seen.append)
    state: State = ()
    for index, recorded in enumerate(_inputs(trace)):
        expected = None if index == len(trace.steps) else recorded
        whole = expanded(recorded)
        raised: Exception | None = None
        try:
            with suppress(LocalProtocolError):
                recorder.step(whole.at, whole.inp)
            state = state_of(under_test)
        except Exception as error:  # noqa: BLE001  a machine that breaks is what a replay is to find
            raised = error
        if raised is not None:
            yield Replayed(index, expected, Step(recorded.at, recorded.inp), state, raised)
            return
        actual = seen.pop()
        if recorded.condensed:
            # What is kept of a step stays as small as it was recorded.
            actual = recorded if actual == whole else evolve(folded(actual), inp=recorded.inp)
        yield Replayed(index, expected, actual, state)


def difference(trace: Trace, make: Make) -> Difference | None:
    """
    Replays a whole trace; returns the first difference, or `None` if there is none.

    It is one as well if the machine breaks, also where it broke when it was recorded.
    """
    before: deque[Replayed] = deque(maxlen=BEFORE)
    for step in replayed(trace, make):
        if not step.same:
            seen = tuple(before)
            return Difference(step.index, step.expected, step.actual, step.state, step.raised, seen)
        before.append(step)
    return None


def place_of(error: Exception) -> str:
    """Returns the class of an error and where it was raised; not its words, which may hold secrets."""
    trail = error.__traceback__
    if trail is None:
        return type(error).__name__
    while trail.tb_next is not None:
        trail = trail.tb_next
    module = trail.tb_frame.f_globals.get("__name__", "?")
    return f"{type(error).__name__} in {module}, line {trail.tb_lineno}"


def _inputs(trace: Trace) -> Iterator[Step]:
    yield from trace.steps
    if trace.broken is not None:
        yield Step(*trace.broken, condensed=True)


def _summary_of(step: Replayed) -> str:
    outputs = ", ".join(name_of(output) for output in step.actual.outputs) or "nothing"
    came = f"step {step.index} at {step.actual.at} µs: {name_of(step.actual.inp)}"
    return f"{came} → {outputs}; {_words(step.state)}"


def _words(state: State) -> str:
    return ", ".join(f"{name} {value}" for name, value in state if value)
