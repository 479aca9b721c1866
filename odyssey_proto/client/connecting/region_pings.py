"""Which region is near: all pings at once, and no longer than it can matter."""

from odyssey_proto.client.rest.ids import Names
from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.kernel.machine import Deadline, Instant, Span, after, millis, seconds
from odyssey_proto.messages.regions import Region, ping
from odyssey_proto.seam.http import ExchangeId
from odyssey_proto.seam.inputs import ExchangeFailed, Replied
from odyssey_proto.seam.outputs import CancelRequest, Request

OVERALL = seconds(1)
"""The list of regions and the pings together never delay a session by more (docs/protocol.md#regions)."""

UNANSWERED = 9999
"""The latency of a region that did not answer in time, in milliseconds."""


class Pings:
    """
    Measures the latency of every region.

    All pings leave together, so the first answer is the nearest region; the others get as long
    again and a little more, because a region that is much farther will not be chosen.
    """

    def __init__(self, now: Instant, ends: Instant, regions: tuple[Region, ...], names: Names) -> None:
        self._regions = regions
        self._began = now
        self._ends = ends
        self._waiting = {names.exchange(): region for region in regions}
        self._latency: dict[str, int] = {}

    def begin(self) -> list[Request]:
        """Returns the pings to send."""
        return [Request(exchange, ping(region)) for exchange, region in self._waiting.items()]

    def on_exchange(self, now: Instant, inp: Replied | ExchangeFailed) -> bool:
        """Takes what came of an exchange; tells whether it was one of these."""
        region = self._waiting.pop(inp.exchange, None)
        if region is None:
            return False
        if isinstance(inp, Replied) and inp.reply.ok:
            took = Span(now - self._began)
            self._latency[region.id] = took // 1000
            self._ends = Instant(min(self._ends, after(now, Span(took + millis(50)))))
        return True

    def done(self, now: Instant) -> bool:
        """Tells whether nothing more is worth waiting for."""
        return not self._waiting or now >= self._ends

    def stop(self) -> list[CancelRequest]:
        """Gives up on the pings that are still on their way."""
        late: list[ExchangeId] = list(self._waiting)
        self._waiting.clear()
        return [CancelRequest(exchange) for exchange in late]

    @property
    def latencies(self) -> tuple[tuple[str, int], ...]:
        """The latency of each region in milliseconds, in the server's order; empty if none answered."""
        if not self._latency:
            return ()
        return tuple((region.id, self._latency.get(region.id, UNANSWERED)) for region in self._regions)

    @property
    def deadline(self) -> Deadline:
        """When the waiting ends."""
        return Deadline(self._ends, ClientTimer.PINGS_TIMEOUT)
