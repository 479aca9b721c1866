"""
The exceptions of the public API: one tree; `error_choice` says which failure becomes which class.

Every class also inherits the builtin that the official client raises in the same place, so that
programs written for that one keep working.
Whatever stops a call that controls a stream is an `OdysseyStreamError`, besides what it is by itself.
"""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from attrs import evolve

from odyssey_anyio.errors.hints import hint
from odyssey_anyio.errors.trace import ErrorTrace
from odyssey_proto.kernel.failures import UNKNOWN_LIMIT, Failure, FailureKind, UsageCode, UsageLimit
from odyssey_proto.kernel.introspection import as_json
from odyssey_proto.kernel.text import one_line
from odyssey_proto.messages.refusals import usage_failure
from odyssey_proto.model.simulations import SimulationJobDetail


class OdysseyError(Exception):
    """
    The base of everything that goes wrong.

    `failure` is the same as a value; the other attributes are read from it.
    `str()` is always one line: the `message`.

    Example:
        ```python
        try:
            await client.connect()
        except OdysseyError as error:
            print(error.code, error.phase, error.hint)
            again = error.retryable
        ```
    """

    _kind: ClassVar[FailureKind] = FailureKind.MALFORMED

    def __init__(self, message: str = "", failure: Failure | None = None) -> None:
        super().__init__(message)
        self.failure: Failure = failure or Failure(self._kind, message)
        """What went wrong, as a value."""
        self.trace: ErrorTrace | None = None
        """The `SessionTrace` until then, if a session raised it; it does not survive pickling."""

    def __reduce__(self) -> tuple[Any, ...]:
        # What it was caused by is no part of the state that exceptions keep by themselves.
        cause = {"__cause__": self.__cause__} if isinstance(self.__cause__, OdysseyError) else {}
        return type(self), self.args, {**self.__dict__, "trace": None, **cause}

    def __str__(self) -> str:
        return one_line(str(self.args[0])) if self.args else ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r}, code={self.code!r})"

    @property
    def code(self) -> str:
        """What went wrong, as a stable word for programs."""
        return self.failure.name

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed later without anything being changed."""
        return self.failure.retryable

    @property
    def retry_after(self) -> float | None:
        """How long the service asks to wait before trying again, in seconds."""
        wait = self.failure.retry_after
        return None if wait is None else wait / 1_000_000

    @property
    def phase(self) -> str | None:
        """What was going on: `authenticate`, `queue`, …, `start`; `Timeouts` has deadlines of these names."""
        return None if self.failure.phase is None else self.failure.phase.value

    @property
    def missing(self) -> tuple[str, ...]:
        """What a deadline waited for in vain, such as `video track`."""
        return self.failure.missing

    @property
    def status(self) -> int | None:
        """The HTTP status or WebSocket close code that said so."""
        return self.failure.status

    @property
    def detail(self) -> str:
        """What the service or a library said, in its own changing words; may be empty."""
        return self.failure.detail

    @property
    def hint(self) -> str | None:
        """What may help, in one line."""
        return hint(self.failure)

    def to_dict(self) -> dict[str, Any]:
        """
        Returns the error as a dict of what JSON knows, its cause in it; `retry_after` is in seconds.

        Example:
            ```python
            except OdysseyError as error:
                results.append({"prompt": prompt, "error": error.to_dict()})
            ```
        """
        cause = self.__cause__
        return {
            "type": type(self).__name__,
            "message": str(self),
            "code": self.code,
            "fault": self.failure.fault.value,
            "retryable": self.retryable,
            "retry_after": self.retry_after,
            "phase": self.phase,
            "status": self.status,
            "missing": list(self.missing),
            "detail": self.detail,
            "hint": self.hint,
            "cause": cause.to_dict() if isinstance(cause, OdysseyError) else None,
        }

    def to_json(self) -> str:
        """Returns the JSON text of `to_dict`, in one line."""
        return json.dumps(self.to_dict())


class OdysseyAuthError(OdysseyError, ValueError):
    """The API key or a token is missing or was refused."""

    _kind = FailureKind.AUTH_REFUSED


class OdysseyConnectionError(OdysseyError, ConnectionError):
    """The connection could not be made, or failed: no streamer, no network, no media."""

    _kind = FailureKind.UNREACHABLE


class OdysseyTimeoutError(OdysseyConnectionError, TimeoutError):
    """A deadline passed; `phase` says which, `missing` what did not come."""

    _kind = FailureKind.TIMED_OUT


class OdysseyRequestError(OdysseyConnectionError, ValueError):
    """The service refused what was asked for, or does not know it."""

    _kind = FailureKind.BAD_REQUEST


class OdysseyValueError(OdysseyError, ValueError):
    """A value breaks a documented rule; nothing was sent."""

    _kind = FailureKind.INVALID


class OdysseyTypeError(OdysseyValueError, TypeError):
    """An argument is of the wrong class; nothing was sent."""


class OdysseyAttributeError(OdysseyError, AttributeError):
    """What the official client has under this name cannot be had; the text says what to use instead."""

    _kind = FailureKind.STATE


class OdysseyFileError(OdysseyError, OSError):
    """A file cannot be written; `errno` and `filename` are those of the operating system's own error."""

    _kind = FailureKind.INVALID


