"""No silent freeze: a live stream without frames is noticed."""

from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.kernel.machine import Deadline, Instant, Timers, after, seconds
from odyssey_proto.model.events import FramesResumed, FramesStalled
from odyssey_proto.seam.inputs import PeerId
from odyssey_proto.seam.outputs import AskKeyframe, Happened

STALL = seconds(3)
"""A live stream without a frame for so long counts as stalled; frames are reported once a second."""


class FrameWatch:
    """Watches the frames while a stream is live, and only then."""

    def __init__(self) -> None:
        self._timers = Timers[ClientTimer]()
        self._live = False
        self._stalled = False
        self._received = 0

    @property
    def stalled(self) -> bool:
        """Whether a live stream has had no frame for too long."""
        return self._stalled

    def live(self, now: Instant, live: bool) -> None:
        """Begins or ends the watch."""
        if live and not self._live:
            self._timers.set(ClientTimer.STALL, after(now, STALL))
        if not live:
            self._timers.clear()
            self._stalled = False
        self._live = live

    def seen(self, now: Instant, received: int) -> list[Happened]:
        """Takes the count of frames so far."""
        self._received = received
        resumed, self._stalled = self._stalled, False
        if self._live:
            self._timers.set(ClientTimer.STALL, after(now, STALL))
        return [Happened(FramesResumed(received))] if resumed else []

    def wake(self, now: Instant, peer: PeerId) -> list[Happened | AskKeyframe]:
        """Reports a stall once, and asks for a keyframe in case that one was lost."""
        if self._timers.due(now) is None:
            return []
        self._stalled = True
        return [Happened(FramesStalled(self._received)), AskKeyframe(peer)]

    @property
    def deadline(self) -> Deadline | None:
        """When the next frame is overdue."""
        return self._timers.deadline
