"""How a client got from asking for a connection to its first frame, phase by phase without a gap."""

from collections.abc import Iterable
from enum import IntEnum, unique

from attrs import define, field, frozen

from odyssey.inspect.intervals import Interval
from odyssey.inspect.line import Tone, path_of
from odyssey_proto.kernel.machine import Instant
from odyssey_proto.model import events
from odyssey_proto.seam.commands import Command, Connect, ConnectWith, StartStream
from odyssey_proto.seam.inputs import MediaSeen, SocketOpened
from odyssey_proto.seam.outputs import Completed, Failed, Happened, MakeOffer, OpenSocket, Request
from odyssey_proto.trace.values import Record


@unique
class ConnectStep(IntEnum):
    """The phases in their order; the same in words are their names."""

    AUTHENTICATE = 1
    ALLOCATE = 2
    PREPARE = 3
    SIGNAL = 4
    NEGOTIATE = 5
    READY = 6
    """Connected, while the application has not asked for a stream."""
    START = 7
    FIRST_FRAME = 8
    """The stream runs, and its first frame is on its way."""
    SEEN = 9
    """The end: the first frame came."""

    @property
    def words(self) -> str:
        """The name of the phase for a reader."""
        return self.name.replace("_", " ").lower()


@frozen
class ConnectPath:
    """One attempt to get to the first frame."""

    phases: tuple[Interval, ...]
    reached: bool
    """Whether a frame came."""

    @property
    def begins(self) -> Instant:
        """When a connection was asked for."""
        return self.phases[0].begins

    @property
    def ends(self) -> Instant | None:
        """When the first frame came, or when it was over; `None` if neither is on record."""
        return self.phases[-1].ends


def connect_paths(records: Iterable[Record], *, watching: bool = False) -> tuple[ConnectPath, ...]:
    """
    Returns every attempt to get to a first frame, failed ones included.

    A spectator, who is only `watching`, starts no stream: connected, it waits for the first frame.
    """
    paths: list[_Path] = []
    for number, record in enumerate(records):
        match record.value:
            case Command(command, Connect() | ConnectWith()) if record.kind == "input":
                paths.append(_Path(command, watching))
        if paths and not paths[-1].done:
            paths[-1].take(number, record)
    return tuple(path.path for path in paths)


_PATHS = {
    "/regions": ConnectStep.ALLOCATE,
    "/sessions/request": ConnectStep.ALLOCATE,
    "/sessions/token": ConnectStep.PREPARE,
    "/config": ConnectStep.PREPARE,
}
"""Which requests begin a phase (docs/protocol.md#rest, #signaling)."""


@define
class _Path:
    command: int
    watching: bool
    spans: list[Interval] = field(factory=list)
    step: ConnectStep | None = None
    done: bool = False
    reached: bool = False
    flows: bool = False
    """Whether frames came before the stream, such as an idle picture: then nobody waits for the first."""

    def take(self, number: int, record: Record) -> None:
        if self._over(record):
            self._close(record.at, Tone.BAD)
            return
        step = self._entered(record)
        if step is None or (self.step is not None and step <= self.step):
            return
        self._close(record.at, Tone.PLAIN)
        self.step = step
        if step is ConnectStep.SEEN:
            self.reached = True
        else:
            self.done = False
            self.spans.append(Interval(step.words, record.at, None, number))

    @property
    def path(self) -> ConnectPath:
        kept = [span for span in self.spans if span.ends != span.begins] or self.spans[-1:]
        return ConnectPath(tuple(kept), self.reached)

    @property
    def _when_streaming(self) -> ConnectStep:
        return ConnectStep.SEEN if self.flows else ConnectStep.FIRST_FRAME

    def _close(self, at: Instant, tone: Tone) -> None:
        if self.spans:
            last = self.spans[-1]
            self.spans[-1] = Interval(last.name, last.begins, at, last.number, tone)
            self.done = True

    def _over(self, record: Record) -> bool:
        match record.value:
            case Failed(command):
                return command == self.command
            case Happened(events.Disconnected() | events.StreamFailed()):
                return True
            case _:
                return record.kind == "refused" and self.step is None

    def _entered(self, record: Record) -> ConnectStep | None:
        match record.value:
            case Command(command, Connect() | ConnectWith()) if command == self.command:
                return ConnectStep.AUTHENTICATE
            case Request(_, request):
                return next((_PATHS[end] for end in _PATHS if path_of(request.url).endswith(end)), None)
            case OpenSocket():
                return ConnectStep.SIGNAL
            case SocketOpened() | MakeOffer():
                return ConnectStep.NEGOTIATE
            case Completed(command) if command == self.command:
                return self._when_streaming if self.watching else ConnectStep.READY
            case Command(_, StartStream()) if self.step is ConnectStep.READY:
                return ConnectStep.START
            case Happened(events.StreamStarted()):
                return self._when_streaming
            case MediaSeen(_, received) if received:
                self.flows = True
                return ConnectStep.SEEN if self.step is ConnectStep.FIRST_FRAME else None
            case _:
                return None