class OdysseyTraceError(OdysseyError):
    """A trace cannot be read, or cannot be saved without a secret in it."""

    _kind = FailureKind.STATE


class OdysseyStreamError(OdysseyError):
    """A stream could not be started, steered or ended."""

    _kind = FailureKind.STREAM_REFUSED


class OdysseyStreamConnectionError(OdysseyStreamError, OdysseyConnectionError):
    """The connection failed, or was closed, while a stream was controlled."""

    _kind = FailureKind.UNREACHABLE


class OdysseyStreamTimeoutError(OdysseyStreamError, OdysseyTimeoutError):
    """The streamer did not answer in time."""

    _kind = FailureKind.TIMED_OUT


class OdysseyStreamValueError(OdysseyStreamError, OdysseyValueError):
    """A prompt, an image or an option cannot be sent."""

    _kind = FailureKind.INVALID


class OdysseySimulationError(OdysseyError):
    """A simulation that was waited for did not complete; `job` is what is known about it."""

    _kind = FailureKind.JOB_FAILED

    job: SimulationJobDetail | None = None
    """The job as it was seen last; `None` if it never was."""

    def to_dict(self) -> dict[str, Any]:
        """Returns the error as a dict of what JSON knows, with the `job`."""
        return {**super().to_dict(), "job": None if self.job is None else self.job.to_dict()}


class SimulationFailedError(OdysseySimulationError):
    """The simulation failed; `detail` has the service's words."""


class SimulationCancelledError(OdysseySimulationError):
    """The simulation was cancelled."""

    _kind = FailureKind.JOB_CANCELLED


class SimulationTimeoutError(OdysseySimulationError, OdysseyTimeoutError):
    """The simulation was not over in time; it goes on, and can be waited for again."""

    _kind = FailureKind.TIMED_OUT


class OdysseyUsageError(OdysseyError):
    """
    An account limit; the base of the five that are documented.

    A test may make one by name, from `message`, `code`, `action`, `action_url` and `details`, or from a
    `failure`: `RateLimitError(code="RATE_LIMITED", message="Slow down", action="Wait")`.
    """

    _kind = FailureKind.USAGE_LIMIT
    _code: ClassVar[str] = UNKNOWN_LIMIT

    def __init__(
        self,
        message: str = "",
        failure: Failure | None = None,
        *,
        code: str = "",
        action: str = "",
        action_url: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        if failure is None:
            limit = UsageLimit(
                code or self._code, message, action, action_url, tuple((details or {}).items())
            )
            failure = evolve(usage_failure(limit), text=message)
        super().__init__(message, failure)

    @property
    def code(self) -> str:
        """The service's own code, such as `RATE_LIMITED`."""
        return self.failure.usage.code if self.failure.usage is not None else self.failure.name

    @property
    def action(self) -> str:
        """What the service suggests to do."""
        return self.failure.usage.action if self.failure.usage is not None else ""

    @property
    def action_url(self) -> str | None:
        """Where to do it."""
        return self.failure.usage.action_url if self.failure.usage is not None else None

    @property
    def details(self) -> dict[str, Any]:
        """The numbers behind the limit, by the service's names (docs/protocol.md#usage-limits)."""
        return dict(self.failure.usage.details) if self.failure.usage is not None else {}

    def to_dict(self) -> dict[str, Any]:
        """Returns the error as a dict of what JSON knows, with `action`, `action_url` and `details`."""
        details = as_json(self.details)
        return {
            **super().to_dict(),
            "action": self.action,
            "action_url": self.action_url,
            "details": details,
        }


class MonthlyLimitReachedError(OdysseyUsageError):
    """The hours of this month are used up."""

    _code = UsageCode.MONTHLY_LIMIT_REACHED


class ConcurrentLimitReachedError(OdysseyUsageError):
    """Too many streams run at once."""

    _code = UsageCode.CONCURRENT_LIMIT_REACHED


class StreamDurationExceededError(OdysseyUsageError):
    """A stream reached the longest time that is allowed."""

    _code = UsageCode.STREAM_DURATION_EXCEEDED


class AccountSuspendedError(OdysseyUsageError):
    """The account is suspended."""

    _code = UsageCode.ACCOUNT_SUSPENDED


class RateLimitError(OdysseyUsageError):
    """Too many requests in too short a time."""

    _code = UsageCode.RATE_LIMITED


class OdysseyStreamUsageError(OdysseyStreamError, OdysseyUsageError):
    """An account limit that stopped a stream."""

    _kind = FailureKind.USAGE_LIMIT


class StreamMonthlyLimitReachedError(OdysseyStreamUsageError, MonthlyLimitReachedError):
    """The hours of this month are used up, and that stopped a stream."""


class StreamConcurrentLimitReachedError(OdysseyStreamUsageError, ConcurrentLimitReachedError):
    """Too many streams run at once, and that stopped this one."""


class StreamTimeLimitError(OdysseyStreamUsageError, StreamDurationExceededError):
    """The stream reached the longest time that is allowed."""


class StreamAccountSuspendedError(OdysseyStreamUsageError, AccountSuspendedError):
    """The account is suspended, and that stopped a stream."""


class StreamRateLimitError(OdysseyStreamUsageError, RateLimitError):
    """Too many requests in too short a time, and that stopped a stream."""
