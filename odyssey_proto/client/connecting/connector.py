"""The way to a signaling connection: access token, streamer, session token and ICE servers, WebSocket."""

from enum import Enum, unique
from typing import Any, Literal, assert_never

from attrs import frozen

from odyssey_proto.client.connecting.allocation import (
    Allocation,
    AllocationOutput,
    Granted,
    Latencies,
    Refused,
    Stage,
)
from odyssey_proto.client.connecting.release import HeldResources
from odyssey_proto.client.live import notices
from odyssey_proto.client.live.signaling import Signaling, SocketEnded, SocketState
from odyssey_proto.client.rest import backoff
from odyssey_proto.client.rest.call_requests import CallFor, CallOff, Tag
from odyssey_proto.client.rest.calls import Ask
from odyssey_proto.client.rest.ids import Names
from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.kernel.failures import Failure, FailureKind, Phase, timed_out
from odyssey_proto.kernel.machine import Deadline, Instant, Span, Timers, after, earliest, seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages.ice import ICE_CONFIG
from odyssey_proto.messages.sessions import SESSION_TOKEN, Grant, SessionToken
from odyssey_proto.messages.signaling import socket_url
from odyssey_proto.messages.token import expiry_of
from odyssey_proto.model.capabilities import StreamerCapabilities
from odyssey_proto.model.credentials import ClientCredentials
from odyssey_proto.model.ice import IceServer
from odyssey_proto.model.status import ConnectionStatus
from odyssey_proto.seam.inputs import ExchangeFailed, Replied, SocketId, SocketInput
from odyssey_proto.seam.outputs import CancelRequest, Happened, Request, SocketOutput
from odyssey_proto.seam.settings import Settings

MAX_ASKED = seconds(30)
"""How long a signaling server may ask us to wait (Retry-After); for longer nobody waits in a connect."""

type _Timer = Literal[ClientTimer.SIGNALING_TIMEOUT, ClientTimer.SIGNALING_RETRY]


@unique
class Place(Enum):
    """How far an approach has come."""

    AUTHENTICATING = "authenticating"
    ALLOCATING = "allocating"
    PREPARING = "preparing"
    SIGNALING = "signaling"
    OVER = "over"


@frozen
class Arrived:
    """The signaling connection is open."""

    signaling: Signaling
    servers: tuple[IceServer, ...]
    regret: Failure | None
    """Why the ICE servers could not be had, if so."""


@frozen
class Blocked:
    """There is no way."""

    failure: Failure


type ConnectorOutput = (
    Request | CancelRequest | SocketOutput | CallFor | CallOff | Happened | Arrived | Blocked
)


