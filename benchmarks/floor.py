"""
What the protocol forces of a connect: its steps, and the round trips that each takes after those it needs.

A connection over TCP and TLS 1.3 takes two (RFC 9293 section 3.5, RFC 8446 section 2), a request one,
DTLS 1.2 two (RFC 6347 section 4.2), an association of SCTP two (RFC 9260 section 5.1).
Nothing is computed anywhere, every machine answers at once, and whatever may be done ahead or beside is.
"""

from attrs import frozen


@frozen
class Step:
    """One step of a connect."""

    name: str
    needs: tuple[str, ...]
    round_trips: float


STEPS = (
    Step("connection to the API", (), 2),
    Step("POST /auth/token", ("connection to the API",), 1),
    Step("GET /regions", ("POST /auth/token",), 1),
    Step("connection to the region", ("GET /regions",), 2),
    Step("GET /ping", ("connection to the region",), 1),
    Step("POST /sessions/request", ("GET /ping",), 1),
    Step("further connection to the region", ("GET /ping",), 2),
    Step("POST /sessions/token", ("POST /sessions/request",), 1),
    Step("GET /config", ("POST /sessions/request",), 1),
    Step("WebSocket and offer", ("POST /sessions/token", "further connection to the region"), 1),
    Step("candidates", ("GET /config",), 1),
    Step("answer", ("WebSocket and offer", "candidates"), 0.5),
    Step("ICE", ("answer",), 1.5),
    Step("DTLS", ("ICE",), 2),
    Step("SCTP and data channels", ("DTLS",), 2),
)


def ends() -> dict[str, tuple[float, float]]:
    """Returns when each step begins and ends, in round trips."""
    found: dict[str, tuple[float, float]] = {}
    for step in STEPS:
        begins = max((found[name][1] for name in step.needs), default=0.0)
        found[step.name] = begins, begins + step.round_trips
    return found


ROUND_TRIPS = max(end for _, end in ends().values())
"""The whole connect."""
