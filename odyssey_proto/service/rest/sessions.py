"""Who has a streamer: grants, the tokens that open them, and when they are given up."""

from urllib.parse import unquote

from attrs import define

from odyssey_proto.kernel.entropy import Entropy
from odyssey_proto.kernel.failures import RemoteProtocolError, UsageCode, UsageLimit
from odyssey_proto.kernel.machine import Deadline, Instant, after, seconds
from odyssey_proto.kernel.secret import Secret, revealed
from odyssey_proto.messages.refusals import usage_reply
from odyssey_proto.messages.sessions import SessionToken
from odyssey_proto.messages.token import sign, verify
from odyssey_proto.model.credentials import expiry_of, session_id_of
from odyssey_proto.seam.http import HttpRequest
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.io.timers import ServiceTimer
from odyssey_proto.service.rest.replies import Refused, refused

ID_LENGTH = 24

SOCKET_PATH = "/client/"
"""What stands before the session's id (docs/protocol.md#signaling-address)."""


@define
class _Session:
    key: Secret
    until: Instant | None
    """When it is given up unless its client comes; `None` once it came."""


class Sessions:
    """The streamers and who has them; each session has one, from the grant to `release`."""

    def __init__(self, config: ServiceConfig, entropy: Entropy, wall: int) -> None:
        self._config = config
        self._entropy = entropy
        self._wall = wall
        self._signing_key = entropy.draw(32)
        self._sessions: dict[str, _Session] = {}

    def __repr__(self) -> str:
        return f"<Sessions {len(self._sessions)} of {self._config.capacity}>"

    def grant(self, now: Instant, key: Secret) -> str:
        """Returns the id of a new session; raises `Refused` at a limit."""
        self._check_concurrency(key)
        if len(self._sessions) >= self._config.capacity:
            raise refused(503, "No streamers available")
        name = self._entropy.word(ID_LENGTH)
        self._sessions[name] = _Session(key, after(now, seconds(self._config.unclaimed_seconds)))
        return name

    def token(self, now: Instant, key: Secret, name: str) -> SessionToken:
        """Returns a token for a session of this key, which waits for its client anew; or raises `Refused`."""
        session = self._sessions.get(name)
        if session is None or session.key != key:
            raise refused(404, "Session not found")
        if session.until is not None:
            session.until = after(now, seconds(self._config.unclaimed_seconds))
        lasts = seconds(self._config.token_seconds)
        claims = {"session_id": name, "exp": self._unix(after(now, lasts))}
        return SessionToken(Secret(sign(claims, self._signing_key)), lasts)

    def claim(self, now: Instant, handshake: HttpRequest) -> str:
        """
        Returns the id of the session that a WebSocket handshake is for, which no longer waits then.

        Raises `Refused` unless the path names a session and the token opens it.
        """
        name = _named(handshake)
        self._check_token(now, revealed(handshake.parameter("token")), name)
        session = self._sessions.get(name)
        if session is None:
            raise refused(404, "Session not found")
        session.until = None
        return name

    def owner(self, name: str) -> Secret | None:
        """Returns the API key that a session belongs to."""
        session = self._sessions.get(name)
        return None if session is None else session.key

    def release(self, name: str) -> None:
        """Sets a streamer free; one that is free stays so."""
        self._sessions.pop(name, None)

    def wake(self, now: Instant) -> list[str]:
        """Gives up the sessions whose clients did not come, and returns their ids."""
        given_up = [name for name, session in self._sessions.items() if _over(session, now)]
        for name in given_up:
            self.release(name)
        return given_up

    @property
    def deadline(self) -> Deadline | None:
        """When the next session is given up."""
        waiting = [session.until for session in self._sessions.values() if session.until is not None]
        return Deadline(min(waiting), ServiceTimer.SESSION_UNCLAIMED) if waiting else None

    def _check_concurrency(self, key: Secret) -> None:
        limit = self._config.concurrent
        active = sum(session.key == key for session in self._sessions.values())
        if limit is None or active < limit:
            return
        reached = UsageLimit(
            UsageCode.CONCURRENT_LIMIT_REACHED.value,
            f"Maximum of {limit} concurrent sessions reached",
            "End another session and try again",
            details=(("active_count", active), ("limit", limit)),
        )
        raise Refused(usage_reply(reached))

    def _check_token(self, now: Instant, token: str | None, name: str) -> None:
        if token is None:
            raise refused(401, "Session token missing")
        try:
            verify(token, self._signing_key)
        except RemoteProtocolError:
            raise refused(401, "Invalid session token") from None
        # From here on the token is one of ours: it names a session and when it ends.
        if (expiry_of(token) or 0) <= self._unix(now):
            raise refused(401, "Session token expired")
        if session_id_of(token) != name:
            raise refused(403, "The token is for another session")

    def _unix(self, now: Instant) -> int:
        return (self._wall + now) // 1_000_000


def _named(handshake: HttpRequest) -> str:
    path = handshake.url.partition("?")[0]
    name = unquote(path.removeprefix(SOCKET_PATH))
    if not path.startswith(SOCKET_PATH) or not name or "/" in name:
        raise refused(404, "Not Found")
    return name


def _over(session: _Session, now: Instant) -> bool:
    return session.until is not None and session.until <= now
