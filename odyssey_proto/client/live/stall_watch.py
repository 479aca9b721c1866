"""
A live stream without frames is reported, because nothing else would.

When a sender hangs the connection stays up, ICE finds nothing wrong, and no message comes.
When a keyframe is lost frames come, and none can be decoded.
So while a stream is live the frames themselves are watched.

The media engine counts them and reports the counts at most once a second, and only while they grow; `STALL`
is long enough for two reports to be missed.
A stall is reported once, with its reason, and the next frame that is decoded ends it.
With it a keyframe is asked for: if one was lost, the decoder shows nothing until the next, however many
frames arrive.

The count goes on while no stream is live, because a stall names the count at which it stopped.
"""

from typing import Literal

from odyssey_proto.client.live.peer import Peer
from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.kernel.machine import Deadline, Instant, Timers, after, seconds
from odyssey_proto.model.events import FramesResumed, FramesStalled, StallReason
from odyssey_proto.seam.outputs import AskKeyframe, Happened

STALL = seconds(3)
"""A live stream without a frame for so long counts as stalled."""


class StallWatch:
    """Watches the frames while a stream is live, and only then."""

    def __init__(self) -> None:
        self.stalled: bool = False
        self._timers: Timers[Literal[ClientTimer.STALL]] = Timers()
        self._live = False
        self._received = self._undecoded = self._undecoded_before = 0

    def watch(self, now: Instant, live: bool) -> None:
        """Begins or ends the watch; what is the case already may be repeated."""
        if live and not self._live:
            self._timers.set(ClientTimer.STALL, after(now, STALL))
        if not live:
            self._timers.clear()
            self.stalled = False
        self._live = live

    def count(self, now: Instant, received: int, undecoded: int) -> list[Happened]:
        """Takes the count of frames so far, decoded and not."""
        self._undecoded = undecoded
        if received == self._received and undecoded > self._undecoded_before:
            return []
        self._received, self._undecoded_before = received, undecoded
        resumed, self.stalled = self.stalled, False
        if self._live:
            self._timers.set(ClientTimer.STALL, after(now, STALL))
        return [Happened(FramesResumed(received))] if resumed else []

    def wake(self, now: Instant, peer: Peer) -> list[Happened | AskKeyframe]:
        """Reports a stall, and asks the peer for a keyframe."""
        if self._timers.due(now) is None:
            return []
        self.stalled = True
        broken = self._undecoded > self._undecoded_before
        reason = StallReason.NOT_DECODED if broken else StallReason.NO_FRAMES
        return [Happened(FramesStalled(self._received, reason)), *peer.request_keyframe()]

    @property
    def deadline(self) -> Deadline | None:
        """When the next frame is overdue."""
        return self._timers.deadline
