"""REST calls from request to result: one access token for all, the retry rule, total deadlines."""

from collections.abc import Callable, Hashable
from typing import Any, assert_never

from attrs import define, frozen

from odyssey_proto.client.rest.backoff import Backoff
from odyssey_proto.client.rest.call_requests import CallRequest
from odyssey_proto.client.rest.ids import IdSource
from odyssey_proto.client.rest.transport_failures import broken
from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.kernel.entropy import Entropy
from odyssey_proto.kernel.failures import (
    RETRYABLE,
    Failure,
    FailureKind,
    Phase,
    RemoteProtocolError,
    timed_out,
)
from odyssey_proto.kernel.machine import Deadline, Instant, Span, after, millis, seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages.auth import AUTH_TOKEN, AccessToken
from odyssey_proto.messages.endpoint import ClientEndpoint
from odyssey_proto.messages.refusals import malformed
from odyssey_proto.seam.http import ExchangeId, HttpReply
from odyssey_proto.seam.inputs import ExchangeFailed, HttpInput, Replied, TransportError
from odyssey_proto.seam.outputs import CancelRequest, Request

TOKEN_MARGIN = seconds(60)
"""A token is renewed so long before it ends (docs/protocol.md#access-token)."""

MAX_TRIES = 3
RETRY_DELAYS = Backoff(millis(250), seconds(2))


@frozen
class CallEnded[Result]:
    """A call is over."""

    result: Result
    """What was made of what the endpoint gave, or of a `Failure`."""


type CallOutput[Result] = Request | CancelRequest | CallEnded[Result]


@define
class _Call[Key, Result]:
    key: Key | None
    """`None`: the one call that fetches the token."""
    request: CallRequest[Any, Any]
    wrap: Callable[[Any], Result] | None
    """`None` for the fetch of the token, whose result is for those who wait for it."""
    expires: Instant
    tries: int = 0
    exchange: ExchangeId | None = None
    retry_at: Instant | None = None
    failed: Failure | None = None
    """How its last try failed, if it is tried again."""
    token: Secret | None = None
    renewed: bool = False
    """Whether a token that the server no longer knows was fetched anew for it."""
    fetched: bool = False
    """Whether a token was fetched for it; that one serves, also if it lasts less long than was asked for."""


