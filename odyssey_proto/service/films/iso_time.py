"""Moments of the machine's clock as dates."""

from datetime import UTC, datetime, timedelta

from odyssey_proto.kernel.machine import Instant

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso(wall: int, now: Instant) -> str:
    """Returns a moment in ISO 8601; `wall` is instant zero in microseconds since 1970 (UTC)."""
    moment = _EPOCH + timedelta(microseconds=wall + now)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