class Connector:
    """
    Leads from an API key, or from minted credentials, to an open signaling connection.

    Only an attempt at the connection itself is repeated: ICE servers and WebSocket, with the same
    session and the same token (docs/protocol.md#attempts).
    A refusal that will not change by itself is not repeated.
    """

    def __init__(self, settings: Settings, names: Names, known: Latencies | None) -> None:
        self._settings = settings
        self._names = names
        self._timers = Timers[_Timer]()
        self._backoff = backoff.configured(settings.advanced)
        call = seconds(settings.timeouts.call)
        self._allocation = Allocation(settings.api_url, settings.queue, call, names, known)
        self._url = ""
        self._token: Secret | None = None
        self._servers: tuple[IceServer, ...] | Failure | None = None
        self._signaling: Signaling | None = None
        self._attempts = 0
        self._token_asked = False
        self._hopeless = False
        self.place = Place.AUTHENTICATING
        self.session_id: str | None = None
        self.capabilities = StreamerCapabilities()

    @property
    def latencies(self) -> Latencies | None:
        """The region map, once it was measured."""
        return self._allocation.latencies

    def begin(self, now: Instant) -> list[ConnectorOutput]:
        """Begins with the API key."""
        within = seconds(self._settings.timeouts.authenticate)
        ask = Ask(None, None, self._settings.api_url, within, Phase.AUTHENTICATE)
        return [notices.status(ConnectionStatus.AUTHENTICATING, "Authenticating"), CallFor(Tag.ACCESS, ask)]

    def begin_with(self, now: Instant, credentials: ClientCredentials) -> list[ConnectorOutput]:
        """Begins with minted credentials; expired ones are refused before anything is sent."""
        self._url = credentials.signaling_url
        self._token = Secret(credentials.session_token)
        self.session_id = credentials.session_id
        self.capabilities = credentials.capabilities or self.capabilities
        ends = expiry_of(credentials.session_token)
        if ends is not None and ends * 1_000_000 <= self._settings.wall_at(now):
            return self._block(_EXPIRED)
        return [notices.status(ConnectionStatus.CONNECTING, "Connecting with credentials"), *self._attempt()]

    def on_result(self, now: Instant, tag: Tag, result: Any) -> list[ConnectorOutput]:
        """Takes the result of a call."""
        self._token_asked = self._token_asked and tag is not Tag.TOKEN
        match tag:
            case Tag.ACCESS if isinstance(result, Failure):
                return self._block(result)
            case Tag.ACCESS:
                self.place = Place.ALLOCATING
                return self._translate(now, self._allocation.begin(now))
            case Tag.ALLOCATION:
                return self._translate(now, self._allocation.on_result(now, result))
            case Tag.TOKEN if isinstance(result, SessionToken):
                self._token = result.token
            case Tag.TOKEN:
                return self._block(result)
            case Tag.ICE:
                self._servers = result
            case _:
                assert_never(tag)
        return self._open_when_prepared(now)

    def on_exchange(self, now: Instant, inp: Replied | ExchangeFailed) -> list[ConnectorOutput] | None:
        """Takes what came of an exchange; `None` if it is none of ours."""
        outputs = self._allocation.on_exchange(now, inp)
        return None if outputs is None else self._translate(now, outputs)

    def owns(self, socket: SocketId) -> bool:
        """Tells whether this is the socket of the present attempt."""
        return self._signaling is not None and self._signaling.socket == socket

    def on_socket(self, now: Instant, inp: SocketInput) -> list[ConnectorOutput]:
        """Takes what happened to the socket of the present attempt."""
        signaling = self._signaling
        assert signaling is not None, "it is asked only for what it owns"
        shut = [each for each in signaling.on_socket(now, inp) if isinstance(each, SocketEnded)]
        if signaling.state is SocketState.OPEN:
            return self._arrive()
        return [out for each in shut for out in self._stumble(now, each.failure, fixed=each.refused)]

    def wake(self, now: Instant) -> list[ConnectorOutput]:
        """Carries out whatever is due."""
        outputs = self._translate(now, self._allocation.wake(now))
        match self._timers.due(now):
            case ClientTimer.SIGNALING_TIMEOUT:
                dropped = self._signaling.drop() if self._signaling is not None else []
                failure = timed_out(Phase.SIGNAL, ("signaling connection",))
                return [*outputs, *dropped, *self._stumble(now, failure, fixed=False)]
            case ClientTimer.SIGNALING_RETRY:
                return outputs + self._attempt()
            case None:
                return outputs
            case never:
                assert_never(never)

    @property
    def deadline(self) -> Deadline | None:
        """The next retry, poll or end of patience."""
        return earliest(self._allocation.deadline, self._timers.deadline)

    def leave(self) -> tuple[list[ConnectorOutput], HeldResources]:
        """Stops, and tells what is still held and has to be given back."""
        outputs: list[ConnectorOutput] = []
        awaits: Tag | None = None
        if self.place is Place.AUTHENTICATING:
            outputs.append(CallOff(Tag.ACCESS))
        if self.place is Place.ALLOCATING:
            outputs += self._allocation.cancel()
            # A request on its way may still be granted; a question about regions may not.
            if self._allocation.stage is Stage.ASKING:
                awaits = Tag.ALLOCATION
            elif self._allocation.stage is Stage.LISTING:
                outputs.append(CallOff(Tag.ALLOCATION))
        if self.place is Place.PREPARING:
            outputs += [CallOff(Tag.ICE)] if self._servers is None else []
            awaits = Tag.TOKEN if self._token_asked else None
        self._timers.clear()
        shut = self._signaling is not None and self._signaling.state is SocketState.CLOSED
        signaling = None if shut else self._signaling
        # Where the socket could not be had, no further one is opened just to say goodbye.
        token = None if self._hopeless else self._token
        self.place = Place.OVER
        return outputs, HeldResources(
            self._settings.api_url, self._url or None, self.session_id, token, signaling, awaits
        )

    def _translate(self, now: Instant, lines: list[AllocationOutput]) -> list[ConnectorOutput]:
        outputs: list[ConnectorOutput] = []
        for line in lines:
            match line:
                case Granted(grant):
                    outputs += self._granted(grant)
                case Refused(failure):
                    outputs += self._block(failure)
                case _:
                    outputs.append(line)
        return outputs

    def _granted(self, grant: Grant) -> list[ConnectorOutput]:
        self._url = grant.signaling_url
        self.session_id = grant.session_id
        self.capabilities = grant.capabilities
        within = seconds(self._settings.timeouts.prepare)
        ask = Ask(SESSION_TOKEN, grant.session_id, self._settings.api_url, within, Phase.PREPARE)
        self._token_asked = True
        announced = notices.status(ConnectionStatus.CONNECTING, "Connecting to the streamer")
        return [announced, CallFor(Tag.TOKEN, ask), *self._attempt()]

    def _attempt(self) -> list[ConnectorOutput]:
        self.place = Place.PREPARING
        self._attempts += 1
        self._servers = None
        self._signaling = None
        within = seconds(self._settings.timeouts.prepare)
        ask = Ask(ICE_CONFIG, None, self._url, within, Phase.PREPARE)
        return [notices.status(ConnectionStatus.CONNECTING), CallFor(Tag.ICE, ask)]

    def _open_when_prepared(self, now: Instant) -> list[ConnectorOutput]:
        if self._token is None or self._servers is None or self.session_id is None:
            return []
        self.place = Place.SIGNALING
        self._timers.set(ClientTimer.SIGNALING_TIMEOUT, after(now, seconds(self._settings.timeouts.signal)))
        self._signaling = Signaling(self._names.socket())
        return [*self._signaling.begin(socket_url(self._url, self.session_id), self._token)]

    def _arrive(self) -> list[ConnectorOutput]:
        assert self._signaling is not None, "only a socket can have opened"
        self._timers.clear()
        self.place = Place.OVER
        if isinstance(self._servers, Failure):
            return [Arrived(self._signaling, (), self._servers)]
        return [Arrived(self._signaling, self._servers or (), None)]

    def _stumble(self, now: Instant, failure: Failure, *, fixed: bool) -> list[ConnectorOutput]:
        self._timers.clear()
        asked = failure.retry_after or Span(0)
        if fixed or asked > MAX_ASKED or self._attempts > self._settings.advanced.max_retries:
            return self._block(failure)
        pause = max(self._backoff.after(self._attempts), asked)
        self._timers.set(ClientTimer.SIGNALING_RETRY, after(now, pause))
        return []

    def _block(self, failure: Failure) -> list[ConnectorOutput]:
        self._hopeless = self.place is Place.SIGNALING
        return [Blocked(failure.during(_PHASES[self.place]))]


_PHASES = {
    Place.AUTHENTICATING: Phase.AUTHENTICATE,
    Place.ALLOCATING: Phase.QUEUE,
    Place.PREPARING: Phase.PREPARE,
    Place.SIGNALING: Phase.SIGNAL,
    Place.OVER: Phase.SIGNAL,
}

_EXPIRED = Failure(
    FailureKind.AUTH_REFUSED,
    "the credentials have expired: have new ones minted",
    code="credentials.expired",
    phase=Phase.PREPARE,
)
