"""
From an API key to a session that is reserved: access token, latencies, queue, session token.

| state | what is under way | what is held if it is given up now |
|---|---|---|
| `IDLE` | nothing | nothing |
| `AUTHENTICATING` | the access token | nothing |
| `LISTING` | the list of regions | nothing |
| `PINGING` | a ping to each region | nothing |
| `REQUESTING` | the request for a streamer | perhaps a session: the request may still be granted |
| `QUEUED` | the pause before the next request | nothing: the last one was refused |
| `GRANTED` | the session token | the session |
| `OVER` | nothing | the session, if there was no failure |

Both a connection and minted credentials begin here; whoever gives up hands what is held over to
`SessionRelease`.
"""

from enum import Enum, unique
from typing import assert_never

from attrs import evolve, frozen

from odyssey_proto.client.connecting.calls import (
    AccessTokenResult,
    PingResult,
    RegionsResult,
    ReservationResult,
    SessionCall,
    SessionRequestResult,
    SessionTokenResult,
)
from odyssey_proto.client.connecting.region_pings import MEASURING_TIMEOUT, RegionPings
from odyssey_proto.client.rest.call_requests import CallOrder, CallRequest, CancelCall, StartCall
from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.kernel.failures import Failure, FailureKind, Phase
from odyssey_proto.kernel.machine import Deadline, Instant, Span, Timers, after, earliest, seconds
from odyssey_proto.messages.regions import REGIONS
from odyssey_proto.messages.sessions import (
    SESSION_REQUEST,
    SESSION_TOKEN,
    Grant,
    SessionRequest,
    SessionToken,
)
from odyssey_proto.model.access import RegionMap
from odyssey_proto.model.address import Region
from odyssey_proto.seam.outputs import Preconnect
from odyssey_proto.seam.settings import Settings

CONNECTIONS = 2
"""What a connect uses of the nearest region: one for ICE servers, one for the WebSocket."""

POLL_INTERVAL = seconds(1)
"""The pause between two requests while no streamer is free (docs/protocol.md#queue)."""

ANY_TIME = Span(0)
"""For how long an access token is to last that is needed only now."""

MAX_SERVER_ERRORS = 3
"""How many server errors in a row are tolerated while waiting in the queue."""


@unique
class ReservationState(Enum):
    """Where a reservation stands."""

    IDLE = "idle"
    AUTHENTICATING = "authenticating"
    LISTING = "listing"
    PINGING = "pinging"
    REQUESTING = "requesting"
    QUEUED = "queued"
    GRANTED = "granted"
    OVER = "over"


@frozen
class RegionsMeasured:
    """The regions are measured; who reserves the next session need not measure them."""

    regions: RegionMap


def connections_ahead(regions: RegionMap | None) -> list[Preconnect]:
    """Has those connections opened to where a session will most likely be."""
    nearest = None if regions is None else regions.nearest
    return [] if nearest is None else [Preconnect(nearest.ping_url, CONNECTIONS)]


@frozen
class Granted:
    """A streamer is reserved; its session token follows."""

    grant: Grant


@frozen
class Reserved:
    """The session that was granted can be opened."""

    token: SessionToken


@frozen
class ReservationFailed:
    """No session could be had."""

    failure: Failure


type ReservationOutput = CallOrder | RegionsMeasured | Granted | Reserved | ReservationFailed


