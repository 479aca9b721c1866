"""A REST call as four pure functions, two for each end."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import unquote

from attrs import Factory, field, frozen

from odyssey_proto.kernel.failures import Failure, RemoteProtocolError, invalid
from odyssey_proto.kernel.secret import Secret, revealed
from odyssey_proto.messages.fields import Fields, parse_object
from odyssey_proto.messages.refusals import malformed, refusal
from odyssey_proto.model.address import segment
from odyssey_proto.seam.http import Body, Headers, HttpReply, HttpRequest, JsonBody, Query, json_reply

JSON = "application/json"

ACCEPTS = 256 * 1024
"""The largest JSON reply that is accepted, in bytes."""


class ClientEndpoint[P, R](Protocol):
    """The client's half of a call: from parameters `P` to a result `R`."""

    @property
    def name(self) -> str:
        """The key in `odyssey_proto.messages.ENDPOINTS`."""
        ...

    @property
    def purpose(self) -> str:
        """What errors say could not be done."""
        ...

    @property
    def authed(self) -> bool:
        """Whether the call carries the access token."""
        ...

    @property
    def safe(self) -> bool:
        """Whether the call may be repeated after a network failure."""
        ...

    def encode_request(self, base: str, params: P, token: Secret | None = None) -> HttpRequest:
        """
        Returns the request.

        Raises `LocalProtocolError` for parameters that cannot be asked with, which depends on
        nothing but the parameters.
        """
        ...

    def decode_reply(self, reply: HttpReply) -> R | Failure:
        """Returns the result of a reply, whatever it is; never raises."""
        ...

    def named(self, result: R) -> str | None:
        """Returns the id that a result is about, which must be the one asked for; `None` for no one id."""
        ...


class Endpoint[P, R](ClientEndpoint[P, R], Protocol):
    """
    One call, both halves.

    `decode_request(encode_request(base, params))` is `params`, and
    `decode_reply(encode_reply(result))` is `result`.
    """

    def decode_request(self, request: HttpRequest) -> P:
        """Returns the parameters of a request; raises `RemoteProtocolError` if they break a rule."""
        ...

    def encode_reply(self, result: R) -> HttpReply:
        """Returns the reply."""
        ...

    def matches(self, request: HttpRequest) -> bool:
        """Tells whether a request is for this endpoint, by method and path."""
        ...


@frozen
class Parts:
    """Where the parameters of a call are sent: in the path, in the query, in the body (secrets closed)."""

    id: str = ""
    query: Mapping[str, str] = field(factory=dict)
    body: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def fields(self) -> Fields:
        """The body, to be read; one that is absent reads as empty."""
        return Fields(self.body or {})


def no_parts(_: None) -> Parts:
    """Returns the parts of a call without parameters."""
    return Parts()


def no_params(_: Parts) -> None:
    """Takes nothing from the parts of a call without parameters."""


def _unslashed(base: str) -> str:
    return base.rstrip("/")


def _pattern_of(endpoint: "JsonEndpoint[Any, Any]") -> re.Pattern[str]:
    before, identified, after = endpoint.path.partition("{}")
    return re.compile(re.escape(before) + ("([^/]+)" if identified else "()") + re.escape(after))


