"""
How far a session has come that is to take the place of another.

| state | what is awaited | then |
|---|---|---|
| `CONNECTING` | the session | its stream is started, or it is ready |
| `STARTING` | the start of the stream | `AWAITING_PICTURE`, or the stream is refused |
| `AWAITING_PICTURE` | frames | it is ready |

Frames are reported at most once a second, and not by the stream that they belong to: a streamer may show
something before its stream begins.
Where there is no other picture, the first report will do.
Where there is one, the second decides, for what it counts came after the first.

A session and a start have deadlines of their own; that of the picture stands here.
"""

from enum import Enum, unique
from typing import Literal

from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.kernel.failures import Failure, Phase, timed_out
from odyssey_proto.kernel.machine import Deadline, Instant, Timers, after, seconds
from odyssey_proto.seam.commands import StartStream
from odyssey_proto.seam.outputs import Happened

PICTURE_TIMEOUT = seconds(10)
"""How long after the start of its stream a picture may take."""

MAX_HELD_EVENTS = 256
"""How many events are held back until the exchange; a stream that is well has a few."""


@unique
class SuccessorState(Enum):
    """How far a successor has come."""

    CONNECTING = "connecting"
    STARTING = "starting"
    AWAITING_PICTURE = "awaiting_picture"
    READY = "ready"


class Successor:
    """
    Decides when a session can take the place of another.

    `spare` tells that the other is still in use: what happens is then held back until the exchange.
    """

    def __init__(self, *, spare: bool) -> None:
        self.spare: bool = spare
        self.session_id: str = ""
        self.start: StartStream | None = None
        """What started the stream that it has to show."""
        self.stream_id: str | None = None
        self.held: list[Happened] = []
        self.state: SuccessorState = SuccessorState.CONNECTING
        self._reports = self._received = 0
        self._timers: Timers[Literal[ClientTimer.PICTURE_TIMEOUT]] = Timers()

    @property
    def ready(self) -> bool:
        """Whether it can take its place."""
        return self.state is SuccessorState.READY

    def connected(self, session_id: str, start: StartStream | None) -> StartStream | None:
        """The session is ready, for the first time or again; returns the start of its stream if it is due."""
        if self.state is not SuccessorState.CONNECTING:
            return None
        self.session_id, self.start = session_id, start
        self.state = SuccessorState.READY if start is None else SuccessorState.STARTING
        return start

    def steered(self, start: StartStream) -> None:
        """
        Its stream was given another prompt, which its picture will show.

        A report that has come stays: who is steered each second would never be ready otherwise.
        """
        self.start = start

    def started(self, now: Instant, stream_id: str) -> None:
        """The stream has started."""
        self.stream_id = stream_id
        self.state = SuccessorState.AWAITING_PICTURE
        self._timers.set(ClientTimer.PICTURE_TIMEOUT, after(now, PICTURE_TIMEOUT))

    def hold(self, event: Happened) -> None:
        """Keeps an event for the exchange; of a streamer that never stops talking, the first ones."""
        if len(self.held) < MAX_HELD_EVENTS:
            self.held.append(event)

    def without_stream(self) -> None:
        """There is nothing to show (any more)."""
        self.start = self.stream_id = None
        self._timers.clear()
        self.state = SuccessorState.READY

    def counted(self, received: int) -> None:
        """So many of its frames were decoded, at most once a second."""
        more, self._received = received != self._received, received
        if more and self.state is SuccessorState.AWAITING_PICTURE:
            self._reports += 1
            if self._reports > self.spare:
                self._timers.clear()
                self.state = SuccessorState.READY

    def wake(self, now: Instant) -> Failure | None:
        """Returns why it has failed, if its picture does not come."""
        if self._timers.due(now) is None:
            return None
        return timed_out(Phase.START, ("video frame",))

    @property
    def deadline(self) -> Deadline | None:
        """When its picture is overdue."""
        return self._timers.deadline
