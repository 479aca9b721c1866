"""What a machine goes through, kept in memory: every input with its time, and everything it answered."""

from collections.abc import Callable, Sequence
from functools import cache
from operator import attrgetter
from typing import Any, Self

from attrs import define, field, frozen

from odyssey_proto.kernel.failures import LocalProtocolError
from odyssey_proto.kernel.introspection import fields_of
from odyssey_proto.kernel.machine import Instant, Machine
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.trace.blobs import MAX_STAND_IN_CHARS, MIN_BLOB_CHARS, condensed
from odyssey_proto.trace.policy import Images
from odyssey_proto.trace.values import Header, Step, Trace

MAX_STEPS = 100_000
"""The most steps a trace takes: hours of a session at a few steps a second."""

MAX_BYTES = 32 * 1024 * 1024
"""Roughly the most bytes a trace takes."""

BASE_BYTES = 64
"""What any value takes, in bytes."""

_NOTHING = (type(None), bool, int, float)


@frozen(kw_only=True)
class Limits:
    """How much a buffer takes, and what it keeps of images."""

    steps: int = MAX_STEPS
    size: int = MAX_BYTES
    """In bytes, roughly."""
    images: Images = field(default=Images.HASH, converter=Images)


@define
class TraceBuffer:
    """
    A trace in memory.

    It begins with the first step and stops when it is full, because a trace without its
    beginning cannot be replayed; `cut` counts the steps that are missing at the end.
    """

    header: Header
    limits: Limits = Limits()
    steps: list[Step] = field(factory=list)
    size: int = 0
    cut: int = 0
    broken: tuple[Instant, Any] | None = None
    ended: bool = True
    """Whether it is known where it ends: always, unless it was read from a file that was cut off."""
    stood_for: int = 0
    """What was left out for stand-ins, roughly."""

    @classmethod
    def of(cls, trace: Trace) -> Self:
        """Returns a buffer with what was read."""
        kept = Limits(images=Images.KEEP)
        return cls(trace.header, kept, list(trace.steps), 0, trace.cut, trace.broken, trace.ended)

    def before(self, now: Instant, inp: Any) -> None:
        """Takes an input whose step begins."""
        self.broken = now, inp

    def after(self, step: Step) -> None:
        """Takes a step that is done."""
        self.broken = None
        if self.cut:
            self.cut += 1
            return
        heavy = whole = weight(step)
        if heavy > MIN_BLOB_CHARS and self.limits.images is not Images.KEEP:
            step = condensed(step, self.limits.images)
            heavy = weight(step)
        if self._full(heavy, whole - heavy):
            self.cut = 1
        else:
            self.steps.append(step)
            self.size += heavy
            self.stood_for += whole - heavy

    def trace(self, length: int | None = None) -> Trace:
        """Returns the trace until now, or its first `length` steps."""
        if length is not None and length < len(self.steps):
            return Trace(self.header, tuple(self.steps[:length]))
        return Trace(self.header, tuple(self.steps), self.cut, self._unanswered(), self.ended)

    def _unanswered(self) -> tuple[Instant, Any] | None:
        if self.cut or self.broken is None or self.limits.images is Images.KEEP:
            return None if self.cut else self.broken
        now, inp = self.broken
        return now, condensed(Step(now, inp), self.limits.images).inp

    def _full(self, heavy: int, stood_for: int) -> bool:
        return (
            len(self.steps) >= self.limits.steps
            or self.size + heavy > self.limits.size
            or self.stood_for + stood_for > MAX_STAND_IN_CHARS
        )


class Recorder[In, Out]:
    """
    A machine around a machine: it behaves the same and reports what happens.

    `before` is called with an input before it is taken, so that an input that breaks the machine is
    the last thing on record; `after` is called with the whole step.
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
        self._now = Instant(0)
        self.deadline = machine.deadline
        """The machine's own deadline, which nothing but a step can change."""

    def step(self, now: Instant, inp: In, /) -> Sequence[Out]:
        """
        Passes the step on, and reports it.

        A `now` before the last one counts as the last one, on record as in the machine.
        """
        self._now = now = Instant(max(now, self._now))
        self._before(now, inp)
        try:
            outputs = self._machine.step(now, inp)
        except LocalProtocolError as error:
            self.deadline = self._machine.deadline
            self._after(Step(now, inp, (), self.deadline, error.failure))
            raise
        self.deadline = self._machine.deadline
        self._after(Step(now, inp, tuple(outputs), self.deadline))
        return outputs


def weight(value: Any) -> int:
    """Returns the bytes that a value takes, roughly."""
    # Taken for every step of every session, so the plain types are asked for first and by identity, and
    # parts are lined up behind what they are part of instead of asked one by one.
    total = 0
    parts = [value]
    for part in parts:
        kind: Any = type(part)
        if kind is str or kind is bytes:
            total += BASE_BYTES + len(part)
        elif kind not in _NOTHING:
            total += BASE_BYTES
            if kind is tuple or kind is list:
                parts += part
            elif kind is dict:
                parts += part
                parts += part.values()
            elif kind is Secret:
                total += len(part.reveal())
            else:
                parts += _fields(kind)(part)
    return total


@cache
def _fields(cls: Any) -> Any:
    """Returns what takes a value of a class apart; an Enum and what is not ours has no parts."""
    names = [field.name for field in fields_of(cls)]
    match names:
        case []:
            return lambda value: ()
        case [name]:
            return lambda value: (getattr(value, name),)
        case _:
            return attrgetter(*names)
