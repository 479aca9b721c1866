"""
Every documented limit of an account as a fault, on demand.

The wire: docs/protocol.md#usage-limits, #stream-errors.
"""

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from odyssey_proto.kernel.failures import UsageCode, UsageLimit
from odyssey_proto.messages.refusals import limit_body, usage_reply
from odyssey_proto.messages.stream import LIMITS
from odyssey_proto.seam.http import json_reply
from odyssey_proto.service.io.faults import FailStream, Moment, Refuse

PORTAL = "https://developer.odyssey.ml/dashboard"

DETAILS: Mapping[UsageCode, Mapping[str, Any]] = {
    UsageCode.MONTHLY_LIMIT_REACHED: {"used_hours": 10.5, "limit_hours": 10, "reset_date": "2026-08-01"},
    UsageCode.CONCURRENT_LIMIT_REACHED: {"active_count": 5, "limit": 5},
    UsageCode.STREAM_DURATION_EXCEEDED: {"max_duration_seconds": 150},
    UsageCode.ACCOUNT_SUSPENDED: {"reason": "payment overdue"},
    UsageCode.RATE_LIMITED: {"retry_after_seconds": 2},
}
"""What each limit tells of itself."""


def limit_of(code: UsageCode) -> UsageLimit:
    """Returns a limit as the service would report it."""
    words = code.value.replace("_", " ").lower()
    return UsageLimit(code.value, f"{words}!", "See your plan", PORTAL, tuple(DETAILS[code].items()))


def refuse(
    path: str,
    code: UsageCode,
    *,
    status: int = 429,
    bare: bool = False,
    retry_after: str | None = None,
    times: int = 1,
) -> Refuse:
    """
    Returns the fault that requests to a path meet a limit.

    `bare` leaves the object out of its `detail`; `retry_after` is the header of that name.
    """
    limit = limit_of(code)
    reply = json_reply(limit_body(limit), status) if bare else usage_reply(limit, status)
    if retry_after is not None:
        reply = evolve(reply, headers=(*reply.headers, ("retry-after", retry_after)))
    return Refuse(path, reply, times)


def fail_stream(reason: str, at: Moment = Moment.START) -> FailStream:
    """Returns the fault that a stream meets the limit of a reason."""
    return FailStream(at, reason, f"{LIMITS[reason].value.replace('_', ' ').lower()}!")
