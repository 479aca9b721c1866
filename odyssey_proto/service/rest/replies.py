"""
What replies have in common: how a request is refused, and what browsers ask of a server.

The wire: docs/protocol.md#rest, #a-compatible-server.
"""

from typing import Any

from odyssey_proto.messages.refusals import detail_reply
from odyssey_proto.seam.http import HttpReply, json_reply

_EVERY = (
    ("access-control-allow-origin", "*"),
    ("access-control-expose-headers", "Location, Retry-After"),
)

_PREFLIGHT = (
    ("access-control-allow-methods", "GET, POST, PATCH, DELETE, OPTIONS"),
    ("access-control-allow-headers", "Authorization, Content-Type, If-Match"),
    ("access-control-max-age", "600"),
)


class Refused(Exception):  # noqa: N818  # it is a reply on its way, not an error of the service
    """A request is refused with `reply`; it stays inside the service."""

    def __init__(self, reply: HttpReply) -> None:
        super().__init__(f"refused with status {reply.status}")
        self.reply = reply


def refused(status: int, detail: Any) -> Refused:
    """Returns the refusal that says `detail` (docs/protocol.md#rest)."""
    return Refused(detail_reply(status, detail))


def schema_refused(message: str) -> Refused:
    """Returns the refusal of a request whose form is wrong, as FastAPI words it, without its input."""
    complaint = {"type": "value_error", "loc": ["body"], "msg": message}
    return Refused(json_reply({"detail": [complaint]}, 422))


def shared(reply: HttpReply) -> HttpReply:
    """Returns a reply that pages of every origin may read."""
    return HttpReply(reply.status, (*reply.headers, *_EVERY), reply.body)


def preflight() -> HttpReply:
    """Returns the answer to `OPTIONS`: everything that the service understands may be asked."""
    return HttpReply(204, _PREFLIGHT)
