"""The values of one HTTP exchange, for both ends."""

from typing import Any, NewType

from attrs import field, frozen

from odyssey_proto.kernel.json_text import compact
from odyssey_proto.kernel.secret import Secret, sized

ExchangeId = NewType("ExchangeId", int)
"""Names one request and its reply; never used twice in one run."""

type Headers = tuple[tuple[str, str | Secret], ...]
"""Header fields in order, names in lower case."""

type Query = tuple[tuple[str, str | Secret], ...]
"""Query parameters in order, not yet percent-encoded."""

REPLY_LIMIT = 16 * 1024 * 1024
"""How many bytes of a reply's body are accepted unless a request says otherwise."""


@frozen
class HttpRequest:
    """
    A request, as the core sees it.

    On the client's side `url` is absolute and carries no secret: those travel in `query`,
    `headers` and `body`.
    On the server's side `url` is the path as it was received, percent-escapes included.
    """

    method: str
    url: str
    query: Query = field(default=(), repr=False)
    headers: Headers = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=sized)
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
