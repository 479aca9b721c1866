"""REST calls from question to result: one access token for all, the retry rule, total deadlines."""

from collections.abc import Hashable, Iterable
from typing import Any, assert_never

from attrs import define, evolve, frozen

from odyssey_proto.client.rest.backoff import Backoff
from odyssey_proto.client.rest.ids import Names
from odyssey_proto.client.rest.transport_failures import broken
from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.kernel.entropy import Entropy
from odyssey_proto.kernel.failures import RETRYABLE, Failure, FailureKind, Phase, timed_out
from odyssey_proto.kernel.machine import Deadline, Instant, Span, after, earliest, millis, seconds
from odyssey_proto.kernel.secret import Secret, without
from odyssey_proto.messages.auth import AUTH_TOKEN, AccessToken
from odyssey_proto.messages.endpoint import Endpoint
from odyssey_proto.seam.http import ExchangeId, HttpReply
from odyssey_proto.seam.inputs import ExchangeFailed, Replied, TransportError
from odyssey_proto.seam.outputs import CancelRequest, Request

MARGIN = seconds(60)
"""A token is renewed so long before it ends (docs/protocol.md#access-token)."""

TRIES = 3
RETRIES = Backoff(millis(250), seconds(2))


@frozen
class Ask:
    """One REST call; without an endpoint it only makes sure that there is an access token."""

    endpoint: Endpoint[Any, Any] | None
    params: Any
    base: str
    within: Span
    phase: Phase


@frozen
class Answered[Key]:
    """A call is over."""

    key: Key
    result: Any
    """What the endpoint gives, or a `Failure`."""


type CallOutput[Key] = Request | CancelRequest | Answered[Key]


@define
class _Call[Key]:
    key: Key | None
    """`None`: the one call that fetches the token."""
    ask: Ask
    expires: Instant
    tries: int = 0
    exchange: ExchangeId | None = None
    retry_at: Instant | None = None
    token: Secret | None = None
    renewed: bool = False


