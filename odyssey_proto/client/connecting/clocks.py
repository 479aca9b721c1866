"""
Whether credentials have ended: by the service's clock where it is known, because this machine's may be wrong.

The service says its time in the `Date` of a reply (RFC 9110 section 6.6.1).
"""

from datetime import UTC, datetime

from attrs import evolve

from odyssey_proto.kernel.failures import Failure, FailureKind, Phase
from odyssey_proto.messages.dates import unix_seconds

MAX_CLOCK_ERROR_SECONDS = 24 * 3600
"""By how much this machine's clock may be wrong: what ended longer ago has ended by any clock."""

MIN_CLOCK_ERROR_SECONDS = 60
"""What is not worth a word: replies take their time, and `Date` has whole seconds."""

OUR_CLOCK = "the clock of this machine"
SERVICE_CLOCK = "the clock of the service"


def expired(ends: int, now: int, clock: str) -> Failure:
    """Returns the failure of credentials that ended, by one of the clocks; both times are Unix times."""
    text = f"the credentials ended at {_moment(ends)}, and {clock} says {_moment(now)}"
    return Failure(FailureKind.AUTH_REFUSED, text, code="credentials.expired", phase=Phase.PREPARE)


def judged(refusal: Failure, ends: int, date: str | None, wall: int) -> Failure:
    """
    Returns what it means that credentials were refused which end at `ends`.

    `date` is the `Date` of the refusal, `wall` the time of this machine's clock.
    """
    there = unix_seconds(date or "")
    if there is None:
        return evolve(expired(ends, wall, OUR_CLOCK), status=refusal.status) if ends <= wall else refusal
    if ends <= there:
        return evolve(expired(ends, there, SERVICE_CLOCK), status=refusal.status)
    error = wall - there
    if abs(error) < MIN_CLOCK_ERROR_SECONDS:
        return refusal
    way = "ahead of" if error > 0 else "behind"
    return evolve(refusal, text=f"{refusal.text}; {OUR_CLOCK} is {abs(error)} s {way} {SERVICE_CLOCK}")


def _moment(unix: int) -> str:
    return f"{datetime.fromtimestamp(min(max(unix, 0), 2**32), UTC):%Y-%m-%d %H:%M:%S} UTC"
