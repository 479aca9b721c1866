"""The limits of time of a session: measured here, since the service gives no warning."""

from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.kernel.machine import Deadline, Instant, Span, Timers, after, seconds
from odyssey_proto.model.config import Limits
from odyssey_proto.model.events import DurationLimit, LimitApproaching
from odyssey_proto.seam.outputs import Happened

_TIMERS = {
    DurationLimit.STREAM: ClientTimer.STREAM_LIMIT,
    DurationLimit.CONNECTION: ClientTimer.CONNECTION_LIMIT,
}


class DurationLimits:
    """
    Measures the connection and its streams, and announces once for each that the service will end it.

    What they are stands in docs/protocol.md#limits.
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
