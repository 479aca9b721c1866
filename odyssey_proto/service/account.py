"""Who may use the service: API keys and the access tokens they are exchanged for."""

from attrs import frozen

from odyssey_proto.entropy import Entropy
from odyssey_proto.exchange import HttpReply, HttpRequest
from odyssey_proto.machine import Instant, after, seconds
from odyssey_proto.messages.auth import AUTH_TOKEN, AccessToken
from odyssey_proto.messages.endpoint import bearer
from odyssey_proto.messages.refusals import detail_reply, usage_reply
from odyssey_proto.model.usage import UsageCode, UsageLimit
from odyssey_proto.secret import Secret
from odyssey_proto.service.config import ServiceConfig

PREFIX = "ody_"

MOST_TOKENS = 4096
"""So many access tokens are remembered; the oldest goes first."""


@frozen
class _Holder:
    key: str
    ends: Instant


class Account:
    """Checks keys, gives out access tokens, and tells whose a token is."""

    def __init__(self, config: ServiceConfig, entropy: Entropy) -> None:
        self._config = config
        self._entropy = entropy
        self._tokens: dict[Secret, _Holder] = {}

    def enter(self, now: Instant, key: Secret) -> HttpReply:
        """Exchanges a key for an access token (protocol.md section 3.1)."""
        text = key.reveal()
        if text in self._config.suspended_keys:
            limit = UsageLimit(UsageCode.ACCOUNT_SUSPENDED, "the account is suspended", "Contact support")
            return usage_reply(limit, 403)
        if not text.startswith(PREFIX):
            return detail_reply(422, "the API key is malformed")
        if self._config.keys is not None and text not in self._config.keys:
            return detail_reply(401, "the API key is unknown")
        token = Secret(self._entropy.word(40))
        if len(self._tokens) >= MOST_TOKENS:
            del self._tokens[next(iter(self._tokens))]
        lasts = seconds(self._config.access_seconds)
        self._tokens[token] = _Holder(text, after(now, lasts))
        return AUTH_TOKEN.answer(AccessToken(token, lasts))

    def holder(self, now: Instant, request: HttpRequest) -> str | None:
        """Gives the key behind a request's access token; `None` if there is no good one."""
        token = bearer(request)
        holder = self._tokens.get(token) if token is not None else None
        return holder.key if holder is not None and now < holder.ends else None
