"""Reserved streamers: granted, claimed by a WebSocket, released on every way out."""

from attrs import define

from odyssey_proto.entropy import Entropy
from odyssey_proto.errors import RemoteProtocolError
from odyssey_proto.exchange import HttpReply, HttpRequest
from odyssey_proto.machine import Instant, after, seconds
from odyssey_proto.messages.endpoint import revealed
from odyssey_proto.messages.refusals import detail_reply, usage_reply
from odyssey_proto.messages.sessions import SESSION_REQUEST, SESSION_TOKEN, Grant, SessionToken
from odyssey_proto.messages.token import sign, verify
from odyssey_proto.model.capabilities import StreamerCapabilities
from odyssey_proto.model.usage import UsageCode, UsageLimit
from odyssey_proto.secret import Secret
from odyssey_proto.service.config import ServiceConfig


@define
class Reserved:
    """One streamer, for one client."""

    session_id: str
    key: str
    unclaimed_until: Instant
    claimed: bool = False


class Sessions:
    """Gives out streamers while there are some, and the tokens that open them."""

    def __init__(self, config: ServiceConfig, entropy: Entropy, wall: int) -> None:
        self._config = config
        self._entropy = entropy
        self._wall = wall
        self._signing = entropy.draw(32)
        self._reserved: dict[str, Reserved] = {}

    def __len__(self) -> int:
        return len(self._reserved)

    def request(self, now: Instant, key: str, request: HttpRequest) -> HttpReply:
        """Reserves a streamer (protocol.md section 3.3)."""
        self.expire(now)
        mine = sum(reserved.key == key for reserved in self._reserved.values())
        if self._config.concurrent is not None and mine >= self._config.concurrent:
            details = (("active_count", mine), ("limit", self._config.concurrent))
            code = UsageCode.CONCURRENT_LIMIT_REACHED
            return usage_reply(UsageLimit(code, "too many sessions at once", "Close one", None, details))
        if len(self._reserved) >= self._config.capacity:
            return detail_reply(503, "no streamer is free")
        session_id = f"session-{self._entropy.word(16)}"
        until = after(now, seconds(self._config.unclaimed_seconds))
        self._reserved[session_id] = Reserved(session_id, key, until)
        capabilities = StreamerCapabilities(self._config.image_to_video)
        url = self._config.signaling_url or f"ws://{revealed(request.header('host')) or 'localhost'}"
        return SESSION_REQUEST.answer(
            Grant(session_id, url, capabilities, "local-streamer", "local-scenes", "local")
        )

    def token(self, now: Instant, key: str, session_id: str) -> HttpReply:
        """Gives the token that opens a session (protocol.md section 3.4)."""
        reserved = self._reserved.get(session_id)
        if reserved is None or reserved.key != key:
            return detail_reply(404, "the session is unknown")
        lasts = seconds(self._config.token_seconds)
        ends = (self._wall + now + lasts) // 1_000_000
        token = sign({"session_id": session_id, "exp": ends}, self._signing)
        return SESSION_TOKEN.answer(SessionToken(Secret(token), lasts))

    def claim(self, now: Instant, session_id: str, token: str | None) -> int | None:
        """Opens a session with its token; gives the status to refuse it with, `None` if it is good."""
        try:
            claims = verify(token or "", self._signing)
        except RemoteProtocolError:
            return 401
        ends = claims.get("exp")
        if claims.get("session_id") != session_id or not isinstance(ends, int):
            return 403
        if ends * 1_000_000 <= self._wall + now:
            return 401
        reserved = self._reserved.get(session_id)
        if reserved is None:
            return 404
        if reserved.claimed:
            return 409
        reserved.claimed = True
        return None

    def release(self, session_id: str) -> None:
        """Makes a streamer free again."""
        self._reserved.pop(session_id, None)

    def expire(self, now: Instant) -> None:
        """Lets go of what nobody claimed in time."""
        for reserved in list(self._reserved.values()):
            if not reserved.claimed and reserved.unclaimed_until <= now:
                self.release(reserved.session_id)
