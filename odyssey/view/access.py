"""
Who may use the page: whoever has opened the address that the command printed, and nobody else.

The address carries a token that is good once: it is exchanged for a cookie that no program of a page can
read.
A page of another site that asks this server by its owner's browser is refused by two names that browsers
send along and pages cannot forge: `Host` says for whom the request was meant (a name that somebody pointed
at this machine is not one of its own), `Origin` whose page asks.
"""

import secrets
from collections.abc import Awaitable, Callable
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from odyssey_proto.kernel.secret import Secret

HOSTS = frozenset({"127.0.0.1", "[::1]", "localhost"})
"""The names of this machine; any port, so that one that is forwarded works."""

TOKEN_BYTES = 32

REFUSED_SOCKET_CODE = 1008
"""The close code of a WebSocket that breaks a rule (RFC 6455 section 7.4.1)."""

USED = (
    "This address was used before, or it is not the one that odyssey view printed.\n"
    "An address is good for one browser: start odyssey view again for a new one.\n"
)

HEADERS = {
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class Access:
    """An ASGI application that lets only its owner's browser through to another."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application
        self._token: Secret | None = Secret(secrets.token_urlsafe(TOKEN_BYTES))
        self._session = Secret(secrets.token_urlsafe(TOKEN_BYTES))
        # Browsers keep cookies by host, whatever the port: two of these commands side by side have two.
        self._cookie = f"odyssey_view_{secrets.token_hex(4)}"

    def __repr__(self) -> str:
        return f"<Access {'not used yet' if self._token is not None else 'used'}>"

    @property
    def query(self) -> str:
        """What the address to open ends in; a secret until it was used."""
        return "" if self._token is None else f"?token={self._token.reveal()}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers what is not allowed, and passes on what is."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        refusal = self._refusal(scope, headers, host)
        if refusal is None:
            await self._application(scope, receive, _with_headers(send, host))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": REFUSED_SOCKET_CODE})
        else:
            await refusal(scope, receive, _with_headers(send, host))

    def _refusal(self, scope: Scope, headers: Headers, host: str) -> Response | None:
        """Returns what is answered in place of the application; `None` if it may answer."""
        if host.rpartition(":")[0] not in HOSTS and host not in HOSTS:
            return PlainTextResponse("This server answers to the names of this machine only.\n", 421)
        origin = headers.get("origin")
        safe = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        if origin != f"http://{host}" and not (origin is None and safe):
            return PlainTextResponse("Another page may not do this.\n", 403)
        if self._known(headers):
            return None
        if safe and scope["path"] == "/" and self._takes(Request(scope).query_params.get("token", "")):
            return self._welcome()
        return PlainTextResponse(USED, 403)

    def _known(self, headers: Headers) -> bool:
        try:
            shown = SimpleCookie(headers.get("cookie", "")).get(self._cookie)
        except CookieError:
            return False
        return shown is not None and _same(shown.value, self._session)

    def _takes(self, given: str) -> bool:
        """Says whether this is the token, which is good no more then."""
        good = self._token is not None and _same(given, self._token)
        if good:
            self._token = None
        return good

    def _welcome(self) -> Response:
        """Leads to the page without the token, so that it is in no history."""
        response = RedirectResponse("/", 303)
        # Not `strict`: whoever follows a link of another page to here would arrive without it.
        response.set_cookie(self._cookie, self._session.reveal(), httponly=True, samesite="lax")
        return response


def _same(given: str, secret: Secret) -> bool:
    return secrets.compare_digest(given.encode(), secret.reveal().encode())


def _with_headers(send: Send, host: str) -> Callable[[Message], Awaitable[None]]:
    """Adds the rules for the browser: what is not of this server is neither loaded nor run."""
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        f"connect-src 'self' ws://{host}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update({**HEADERS, "content-security-policy": policy})
        await send(message)

    return sending
