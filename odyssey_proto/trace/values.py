"""A trace as a value: what a machine was made with, and what it went through."""

from collections.abc import Callable, Iterator
from enum import StrEnum, unique
from typing import Any, ClassVar, Protocol

from attrs import field, frozen

from odyssey_proto.kernel.failures import Failure
from odyssey_proto.kernel.machine import Deadline, Instant, Machine
from odyssey_proto.trace.behaviour import BEHAVIOUR


@frozen
class Step:
    """One step: what came in, what went out, and when the machine wanted to be woken next."""

    at: Instant
    inp: Any
    outputs: tuple[Any, ...] = ()
    deadline: Deadline | None = None
    refused: Failure | None = None
    """Why the command was refused, if it was."""
    condensed: bool = field(default=False, eq=False)
    """Whether images were replaced by stand-ins (`odyssey_proto.trace.blobs`)."""


@unique
class Kind(StrEnum):
    """The kinds of records, by the names they have in a file."""

    IN = "odyssey:in"
    OUT = "odyssey:out"
    REFUSED = "odyssey:refused"
    CUT = "odyssey:cut"
    END = "odyssey:end"


@frozen
class Record:
    """One thing that happened, for whoever shows it: an input, an output, a deadline or a refusal."""

    step: int
    """The number of the step, from 0."""
    at: Instant
    kind: str
    """`input`, `output`, `refused` or `deadline`."""
    name: str
    """The class of the value; for a command what was asked, for an event what happened."""
    value: Any


class Recordable(Protocol):
    """What a recorded machine was made with: `Settings`, `SpectatorSettings` or `ServiceSettings`."""

    machine: ClassVar[str]
    """What they make, in a word."""


type Make = Callable[[Any], Machine[Any, Any]]
"""Makes a machine of a trace's settings; `odyssey_proto.trace.fresh` makes one of this core."""


@frozen
class Header:
    """What a trace says of itself."""

    settings: Recordable = field(repr=False)
    versions: tuple[tuple[str, str], ...] = ()
    """The versions that took part, by name: `odyssey`, `python`, …"""
    title: str = ""
    created: int | None = None
    """When the trace began, in microseconds since 1970 (UTC)."""
    redacted: bool = False
    """Whether secrets were replaced by pseudonyms."""
    behaviour: int = BEHAVIOUR
    """How the core behaved that was recorded, by the numbers of `odyssey_proto.trace.behaviour`."""

    @property
    def machine(self) -> str:
        """Which machine was recorded: `client`, `spectator` or `service`."""
        return self.settings.machine


@frozen
class Trace:
    """A trace: it begins with the first step of its machine."""

    header: Header
    steps: tuple[Step, ...] = field(default=(), repr=lambda steps: f"<{len(steps)} steps>")
    cut: int = 0
    """How many steps are missing at the end, because the recorder was full."""
    broken: tuple[Instant, Any] | None = field(default=None, repr=False)
    """The input that was never answered, if it broke the machine."""
    ended: bool = True
    """Whether the trace says where it ends; what comes from a file that was cut off does not."""

    def records(self) -> Iterator[Record]:
        """Returns everything that happened, in order; a deadline only where it changed."""
        waits: Deadline | None = None
        for index, step in enumerate(self.steps):
            yield Record(index, step.at, "input", name_of(step.inp), step.inp)
            if step.refused is not None:
                yield Record(index, step.at, "refused", name_of(step.inp), step.refused)
            for output in step.outputs:
                yield Record(index, step.at, "output", name_of(output), output)
            if step.deadline != waits:
                waits = step.deadline
                name = "none" if waits is None else waits.reason.name
                yield Record(index, step.at, "deadline", name, waits)
        if self.broken is not None:
            at, inp = self.broken
            yield Record(len(self.steps), at, "input", name_of(inp), inp)


def name_of(value: Any) -> str:
    """Returns the word for an input or output: for a command what was asked, for an event what happened."""
    inner = getattr(value, "what", getattr(value, "event", None))
    return type(value if inner is None or isinstance(inner, str) else inner).__name__
