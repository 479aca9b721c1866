"""
What the protocol forces of a connect: its steps, and the round trips that each takes after those it needs.

A connection over TCP and TLS 1.3 takes two (RFC 9293 section 3.5, RFC 8446 section 2), a request one,
DTLS 1.2 two (RFC 6347 section 4.2), an association of SCTP two (RFC 9260 section 5.1).
Nothing is computed anywhere, every machine answers at once, and whatever may be done ahead or beside is.

The local service between network namespaces takes fewer: it has one host, no TLS, and a streamer that
nominates a pair with its first check (RFC 5245 section 8.1.1.2); there the first picture is counted too.
"""

from collections.abc import Mapping
from math import ceil
from random import Random
from statistics import median
from types import MappingProxyType

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


BETWEEN_NAMESPACES = MappingProxyType(
    {
        "connection to the API": 1.0,
        "connection to the region": 0.0,
        "further connection to the region": 1.0,
        "ICE": 0.5,
    }
)
"""The round trips of the steps that take fewer there."""

REPEATED_AFTER = 0.2
"""The seconds after which what was lost is sent again: the least that the TCP of Linux waits."""

DRAWS = 2000


def ends(fewer: Mapping[str, float] = MappingProxyType({})) -> dict[str, tuple[float, float]]:
    """Returns when each step begins and ends, in round trips; some may take `fewer` of them."""
    found: dict[str, tuple[float, float]] = {}
    for step in STEPS:
        begins = max((found[name][1] for name in step.needs), default=0.0)
        found[step.name] = begins, begins + fewer.get(step.name, step.round_trips)
    return found


ROUND_TRIPS = max(end for _, end in ends().values())
"""The whole connect."""

TO_PICTURE = max(end for _, end in ends(BETWEEN_NAMESPACES).values()) + 1
"""From the connect to the first picture between namespaces: the stream is asked for, and its frames come."""


def seconds_to_picture(round_trip: float = 0.0, loss: float = 0.0) -> float:
    """
    Returns the median of the seconds that are forced from a connect to the first picture between namespaces.

    `round_trip` is in seconds; `loss` is the share of packets that are lost, each way.
    In each round trip what is asked may be lost, or the answer, again and again.
    """
    draws = Random("floor")

    def lost() -> int:
        """Returns how often one exchange fails before it succeeds."""
        times = 0
        while draws.random() < 1 - (1 - loss) ** 2:
            times += 1
        return times

    waits = median(sum(lost() for _ in range(ceil(TO_PICTURE))) for _ in range(DRAWS))
    return TO_PICTURE * round_trip + waits * REPEATED_AFTER
