"""What is watched while a session is up: that frames come, how well, and that no limit comes unannounced."""

from odyssey_proto.client.live.duration_limits import DurationLimits
from odyssey_proto.client.live.peer import Peer
from odyssey_proto.client.live.peer_outputs import FramesCounted
from odyssey_proto.client.live.quality_watch import QualityWatch
from odyssey_proto.client.live.stall_watch import StallWatch
from odyssey_proto.kernel.machine import Deadline, Instant, earliest
from odyssey_proto.model.config import Limits
from odyssey_proto.model.events import DurationLimit
from odyssey_proto.seam.outputs import AskKeyframe, Happened


class Watch:
    """Watches one session, from its open signaling connection to its end."""

    def __init__(self, limits: Limits) -> None:
        self._stalls = StallWatch()
        self._quality = QualityWatch()
        self._durations = DurationLimits(limits)

    def begin(self, now: Instant) -> None:
        """Begins when the signaling connection is open: the service counts from there."""
        self._durations.begin(now, DurationLimit.CONNECTION)

    def stream(self, now: Instant, live: bool, *, ready: bool) -> list[Happened]:
        """Takes whether a stream is live, and whether there is a peer by which its frames can come."""
        self._stalls.watch(now, live and ready)
        if live:
            self._durations.begin(now, DurationLimit.STREAM)
        else:
            self._durations.end(DurationLimit.STREAM)
        return self._quality.watch(live and ready)

    def end(self, now: Instant) -> list[Happened]:
        """Ends with the session."""
        self._durations.end(DurationLimit.CONNECTION)
        return self.stream(now, False, ready=False)

    @property
    def next_end(self) -> Instant | None:
        """When the service will end the stream or the connection because of its length."""
        return self._durations.next_end

    def count(self, now: Instant, frames: FramesCounted) -> list[Happened]:
        """Takes the count of frames so far, and what limits them."""
        stalls = self._stalls.count(now, frames.received, frames.undecoded)
        return [*stalls, *self._quality.count(now, frames.limited_by)]

    def wake(self, now: Instant, peer: Peer) -> list[Happened | AskKeyframe]:
        """Announces what is due."""
        return [*self._durations.wake(now), *self._stalls.wake(now, peer)]

    @property
    def deadline(self) -> Deadline | None:
        """When the next frame is overdue, or the next limit near."""
        return earliest(self._stalls.deadline, self._durations.deadline)
