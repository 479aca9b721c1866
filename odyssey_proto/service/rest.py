"""The REST side: which request is for whom, and what every reply carries for browsers."""

from collections.abc import Callable
from typing import Any

from attrs import evolve

from odyssey_proto.entropy import Entropy
from odyssey_proto.errors import RemoteProtocolError
from odyssey_proto.exchange import HttpReply, HttpRequest
from odyssey_proto.machine import Instant
from odyssey_proto.messages import ENDPOINTS
from odyssey_proto.messages.auth import AUTH_TOKEN
from odyssey_proto.messages.endpoint import Endpoint, path_of
from odyssey_proto.messages.ice import ICE_CONFIG
from odyssey_proto.messages.refusals import detail_reply
from odyssey_proto.messages.regions import REGIONS
from odyssey_proto.messages.sessions import SESSION_REQUEST, SESSION_TOKEN
from odyssey_proto.messages.telemetry import TELEMETRY
from odyssey_proto.service.account import Account
from odyssey_proto.service.config import ServiceConfig
from odyssey_proto.service.sessions import Sessions

# What a browser's own fetch asks for (protocol.md section 17.1; Fetch standard, CORS protocol).
CORS = (
    ("access-control-allow-origin", "*"),
    ("access-control-allow-headers", "Authorization, Content-Type"),
    ("access-control-allow-methods", "GET, POST, DELETE, OPTIONS"),
    ("access-control-expose-headers", "Location, Retry-After"),
)

METHODS = ("GET", "POST", "DELETE")

type Handler = Callable[[Instant, str, HttpRequest, Any], HttpReply]
"""Takes the time, whose key it is (empty where none is asked for), the request and its parameters."""


class Rest:
    """Answers requests."""

    def __init__(self, config: ServiceConfig, entropy: Entropy, sessions: Sessions) -> None:
        self._config = config
        self._account = Account(config, entropy)
        self._sessions = sessions
        self._handlers: tuple[tuple[Endpoint[Any, Any], Handler], ...] = (
            (AUTH_TOKEN, self._enter),
            (REGIONS, self._regions),
            (SESSION_REQUEST, self._request),
            (SESSION_TOKEN, self._token),
            (ICE_CONFIG, self._ice),
            (TELEMETRY, self._telemetry),
        )

    def answer(self, now: Instant, request: HttpRequest) -> HttpReply:
        """Gives the reply to any request."""
        reply = self._preflight() if request.method == "OPTIONS" else self._route(now, request)
        return evolve(reply, headers=(*reply.headers, *CORS))

    def _preflight(self) -> HttpReply:
        return HttpReply(204, (("access-control-max-age", "600"),))

    def _route(self, now: Instant, request: HttpRequest) -> HttpReply:
        for endpoint, handler in self._handlers:
            if endpoint.matches(request):
                return self._handle(now, request, endpoint, handler)
        if any(endpoint.matches(request) for endpoint in ENDPOINTS.values()):
            return detail_reply(501, "the local service does not have this yet")
        others = (evolve(request, method=method) for method in METHODS)
        if any(endpoint.matches(other) for other in others for endpoint in ENDPOINTS.values()):
            return detail_reply(405, "Method Not Allowed")
        return detail_reply(404, "Not Found")

    def _handle(
        self, now: Instant, request: HttpRequest, endpoint: Endpoint[Any, Any], handler: Handler
    ) -> HttpReply:
        holder = self._account.holder(now, request) if endpoint.authed else ""
        if holder is None:
            return detail_reply(401, "the access token is missing, unknown or expired")
        try:
            params = endpoint.asked(request)
        except RemoteProtocolError as error:
            return detail_reply(error.status, [{"loc": ["body"], "msg": str(error), "type": "value_error"}])
        return handler(now, holder, request, params)

    def _enter(self, now: Instant, holder: str, request: HttpRequest, params: Any) -> HttpReply:
        return self._account.enter(now, params)

    def _regions(self, now: Instant, holder: str, request: HttpRequest, params: Any) -> HttpReply:
        return REGIONS.answer(self._config.regions)

    def _request(self, now: Instant, holder: str, request: HttpRequest, params: Any) -> HttpReply:
        return self._sessions.request(now, holder, request)

    def _token(self, now: Instant, holder: str, request: HttpRequest, params: Any) -> HttpReply:
        return self._sessions.token(now, holder, params)

    def _ice(self, now: Instant, holder: str, request: HttpRequest, params: Any) -> HttpReply:
        return ICE_CONFIG.answer(self._config.ice_servers)

    def _telemetry(self, now: Instant, holder: str, request: HttpRequest, params: Any) -> HttpReply:
        return HttpReply(204)


PING = "/ping"


def is_ping(request: HttpRequest) -> bool:
    """Tells whether a request only measures the way."""
    return request.method == "GET" and path_of(request) == PING
