"""
Who waits for which reply, without correlation ids.

No message of stream control carries an id (docs/protocol.md#stream-messages), so a reply cannot say
which request it answers.
What is known is that the channel is reliable and ordered and that the streamer answers each kind of
request in the order in which it came: for each kind there is a queue, and a reply belongs to its front.

That is right as long as every request gets exactly one reply.
Two things disturb it:

1. A command gives up, because its deadline passed or its caller was cancelled, and its reply comes late.
   If the command had left the queue, its reply would complete the command behind it: every later
   prompt would be answered with the text of the one before.
   So a command that gives up leaves its place behind, empty, and the late reply falls into that place.

2. A reply never comes.
   Then the empty place takes the reply of the command behind it, that command gives up in its turn and
   leaves a place, and so on: one lost reply would make every later command time out.

When a command gives up nobody can tell which of the two has happened; what follows shows it.
Suppose a reply falls into a place whose command timed out, while others wait behind it.
If it was that command's own late reply, the replies of the others are still on their way.
If not, it belonged to the next one, the queue is one reply behind, and the last of the others waits in
vain.
So `_misplaced` counts the replies that may have gone to the wrong place, and each time a command times out
afterwards, one of them is taken to have been its own: it leaves no place, and the queue is right again.
A lost reply thus costs one further command at most.
When a reply empties the queue, requests and replies agree again and there is nothing left to suspect.

An empty place does not stand for ever either: a reply that is late by more than the command's whole
timeout is taken for lost, and the place is removed.

A place whose command was cancelled is not under suspicion, because nothing says that its reply is late.
"""

from collections import deque

from attrs import define

from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.kernel.failures import Failure, Phase, timed_out
from odyssey_proto.kernel.machine import Deadline, Instant, Span, after
from odyssey_proto.seam.commands import CommandId
from odyssey_proto.seam.outputs import Completed, Failed


@define(eq=False)
class _Place:
    """One request that was sent, and the command that waits for its reply, unless it gave up."""

    command: CommandId | None
    expires: Instant
    timed_out: bool = False


class PendingReplies:
    """The requests of one kind whose replies have not come, in the order in which they were sent."""

    def __init__(self, phase: Phase, timeout: Span) -> None:
        self._phase = phase
        self._timeout = timeout
        self._places: deque[_Place] = deque()
        self._misplaced = 0

    def add(self, command: CommandId, expires: Instant) -> None:
        """Adds a command at the end of the queue."""
        self._places.append(_Place(command, expires))

    def forget_lost(self, now: Instant) -> None:
        """Removes the places at the front whose reply counts as lost; to be called ahead of a reply."""
        while self._places and self._places[0].command is None and self._lost_at(self._places[0]) <= now:
            self._places.popleft()

    def complete_first(self, result: object) -> list[Completed | Failed]:
        """Takes one reply: completes the command at the front, if it still waits."""
        if not self._places:
            return []
        first = self._places.popleft()
        others_wait = any(place.command is not None for place in self._places)
        self._misplaced = self._misplaced + first.timed_out if others_wait else 0
        return [] if first.command is None else [Completed(first.command, result)]

    def fail_first(self, failure: Failure) -> list[Completed | Failed]:
        """Takes one reply that cannot be read: fails the command at the front, if it still waits."""
        return [Failed(each.command, failure.during(self._phase)) for each in self.complete_first(None)]

    def complete_all(self) -> list[Completed | Failed]:
        """Completes every command that waits, and empties the queue."""
        return [Completed(command) for command in self._clear()]

    def fail_all(self, failure: Failure) -> list[Completed | Failed]:
        """Fails every command that waits, and empties the queue."""
        return [Failed(command, failure.during(self._phase)) for command in self._clear()]

    def give_up(self, command: CommandId) -> bool:
        """Lets a command wait no longer; returns whether it waited here."""
        for place in self._places:
            if place.command == command:
                place.command = None
                return True
        return False

    def expire(self, now: Instant) -> list[Completed | Failed]:
        """Fails the commands whose deadline has passed."""
        outputs: list[Completed | Failed] = []
        for place in tuple(self._places):
            if place.command is None or place.expires > now:
                continue
            outputs.append(Failed(place.command, timed_out(self._phase, ("reply",))))
            place.command, place.timed_out = None, True
            if self._misplaced:
                self._misplaced -= 1
                self._places.remove(place)
        return outputs

    @property
    def deadline(self) -> Deadline | None:
        """The earliest deadline of a command that waits."""
        expiries = [place.expires for place in self._places if place.command is not None]
        return Deadline(min(expiries), ClientTimer.REPLY_TIMEOUT) if expiries else None

    def _lost_at(self, place: _Place) -> Instant:
        return after(place.expires, self._timeout)

    def _clear(self) -> list[CommandId]:
        commands = [place.command for place in self._places if place.command is not None]
        self._places.clear()
        self._misplaced = 0
        return commands
