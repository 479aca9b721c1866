"""
Usage limits on the wire, as REST bodies and as stream errors.

The wire: docs/protocol.md#usage-limits, #stream-errors.
"""

import re
from collections.abc import Mapping
from typing import Any

from odyssey_proto.kernel.failures import Failure, FailureKind
from odyssey_proto.kernel.json_text import encodable
from odyssey_proto.kernel.machine import Span, seconds
from odyssey_proto.kernel.one_line import one_line
from odyssey_proto.kernel.usage import UNKNOWN, UsageCode, UsageLimit
from odyssey_proto.messages.fields import MAX_SPAN

NO_WORDS = "a usage limit was reached"

MAX_WORDS = 2000
MAX_DETAILS = 32

_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_OTHER_SPELLINGS = {"CONCURRENT_LIMIT_EXCEEDED": UsageCode.CONCURRENT_LIMIT_REACHED.value}
_KNOWN = frozenset(code.value for code in UsageCode)


def limit_in(body: Any, status: int) -> UsageLimit | None:
    """
    Returns the usage limit that the body of a refusal reports, or `None`.

    The object may stand alone or under `detail`, its code under `error` or `code`.
    Status 429 is always a limit; elsewhere the code must be a documented one, or the object must
    be whole, because other errors look similar.
    """
    inner = body.get("detail") if isinstance(body, dict) else None
    for candidate in (inner, body):
        if isinstance(candidate, dict) and _is_limit(candidate, status):
            return _limit(candidate)
    if status != 429:
        return None
    return UsageLimit(UNKNOWN, _words(inner) or "too many requests")


def limit_body(limit: UsageLimit) -> dict[str, Any]:
    """Returns the object that reports a limit."""
    body: dict[str, Any] = {"error": limit.code, "message": limit.message, "action": limit.action}
    if limit.action_url is not None:
        body["action_url"] = limit.action_url
    if limit.details:
        body["details"] = dict(limit.details)
    return body


def usage_failure(
    limit: UsageLimit, *, status: int | None = None, retry_after: Span | None = None, detail: str = ""
) -> Failure:
    """Returns the failure of a call that a limit stopped."""
    return Failure(
        FailureKind.USAGE_LIMIT,
        one_line(limit.message) or NO_WORDS,
        code=f"usage.{limit.code.lower()}",
        status=status,
        usage=limit,
        retry_after=_said_wait(limit) if retry_after is None else retry_after,
        detail=detail,
    )


def _is_limit(values: Mapping[str, Any], status: int) -> bool:
    code = _code(values)
    explained = isinstance(values.get("message"), str) and bool(values["message"])
    if status == 429:
        return explained or code in _KNOWN
    whole = explained and code != UNKNOWN and isinstance(values.get("action"), str) and 400 <= status < 500
    return code in _KNOWN or whole


def _limit(values: Mapping[str, Any]) -> UsageLimit:
    details = values.get("details")
    return UsageLimit(
        code=_code(values),
        message=_words(values.get("message")) or NO_WORDS,
        action=_words(values.get("action")),
        action_url=_words(values.get("action_url")) or None,
        details=_details(details) if isinstance(details, dict) else (),
    )


def _code(values: Mapping[str, Any]) -> str:
    for name in ("error", "code"):
        value = values.get(name)
        if isinstance(value, str) and _CODE.fullmatch(value):
            return _OTHER_SPELLINGS.get(value, value)
    return UNKNOWN


def _details(values: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    """Keeps what is plain: documented details are, and anything else could be of any size."""
    plain = [
        (_words(name), _words(value) if isinstance(value, str) else value)
        for name, value in values.items()
        if isinstance(value, str | float | bool | None) or _is_small(value)
    ]
    return tuple(plain[:MAX_DETAILS])


def _is_small(value: Any) -> bool:
    return isinstance(value, int) and abs(value) < 2**63


def _words(value: Any) -> str:
    if not isinstance(value, str):
        return ""
    return value[:MAX_WORDS] if encodable(value) else ascii(value[:MAX_WORDS])


def _said_wait(limit: UsageLimit) -> Span | None:
    wait = limit.detail.get("retry_after_seconds")
    if not isinstance(wait, int | float) or isinstance(wait, bool) or not 0 <= wait <= MAX_SPAN:
        return None
    return seconds(wait)
