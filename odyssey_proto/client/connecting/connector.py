"""
The way to a signaling connection: a reserved session, its ICE servers, its WebSocket.

What need not wait does not: connections are opened as soon as it is known where to, the WebSocket as soon
as there is a token, and ICE servers come beside it, since only a peer needs them.
What the socket brings before they are there is kept for the session.
"""

from enum import Enum, unique
from typing import Literal, assert_never

from attrs import frozen

from odyssey_proto.client.connecting.calls import IceConfigResult, SessionCall, SessionCallResult
from odyssey_proto.client.connecting.clocks import MAX_CLOCK_ERROR_SECONDS, OUR_CLOCK, expired, judged
from odyssey_proto.client.connecting.release import HeldResources
from odyssey_proto.client.connecting.reservation import (
    Granted,
    RegionsMeasured,
    Reservation,
    ReservationFailed,
    ReservationOutput,
    Reserved,
    connections_ahead,
)
from odyssey_proto.client.live import notices
from odyssey_proto.client.live.signaling import Signaling, SignalingOutput, SocketEnded, SocketState
from odyssey_proto.client.rest import backoff
from odyssey_proto.client.rest.call_requests import CallOrder, CallRequest, CancelCall, StartCall
from odyssey_proto.client.rest.ids import IdSource
from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.kernel.failures import Failure, FailureKind, Phase, timed_out
from odyssey_proto.kernel.machine import Deadline, Instant, Span, Timers, after, earliest, seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages.ice import ICE_CONFIG
from odyssey_proto.messages.sessions import Grant
from odyssey_proto.messages.signaling import socket_url
from odyssey_proto.model.access import RegionMap
from odyssey_proto.model.address import http_url
from odyssey_proto.model.credentials import ClientCredentials, StreamerCapabilities, expiry_of
from odyssey_proto.model.events import ConnectionStatus
from odyssey_proto.model.ice import IceServer
from odyssey_proto.seam.inputs import SocketId, SocketInput, SocketRefused
from odyssey_proto.seam.outputs import Happened, Preconnect, SocketOutput
from odyssey_proto.seam.settings import Settings

type _Timer = Literal[ClientTimer.SIGNALING_TIMEOUT, ClientTimer.SIGNALING_RETRY]

MAX_RETRY_AFTER = seconds(30)
"""How long a signaling server may ask us to wait (Retry-After); for longer nobody waits in a connect."""


@unique
class ConnectorState(Enum):
    """How far a connector has come."""

    RESERVING = "reserving"
    PREPARING = "preparing"
    """ICE servers and, the first time, the session token are on their way."""
    OPENING = "opening"
    """The WebSocket is opened, ICE servers may be on their way, or a pause lies before the next attempt."""
    OVER = "over"


@frozen
class IceServersReady:
    """The ICE servers of the present attempt are known; a peer can be made."""

    servers: tuple[IceServer, ...]


@frozen
class SignalingReady:
    """The signaling connection is open, and ICE servers are known or cannot be had."""

    signaling: Signaling
    warning: Failure | None
    """Why the ICE servers could not be had, if so."""
    received: tuple[SignalingOutput, ...]
    """What it has brought already."""


@frozen
class ConnectFailed:
    """There is no way."""

    failure: Failure


type ConnectorOutput = (
    CallOrder
    | SocketOutput
    | Preconnect
    | Happened
    | RegionsMeasured
    | IceServersReady
    | SignalingReady
    | ConnectFailed
)