@frozen
class JsonEndpoint[P, R]:
    """A call that speaks JSON; `{}` in the path stands for an id."""

    name: str
    method: str
    path: str
    purpose: str
    """What errors say could not be done, such as `get the recording`."""
    write: Callable[[P], Parts] = field(repr=False)
    read: Callable[[Parts], P] = field(repr=False)
    give: Callable[[R], Any] = field(repr=False)
    take: Callable[[Fields], R] = field(repr=False)
    refuse: Callable[[HttpReply, str], Failure] = field(default=refusal, repr=False)
    locate: Callable[[str], str] = field(default=_unslashed, repr=False)
    names: Callable[[R], str] | None = field(default=None, repr=False)
    authed: bool = True
    safe: bool = False
    status: int = 200
    _pattern: re.Pattern[str] = field(
        default=Factory(_pattern_of, takes_self=True), init=False, repr=False, eq=False
    )

    def encode_request(self, base: str, params: P, token: Secret | None = None) -> HttpRequest:
        """Returns the request."""
        parts = self.write(params)
        return HttpRequest(
            self.method,
            self._url(base, parts.id),
            query=tuple(parts.query.items()),
            headers=_headers(parts.body is not None, token if self.authed else None),
            body=_body(parts),
            accepts=ACCEPTS,
        )

    def decode_request(self, request: HttpRequest) -> P:
        """Returns the parameters of a request."""
        found = self._pattern.fullmatch(path_of(request))
        if found is None:
            raise RemoteProtocolError(f"not {self.name}", status=404)
        parts = Parts(_identifier(found), _plain(request.query), _received(request))
        try:
            return self.read(parts)
        except ValueError as error:
            raise RemoteProtocolError(str(error), status=422) from None

    def encode_reply(self, result: R) -> HttpReply:
        """Returns the reply."""
        return json_reply(self.give(result), self.status)

    def decode_reply(self, reply: HttpReply) -> R | Failure:
        """Returns the result of a reply."""
        if not reply.ok:
            return self.refuse(reply, self.purpose)
        try:
            return self.take(parse_object(reply.body))
        except RemoteProtocolError as error:
            return malformed(reply, self.purpose, error)

    def named(self, result: R) -> str | None:
        """Returns the id that a result is about."""
        return None if self.names is None else self.names(result)

    def matches(self, request: HttpRequest) -> bool:
        """Tells whether a request is for this endpoint."""
        return request.method == self.method and self.serves(path_of(request))

    def serves(self, path: str) -> bool:
        """Tells whether a path is that of this endpoint, whatever the method."""
        return self._pattern.fullmatch(path) is not None

    def _url(self, base: str, identifier: str) -> str:
        try:
            path = self.path.replace("{}", segment(identifier)) if "{}" in self.path else self.path
            return self.locate(base) + path
        except ValueError as error:
            raise invalid(str(error)) from None


def path_of(request: HttpRequest) -> str:
    """Returns the path of a request, also of one whose target is absolute (RFC 9112 section 3.2.2)."""
    _, absolute, rest = request.url.partition("://")
    path = "/" + rest.partition("/")[2] if absolute else request.url
    return path.partition("?")[0]


def bearer(request: HttpRequest) -> Secret | None:
    """Returns the access token that a request carries."""
    scheme, _, token = (revealed(request.header("authorization")) or "").partition(" ")
    return Secret(token.strip()) if scheme.lower() == "bearer" and token.strip() else None


def _headers(has_body: bool, token: Secret | None) -> Headers:
    headers: list[tuple[str, str | Secret]] = [("accept", JSON)]
    if has_body:
        headers.append(("content-type", JSON))
    if token is not None:
        headers.append(("authorization", Secret(f"Bearer {token.reveal()}")))
    return tuple(headers)


def _body(parts: Parts) -> Body:
    if parts.body is None:
        return b""
    body = JsonBody(parts.body)
    # What cannot be written is refused here, where the caller hears of it, and not on the wire.
    body.content()
    return body


def _received(request: HttpRequest) -> Any:
    data = request.content()
    try:
        return parse_object(data).values if data else None
    except RemoteProtocolError as error:
        raise RemoteProtocolError(str(error), status=422) from None


def _identifier(found: re.Match[str]) -> str:
    try:
        return unquote(found[1], errors="strict")
    except UnicodeDecodeError:
        raise RemoteProtocolError("the id is not UTF-8", status=404) from None


def _plain(query: Query) -> dict[str, str]:
    # The first of a name counts, as in `HttpRequest.parameter`.
    return {name: revealed(value) for name, value in reversed(query)}
