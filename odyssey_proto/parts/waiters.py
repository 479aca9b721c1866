"""Who waits for which reply: first come, first served, because the wire has no correlation ids."""

from collections import deque
from enum import Enum, unique

from attrs import define

from odyssey_proto.commands import CommandId
from odyssey_proto.failures import Failure, Phase, timed_out
from odyssey_proto.machine import Deadline, Instant, earliest
from odyssey_proto.outputs import Completed, Failed


@unique
class ReplyReason(Enum):
    """Why a line of waiters wants to be woken."""

    REPLY = "reply"


@define
class _Waiter:
    command: CommandId | None
    expires: Instant


class Waiters:
    """
    The commands that wait for one kind of reply, in the order in which they were sent.

    A command that gave up keeps its place: its reply may still come, and must not be taken for
    the next one's.
    """

    def __init__(self, phase: Phase, reply: str) -> None:
        self._phase = phase
        self._reply = reply
        self._line: deque[_Waiter] = deque()

    def add(self, command: CommandId | None, expires: Instant) -> None:
        """Puts a command at the end of the line; `None` for a reply that nobody waits for."""
        self._line.append(_Waiter(command, expires))

    def serve(self, result: object) -> list[Completed | Failed]:
        """Completes the first in line, if it still waits."""
        if not self._line:
            return []
        command = self._line.popleft().command
        return [] if command is None else [Completed(command, result)]

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
        for waiter in self._line:
            if waiter.command is not None and waiter.expires <= now:
                outputs.append(Failed(waiter.command, timed_out(self._phase, (self._reply,))))
                waiter.command = None
        return outputs

    @property
    def deadline(self) -> Deadline | None:
        """The earliest end of anyone's patience."""
        waiting = (waiter for waiter in self._line if waiter.command is not None)
        return earliest(*(Deadline(waiter.expires, ReplyReason.REPLY) for waiter in waiting))

    def _leave(self) -> list[CommandId]:
        commands = [waiter.command for waiter in self._line if waiter.command is not None]
        self._line.clear()
        return commands
