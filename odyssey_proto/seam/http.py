"""
The values of one HTTP exchange, for both ends.

The body of a request stays a value until it is written to the wire, so that a secret in it is a
`Secret` wherever the request passes: in a trace, in a `repr`, under a debugger.
Where a reply sends its request has one rule, `redirected`, for calls, downloads and WHEP.
"""

from collections.abc import Mapping
from typing import Any, NewType, assert_never

from attrs import evolve, field, frozen

from odyssey_proto.kernel.failures import LocalProtocolError, RemoteProtocolError
from odyssey_proto.kernel.json_text import compact
from odyssey_proto.kernel.secret import Secret, sized
from odyssey_proto.kernel.url import is_local, join, parse_http

ExchangeId = NewType("ExchangeId", int)
"""Names one request and its reply; never used twice in one run."""

type Headers = tuple[tuple[str, str | Secret], ...]
"""Header fields in order, names in lower case."""

type Query = tuple[tuple[str, str | Secret], ...]
"""Query parameters in order, not yet percent-encoded."""


@frozen
class JsonBody:
    """A JSON value that is not written yet; any text in it may be a `Secret`."""

    value: Any = field(repr=False)

    def content(self) -> bytes:
        """
        Returns the JSON text, compact, with its secrets opened.

        Raises `LocalProtocolError` if the value has no JSON text in UTF-8.
        """
        return json_body(_opened(self.value))


type Body = bytes | str | JsonBody
"""What a request carries: bytes as they were received, a text, or a JSON value."""

REPLY_LIMIT = 16 * 1024 * 1024
"""How many bytes of a reply's body are accepted unless a request says otherwise."""

MAX_REDIRECTS = 3
"""How many redirects in a row are followed."""

_KEEP_METHOD = frozenset({307, 308})
"""The redirects that any request may follow, because method and body stay as they are."""

_REDIRECTS = frozenset({301, 302, 303}) | _KEEP_METHOD


@frozen
class HttpRequest:
    """
    A request, as the core sees it.

    On the client's side `url` is absolute and carries no secret: those are in `query`,
    `headers` and `body`; `content` writes the body.
    On the server's side `url` is the path as it was received, percent-escapes included, and the
    body is bytes.
    """

    method: str
    url: str
    query: Query = field(default=(), repr=False)
    headers: Headers = field(default=(), repr=False)
    body: Body = field(default=b"", repr=sized)
    accepts: int = REPLY_LIMIT
    """The largest body of a reply, in bytes."""

    @property
    def safe(self) -> bool:
        """Whether it only reads, so that sending it twice does no harm (RFC 9110 section 9.2)."""
        return self.method in ("GET", "HEAD")

    def header(self, name: str) -> str | Secret | None:
        """Returns the first header field of that name (lower case)."""
        return next((value for key, value in self.headers if key == name), None)

    def parameter(self, name: str) -> str | Secret | None:
        """Returns the first query parameter of that name."""
        return next((value for key, value in self.query if key == name), None)

    def content(self) -> bytes:
        """Returns the body as it is written to the wire; only a transport or a server has a reason to."""
        match self.body:
            case bytes(data):
                return data
            case str(text):
                return text.encode()
            case JsonBody() as body:
                return body.content()
            case _:
                assert_never(self.body)


@frozen
class HttpReply:
    """A reply: status, header fields and the whole body."""

    status: int
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=sized)

    @property
    def ok(self) -> bool:
        """Whether the status is one of success (200 to 299)."""
        return 200 <= self.status <= 299

    def header(self, name: str) -> str | None:
        """Returns the first header field of that name (lower case)."""
        return next((value for key, value in self.headers if key == name), None)


def json_body(value: Any) -> bytes:
    """Returns the bytes of a JSON value, compact and in the order in which it was built."""
    return compact(value).encode()


def json_reply(value: Any, status: int = 200) -> HttpReply:
    """Returns a reply that carries a JSON value."""
    return HttpReply(status, (("content-type", "application/json"),), json_body(value))


def redirected(request: HttpRequest, reply: HttpReply) -> HttpRequest | None:
    """
    Returns the request for where a reply sends it, or `None` if the reply is no redirect that it may follow.

    A request that is not safe follows 307 and 308 only, never to another origin, and whether it is wise to
    send it twice is for the caller to decide.
    Nobody may send a request to this machine or its own link (`is_local`) but who is there.
    The new address says everything: the query, which may hold a secret, stays behind, and so does the
    access token if the address has another origin.
    Raises `RemoteProtocolError` if the reply names no usable HTTP address, or one that is not allowed.
    """
    location = reply.header("location")
    if location is None or reply.status not in (_REDIRECTS if request.safe else _KEEP_METHOD):
        return None
    try:
        url = join(request.url, location)
        there, here = parse_http(url), parse_http(request.url)
    except LocalProtocolError:
        raise RemoteProtocolError("a redirect to no usable address") from None
    elsewhere = there.origin != here.origin
    if elsewhere and not request.safe:
        raise RemoteProtocolError("a redirect of what is more than a question to another origin")
    if is_local(there.host) and not is_local(here.host):
        raise RemoteProtocolError("a redirect to this machine or its own link")
    headers = tuple(pair for pair in request.headers if not (elsewhere and pair[0] == "authorization"))
    return evolve(request, url=url, query=(), headers=headers)


def _opened(value: Any) -> Any:
    match value:
        case str():
            return value
        case Secret():
            return value.reveal()
        case Mapping():
            return {name: _opened(item) for name, item in value.items()}
        case list() | tuple():
            return [_opened(item) for item in value]
        case _:
            return value
