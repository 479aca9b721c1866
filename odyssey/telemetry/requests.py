"""HTTP requests as spans and a metric, by the semantic conventions for HTTP clients."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from attrs import frozen
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer

from odyssey.telemetry.instruments import Instruments
from odyssey_proto.kernel.machine import Instant
from odyssey_proto.messages import ENDPOINTS
from odyssey_proto.messages.endpoint import JsonEndpoint
from odyssey_proto.seam.http import ExchangeId, HttpRequest
from odyssey_proto.seam.inputs import ExchangeFailed, Replied
from odyssey_proto.seam.outputs import CancelRequest, Request

type Value = str | int


@frozen
class _Sent:
    at: Instant
    attributes: dict[str, Value]
    span: Span


class Requests:
    """
    The requests of one client that are under way.

    An address is kept as host, port and the template of its path: ids and queries are left out.
    `nanoseconds` turns the time of a step into the time of day.
    """

    def __init__(
        self, tracer: Tracer, instruments: Instruments, nanoseconds: Callable[[Instant], int]
    ) -> None:
        self._tracer = tracer
        self._instruments = instruments
        self._nanoseconds = nanoseconds
        self._sent: dict[ExchangeId, _Sent] = {}

    def sent(self, request: Request, at: Instant, parent: Context) -> None:
        """A request goes out."""
        method, url = request.request.method, urlsplit(request.request.url)
        attributes: dict[str, Value] = {"http.request.method": method, "server.address": url.hostname or ""}
        attributes["server.port"] = url.port or (443 if url.scheme == "https" else 80)
        endpoint = endpoint_of(request.request)
        name = method
        if endpoint is not None:
            attributes["url.template"] = template(endpoint)
            name = f"{method} {template(endpoint)}"
        span = self._tracer.start_span(
            name, parent, SpanKind.CLIENT, attributes, start_time=self._nanoseconds(at)
        )
        self._sent[request.exchange] = _Sent(at, attributes, span)

    def ended(self, how: Replied | ExchangeFailed | CancelRequest, at: Instant) -> None:
        """A request has its reply, or will have none."""
        sent = self._sent.pop(how.exchange, None)
        if sent is None:
            return
        more: dict[str, Value] = {}
        match how:
            case Replied(_, reply):
                more["http.response.status_code"] = reply.status
                if reply.status >= 400:
                    more["error.type"] = str(reply.status)
            case ExchangeFailed(_, error):
                more["error.type"] = error.kind.value
            case CancelRequest():
                more["error.type"] = "cancelled"
        sent.span.set_attributes(more)
        if "error.type" in more:
            sent.span.set_status(StatusCode.ERROR)
        sent.span.end(self._nanoseconds(at))
        self._instruments.request.record((at - sent.at) / 1_000_000, sent.attributes | more)


def endpoint_of(request: HttpRequest) -> JsonEndpoint[object, object] | None:
    """Returns which call a request is of, if it is one, whatever its address begins with."""
    path = urlsplit(request.url).path
    for endpoint, pattern in _PATTERNS:
        if endpoint.method == request.method and pattern.search(path):
            return endpoint
    return None


def template(endpoint: JsonEndpoint[object, object]) -> str:
    """Returns the path of a call, with `{id}` in place of an id."""
    return endpoint.path.replace("{}", "{id}")


_PATTERNS = tuple(
    (each, re.compile("[^/]+".join(map(re.escape, each.path.split("{}"))) + "$"))
    for each in ENDPOINTS.values()
    if isinstance(each, JsonEndpoint)
)
