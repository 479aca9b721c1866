"""No end without a warning: limits of time are told of ahead (docs/protocol.md#limits)."""

from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.kernel.machine import Deadline, Instant, Span, Timers, after, seconds
from odyssey_proto.model.config import Limits
from odyssey_proto.model.events import Lifetime, LimitApproaching
from odyssey_proto.seam.outputs import Happened

_TIMERS = {Lifetime.STREAM: ClientTimer.STREAM_LIMIT, Lifetime.CONNECTION: ClientTimer.CONNECTION_LIMIT}


class Lifetimes:
    """Measures the connection and its streams, and tells once of each that it will be ended."""

    def __init__(self, limits: Limits) -> None:
        self._limits = {Lifetime.STREAM: limits.stream, Lifetime.CONNECTION: limits.connection}
        self._ahead = seconds(limits.ahead)
        self._timers = Timers[ClientTimer]()
        self._ends: dict[Lifetime, Instant] = {}

    def begin(self, now: Instant, of: Lifetime) -> None:
        """A life begins; one that has begun already goes on."""
        limit = self._limits[of]
        if limit is not None and of not in self._ends:
            ends = self._ends[of] = after(now, seconds(limit))
            self._timers.set(_TIMERS[of], max(now, Instant(ends - self._ahead)))

    def end(self, of: Lifetime) -> None:
        """A life is over; one that is not under way stays so."""
        self._ends.pop(of, None)
        self._timers.stop(_TIMERS[of])

    def wake(self, now: Instant) -> list[Happened]:
        """Tells of a limit that has come near."""
        timer = self._timers.due(now)
        if timer is None:
            return []
        of = Lifetime.STREAM if timer is ClientTimer.STREAM_LIMIT else Lifetime.CONNECTION
        remaining = Span(max(0, self._ends[of] - now))
        return [Happened(LimitApproaching(of, remaining / 1_000_000))]

    @property
    def deadline(self) -> Deadline | None:
        """When the next limit comes near."""
        return self._timers.deadline