class Calls[Key: Hashable, Result]:
    """
    Carries out REST calls; each has a key, by which it can be cancelled.

    Whoever needs the access token waits for one fetch that serves all.
    A token that the server no longer knows (401) is dropped and fetched once more per call.
    A call is repeated only if that is safe, after the delay that the server asked for or a
    jittered one, and never past its total deadline.
    Every exchange of the client is one of these.
    """

    def __init__(
        self, base: str, api_key: Secret, authenticate: Span, ids: IdSource, entropy: Entropy
    ) -> None:
        self._base = base
        self._api_key = api_key
        self._authenticate = authenticate
        self._ids = ids
        self._entropy = entropy
        self._calls: dict[Key | None, _Call[Key, Result]] = {}
        self.token: Secret | None = None
        """The access token, if there is one."""
        self.token_ends: Instant = Instant(0)
        """When it is replaced."""

    def begin_with(self, token: Secret | None, ends: Instant) -> None:
        """Takes a token that is known already, before the first call."""
        self.token, self.token_ends = token, ends

    def start[P, R](
        self, now: Instant, key: Key, request: CallRequest[P, R], wrap: Callable[[R | Failure], Result]
    ) -> list[CallOutput[Result]]:
        """Begins a call; `CallEnded` with what `wrap` makes of its result follows, perhaps at once."""
        return self._begin(now, _Call(key, request, wrap, after(now, request.within)))

    def cancel(self, key: Key) -> list[CallOutput[Result]]:
        """Forgets a call; a key that is not known (any more) is no error."""
        call = self._calls.pop(key, None)
        outputs: list[CallOutput[Result]] = []
        outputs += [] if call is None else _cancelled(call)
        if not self._waiting() and None in self._calls:
            outputs += _cancelled(self._calls.pop(None))
        return outputs

    def on_exchange(self, now: Instant, inp: HttpInput) -> list[CallOutput[Result]]:
        """Takes what came of an exchange; one that was cancelled is passed over."""
        call = next((call for call in self._calls.values() if call.exchange == inp.exchange), None)
        if call is None:
            return []
        call.exchange = None
        match inp:
            case Replied(_, reply):
                return self._judge(now, call, self._read(call, reply))
            case ExchangeFailed(_, error):
                return self._judge(now, call, self._unreached(call, error))
            case _:
                assert_never(inp)

    def wake(self, now: Instant) -> list[CallOutput[Result]]:
        """Carries out whatever is due."""
        outputs: list[CallOutput[Result]] = []
        for call in list(self._calls.values()):
            if call.key not in self._calls:
                continue
            if call.expires <= now:
                outputs += _cancelled(call)
                outputs += self._finish(now, call, self._overdue(call))
            elif call.retry_at is not None and call.retry_at <= now:
                call.retry_at = None
                outputs += self._advance(now, call)
        return outputs

    @property
    def deadline(self) -> Deadline | None:
        """The earliest retry or expiry of any call."""
        if not self._calls:
            return None
        first = min(self._calls.values(), key=_due_at)
        due = _due_at(first)
        return Deadline(due, ClientTimer.CALL_TIMEOUT if due == first.expires else ClientTimer.CALL_RETRY)

    def _begin(self, now: Instant, call: _Call[Key, Result]) -> list[CallOutput[Result]]:
        self._calls[call.key] = call
        return self._advance(now, call)

    def _advance(self, now: Instant, call: _Call[Key, Result]) -> list[CallOutput[Result]]:
        endpoint = call.request.endpoint
        if endpoint is not None and not endpoint.authed:
            return self._send(call, endpoint, None)
        lasts = Span(0) if call.fetched else call.request.token_lasts
        if self.token is None or after(now, lasts) >= self.token_ends:
            call.fetched = True
            return self._fetch_token(now)
        if endpoint is None:
            return self._finish(now, call, None)
        return self._send(call, endpoint, self.token)

    def _send(
        self, call: _Call[Key, Result], endpoint: ClientEndpoint[Any, Any], token: Secret | None
    ) -> list[CallOutput[Result]]:
        call.exchange = self._ids.exchange()
        call.token = token
        call.tries += 1
        return [
            Request(call.exchange, endpoint.encode_request(call.request.base, call.request.params, token))
        ]

    def _fetch_token(self, now: Instant) -> list[CallOutput[Result]]:
        if None in self._calls:
            return []
        request = CallRequest(AUTH_TOKEN, self._api_key, self._base, self._authenticate, Phase.AUTHENTICATE)
        return self._begin(now, _Call(None, request, None, after(now, request.within)))

    def _judge(self, now: Instant, call: _Call[Key, Result], result: Any) -> list[CallOutput[Result]]:
        if not isinstance(result, Failure):
            return self._finish(now, call, result)
        if self._stale(call, result):
            call.renewed = True
            if self.token == call.token:
                self.token = None
            return self._advance(now, call)
        delay = self._delay(call, result)
        if delay is None or after(now, delay) >= call.expires:
            return self._finish(now, call, result)
        call.failed = result
        if delay == 0:
            return self._advance(now, call)
        call.retry_at = after(now, delay)
        return []

    def _stale(self, call: _Call[Key, Result], failure: Failure) -> bool:
        refused = failure.kind is FailureKind.AUTH_REFUSED and failure.status == 401
        return refused and call.token is not None and not call.renewed

    def _delay(self, call: _Call[Key, Result], failure: Failure) -> Span | None:
        endpoint = call.request.endpoint
        repeatable = failure.kind in RETRYABLE or failure.retry_after is not None
        if endpoint is None or not endpoint.safe or not repeatable or call.tries >= MAX_TRIES:
            return None
        if failure.retry_after is not None:
            return failure.retry_after
        # At least a millisecond, so that a retry is a wake-up of its own and never a busy loop.
        return Span(max(millis(1), RETRY_DELAYS.jittered(call.tries, self._entropy)))

    def _finish(self, now: Instant, call: _Call[Key, Result], result: Any) -> list[CallOutput[Result]]:
        self._calls.pop(call.key, None)
        if call.wrap is not None:
            return [CallEnded(call.wrap(result))]
        outputs: list[CallOutput[Result]] = []
        if isinstance(result, AccessToken):
            self.token = result.token
            # A token that ends within the margin still serves whoever waits for it now.
            self.token_ends = after(now, Span(max(result.lasts - TOKEN_MARGIN, 1)))
        for waiting in self._waiting():
            if isinstance(result, Failure):
                outputs += self._finish(now, waiting, result)
            else:
                outputs += self._advance(now, waiting)
        return outputs

    def _waiting(self) -> list[_Call[Key, Result]]:
        return [
            call
            for call in self._calls.values()
            if call.exchange is None and call.retry_at is None and call.key is not None
        ]

    def _read(self, call: _Call[Key, Result], reply: HttpReply) -> Any:
        endpoint = call.request.endpoint
        assert endpoint is not None, "a call without an endpoint sends nothing"
        result = endpoint.decode_reply(reply)
        if not isinstance(result, Failure) and endpoint.named(result) not in (None, call.request.params):
            result = malformed(reply, endpoint.purpose, RemoteProtocolError("it is about another id"))
        return result.during(call.request.phase) if isinstance(result, Failure) else result

    def _unreached(self, call: _Call[Key, Result], error: TransportError) -> Failure:
        assert call.request.endpoint is not None, "a call without an endpoint sends nothing"
        what = f"could not {call.request.endpoint.purpose}"
        return broken(error, what, call.request.base).during(call.request.phase)

    def _overdue(self, call: _Call[Key, Result]) -> Failure:
        """Returns what a call ends with whose deadline has passed: how its last try failed if none runs."""
        waits = call.exchange is None and call.retry_at is None
        tried = self._calls.get(None, call) if waits else call
        if tried.exchange is None and tried.failed is not None:
            return tried.failed
        missing = "reply" if tried is call else "access token"
        endpoint = call.request.endpoint
        purpose = "" if endpoint is None else endpoint.purpose
        return timed_out(call.request.phase, (missing,), purpose, tried.failed or call.failed)


def _due_at(call: _Call[Any, Any]) -> Instant:
    """Returns when something is due of a call: its next try, if that comes before its end."""
    return call.expires if call.retry_at is None else min(call.retry_at, call.expires)


def _cancelled(call: _Call[Any, Any]) -> list[CancelRequest]:
    return [] if call.exchange is None else [CancelRequest(call.exchange)]