class Calls[Key: Hashable]:
    """
    Carries out REST calls, each under the key of whoever asks.

    Whoever needs the access token waits for one fetch that serves all.
    A token that the server no longer knows (401) is dropped and fetched once more per call.
    A call is repeated only if that is safe, after the delay that the server asked for or a
    jittered one, and never past its total deadline.
    """

    def __init__(
        self, base: str, api_key: Secret, authenticate: Span, names: Names, entropy: Entropy
    ) -> None:
        self._base = base
        self._api_key = api_key
        self._authenticate = authenticate
        self._names = names
        self._entropy = entropy
        self._calls: dict[Key | None, _Call[Key]] = {}
        self._token: Secret | None = None
        self._token_ends = Instant(0)

    def ask(self, now: Instant, key: Key, ask: Ask) -> list[CallOutput[Key]]:
        """Begins a call; `Answered` with this key follows, at once if nothing has to be sent."""
        return self._begin(now, key, ask)

    def cancel(self, key: Key) -> list[CallOutput[Key]]:
        """Forgets a call; a key that is not known (any more) is no error."""
        call = self._calls.pop(key, None)
        outputs: list[CallOutput[Key]] = []
        outputs += [] if call is None else _cancelled(call)
        if not self._waiting() and None in self._calls:
            outputs += _cancelled(self._calls.pop(None))
        return outputs

    def on_exchange(self, now: Instant, inp: Replied | ExchangeFailed) -> list[CallOutput[Key]] | None:
        """Takes what came of an exchange; `None` if the exchange is none of ours."""
        call = next((call for call in self._calls.values() if call.exchange == inp.exchange), None)
        if call is None:
            return None
        call.exchange = None
        match inp:
            case Replied(_, reply):
                return self._judge(now, call, self._read(call, reply))
            case ExchangeFailed(_, why):
                return self._judge(now, call, self._unreached(call, why))
            case _:
                assert_never(inp)

    def wake(self, now: Instant) -> list[CallOutput[Key]]:
        """Carries out whatever is due."""
        outputs: list[CallOutput[Key]] = []
        for call in list(self._calls.values()):
            if call.key not in self._calls:
                continue
            if call.expires <= now:
                outputs += _cancelled(call)
                outputs += self._finish(now, call, timed_out(self._phase(call), (self._missing(call),)))
            elif call.retry_at is not None and call.retry_at <= now:
                call.retry_at = None
                outputs += self._advance(now, call)
        return outputs

    @property
    def deadline(self) -> Deadline | None:
        """The earliest retry or expiry of any call."""
        return earliest(*self._deadlines())

    def _deadlines(self) -> Iterable[Deadline]:
        for call in self._calls.values():
            if call.retry_at is not None and call.retry_at < call.expires:
                yield Deadline(call.retry_at, ClientTimer.CALL_RETRY)
            yield Deadline(call.expires, ClientTimer.CALL_TIMEOUT)

    def _begin(self, now: Instant, key: Key | None, ask: Ask) -> list[CallOutput[Key]]:
        call = self._calls[key] = _Call(key, ask, after(now, ask.within))
        return self._advance(now, call)

    def _advance(self, now: Instant, call: _Call[Key]) -> list[CallOutput[Key]]:
        endpoint = call.ask.endpoint
        if endpoint is not None and not endpoint.authed:
            return self._send(call, endpoint, None)
        if self._token is None or now >= self._token_ends:
            return self._fetch_token(now)
        if endpoint is None:
            return self._finish(now, call, None)
        return self._send(call, endpoint, self._token)

    def _send(
        self, call: _Call[Key], endpoint: Endpoint[Any, Any], token: Secret | None
    ) -> list[CallOutput[Key]]:
        call.exchange = self._names.exchange()
        call.token = token
        call.tries += 1
        return [Request(call.exchange, endpoint.encode_request(call.ask.base, call.ask.params, token))]

    def _fetch_token(self, now: Instant) -> list[CallOutput[Key]]:
        if None in self._calls:
            return []
        ask = Ask(AUTH_TOKEN, self._api_key, self._base, self._authenticate, Phase.AUTHENTICATE)
        return self._begin(now, None, ask)

    def _judge(self, now: Instant, call: _Call[Key], result: Any) -> list[CallOutput[Key]]:
        if not isinstance(result, Failure):
            return self._finish(now, call, result)
        if self._stale(call, result):
            call.renewed = True
            if self._token == call.token:
                self._token = None
            return self._advance(now, call)
        delay = self._delay(call, result)
        if delay is None or after(now, delay) >= call.expires:
            return self._finish(now, call, result)
        if delay == 0:
            return self._advance(now, call)
        call.retry_at = after(now, delay)
        return []

    def _stale(self, call: _Call[Key], failure: Failure) -> bool:
        refused = failure.kind is FailureKind.AUTH_REFUSED and failure.status == 401
        return refused and call.token is not None and not call.renewed

    def _delay(self, call: _Call[Key], failure: Failure) -> Span | None:
        endpoint = call.ask.endpoint
        repeatable = failure.kind in RETRYABLE or failure.retry_after is not None
        if endpoint is None or not endpoint.safe or not repeatable or call.tries >= TRIES:
            return None
        if failure.retry_after is not None:
            return failure.retry_after
        # At least a millisecond, so that a retry is a wake-up of its own and never a busy loop.
        return Span(max(millis(1), RETRIES.jittered(call.tries, self._entropy)))

    def _finish(self, now: Instant, call: _Call[Key], result: Any) -> list[CallOutput[Key]]:
        self._calls.pop(call.key, None)
        if call.key is not None:
            return [Answered(call.key, result)]
        outputs: list[CallOutput[Key]] = []
        if isinstance(result, AccessToken):
            self._token = result.token
            # A token that ends within the margin still serves whoever waits for it now.
            self._token_ends = after(now, Span(max(result.lasts - MARGIN, 1)))
        for waiting in self._waiting():
            if isinstance(result, Failure):
                outputs += self._finish(now, waiting, result)
            else:
                outputs += self._advance(now, waiting)
        return outputs

    def _waiting(self) -> list[_Call[Key]]:
        return [
            call
            for call in self._calls.values()
            if call.exchange is None and call.retry_at is None and call.key is not None
        ]

    def _read(self, call: _Call[Key], reply: HttpReply) -> Any:
        assert call.ask.endpoint is not None, "a call without an endpoint sends nothing"
        result = call.ask.endpoint.decode_reply(reply)
        if not isinstance(result, Failure):
            return result
        # A server may repeat what it complains about.
        detail = without(result.detail, self._api_key, call.token)
        return evolve(result, detail=detail).during(self._phase(call))

    def _unreached(self, call: _Call[Key], why: TransportError) -> Failure:
        assert call.ask.endpoint is not None, "a call without an endpoint sends nothing"
        return broken(why, call.ask.endpoint.title).during(self._phase(call))

    def _phase(self, call: _Call[Key]) -> Phase:
        return call.ask.phase

    def _missing(self, call: _Call[Key]) -> str:
        if call.exchange is None or call.ask.endpoint is None:
            return "access token"
        return f"reply to {call.ask.endpoint.title}"


def _cancelled(call: _Call[Any]) -> list[CancelRequest]:
    return [] if call.exchange is None else [CancelRequest(call.exchange)]
