"""
The HTTP side of a spectator (docs/protocol.md#whep): ICE servers, the offer, the leave.

There is one request at a time.

The end needs most care.
A media server that has answered an offer keeps a place for the spectator until it is asked to free it, so
leaving means more than to stop: the resource that the answer named is deleted, and if the answer is still
on its way it is waited for, because only it says what to delete.
All that takes place within `Timeouts.leave`; then whatever is left is cancelled.
"""

from enum import Enum, unique
from typing import Literal, assert_never

from attrs import field, frozen

from odyssey_proto.client.rest.ids import IdSource
from odyssey_proto.client.rest.transport_failures import broken
from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.kernel.failures import Failure, Phase, timed_out
from odyssey_proto.kernel.machine import Deadline, Instant, Timers, after, seconds
from odyssey_proto.kernel.secret import sized
from odyssey_proto.messages.whep import (
    WHEP_CONFIG,
    WHEP_LEAVE,
    WHEP_OFFER,
    WhepOffer,
    redirected_offer,
    resource,
)
from odyssey_proto.model.ice import IceServer
from odyssey_proto.seam.http import MAX_REDIRECTS, ExchangeId, HttpReply, HttpRequest
from odyssey_proto.seam.inputs import ExchangeFailed, Replied
from odyssey_proto.seam.outputs import CancelRequest, Request
from odyssey_proto.seam.settings import SpectatorSettings

ICE_CONFIG_TIMEOUT = seconds(5)
"""How long the ICE servers are waited for; without them the spectator connects with what it has."""


@unique
class WhepState(Enum):
    """Where the exchange with the media server stands."""

    NEW = "new"
    CONFIG = "config"
    """The ICE servers are asked for."""
    OFFER = "offer"
    """The offer is sent, and not answered."""
    READY = "ready"
    """No request is on its way."""
    LEAVING = "leaving"
    LEFT = "left"


@frozen
class ServersKnown:
    """The ICE servers to use; `failure` says why they could not be had, if so."""

    servers: tuple[IceServer, ...]
    failure: Failure | None


@frozen
class OfferAnswered:
    """The media server took the offer."""

    sdp: str = field(repr=sized)


@frozen
class OfferRefused:
    """The media server did not take the offer, or could not be reached."""

    failure: Failure


type WhepOutput = Request | CancelRequest | ServersKnown | OfferAnswered | OfferRefused


class WhepExchange:
    """Talks to the media server of one broadcast; `state` tells when it is over."""

    def __init__(self, settings: SpectatorSettings, ids: IdSource) -> None:
        self.state: WhepState = WhepState.NEW
        self._settings = settings
        self._ids = ids
        self._timers: Timers[Literal[ClientTimer.ICE_CONFIG_TIMEOUT, ClientTimer.LEAVE_TIMEOUT]] = Timers()
        self._exchange: ExchangeId | None = None
        self._offer: HttpRequest | None = None
        self._redirects = 0
        self._resource: str | None = None

    def begin(self, now: Instant) -> Request:
        """
        Asks for the ICE servers; `ServersKnown` follows.

        Raises `LocalProtocolError` for an address that is none; then nothing has changed.
        """
        request = WHEP_CONFIG.encode_request(self._settings.webrtc_url, None)
        self.state = WhepState.CONFIG
        self._timers.set(ClientTimer.ICE_CONFIG_TIMEOUT, after(now, ICE_CONFIG_TIMEOUT))
        return self._request(request)

    def offer(self, sdp: str) -> list[WhepOutput]:
        """Sends the offer; `OfferAnswered` or `OfferRefused` follows."""
        offer = WhepOffer(sdp, self._settings.token)
        return self._post(WHEP_OFFER.encode_request(self._settings.webrtc_url, offer))

    def leave(self, now: Instant) -> list[Request | CancelRequest]:
        """Gives back whatever the media server holds, in bounded time."""
        answer_is_due = self.state is WhepState.OFFER
        self.state = WhepState.LEAVING
        self._timers.clear()
        self._timers.set(ClientTimer.LEAVE_TIMEOUT, after(now, seconds(self._settings.timeouts.leave)))
        return [] if answer_is_due else [*self._cancel(), *self._delete()]

    def on_exchange(self, now: Instant, inp: Replied | ExchangeFailed) -> list[WhepOutput]:
        """Takes what came of a request."""
        if inp.exchange != self._exchange:
            return []
        self._exchange = None
        match inp:
            case Replied(_, reply):
                return self._replied(reply)
            case ExchangeFailed(_, error):
                return self._failed(
                    broken(error, "the connection to the media server failed", self._settings.webrtc_url)
                )
            case _:
                assert_never(inp)

    def wake(self, now: Instant) -> list[WhepOutput]:
        """Gives up what has taken too long."""
        if self._timers.due(now) is None:
            return []
        return [*self._cancel(), *self._failed(timed_out(Phase.SPECTATE, ("ICE config",)))]

    @property
    def deadline(self) -> Deadline | None:
        """When the ICE servers, or the leave, are given up."""
        return self._timers.deadline

    def _replied(self, reply: HttpReply) -> list[WhepOutput]:
        match self.state:
            case WhepState.CONFIG:
                servers = WHEP_CONFIG.decode_reply(reply)
                return self._failed(servers) if isinstance(servers, Failure) else self._configured(servers)
            case WhepState.OFFER:
                return self._answered(reply)
            case _:
                return self._answered_late(reply) if self._resource is None else self._finish()

    def _failed(self, failure: Failure) -> list[WhepOutput]:
        match self.state:
            case WhepState.CONFIG:
                return self._configured((), failure)
            case WhepState.OFFER:
                # No answer is due any more that leaving would wait for.
                self.state = WhepState.READY
                return [OfferRefused(failure)]
            case _:
                return self._finish()

    def _configured(self, servers: tuple[IceServer, ...], failure: Failure | None = None) -> list[WhepOutput]:
        self.state = WhepState.READY
        self._timers.clear()
        return [ServersKnown(servers, failure)]

    def _post(self, offer: HttpRequest) -> list[WhepOutput]:
        self.state = WhepState.OFFER
        self._offer = offer
        return [self._request(offer)]

    def _answered(self, reply: HttpReply) -> list[WhepOutput]:
        assert self._offer is not None, "this is the answer to it"
        elsewhere = redirected_offer(self._offer, reply)
        if elsewhere is not None and self._redirects < MAX_REDIRECTS:
            self._redirects += 1
            return self._post(elsewhere)
        answer = WHEP_OFFER.decode_reply(reply)
        self.state = WhepState.READY
        # A place is held there also if the answer itself is of no use.
        self._resource = resource(self._offer, reply)
        return [OfferRefused(answer) if isinstance(answer, Failure) else OfferAnswered(answer.sdp)]

    def _answered_late(self, reply: HttpReply) -> list[WhepOutput]:
        """Takes the answer to the offer while leaving: what it gave is given back."""
        assert self._offer is not None, "this is the answer to it"
        self._resource = resource(self._offer, reply)
        return [*self._delete()]

    def _delete(self) -> list[Request]:
        if self._resource is None:
            self._finish()
            return []
        return [self._request(WHEP_LEAVE.encode_request(self._resource, None))]

    def _finish(self) -> list[WhepOutput]:
        self.state = WhepState.LEFT
        self._timers.clear()
        return []

    def _request(self, request: HttpRequest) -> Request:
        self._exchange = self._ids.exchange()
        return Request(self._exchange, request)

    def _cancel(self) -> list[CancelRequest]:
        exchange, self._exchange = self._exchange, None
        return [] if exchange is None else [CancelRequest(exchange)]
