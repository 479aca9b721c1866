"""Keeping what was prepared from going stale: the access token, the region map, open connections."""

from collections.abc import Iterable

from attrs import evolve, frozen

from odyssey_proto.client.connecting.calls import ReservationResult, SessionCall
from odyssey_proto.client.connecting.reservation import (
    CONNECTIONS,
    RegionsMeasured,
    Reservation,
    ReservationOutput,
)
from odyssey_proto.client.rest.call_requests import CallOrder, CallRequest, CancelCall, StartCall
from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.kernel.failures import Failure, Phase
from odyssey_proto.kernel.machine import Deadline, Instant, Span, after, earliest, seconds
from odyssey_proto.messages.regions import PING
from odyssey_proto.model.access import RegionMap
from odyssey_proto.seam.settings import Settings

UPKEEP_INTERVAL = seconds(10)
"""How often it is looked after: connections are closed when they were unused for 15 s (wire/pool.py)."""

type UpkeepOutput = CallOrder | RegionsMeasured


@frozen
class _KeepAlivePing:
    """The name of a ping by which a connection stays open."""

    number: int


@frozen
class KeepAlivePingEnded:
    """A ping by a connection to the nearest region is over; if it failed, the next round opens another."""

    failure: Failure | None


type UpkeepResult = ReservationResult | KeepAlivePingEnded


class Upkeep:
    """
    Prepares again every ten seconds whatever would not last until the next time.

    A token that ends before then is renewed, a map that is too old is measured anew, and each connection is
    used for a ping, so that it stays open.
    A round that fails changes nothing: what is there serves as long as it holds, and the next round comes.
    It ends with the last round that begins within `lasts`.
    """

    def __init__(self, now: Instant, lasts: Span, settings: Settings, regions: RegionMap | None) -> None:
        self._settings = settings
        # Where there are none, that is looked up as seldom as a map is measured.
        self._regions = regions or RegionMap((), None, settings.wall_at(now))
        self._round = Reservation(settings, self._regions)
        self._ends = after(now, lasts)
        self._next = after(now, UPKEEP_INTERVAL)
        self.over: bool = False
        """Whether there is nothing more to do."""

    @property
    def deadline(self) -> Deadline | None:
        """The next round, or the end of the pings."""
        return None if self.over else earliest(self._round.deadline, Deadline(self._next, ClientTimer.UPKEEP))

    def end(self) -> list[CancelCall]:
        """Ends it, because a connect has what it needs, or the client leaves."""
        self.over = True
        return self._cancel_round()

    def _cancel_round(self) -> list[CancelCall]:
        cancelled, _ = self._round.cancel()
        return [*cancelled, *(CancelCall(_KeepAlivePing(number)) for number in range(CONNECTIONS))]

    def on_result(self, now: Instant, result: UpkeepResult) -> list[UpkeepOutput]:
        """Takes the result of a call."""
        if isinstance(result, KeepAlivePingEnded):
            return []
        return self._on_round(now, self._round.on_result(now, result))

    def wake(self, now: Instant) -> list[UpkeepOutput]:
        """Carries out whatever is due."""
        outputs = self._on_round(now, self._round.wake(now))
        if now < self._next:
            return outputs
        outputs += self._cancel_round()
        self.over = now > self._ends
        return outputs if self.over else outputs + self._begin_round(now)

    def _begin_round(self, now: Instant) -> list[UpkeepOutput]:
        self._next = after(now, UPKEEP_INTERVAL)
        wall = self._settings.wall_at(now)
        known = None if self._regions.old(wall) else self._regions
        # If it cannot be measured now, it is not tried again in each round.
        self._regions = self._regions if known else evolve(self._regions, measured=wall)
        self._round = Reservation(self._settings, known, UPKEEP_INTERVAL)
        return [*self._on_round(now, self._round.begin()), *self._ping_connections()]

    def _ping_connections(self) -> list[CallOrder]:
        nearest = self._regions.nearest
        if nearest is None:
            return []
        request = CallRequest(PING, nearest, nearest.ping_url, UPKEEP_INTERVAL, Phase.PREPARE)
        return [
            StartCall(_KeepAlivePing(number), request, KeepAlivePingEnded) for number in range(CONNECTIONS)
        ]

    def _on_round(self, now: Instant, outputs: Iterable[ReservationOutput]) -> list[UpkeepOutput]:
        passed: list[UpkeepOutput] = []
        for output in outputs:
            match output:
                case StartCall(SessionCall.SESSION_REQUEST):
                    # As far as a round goes: a streamer is never asked for.
                    self._round.cancel()
                case RegionsMeasured(regions):
                    self._regions = regions
                    passed.append(output)
                case _:
                    # A round that failed is over, and none is granted anything.
                    passed += [output] if isinstance(output, StartCall | CancelCall) else []
        return passed
