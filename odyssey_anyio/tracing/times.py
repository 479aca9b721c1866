"""How long things took that a user waits for: a prompt, and the way to the first frame."""

from attrs import frozen

from odyssey_proto.kernel.introspection import Value
from odyssey_proto.kernel.machine import Instant
from odyssey_proto.model import events
from odyssey_proto.model.events import ConnectionStatus, Event
from odyssey_proto.seam.commands import Command, CommandId, Connect, ConnectWith, Interact, StartStream
from odyssey_proto.seam.inputs import MediaSeen
from odyssey_proto.seam.outputs import Completed, Failed, Happened
from odyssey_proto.trace.values import Step


@frozen
class FirstFrameTimes(Value):
    """How long each part of the way to a first frame took, in seconds."""

    authenticating: float
    """From `connect` until there was an access token, or it was known that none is needed."""
    connecting: float
    """From there until the session was up."""
    starting: float
    """From the start that the application asked for until the stream ran."""
    arriving: float
    """From there until a frame came; nothing if frames came before the stream."""

    @property
    def total(self) -> float:
        """All of it, without the time until the application asked for a stream."""
        return self.authenticating + self.connecting + self.starting + self.arriving


class Times:
    """Looks on at one client, and keeps what took how long the last time."""

    def __init__(self) -> None:
        self.first_frame: FirstFrameTimes | None = None
        """Of the last connect whose stream has shown a frame."""
        self.round_trip: float | None = None
        """From the last prompt that was applied to its acknowledgement, in seconds."""
        self._prompts: dict[CommandId, Instant] = {}
        self._marks: list[Instant] = []
        """Of a connect: when it began, was authenticated, was up, was to start, was started."""
        self._flows = False

    def asked(self, command: CommandId) -> None:
        """A call begins; when it is carried out is what counts."""

    def stepped(self, step: Step) -> None:
        """The core has made a step."""
        match step.inp:
            case Command(command, Connect() | ConnectWith()) if step.refused is None:
                # One that is completed at once found a session, and only brought handlers.
                if not any(isinstance(each, Completed) and each.command == command for each in step.outputs):
                    self._marks, self._flows = [step.at], False
            case Command(_, StartStream()) if step.refused is None and len(self._marks) >= 3:
                self._marks[3:] = [step.at]
            case Command(command, Interact()) if step.refused is None:
                self._prompts[command] = step.at
            case MediaSeen(_, received) if received:
                self._flows = True
            case _:
                pass
        for output in step.outputs:
            match output:
                case Completed(command) if command in self._prompts:
                    self.round_trip = (step.at - self._prompts.pop(command)) / 1_000_000
                case Failed(command):
                    self._prompts.pop(command, None)
                case Happened(event):
                    self._happened(event, step.at)
                case _:
                    pass
        if len(self._marks) == 5 and self._flows:
            self._frame_came(step.at)

    def _happened(self, event: Event, at: Instant) -> None:
        match event, len(self._marks):
            case events.StatusChanged(ConnectionStatus.CONNECTING), 1:
                self._marks.append(at)
            case events.Connected(), 1 | 2:
                # Without a status in between, no token was needed.
                self._marks = [self._marks[0], self._marks[-1], at]
            case events.StreamStarted(), 4:
                self._marks.append(at)
            case events.Disconnected(), _:
                self._marks = []
            case _:
                pass

    def _frame_came(self, at: Instant) -> None:
        asked, known, up, wanted, started = self._marks
        parts = (known - asked, up - known, started - wanted, at - started)
        self.first_frame = FirstFrameTimes(*(part / 1_000_000 for part in parts))
        self._marks = []