class Reservation:
    """
    Reserves a session.

    A region map that is already known spares the pings.
    While no streamer is free it asks again, at the pace that the server wishes or each second,
    until the queue's time is over.
    The access token lasts at least `token_lasts`, if the service gives any that do.
    """

    def __init__(self, settings: Settings, known: RegionMap | None, token_lasts: Span = ANY_TIME) -> None:
        self._settings = settings
        self._queue = settings.queue
        self._regions = known
        self._token_lasts = token_lasts
        self._pings: RegionPings | None = None
        self._timers: Timers[ClientTimer] = Timers()
        self._queue_ends = Instant(0)
        self._measuring_ends = Instant(0)
        self._server_errors = 0
        self.state: ReservationState = ReservationState.IDLE

    @property
    def deadline(self) -> Deadline | None:
        """The end of the pings or the next request."""
        return earliest(self._pings.deadline if self._pings is not None else None, self._timers.deadline)

    def begin(self) -> list[CallOrder]:
        """Begins by making sure of an access token."""
        self.state = ReservationState.AUTHENTICATING
        settings = self._settings
        within = seconds(settings.timeouts.authenticate)
        request: CallRequest[None, None] = CallRequest(
            None, None, settings.api_url, within, Phase.AUTHENTICATE, self._token_lasts
        )
        return [StartCall(SessionCall.ACCESS_TOKEN, request, AccessTokenResult)]

    def on_result(self, now: Instant, result: ReservationResult) -> list[ReservationOutput]:
        """Takes the result of a call."""
        match result:
            case AccessTokenResult(failure):
                return self._authenticated(now) if failure is None else self._fail(failure)
            case RegionsResult(regions):
                return self._ping(now, regions)
            case PingResult():
                return self._pinged(now, result)
            case SessionRequestResult(grant):
                return self._refused(now, grant) if isinstance(grant, Failure) else self._granted(grant)
            case SessionTokenResult(token):
                return self._fail(token) if isinstance(token, Failure) else self._end(token)
            case _:
                assert_never(result)

    def wake(self, now: Instant) -> list[ReservationOutput]:
        """Carries out whatever is due."""
        if self._pings is not None:
            return self._request_when_measured(now)
        return [] if self._timers.due(now) is None else self._request(now)

    def cancel(self) -> tuple[list[CancelCall], SessionCall | None]:
        """
        Gives up; returns what to cancel, and the call that has to be followed nevertheless, if one has.

        A request for a streamer that is on its way may still be granted, and then the session
        has to be given back; so has one whose token is on its way.
        """
        state, self.state = self.state, ReservationState.OVER
        pings, self._pings = self._pings, None
        self._timers.clear()
        match state:
            case ReservationState.AUTHENTICATING:
                return [CancelCall(SessionCall.ACCESS_TOKEN)], None
            case ReservationState.LISTING:
                return [CancelCall(SessionCall.REGIONS)], None
            case ReservationState.REQUESTING:
                return [], SessionCall.SESSION_REQUEST
            case ReservationState.GRANTED:
                return [], SessionCall.SESSION_TOKEN
            case _:
                return [] if pings is None else pings.cancel(), None

    # --- which region is near -------------------------------------------------------------------

    def _authenticated(self, now: Instant) -> list[ReservationOutput]:
        self._queue_ends = after(now, self._queue)
        if self._regions is not None:
            return self._request(now)
        self.state = ReservationState.LISTING
        self._measuring_ends = after(now, MEASURING_TIMEOUT)
        request = CallRequest(REGIONS, None, self._settings.api_url, MEASURING_TIMEOUT, Phase.QUEUE)
        return [StartCall(SessionCall.REGIONS, request, RegionsResult)]

    def _ping(self, now: Instant, regions: tuple[Region, ...] | Failure) -> list[ReservationOutput]:
        self.state = ReservationState.PINGING
        if isinstance(regions, Failure):
            # The service chooses without a region map.
            self._regions = RegionMap((), None, self._settings.wall_at(now))
            return self._request(now)
        self._pings = RegionPings(now, self._measuring_ends, regions)
        return [*self._pings.begin(), *self._request_when_measured(now)]

    def _pinged(self, now: Instant, result: PingResult) -> list[ReservationOutput]:
        assert self._pings is not None, "what is cancelled has no result"
        self._pings.on_result(now, result)
        return self._request_when_measured(now)

    def _request_when_measured(self, now: Instant) -> list[ReservationOutput]:
        pings = self._pings
        if pings is None or not pings.over(now):
            return []
        self._regions = RegionMap(pings.latencies, pings.nearest, self._settings.wall_at(now))
        self._pings = None
        # Where no region answered, the next session measures again.
        measured = [] if pings.in_vain else [RegionsMeasured(self._regions)]
        return [*pings.cancel(), *measured, *self._request(now)]

    # --- the queue ------------------------------------------------------------------------------

    def _request(self, now: Instant) -> list[ReservationOutput]:
        self.state = ReservationState.REQUESTING
        settings = self._settings
        call = seconds(settings.timeouts.call)
        # A request may end a little after the queue's time, because it may begin just before that is over.
        left = max(Span(self._queue_ends - now), POLL_INTERVAL)
        within = min(call, left) if self._queue else call
        params = SessionRequest(() if self._regions is None else self._regions.latencies)
        request = CallRequest(SESSION_REQUEST, params, settings.api_url, within, Phase.QUEUE)
        return [StartCall(SessionCall.SESSION_REQUEST, request, SessionRequestResult)]

    def _refused(self, now: Instant, failure: Failure) -> list[ReservationOutput]:
        match failure.kind:
            case FailureKind.NO_CAPACITY:
                self._server_errors = 0
            case FailureKind.SERVER_BROKE if self._server_errors < MAX_SERVER_ERRORS:
                self._server_errors += 1
            case _:
                # After a broken connection nothing is repeated: the request may have been granted.
                return self._fail(failure)
        left = Span(self._queue_ends - now)
        # Unless the server says when to come back, the last request goes out when the time is over.
        asked = failure.retry_after
        pause = min(POLL_INTERVAL, left) if asked is None else max(POLL_INTERVAL, asked)
        if left <= 0 or pause > left:
            return self._fail(self._queue_over(failure))
        self.state = ReservationState.QUEUED
        self._timers.set(ClientTimer.QUEUE_POLL, after(now, pause))
        return []

    def _queue_over(self, failure: Failure) -> Failure:
        if failure.kind is not FailureKind.NO_CAPACITY or not self._queue:
            return failure
        text = f"could not reserve a session: no streamer became free within {self._queue / 1_000_000:g} s"
        if failure.retry_after is not None:
            text += f" (the server says to come back in {failure.retry_after / 1_000_000:g} s)"
        return evolve(
            failure,
            kind=FailureKind.TIMED_OUT,
            text=text,
            code="timeout.queue",
            phase=Phase.QUEUE,
            missing=("free streamer",),
        )

    # --- the session ----------------------------------------------------------------------------

    def _granted(self, grant: Grant) -> list[ReservationOutput]:
        self.state = ReservationState.GRANTED
        settings = self._settings
        within = seconds(settings.timeouts.prepare)
        request = CallRequest(SESSION_TOKEN, grant.session_id, settings.api_url, within, Phase.PREPARE)
        return [StartCall(SessionCall.SESSION_TOKEN, request, SessionTokenResult), Granted(grant)]

    def _end(self, token: SessionToken) -> list[ReservationOutput]:
        self.state = ReservationState.OVER
        return [Reserved(token)]

    def _fail(self, failure: Failure) -> list[ReservationOutput]:
        self.state = ReservationState.OVER
        return [ReservationFailed(failure)]
