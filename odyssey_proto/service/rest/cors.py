"""
What browsers ask of a server that pages of other origins may use.

The wire: docs/protocol.md#a-compatible-server.
"""

from attrs import evolve

from odyssey_proto.seam.http import HttpReply

_EVERY = (
    ("access-control-allow-origin", "*"),
    ("access-control-expose-headers", "Location, Retry-After"),
)

_PREFLIGHT = (
    ("access-control-allow-methods", "GET, POST, PATCH, DELETE, OPTIONS"),
    ("access-control-allow-headers", "Authorization, Content-Type, If-Match"),
    ("access-control-max-age", "600"),
)


def shared(reply: HttpReply) -> HttpReply:
    """Returns a reply that pages of every origin may read."""
    return evolve(reply, headers=(*reply.headers, *_EVERY))


def preflight() -> HttpReply:
    """Returns the answer to `OPTIONS`: everything that the service understands may be asked."""
    return HttpReply(204, _PREFLIGHT)
