"""Which failure becomes which class: tables, and what was called decides between them."""

from collections.abc import Callable, Mapping
from enum import Enum, unique

from odyssey_anyio.errors.classes import (
    AccountSuspendedError,
    ConcurrentLimitReachedError,
    MonthlyLimitReachedError,
    OdysseyAuthError,
    OdysseyConnectionError,
    OdysseyError,
    OdysseyFileError,
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
from odyssey_proto.kernel.failures import (
    MAX_DETAIL_CHARS,
    Failure,
    FailureKind,
    Phase,
    UsageCode,
    UsageLimit,
)
from odyssey_proto.kernel.text import whole_words


@unique
class Calling(Enum):
    """What kind of call failed; the same failure may mean a different class in each."""

    CONNECTION = "connection"
    STREAM = "stream"
    REST = "rest"
    JOB = "job"


def error_of(failure: Failure, calling: Calling = Calling.CONNECTION) -> OdysseyError:
    """Returns the exception of a failure; its cause is chained, and what may help is its note."""
    error = _plain(failure, calling) if failure.usage is None else _limit(failure, failure.usage, calling)
    if error.hint:
        error.add_note(f"Hint: {error.hint}")
    if failure.cause is not None:
        error.__cause__ = error_of(failure.cause, calling)
    return error


def refused(text: str, calling: Calling, code: str = "", phase: Phase | None = None) -> OdysseyError:
    """Returns the error of a value that breaks a rule; its phase is that of the calling unless given."""
    usual = Phase.START if calling is Calling.STREAM else Phase.CALL
    return error_of(Failure(FailureKind.INVALID, text, code=code, phase=phase or usual), calling)


def positive(value: object, name: str) -> int:
    """Takes a whole number of 1 or more; refuses anything else."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise refused(f"{name} must be a whole number of 1 or more, not {value!r:.100}", Calling.REST)
    return value


def checked[T](
    make: Callable[[], T], calling: Calling = Calling.REST, phase: Phase | None = None, prefix: str = ""
) -> T:
    """Makes a value that checks itself; what it refuses is our error, whose text `prefix` begins."""
    try:
        return make()
    except (ValueError, TypeError) as error:
        raise refused(f"{prefix}{error}", calling, phase=phase) from None


def unwritable(error: Exception, code: str, phase: Phase | None = None) -> OdysseyFileError:
    """Returns the error of a file that cannot be written, as whoever tried says."""
    text = f"the file cannot be written: {error}"
    ours = OdysseyFileError(text, Failure(FailureKind.INVALID, text, code=code, phase=phase))
    if isinstance(error, OSError):
        ours.errno, ours.strerror, ours.filename = error.errno, error.strerror, error.filename
    return ours


type _Classes = Mapping[FailureKind, type[OdysseyError]]

_CLASSES: _Classes = {
    FailureKind.AUTH_REFUSED: OdysseyAuthError,
    FailureKind.USAGE_LIMIT: OdysseyUsageError,
    FailureKind.NO_CAPACITY: OdysseyConnectionError,
    FailureKind.NOT_FOUND: OdysseyRequestError,
    FailureKind.BAD_REQUEST: OdysseyRequestError,
    FailureKind.INVALID: OdysseyRequestError,
    FailureKind.STATE: OdysseyConnectionError,
    FailureKind.SERVER_BROKE: OdysseyConnectionError,
    FailureKind.MALFORMED: OdysseyConnectionError,
    FailureKind.UNREACHABLE: OdysseyConnectionError,
    FailureKind.NETWORK_SETUP: OdysseyConnectionError,
    FailureKind.TIMED_OUT: OdysseyTimeoutError,
    FailureKind.CLOSED_BY_PEER: OdysseyConnectionError,
    FailureKind.MEDIA_FAILED: OdysseyConnectionError,
    FailureKind.STREAM_REFUSED: OdysseyStreamError,
    FailureKind.STREAM_ENDED: OdysseyStreamError,
    FailureKind.JOB_FAILED: SimulationFailedError,
    FailureKind.JOB_CANCELLED: SimulationCancelledError,
    FailureKind.CLOSED_LOCALLY: OdysseyConnectionError,
    FailureKind.ABANDONED: OdysseyConnectionError,
}

_REST_CLASSES: _Classes = {**_CLASSES, FailureKind.INVALID: OdysseyValueError}

_JOB_CLASSES: _Classes = {**_REST_CLASSES, FailureKind.TIMED_OUT: SimulationTimeoutError}

_STREAM_CLASSES: _Classes = {
    **dict.fromkeys(FailureKind, OdysseyStreamConnectionError),
    FailureKind.USAGE_LIMIT: OdysseyStreamUsageError,
    FailureKind.INVALID: OdysseyStreamValueError,
    FailureKind.STATE: OdysseyStreamError,
    FailureKind.TIMED_OUT: OdysseyStreamTimeoutError,
    FailureKind.STREAM_REFUSED: OdysseyStreamError,
    FailureKind.STREAM_ENDED: OdysseyStreamError,
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
    return _BY_CALLING[calling][failure.kind](failure.message, failure)


def _limit(failure: Failure, usage: UsageLimit, calling: Calling) -> OdysseyError:
    limits, other = _LIMITS[calling is Calling.STREAM]
    return limits.get(usage.code, other)(whole_words(usage.message, MAX_DETAIL_CHARS), failure)
