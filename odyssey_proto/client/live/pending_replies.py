"""Who waits for which reply: first come, first served, because the wire has no correlation ids."""

from collections import deque

from attrs import define

from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.kernel.failures import Failure, Phase, timed_out
from odyssey_proto.kernel.machine import Deadline, Instant, Span, after, earliest
from odyssey_proto.seam.commands import CommandId
from odyssey_proto.seam.outputs import Completed, Failed


@define(eq=False)
class _Waiter:
    command: CommandId | None
    expires: Instant
    late: bool = False
    """Whether it waited until its time was over."""


class PendingReplies:
    """
    The commands that wait for one kind of reply, in the order in which they were sent.

    A command that gave up keeps its place: its reply may still come, and must not be taken for
    the next one's.
    But a reply may also be lost, and then nobody may stand one place behind for ever.
    So a place is forgotten when as much time again has passed; and if a reply goes to a late place
    while somebody waits behind it, and then somebody's time is over too, the reply was theirs: they
    leave no place.
    """

    def __init__(self, phase: Phase, reply: str, patience: Span) -> None:
        self._phase = phase
        self._reply = reply
        self._patience = patience
        self._line: deque[_Waiter] = deque()
        self._doubtful = 0

    def add(self, command: CommandId, expires: Instant) -> None:
        """Puts a command at the end of the line."""
        self._line.append(_Waiter(command, expires))

    def forget(self, now: Instant) -> None:
        """Gives up the places whose reply is so late that it will not come; to be called before `serve`."""
        while self._line and self._line[0].command is None and self._hopeless(self._line[0]) <= now:
            self._line.popleft()

    def serve(self, result: object) -> list[Completed | Failed]:
        """Completes the first in line, if it still waits."""
        if not self._line:
            return []
        first = self._line.popleft()
        waiting = any(waiter.command is not None for waiter in self._line)
        # With nobody behind, the replies and the line agree again.
        self._doubtful = self._doubtful + first.late if waiting else 0
        return [] if first.command is None else [Completed(first.command, result)]

    def serve_all(self, result: object) -> list[Completed | Failed]:
        """Completes everyone."""
        return [Completed(command, result) for command in self._leave()]

    def fail_all(self, failure: Failure) -> list[Completed | Failed]:
        """Fails everyone."""
        return [Failed(command, failure.during(self._phase)) for command in self._leave()]

    def give_up(self, command: CommandId) -> bool:
        """Makes a command stop waiting; tells whether it was in this line."""
        for waiter in self._line:
            if waiter.command == command:
                waiter.command = None
                return True
        return False

    def expire(self, now: Instant) -> list[Completed | Failed]:
        """Fails those whose time is over."""
        outputs: list[Completed | Failed] = []
        for waiter in tuple(self._line):
            if waiter.command is None or waiter.expires > now:
                continue
            outputs.append(Failed(waiter.command, timed_out(self._phase, (self._reply,))))
            waiter.command, waiter.late = None, True
            if self._doubtful:
                self._doubtful -= 1
                self._line.remove(waiter)
        return outputs

    @property
    def deadline(self) -> Deadline | None:
        """The earliest end of anyone's patience."""
        waiting = (waiter for waiter in self._line if waiter.command is not None)
        return earliest(*(Deadline(waiter.expires, ClientTimer.REPLY_TIMEOUT) for waiter in waiting))

    def _hopeless(self, waiter: _Waiter) -> Instant:
        return after(waiter.expires, self._patience)

    def _leave(self) -> list[CommandId]:
        commands = [waiter.command for waiter in self._line if waiter.command is not None]
        self._line.clear()
        self._doubtful = 0
        return commands
