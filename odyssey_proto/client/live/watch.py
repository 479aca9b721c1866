"""What is watched while a session is up: that frames come, how well, and that no limit comes unannounced."""

from odyssey_proto.client.live.peer import Peer
from odyssey_proto.client.live.peer_outputs import FramesCounted
from odyssey_proto.client.live.quality_watch import QualityWatch
from odyssey_proto.client.live.stall_watch import StallWatch
from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.kernel.machine import Deadline, Instant, Span, Timers, after, earliest, seconds
from odyssey_proto.model.config import Limits
from odyssey_proto.model.events import DurationLimit, LimitApproaching
from odyssey_proto.seam.outputs import AskKeyframe, Happened

_TIMERS = {
    DurationLimit.STREAM: ClientTimer.STREAM_LIMIT,
    DurationLimit.CONNECTION: ClientTimer.CONNECTION_LIMIT,
}


class DurationLimits:
    """
    Measures the connection and its streams, and announces once for each that the service will end it.

    The service gives no warning (docs/protocol.md#limits), so the time is measured here.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = {DurationLimit.STREAM: limits.stream, DurationLimit.CONNECTION: limits.connection}
        self._ahead = seconds(limits.ahead)
        self._timers: Timers[ClientTimer] = Timers()
        self._ends: dict[DurationLimit, Instant] = {}

    def begin(self, now: Instant, limit: DurationLimit) -> None:
        """Begins to measure; what is measured already goes on."""
        length = self._limits[limit]
        if length is not None and limit not in self._ends:
            ends = self._ends[limit] = after(now, seconds(length))
            self._timers.set(_TIMERS[limit], max(now, Instant(ends - self._ahead)))

    def end(self, limit: DurationLimit) -> None:
        """Stops measuring."""
        self._ends.pop(limit, None)
        self._timers.stop(_TIMERS[limit])

    @property
    def next_end(self) -> Instant | None:
        """When the first limit is reached; `None` while none is measured."""
        return min(self._ends.values(), default=None)

    def wake(self, now: Instant) -> list[Happened]:
        """Announces a limit that has come near."""
        timer = self._timers.due(now)
        if timer is None:
            return []
        stream = timer is ClientTimer.STREAM_LIMIT
        limit = DurationLimit.STREAM if stream else DurationLimit.CONNECTION
        remaining = Span(max(0, self._ends[limit] - now))
        return [Happened(LimitApproaching(limit, remaining / 1_000_000))]

    @property
    def deadline(self) -> Deadline | None:
        """When the next limit comes near."""
        return self._timers.deadline


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
