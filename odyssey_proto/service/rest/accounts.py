"""Who may ask: API keys and the access tokens made from them (docs/protocol.md#access-token)."""

from attrs import frozen

from odyssey_proto.kernel.entropy import Entropy
from odyssey_proto.kernel.machine import Instant, after, seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages.auth import AccessToken
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.rest.replies import refused, schema_refused

PREFIX = "ody_"
"""How every API key begins (docs/protocol.md#hosts)."""

MAX_KEY = 512
TOKEN_LENGTH = 40
MAX_TOKENS = 1024
"""The most access tokens known at a time; a newer one makes the oldest unknown."""


@frozen
class _Pass:
    key: Secret
    until: Instant


class Accounts:
    """Issues access tokens for API keys, and knows whose they are."""

    def __init__(self, config: ServiceConfig, entropy: Entropy) -> None:
        self._config = config
        self._entropy = entropy
        self._passes: dict[Secret, _Pass] = {}

    def __repr__(self) -> str:
        return f"<Accounts {len(self._passes)} access tokens>"

    def enter(self, now: Instant, key: Secret) -> AccessToken:
        """Returns an access token; raises `Refused` if the key is malformed, unknown or denied."""
        self._check(key)
        lasts = seconds(self._config.access_seconds)
        self._forget(now)
        token = Secret(self._entropy.word(TOKEN_LENGTH))
        self._passes[token] = _Pass(key, after(now, lasts))
        return AccessToken(token, lasts)

    def holder(self, now: Instant, token: Secret | None) -> Secret:
        """Returns the API key of an access token; raises `Refused` if it is absent, unknown or too old."""
        if token is None:
            raise refused(401, "Not authenticated")
        found = self._passes.get(token)
        if found is None or found.until <= now:
            raise refused(401, "Invalid or expired token")
        return found.key

    def knows(self, now: Instant, token: Secret | None) -> bool:
        """Tells whether an access token is good."""
        found = None if token is None else self._passes.get(token)
        return found is not None and found.until > now

    def _check(self, key: Secret) -> None:
        config = self._config
        if key in config.suspended_keys:
            raise refused(403, "Account suspended")
        if config.keys is not None and key in config.keys:
            return
        text = key.reveal()
        if not text.startswith(PREFIX) or len(text) > MAX_KEY:
            raise schema_refused("api_key does not look like an API key")
        if config.keys is not None:
            raise refused(401, "Invalid API key")

    def _forget(self, now: Instant) -> None:
        """Makes room for one more token."""
        self._passes = {token: held for token, held in self._passes.items() if held.until > now}
        while len(self._passes) >= MAX_TOKENS:
            del self._passes[next(iter(self._passes))]
