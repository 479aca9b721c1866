"""Which failure becomes which class: tables, and what was called decides between them."""

from collections.abc import Mapping
from enum import Enum, unique

from odyssey_anyio.errors.classes import (
    AccountSuspendedError,
    ConcurrentLimitReachedError,
    MonthlyLimitReachedError,
    OdysseyAuthError,
    OdysseyConnectionError,
    OdysseyError,
    OdysseyRequestError,
    OdysseyStreamConnectionError,
    OdysseyStreamError,
    OdysseyStreamTimeoutError,
    OdysseyStreamUsageError,
    OdysseyStreamValueError,
    OdysseyTimeoutError,
    OdysseyUsageError,
    OdysseyValueError,
    RateLimitError,
    SimulationCancelledError,
    SimulationFailedError,
    SimulationTimeoutError,
    StreamAccountSuspendedError,
    StreamConcurrentLimitReachedError,
    StreamDurationExceededError,
    StreamMonthlyLimitReachedError,
    StreamRateLimitError,
    StreamTimeLimitError,
)
from odyssey_proto.kernel.failures import Failure, Why
from odyssey_proto.kernel.usage import UsageCode, UsageLimit


@unique
class Calling(Enum):
    """What kind of call failed; the same failure may mean a different class in each."""

    CONNECTION = "connection"
    STREAM = "stream"
    REST = "rest"
    JOB = "job"


def error_of(failure: Failure, calling: Calling = Calling.CONNECTION) -> OdysseyError:
    """Returns the exception of a failure; its cause is chained."""
    error = _plain(failure, calling) if failure.usage is None else _limit(failure, failure.usage, calling)
    if failure.cause is not None:
        error.__cause__ = error_of(failure.cause, calling)
    return error


type _Classes = Mapping[Why, type[OdysseyError]]

_CLASSES: _Classes = {
    Why.AUTH_REFUSED: OdysseyAuthError,
    Why.USAGE_LIMIT: OdysseyUsageError,
    Why.NO_CAPACITY: OdysseyConnectionError,
    Why.NOT_FOUND: OdysseyRequestError,
    Why.BAD_REQUEST: OdysseyRequestError,
    Why.INVALID: OdysseyRequestError,
    Why.STATE: OdysseyConnectionError,
    Why.SERVER_BROKE: OdysseyConnectionError,
    Why.MALFORMED: OdysseyConnectionError,
    Why.UNREACHABLE: OdysseyConnectionError,
    Why.TIMED_OUT: OdysseyTimeoutError,
    Why.CLOSED_BY_PEER: OdysseyConnectionError,
    Why.MEDIA_FAILED: OdysseyConnectionError,
    Why.STREAM_REFUSED: OdysseyStreamError,
    Why.STREAM_ENDED: OdysseyStreamError,
    Why.JOB_FAILED: SimulationFailedError,
    Why.JOB_CANCELLED: SimulationCancelledError,
    Why.CLOSED_LOCALLY: OdysseyConnectionError,
    Why.ABANDONED: OdysseyConnectionError,
}

_REST_CLASSES: _Classes = {**_CLASSES, Why.INVALID: OdysseyValueError}

_JOB_CLASSES: _Classes = {**_REST_CLASSES, Why.TIMED_OUT: SimulationTimeoutError}

_STREAM_CLASSES: _Classes = {
    **dict.fromkeys(Why, OdysseyStreamConnectionError),
    Why.USAGE_LIMIT: OdysseyStreamUsageError,
    Why.INVALID: OdysseyStreamValueError,
    Why.STATE: OdysseyStreamError,
    Why.TIMED_OUT: OdysseyStreamTimeoutError,
    Why.STREAM_REFUSED: OdysseyStreamError,
    Why.STREAM_ENDED: OdysseyStreamError,
}

_BY_CALLING: Mapping[Calling, _Classes] = {
    Calling.CONNECTION: _CLASSES,
    Calling.STREAM: _STREAM_CLASSES,
    Calling.REST: _REST_CLASSES,
    Calling.JOB: _JOB_CLASSES,
}

type _Limits = tuple[Mapping[str, type[OdysseyUsageError]], type[OdysseyUsageError]]

_LIMITS: Mapping[bool, _Limits] = {
    False: (
        {
            UsageCode.MONTHLY_LIMIT_REACHED: MonthlyLimitReachedError,
            UsageCode.CONCURRENT_LIMIT_REACHED: ConcurrentLimitReachedError,
            UsageCode.STREAM_DURATION_EXCEEDED: StreamDurationExceededError,
            UsageCode.ACCOUNT_SUSPENDED: AccountSuspendedError,
            UsageCode.RATE_LIMITED: RateLimitError,
        },
        OdysseyUsageError,
    ),
    True: (
        {
            UsageCode.MONTHLY_LIMIT_REACHED: StreamMonthlyLimitReachedError,
            UsageCode.CONCURRENT_LIMIT_REACHED: StreamConcurrentLimitReachedError,
            UsageCode.STREAM_DURATION_EXCEEDED: StreamTimeLimitError,
            UsageCode.ACCOUNT_SUSPENDED: StreamAccountSuspendedError,
            UsageCode.RATE_LIMITED: StreamRateLimitError,
        },
        OdysseyStreamUsageError,
    ),
}
"""Whether a stream was controlled: the class for each code, and that for any other."""


def _plain(failure: Failure, calling: Calling) -> OdysseyError:
    return _BY_CALLING[calling][failure.why](failure.text, failure)


def _limit(failure: Failure, usage: UsageLimit, calling: Calling) -> OdysseyError:
    limits, other = _LIMITS[calling is Calling.STREAM]
    return limits.get(usage.code, other)(usage.message, failure)
