"""
What the application wants of its session: the stream that runs, and the commands that wait.

It is what a new session is given when the one before is lost.

**The stream** is what was started, with the last prompt that the service applied in the place of the first.
A stream that a recovery has started again keeps that prompt: otherwise the service would expand it once
more after each loss.
It is wanted until it ends, or until its end is asked for.

**Commands** are given again in the order in which they came; a prompt may then be applied twice, which is
better than not at all.
A command during which two sessions were lost is not given to a third, because it may be the reason.
The end of a stream is not given again, because with its session the stream is over; what was to happen
before that end has no stream any more.
"""

from collections.abc import Iterable

from attrs import evolve

from odyssey_proto.client.live.stream import StreamCommand
from odyssey_proto.kernel.failures import Failure, FailureKind, Phase, refused
from odyssey_proto.model import events
from odyssey_proto.model.events import Event
from odyssey_proto.seam.commands import CommandId, EndStream, Interact, StartStream
from odyssey_proto.seam.outputs import Completed, Failed

_ENDED = Failure(FailureKind.STREAM_ENDED, "the stream ended", code="stream.ended")

_PHASES: dict[type[StreamCommand], Phase] = {
    StartStream: Phase.START,
    Interact: Phase.INTERACT,
    EndStream: Phase.END,
}


class DesiredStream:
    """Follows the commands of the application and what comes of them."""

    def __init__(self) -> None:
        self.start: StartStream | None = None
        """What starts the stream that runs again, if one does."""
        self._owner: CommandId | None = None
        self._applied: str | None = None
        self._waiting: dict[CommandId, StreamCommand] = {}
        self._given_again: set[CommandId] = set()

    @property
    def waiting(self) -> tuple[tuple[CommandId, StreamCommand], ...]:
        """The commands that have not ended, in the order in which they came."""
        return tuple(self._waiting.items())

    @property
    def prompts(self) -> tuple[str, ...]:
        """The prompts of those."""
        return tuple(what.prompt for what in self._waiting.values() if isinstance(what, Interact))

    # --- while a session is in use --------------------------------------------------------------

    def give(self, command: CommandId, what: StreamCommand) -> None:
        """A command was accepted."""
        self._waiting[command] = what
        if isinstance(what, EndStream):
            self.start = None

    def on_event(self, event: Event) -> None:
        """Takes what happened to the stream."""
        match event:
            case events.StreamStarted(_, applied):
                self._applied = applied
            case events.InteractAcknowledged(prompt) if self.start is not None:
                self.start = _steered(self.start, prompt)
            case events.StreamEnded() | events.StreamFailed(ends=True):
                self.start = None
            case _:
                pass

    def on_end(self, end: Completed | Failed) -> None:
        """A command has ended."""
        what = self._waiting.pop(end.command, None)
        if isinstance(what, StartStream) and isinstance(end, Completed):
            self.start = what if self._applied is None else _steered(what, self._applied)
            self._owner = end.command

    def runs_for(self, command: CommandId) -> bool:
        """Tells whether the stream that is wanted is that of this start."""
        return self.start is not None and command == self._owner

    def abandon(self, command: CommandId) -> bool:
        """The caller of a command is gone; returns whether the command waited."""
        if self.runs_for(command):
            self.start = None
        return self._waiting.pop(command, None) is not None

    # --- while there is none --------------------------------------------------------------------

    def queue(self, command: CommandId, what: StreamCommand) -> None:
        """
        Has a command wait for the next session.

        Raises `LocalProtocolError` for one that would be refused if the session had not been lost.
        """
        # No end is among those that wait.
        starts = any(isinstance(each, StartStream) for _, each in self.waiting)
        match what:
            case StartStream() if starts or self.start is not None:
                raise refused("a stream is already running: end it first", "state.stream")
            case Interact() if self.start is None:
                raise refused("no stream is running: start one first", "state.stream")
            case _:
                self.give(command, what)

    def settle_ends(self) -> list[Completed | Failed]:
        """Completes every end that waits, and fails what waited before it."""
        waiting = self.waiting
        ends = [number for number, (_, what) in enumerate(waiting) if isinstance(what, EndStream)]
        return [] if not ends else self._settle(waiting[: ends[-1] + 1], _ENDED)

    def give_again(self) -> tuple[tuple[CommandId, StreamCommand], ...]:
        """Returns the commands that wait, which the next session is given."""
        self._given_again = set(self._waiting)
        return self.waiting

    def fail_given_twice(self, failure: Failure) -> list[Completed | Failed]:
        """Fails the commands during which a session was lost before."""
        return self._settle([each for each in self.waiting if each[0] in self._given_again], failure)

    def fail_all(self, failure: Failure) -> list[Completed | Failed]:
        """Fails every command that waits."""
        return [*self._settle(self.waiting, failure, ends_too=True)]

    def _settle(
        self, waiting: Iterable[tuple[CommandId, StreamCommand]], failure: Failure, *, ends_too: bool = False
    ) -> list[Completed | Failed]:
        settled: list[Completed | Failed] = []
        for command, what in waiting:
            del self._waiting[command]
            completed = isinstance(what, EndStream) and not ends_too
            failed = Failed(command, failure.during(_PHASES[type(what)]))
            settled.append(Completed(command) if completed else failed)
        return settled


def _steered(start: StartStream, prompt: str) -> StartStream:
    """Returns a start with another prompt, unless the service said one that nobody may send."""
    try:
        return evolve(start, prompt=prompt)
    except ValueError:
        return start