class Connector:
    """
    Leads from an API key, or from minted credentials, to an open signaling connection.

    Only an attempt at the connection itself is repeated: ICE servers and WebSocket, with the same
    session and the same token (docs/protocol.md#attempts).
    A refusal that will not change by itself is not repeated.
    """

    def __init__(self, settings: Settings, ids: IdSource, known: RegionMap | None) -> None:
        self._settings = settings
        self._ids = ids
        self._timers: Timers[_Timer] = Timers()
        self._backoff = backoff.configured(settings.advanced)
        self._reservation = Reservation(settings, known)
        self._known = known
        self._grant: Grant | None = None
        self._token: Secret | None = None
        self._servers: tuple[IceServer, ...] | Failure | None = None
        self._signaling: Signaling | None = None
        self._received: list[SignalingOutput] = []
        self._attempts = 0
        self._ends: int | None = None
        self._unreachable = False
        self._state = ConnectorState.RESERVING

    @property
    def session_id(self) -> str | None:
        """The service's name for the session, once it is granted."""
        return None if self._grant is None else self._grant.session_id

    @property
    def capabilities(self) -> StreamerCapabilities:
        """What the streamer of the session can do."""
        return StreamerCapabilities() if self._grant is None else self._grant.capabilities

    @property
    def signaling_url(self) -> str:
        """Where its signaling server is, once it is granted."""
        return "" if self._grant is None else self._grant.signaling_url

    @property
    def deadline(self) -> Deadline | None:
        """The next retry, poll or end of patience."""
        return earliest(self._reservation.deadline, self._timers.deadline)

    def begin(self) -> list[ConnectorOutput]:
        """Begins with the API key."""
        announced = notices.status(ConnectionStatus.AUTHENTICATING, "Authenticating")
        return [announced, *self._reservation.begin(), *connections_ahead(self._known)]

    def begin_with(self, now: Instant, credentials: ClientCredentials) -> list[ConnectorOutput]:
        """
        Begins with minted credentials.

        Those that ended long ago are refused before anything is sent; any other is for the service to judge,
        because this machine's clock may be wrong.
        """
        capabilities = credentials.capabilities or StreamerCapabilities()
        grant = Grant(credentials.session_id, credentials.signaling_url, capabilities)
        self._grant = grant
        ends = expiry_of(credentials.session_token)
        wall = self._settings.wall_at(now) // 1_000_000
        if ends is not None and ends + MAX_CLOCK_ERROR_SECONDS <= wall:
            return [ConnectFailed(expired(ends, wall, OUR_CLOCK))]
        self._ends = ends
        self._token = Secret(credentials.session_token)
        announced = notices.status(ConnectionStatus.CONNECTING, "Connecting with credentials")
        return [announced, *self._attempt(now, grant)]

    def on_result(self, now: Instant, result: SessionCallResult) -> list[ConnectorOutput]:
        """Takes the result of a call."""
        match result:
            case IceConfigResult(servers):
                self._servers = servers
                known = IceServersReady(() if isinstance(servers, Failure) else servers)
                return [known, *self._end_when_ready()]
            case _:
                return self._on_reservation(now, self._reservation.on_result(now, result))

    def owns_socket(self, socket: SocketId) -> bool:
        """Tells whether this is the socket of the present attempt."""
        return self._signaling is not None and self._signaling.socket == socket

    def on_socket(self, now: Instant, inp: SocketInput) -> list[ConnectorOutput]:
        """Takes what happened to the socket of the present attempt."""
        signaling = self._signaling
        assert signaling is not None, "it is asked only for what it owns"
        opening = signaling.state is SocketState.OPENING
        received = signaling.on_socket(now, inp)
        shut = [each for each in received if isinstance(each, SocketEnded)]
        if opening and shut:
            return [out for each in shut for out in self._retry(now, self._judged(now, inp, each.failure))]
        if signaling.state is SocketState.OPENING:
            return []
        self._timers.clear()
        self._received += received
        # One that ended once it was open is no attempt that failed: the session says what that means.
        return self._end(signaling) if shut else self._end_when_ready()

    def _judged(self, now: Instant, inp: SocketInput, failure: Failure) -> Failure:
        """Says of refused credentials whether they have ended."""
        if not isinstance(inp, SocketRefused) or failure.kind is not FailureKind.AUTH_REFUSED:
            return failure
        if self._ends is None:
            return failure
        return judged(failure, self._ends, inp.reply.header("date"), self._settings.wall_at(now) // 1_000_000)

    def wake(self, now: Instant) -> list[ConnectorOutput]:
        """Carries out whatever is due."""
        outputs = self._on_reservation(now, self._reservation.wake(now))
        match self._timers.due(now):
            case ClientTimer.SIGNALING_TIMEOUT:
                dropped = self._signaling.drop() if self._signaling is not None else []
                failure = timed_out(Phase.SIGNAL, ("signaling connection",))
                return [*outputs, *dropped, *self._retry(now, failure)]
            case ClientTimer.SIGNALING_RETRY:
                assert self._grant is not None, "an attempt went before"
                return outputs + self._attempt(now, self._grant)
            case None:
                return outputs
            case never:
                assert_never(never)

    def cancel(self) -> tuple[list[CancelCall], HeldResources]:
        """Gives up; returns what to cancel, and what is still held and has to be given back."""
        cancelled, followed = self._reservation.cancel()
        cancelled += self._cancel_ice_config()
        shut = self._signaling is not None and self._signaling.state is SocketState.CLOSED
        signaling = None if shut else self._signaling
        # Where the WebSocket was refused or is lost, no further one is opened just to say goodbye.
        lost = self._unreachable or (shut and self._state is ConnectorState.OVER)
        token = None if lost else self._token
        self._timers.clear()
        self._state = ConnectorState.OVER
        return cancelled, HeldResources(self._grant, token, signaling, followed)

    def _on_reservation(self, now: Instant, outputs: list[ReservationOutput]) -> list[ConnectorOutput]:
        translated: list[ConnectorOutput] = []
        for output in outputs:
            match output:
                case Granted(grant):
                    self._grant = grant
                    announced = notices.status(ConnectionStatus.CONNECTING, "Connecting to the streamer")
                    # Beside the connection that asks for ICE servers, for the WebSocket.
                    ahead = Preconnect(http_url(grant.signaling_url))
                    translated += [announced, *self._attempt(now, grant), ahead]
                case Reserved(token):
                    self._token = token.token
                    translated += self._open_socket(now)
                case RegionsMeasured(regions):
                    translated += [output, *connections_ahead(regions)]
                case ReservationFailed(failure):
                    translated.append(ConnectFailed(failure))
                case _:
                    translated.append(output)
        return translated

    def _attempt(self, now: Instant, grant: Grant) -> list[ConnectorOutput]:
        self._state = ConnectorState.PREPARING
        self._attempts += 1
        self._servers = None
        self._signaling = None
        self._received.clear()
        within = seconds(self._settings.timeouts.prepare)
        request = CallRequest(ICE_CONFIG, None, grant.signaling_url, within, Phase.PREPARE)
        call = StartCall(SessionCall.ICE_CONFIG, request, IceConfigResult)
        return [notices.status(ConnectionStatus.CONNECTING), call, *self._open_socket(now)]

    def _open_socket(self, now: Instant) -> list[ConnectorOutput]:
        if self._grant is None or self._token is None:
            return []
        self._state = ConnectorState.OPENING
        within = seconds(self._settings.timeouts.signal)
        self._timers.set(ClientTimer.SIGNALING_TIMEOUT, after(now, within))
        self._signaling = Signaling(self._ids.socket())
        url = socket_url(self._grant.signaling_url, self._grant.session_id)
        return [*self._signaling.begin(url, self._token)]

    def _end_when_ready(self) -> list[ConnectorOutput]:
        signaling = self._signaling
        if signaling is None or signaling.state is not SocketState.OPEN or self._servers is None:
            return []
        return self._end(signaling)

    def _end(self, signaling: Signaling) -> list[ConnectorOutput]:
        cancelled = self._cancel_ice_config()
        self._state = ConnectorState.OVER
        warning = self._servers if isinstance(self._servers, Failure) else None
        return [*cancelled, SignalingReady(signaling, warning, tuple(self._received))]

    def _cancel_ice_config(self) -> list[CancelCall]:
        asked = self._state in (ConnectorState.PREPARING, ConnectorState.OPENING)
        return [CancelCall(SessionCall.ICE_CONFIG)] if asked and self._servers is None else []

    def _retry(self, now: Instant, failure: Failure) -> list[ConnectorOutput]:
        self._timers.clear()
        cancelled = self._cancel_ice_config()
        self._servers = ()
        asked = failure.retry_after or Span(0)
        if (
            not failure.retryable
            or asked > MAX_RETRY_AFTER
            or self._attempts > self._settings.advanced.max_retries
        ):
            self._unreachable = True
            return [*cancelled, ConnectFailed(failure.during(Phase.SIGNAL))]
        pause = max(self._backoff.after(self._attempts), asked)
        self._timers.set(ClientTimer.SIGNALING_RETRY, after(now, pause))
        return [*cancelled]
