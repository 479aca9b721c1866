"""
Holds the trace of an older core against a newer one: does the application see what it saw?

What the application did and saw are its commands, the refusal or the result of each, and the events, in
their order.
A core that behaves otherwise may get there in another way: other requests first, at other times.
So the commands are given as the application gave them, each when everything has been seen that it had
seen before, and `RecordedNetwork` answers whatever the core asks.
"""

from collections.abc import Iterable, Iterator
from difflib import unified_diff
from enum import Enum, unique
from typing import Any

from attrs import field, frozen

from odyssey_proto.kernel.failures import LocalProtocolError
from odyssey_proto.kernel.machine import Instant, Machine, after, seconds
from odyssey_proto.seam.commands import Command
from odyssey_proto.seam.inputs import Wake
from odyssey_proto.seam.outputs import Completed, Failed, Happened, Progressed
from odyssey_proto.trace.behaviour import same_decisions
from odyssey_proto.trace.blobs import expanded
from odyssey_proto.trace.describe import described_value
from odyssey_proto.trace.recorded_network import RecordedNetwork
from odyssey_proto.trace.replay import place_of
from odyssey_proto.trace.values import Make, Step, Trace

MAX_DELAY = seconds(60)
"""How much later than in the trace everything may be over, before the core counts as waiting in vain."""


@frozen
class Seen:
    """One thing that the application did or saw."""

    at: Instant
    step: int
    """The number of its step."""
    what: Any
    """A `Command`, the `Failure` of a refused one, `Happened`, `Progressed`, `Completed` or `Failed`."""


@frozen
class ApplicationDifference:
    """Where the application sees something else than it saw."""

    index: int
    """How many things it sees as it saw them, until then."""
    expected: Any
    """What it saw; `None` if the trace ends before."""
    actual: Any
    """What it sees; `None` if nothing comes any more."""
    missing: tuple[str, ...] = ()
    """What the recorded core did, and this one did not until then."""
    unknown: tuple[str, ...] = ()
    """What this core did that is not in the trace."""
    raised: Exception | None = field(default=None, eq=False)
    """What the machine raised, if that is the difference; what it says may hold secrets."""

    @property
    def summary(self) -> str:
        """The difference in one line."""
        if self.raised is not None:
            return f"the core breaks: {place_of(self.raised)}"
        return f"the application saw {self.index} things again, and then something else than recorded"

    @property
    def text(self) -> str:
        """The difference for a reader."""
        recorded = ["nothing"] if self.expected is None else described_value(self.expected)
        came = ["nothing"] if self.actual is None else described_value(self.actual)
        lines = unified_diff(recorded, came, "recorded", "seen now", lineterm="", n=3)
        missing = [f"done in the trace, and not now: {each}" for each in self.missing]
        unknown = [f"done now, and not in the trace: {each}" for each in self.unknown]
        return "\n".join([self.summary, *lines, *missing, *unknown])


def _seen(steps: Iterable[Step]) -> Iterator[Seen]:
    for index, step in enumerate(steps):
        if isinstance(step.inp, Command):
            yield Seen(step.at, index, step.inp)
        if step.refused is not None:
            yield Seen(step.at, index, step.refused)
        for output in step.outputs:
            if isinstance(output, Happened | Progressed | Completed | Failed):
                yield Seen(step.at, index, output)


def application_difference(trace: Trace, make: Make) -> ApplicationDifference | None:
    """
    Runs a core as the application of a trace ran the recorded one; `None` if it sees the same.

    The core is made of the trace's settings.
    An input that broke the recorded machine must be taken now.
    Raises `ValueError` for the trace of a service, which has no application.
    """
    if trace.header.machine == "service":
        raise ValueError("a service has no application")
    return _Run(trace, make(trace.header.settings)).difference()


@unique
class _Source(Enum):
    """Where the next thing comes from."""

    NETWORK = "network"
    APPLICATION = "application"
    TIME = "time"
    """A deadline of the core passes."""
    END = "end"
    """Everything was seen, and as much time has passed since then as in the trace."""


class _Run:
    """An application and a network that do what they did, and a core between them."""

    def __init__(self, trace: Trace, machine: Machine[Any, Any]) -> None:
        steps = [expanded(step) for step in trace.steps]
        self._recorded = len(steps)
        if trace.broken is not None:
            steps.append(expanded(Step(*trace.broken, condensed=True)))
        self._machine = machine
        self._network = RecordedNetwork(steps)
        self._expected = tuple(_seen(steps))
        self._next = 0
        self._ends = steps[-1].at if steps else Instant(0)
        self._now = self._since = Instant(0)
        self._over = False

    def difference(self) -> ApplicationDifference | None:
        latest = after(self._ends, MAX_DELAY)
        while (turn := self._turn()) is not None and turn[0] <= latest:
            at, step, source = turn
            self._now = Instant(max(at, self._now))
            if source is _Source.END:
                return None
            inp = self._input(source)
            # What follows the input that broke the recorded core is not on record.
            self._over = step == self._recorded and self._all_seen
            found = self._give(inp)
            if found is not None or self._over:
                return found
        return self._differs(None)

    @property
    def _all_seen(self) -> bool:
        return self._next == len(self._expected)

    def _turn(self) -> tuple[Instant, int, _Source] | None:
        """Returns when the next thing comes, of which step it is, and where it comes from."""
        turns: list[tuple[Instant, int, _Source]] = []
        if (due := self._network.due) is not None:
            turns.append((due[0], due[1].step, _Source.NETWORK))
        if (deadline := self._machine.deadline) is not None:
            turns.append((deadline.at, self._recorded + 1, _Source.TIME))
        before = self._expected[self._next - 1].at if self._next else Instant(0)
        if self._all_seen:
            turns.append((Instant(self._since + self._ends - before), self._recorded + 2, _Source.END))
        elif isinstance((seen := self._expected[self._next]).what, Command):
            turns.append((Instant(self._since + seen.at - before), seen.step, _Source.APPLICATION))
        return min(turns, key=lambda turn: turn[:2], default=None)

    def _input(self, source: _Source) -> Any:
        """Takes out what comes; `None` if it is for nobody any more."""
        match source:
            case _Source.NETWORK:
                return self._network.take(self._now)
            case _Source.APPLICATION:
                command = self._expected[self._next].what
                self._pass()
                return command
            case _:
                return Wake()

    def _give(self, inp: Any) -> ApplicationDifference | None:
        if inp is None:
            return None
        try:
            outputs = self._machine.step(self._now, inp)
        except LocalProtocolError as error:
            return self._sees(error.failure)
        except Exception as error:  # noqa: BLE001  a machine that breaks is what this is to find
            return self._differs(None, error)
        for output in outputs:
            if isinstance(output, Happened | Progressed | Completed | Failed):
                if (found := self._sees(output)) is not None:
                    return found
            else:
                self._network.obey(self._now, output)
        return None

    def _sees(self, what: Any) -> ApplicationDifference | None:
        if self._over:
            return None
        if self._all_seen or not same_decisions(self._expected[self._next].what, what):
            return self._differs(what)
        self._pass()
        return None

    def _pass(self) -> None:
        self._next += 1
        self._since = self._now

    def _differs(self, actual: Any, raised: Exception | None = None) -> ApplicationDifference:
        expected = None if self._all_seen else self._expected[self._next]
        return ApplicationDifference(
            self._next,
            None if expected is None else expected.what,
            actual,
            self._network.missing(self._ends if expected is None else expected.at),
            tuple(self._network.unknown),
            raised,
        )
