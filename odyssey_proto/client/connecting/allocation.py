"""From an access token to a reserved streamer: latencies, the request, the queue."""

from enum import Enum, unique
from typing import Any

from attrs import evolve, frozen

from odyssey_proto.client.connecting.region_pings import OVERALL, Pings
from odyssey_proto.client.rest.call_requests import CallFor, Tag
from odyssey_proto.client.rest.calls import Ask
from odyssey_proto.client.rest.ids import Names
from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.kernel.failures import Failure, FailureKind, Phase
from odyssey_proto.kernel.machine import Deadline, Instant, Span, Timers, after, earliest, seconds
from odyssey_proto.messages.regions import REGIONS
from odyssey_proto.messages.sessions import SESSION_REQUEST, Grant, SessionRequest
from odyssey_proto.seam.inputs import ExchangeFailed, Replied
from odyssey_proto.seam.outputs import CancelRequest, Request

POLL = seconds(1)
"""The pause between two requests while no streamer is free (docs/protocol.md#queue)."""

TOLERATED = 3
"""How many server errors in a row are tolerated while waiting in the queue."""


@unique
class Stage(Enum):
    """Where an allocation stands."""

    LISTING = "listing"
    PINGING = "pinging"
    ASKING = "asking"
    QUEUED = "queued"
    OVER = "over"


@frozen
class Granted:
    """A streamer is reserved."""

    grant: Grant


@frozen
class Refused:
    """No streamer could be had."""

    failure: Failure


type AllocationOutput = Request | CancelRequest | CallFor | Granted | Refused

Latencies = tuple[tuple[str, int], ...]


class Allocation:
    """
    Reserves a streamer.

    A region map that is already known spares the pings.
    While no streamer is free it asks again, at the pace that the server wishes or each second,
    until the queue's time is over.
    """

    def __init__(
        self, base: str, queue: Span, call: Span, names: Names, known: Latencies | None = None
    ) -> None:
        self._base = base
        self._queue = queue
        self._call = call
        self._names = names
        self._latencies = known
        self._measured = known is not None
        self._pings: Pings | None = None
        self._timers = Timers[ClientTimer]()
        self._ends = Instant(0)
        self._pings_end = Instant(0)
        self._stumbles = 0
        self.stage = Stage.LISTING

    @property
    def latencies(self) -> Latencies | None:
        """The region map, once it was measured; not if the regions could not be had."""
        return self._latencies if self._measured else None

    def begin(self, now: Instant) -> list[AllocationOutput]:
        """Begins, with an access token at hand."""
        self._ends = after(now, self._queue)
        if self._latencies is not None:
            return self._request(now)
        self._pings_end = after(now, OVERALL)
        return [CallFor(Tag.ALLOCATION, Ask(REGIONS, None, self._base, OVERALL, Phase.QUEUE))]

    def on_result(self, now: Instant, result: Any) -> list[AllocationOutput]:
        """Takes the result of the call that was asked for."""
        if self.stage is Stage.LISTING:
            return self._listed(now, result)
        if isinstance(result, Grant):
            self.stage = Stage.OVER
            return [Granted(result)]
        return self._wait(now, result)

    def on_exchange(self, now: Instant, inp: Replied | ExchangeFailed) -> list[AllocationOutput] | None:
        """Takes what came of an exchange; `None` if it is none of ours."""
        if self._pings is None or not self._pings.on_exchange(now, inp):
            return None
        return self._pinged(now)

    def wake(self, now: Instant) -> list[AllocationOutput]:
        """Carries out whatever is due."""
        if self._pings is not None:
            return self._pinged(now)
        if self._timers.due(now) is not None:
            return self._request(now)
        return []

    def cancel(self) -> list[CancelRequest]:
        """Gives up on what is on its way, except a request that may still be granted."""
        outputs = self._pings.stop() if self._pings is not None else []
        self._pings = None
        self._timers.clear()
        return outputs

    @property
    def deadline(self) -> Deadline | None:
        """The end of the pings or the next request."""
        return earliest(self._pings.deadline if self._pings is not None else None, self._timers.deadline)

    def _listed(self, now: Instant, result: Any) -> list[AllocationOutput]:
        self.stage = Stage.PINGING
        self._measured = not isinstance(result, Failure)
        regions = () if isinstance(result, Failure) else result
        self._pings = Pings(now, self._pings_end, regions, self._names)
        return [*self._pings.begin(), *self._pinged(now)]

    def _pinged(self, now: Instant) -> list[AllocationOutput]:
        pings = self._pings
        if pings is None or not pings.done(now):
            return []
        outputs: list[AllocationOutput] = [*pings.stop()]
        self._latencies = pings.latencies
        self._pings = None
        return outputs + self._request(now)

    def _request(self, now: Instant) -> list[AllocationOutput]:
        self.stage = Stage.ASKING
        params = SessionRequest(self._latencies or ())
        # A request may outlast the queue by a little: it may begin when the queue's time is over.
        left = max(Span(self._ends - now), POLL)
        within = min(self._call, left) if self._queue else self._call
        ask = Ask(SESSION_REQUEST, params, self._base, within, Phase.QUEUE)
        return [CallFor(Tag.ALLOCATION, ask)]

    def _wait(self, now: Instant, failure: Failure) -> list[AllocationOutput]:
        match failure.kind:
            case FailureKind.NO_CAPACITY:
                # A streamer that is not free is waited for.
                self._stumbles = 0
            case FailureKind.SERVER_BROKE if self._stumbles < TOLERATED:
                self._stumbles += 1
            case _:
                # After a broken connection nothing is repeated: the request may have been granted.
                return self._refuse(failure)
        left = Span(self._ends - now)
        # Unless the server says when to come back, the last request goes out when the time is over.
        pause = min(POLL, left) if failure.retry_after is None else max(POLL, failure.retry_after)
        if left <= 0 or pause > left:
            return self._refuse(self._over(failure))
        self.stage = Stage.QUEUED
        self._timers.set(ClientTimer.QUEUE_POLL, after(now, pause))
        return []

    def _refuse(self, failure: Failure) -> list[AllocationOutput]:
        self.stage = Stage.OVER
        return [Refused(failure)]

    def _over(self, failure: Failure) -> Failure:
        if failure.kind is not FailureKind.NO_CAPACITY or not self._queue:
            return failure
        text = f"no streamer became free within {self._queue / 1_000_000:g} s"
        if failure.retry_after is not None:
            text += f" (the server says to come back in {failure.retry_after / 1_000_000:g} s)"
        missing = ("free streamer",)
        return evolve(
            failure,
            kind=FailureKind.TIMED_OUT,
            text=text,
            code="timeout.queue",
            phase=Phase.QUEUE,
            missing=missing,
        )
