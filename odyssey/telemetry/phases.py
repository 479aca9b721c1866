"""The way to the first frame as spans and metrics, phase by phase (`odyssey.inspect.connect_path`)."""

from collections.abc import Callable, Iterator

from opentelemetry.context import Context
from opentelemetry.trace import StatusCode, Tracer

from odyssey.inspect.connect_path import ConnectPath, ConnectStep, connect_paths
from odyssey.inspect.line import Tone
from odyssey.telemetry.instruments import Instruments
from odyssey_proto.kernel.machine import Instant
from odyssey_proto.model.events import StreamStarted
from odyssey_proto.seam.commands import Command, CommandId, StartStream
from odyssey_proto.seam.inputs import MediaSeen
from odyssey_proto.seam.outputs import Happened
from odyssey_proto.trace.values import Record, Step

MAX_STEPS = 1_000
"""A connect of more steps that matter is looked at no further."""

_WAITING = ConnectStep.READY.words
"""The phase in which the application takes its time."""


class Phases:
    """The steps of one connect that say how far it is, until its first frame."""

    def __init__(
        self, tracer: Tracer, instruments: Instruments, nanoseconds: Callable[[Instant], int]
    ) -> None:
        self._tracer = tracer
        self._instruments = instruments
        self._nanoseconds = nanoseconds
        self._steps: list[Step] = []
        self._connecting: CommandId | None = None
        self._open = False
        self._parent = Context()
        self._flows = self._streams = False
        self._recorded = 0

    def begin(self, command: CommandId, parent: Context) -> None:
        """A connect begins with the step that comes next; its phases belong to `parent`."""
        self._steps, self._connecting, self._parent = [], command, parent
        self._open, self._flows, self._streams, self._recorded = True, False, False, 0

    def belong_to(self, parent: Context) -> None:
        """A stream begins, which the phases that come belong to."""
        if self._connecting is None:
            self._parent = parent

    def take(self, step: Step) -> None:
        """Keeps a step that may begin a phase, and looks whether it brought the first frame."""
        if not self._open or not self._matters(step):
            return
        self._steps.append(step)
        path = self._path
        if path is not None and path.reached:
            self._record(path)
            own = [each for each in path.phases if each.name != _WAITING and each.ends is not None]
            microseconds = sum((each.ends or each.begins) - each.begins for each in own)
            self._instruments.first_frame.record(microseconds / 1_000_000)
            self._open = False
        elif len(self._steps) >= MAX_STEPS:
            self._open = False

    def connected(self, command: CommandId, *, succeeded: bool) -> None:
        """A connect has ended."""
        if command == self._connecting:
            self._connecting = None
            if (path := self._path) is not None:
                self._record(path)
            self._open = self._open and succeeded

    def _matters(self, step: Step) -> bool:
        match step.inp:
            case MediaSeen(_, received):
                # A picture before the stream, or the first of the stream.
                fresh = received > 0 and (self._streams or not self._flows)
                self._flows |= received > 0
                return fresh
            case Command(_, StartStream()):
                return True
            case _:
                self._streams |= any(_starts(output) for output in step.outputs)
                return self._connecting is not None or self._streams

    @property
    def _path(self) -> ConnectPath | None:
        return next(iter(connect_paths(self._records())), None)

    def _records(self) -> Iterator[Record]:
        for step in self._steps:
            yield Record(0, step.at, "input", "", step.inp)
            for output in step.outputs:
                yield Record(0, step.at, "output", "", output)

    def _record(self, path: ConnectPath) -> None:
        """Makes spans of the phases that have ended since the last time."""
        ended = [each for each in path.phases if each.ends is not None]
        fresh, self._recorded = ended[self._recorded :], len(ended)
        for phase in fresh:
            if phase.name == _WAITING or phase.ends is None:
                continue
            name = phase.name.replace(" ", "_")
            self._instruments.phase.record((phase.ends - phase.begins) / 1_000_000, {"odyssey.phase": name})
            begins, ends = self._nanoseconds(phase.begins), self._nanoseconds(phase.ends)
            span = self._tracer.start_span(f"odyssey.phase.{name}", self._parent, start_time=begins)
            if phase.tone is Tone.BAD:
                span.set_status(StatusCode.ERROR)
            span.end(ends)


def _starts(output: object) -> bool:
    return isinstance(output, Happened) and isinstance(output.event, StreamStarted)
