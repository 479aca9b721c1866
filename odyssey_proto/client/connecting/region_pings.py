"""Which region is near: all pings at once, and no longer than it can matter."""

from functools import partial

from odyssey_proto.client.connecting.calls import PingCall, PingResult
from odyssey_proto.client.rest.call_requests import CallOrder, CallRequest, CancelCall, StartCall
from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.kernel.failures import Phase
from odyssey_proto.kernel.machine import Deadline, Instant, Span, after, millis, seconds
from odyssey_proto.messages.regions import PING
from odyssey_proto.model.address import Region

MEASURING_TIMEOUT = seconds(1)
"""The list of regions and the pings together never delay a session by more (docs/protocol.md#regions)."""

PING_MARGIN_SHARE = 8
"""An eighth of what the nearest region took is how much longer than it any other may take."""

MIN_PING_MARGIN = millis(5)
"""So much longer it may take in any case: that much is chance."""

UNANSWERED_MS = 9999
"""The latency of a region that did not answer in time."""


class RegionPings:
    """
    Measures the latency of every region.

    All pings leave together, so the first answer is the nearest region; the others get a little longer,
    because a session waits for them, and a region that is farther will hardly be chosen.
    A ping is a call like any other, and its result arrives in the step of its reply: so `now` is
    the time of the reply.
    """

    def __init__(self, now: Instant, ends: Instant, regions: tuple[Region, ...]) -> None:
        self._regions = regions
        self._began = now
        self._ends = ends
        self._waiting = set(range(len(regions)))
        self._latency: dict[str, int] = {}
        self.nearest: Region | None = None
        """The first that answered."""

    def begin(self) -> list[CallOrder]:
        """Returns the pings to send."""
        # Their common end comes before, so that they end together and in order.
        within = Span(2 * MEASURING_TIMEOUT)
        return [
            StartCall(
                PingCall(number),
                CallRequest(PING, region, region.ping_url, within, Phase.QUEUE),
                partial(PingResult, number),
            )
            for number, region in enumerate(self._regions)
        ]

    def on_result(self, now: Instant, result: PingResult) -> None:
        """Takes what came of a ping."""
        self._waiting.discard(result.number)
        if result.failure is None:
            took = Span(now - self._began)
            region = self._regions[result.number]
            self._latency[region.id] = took // 1000
            self.nearest = self.nearest or region
            margin = Span(max(took // PING_MARGIN_SHARE, MIN_PING_MARGIN))
            self._ends = min(self._ends, after(now, margin))

    def over(self, now: Instant) -> bool:
        """Tells whether nothing more is worth waiting for."""
        return not self._waiting or now >= self._ends

    @property
    def in_vain(self) -> bool:
        """Whether there are regions, and none answered."""
        return bool(self._regions) and self.nearest is None

    def cancel(self) -> list[CancelCall]:
        """Gives up on the pings that are still on their way."""
        late, self._waiting = sorted(self._waiting), set()
        return [CancelCall(PingCall(number)) for number in late]

    @property
    def latencies(self) -> tuple[tuple[str, int], ...]:
        """The latency of each region in milliseconds, in the server's order; empty if none answered."""
        if not self._latency:
            return ()
        return tuple((region.id, self._latency.get(region.id, UNANSWERED_MS)) for region in self._regions)

    @property
    def deadline(self) -> Deadline:
        """When the waiting ends."""
        return Deadline(self._ends, ClientTimer.PINGS_TIMEOUT)
