"""
What a refusal means: from status and body to a `Failure`, and back.

A usage limit may stand in the body of any refusal, and in a stream error.
The wire: docs/protocol.md#status-codes, #usage-limits, #stream-errors.
"""

import re
from collections.abc import Mapping
from typing import Any

from odyssey_proto.kernel.failures import (
    UNKNOWN_LIMIT,
    Failure,
    FailureKind,
    LocalProtocolError,
    RemoteProtocolError,
    UsageCode,
    UsageLimit,
)
from odyssey_proto.kernel.json_text import compact, parse
from odyssey_proto.kernel.machine import Span, seconds
from odyssey_proto.kernel.server_words import bounded_words, server_words
from odyssey_proto.kernel.text import encodable, one_line
from odyssey_proto.messages.dates import seconds_between
from odyssey_proto.messages.fields import MAX_SPAN
from odyssey_proto.seam.http import HttpReply, json_reply

type Meaning = tuple[FailureKind, str]
"""What a status means, and the stable code of that."""

_UNEXPECTED: Meaning = (FailureKind.MALFORMED, "reply.unexpected_status")

MEANINGS: Mapping[int, Meaning] = {
    400: (FailureKind.BAD_REQUEST, "request.bad"),
    401: (FailureKind.AUTH_REFUSED, "auth.unauthorized"),
    403: (FailureKind.AUTH_REFUSED, "auth.forbidden"),
    404: (FailureKind.NOT_FOUND, "request.not_found"),
    408: (FailureKind.SERVER_BROKE, "server.timeout"),
    409: (FailureKind.BAD_REQUEST, "request.conflict"),
    410: (FailureKind.NOT_FOUND, "request.gone"),
    413: (FailureKind.BAD_REQUEST, "request.too_large"),
    422: (FailureKind.BAD_REQUEST, "request.invalid"),
    500: (FailureKind.SERVER_BROKE, "server.error"),
    501: _UNEXPECTED,
    502: (FailureKind.SERVER_BROKE, "server.bad_gateway"),
    503: (FailureKind.SERVER_BROKE, "server.unavailable"),
    504: (FailureKind.SERVER_BROKE, "server.gateway_timeout"),
    505: _UNEXPECTED,
}
"""
What the statuses mean where an endpoint does not say otherwise; the others go by their class.

What a server says that it cannot do at all (RFC 9110 section 15.6) it says again however often it is asked.
"""

_CLASSES: Mapping[int, Meaning] = {
    4: (FailureKind.BAD_REQUEST, "request.refused"),
    5: (FailureKind.SERVER_BROKE, "server.error"),
}

_MAX_WAIT = 9
"""The most digits of a Retry-After that are believed."""

_WORDS: Mapping[FailureKind, str] = {
    FailureKind.AUTH_REFUSED: "access was refused",
    FailureKind.NOT_FOUND: "not found",
    FailureKind.BAD_REQUEST: "the request was refused",
    FailureKind.SERVER_BROKE: "the service failed",
}
"""What a refusal is called; the server's own words follow it (`Failure.message`)."""

NO_WORDS = "a usage limit was reached"

MAX_TEXT_CHARS = 2000
MAX_DETAILS = 32

_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_NAME = re.compile(r"[A-Z][A-Z0-9_]*|[a-z][a-z0-9_]*")
"""A code that is a name; in other letters than its own anything else may be a secret in disguise."""
_OTHER_SPELLINGS = {"CONCURRENT_LIMIT_EXCEEDED": UsageCode.CONCURRENT_LIMIT_REACHED.value}
_KNOWN = frozenset(code.value for code in UsageCode)


def refusal(reply: HttpReply, purpose: str, meanings: Mapping[int, Meaning] = MEANINGS) -> Failure:
    """
    Returns what a reply that is no success means; the text says that `purpose` was not reached, and why.

    A usage error counts as such at any refusing status, in each documented form; status 429 always does.
    """
    body = _encoded(reply) or _body(reply)
    limit = limit_in(body, reply.status)
    detail = _detail(body)
    # In a redirect it says when to go elsewhere, not when to come back (RFC 9110 section 10.2.3).
    wait = retry_after(reply) if reply.status >= 400 else None
    if limit is not None:
        return usage_failure(limit, status=reply.status, retry_after=wait, detail=detail)
    known = meanings.get(reply.status) or MEANINGS.get(reply.status)
    kind, code = known or _CLASSES.get(reply.status // 100, _UNEXPECTED)
    unexpected = "a redirect that is not followed" if reply.status // 100 == 3 else "an unexpected answer"
    words = _WORDS.get(kind, unexpected)
    text = f"could not {purpose}: {words} (HTTP {reply.status})"
    return Failure(kind, text, code=code, status=reply.status, retry_after=wait, detail=detail)


def malformed(reply: HttpReply, purpose: str, error: RemoteProtocolError) -> Failure:
    """Returns what a success means that breaks the protocol; never an authentication failure."""
    text = f"could not {purpose}: the reply is malformed: {_encoded(reply) or error}"
    return Failure(FailureKind.MALFORMED, text, code="reply.malformed", status=reply.status)


def retry_after(reply: HttpReply) -> Span | None:
    """
    Returns the wait that the Retry-After header asks for (RFC 9110 section 10.2.3).

    A date there counts from the reply's own `Date`, so that no clock but the server's is asked;
    without that it is ignored.
    """
    value = (reply.header("retry-after") or "").strip()
    if value.isascii() and value.isdigit():
        return seconds(int(value)) if len(value) <= _MAX_WAIT else None
    wait = seconds_between(reply.header("date") or "", value)
    return None if wait is None or wait >= 10**_MAX_WAIT else seconds(max(0, wait))


def detail_reply(status: int, detail: Any) -> HttpReply:
    """Returns the reply of a server that refuses (docs/protocol.md#status-codes)."""
    return json_reply({"detail": detail}, status)


def usage_reply(limit: UsageLimit, status: int = 429) -> HttpReply:
    """Returns the reply of a server that refuses because of a limit (docs/protocol.md#usage-limits)."""
    return detail_reply(status, limit_body(limit))


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
    return UsageLimit(UNKNOWN_LIMIT, _words(inner) or "too many requests")


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
        server_words(limit.message) or NO_WORDS,
        code=f"usage.{(limit.code if _NAME.fullmatch(limit.code) else UNKNOWN_LIMIT).lower()}",
        status=status,
        usage=limit,
        retry_after=_said_wait(limit) if retry_after is None else retry_after,
        detail=detail,
    )


def _encoded(reply: HttpReply) -> str:
    """Returns the words for a body in a coding that no request of ours accepts; `""` for a plain one."""
    coding = one_line(reply.header("content-encoding") or "", 64).lower()
    return f"the body is encoded as {coding}" if coding not in ("", "identity") else ""


def _body(reply: HttpReply) -> Any:
    try:
        return parse(reply.body)
    except RemoteProtocolError:
        return reply.body.decode(errors="replace")


def _detail(body: Any) -> str:
    value = body.get("detail", body) if isinstance(body, dict) else body
    if isinstance(value, list):
        value = "; ".join(_complaint(item) for item in value[:20])
    if not isinstance(value, str):
        # An empty object says nothing.
        value = _json(value) if value else ""
    return server_words(value)


def _complaint(item: Any) -> str:
    """Says one item of a schema error; its `input` may repeat the API key and is left out."""
    match item:
        case {"msg": str(message), "loc": list(place)}:
            return f"{'.'.join(str(step)[:100] for step in place[:20])}: {message}"
        case str():
            return item
        case _:
            return _json(item)


def _json(value: Any) -> str:
    try:
        return compact(value)
    except LocalProtocolError:
        return ""


def _is_limit(values: Mapping[str, Any], status: int) -> bool:
    code = _code(values)
    explained = isinstance(values.get("message"), str) and bool(values["message"])
    if status == 429:
        return explained or code in _KNOWN
    whole = (
        explained and code != UNKNOWN_LIMIT and isinstance(values.get("action"), str) and 400 <= status < 500
    )
    return code in _KNOWN or whole


def _limit(values: Mapping[str, Any]) -> UsageLimit:
    details = values.get("details")
    return UsageLimit(
        code=_code(values),
        message=_words(values.get("message")) or NO_WORDS,
        action=_words(values.get("action")),
        action_url=_address(values.get("action_url")),
        details=_details(details) if isinstance(details, dict) else (),
    )


def _code(values: Mapping[str, Any]) -> str:
    for name in ("error", "code"):
        value = values.get(name)
        if isinstance(value, str) and _CODE.fullmatch(value):
            return _OTHER_SPELLINGS.get(value) or server_words(value)
    return UNKNOWN_LIMIT


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
    return bounded_words(value if encodable(value) else ascii(value), MAX_TEXT_CHARS)


def _address(value: Any) -> str | None:
    usable = isinstance(value, str) and 0 < len(value) <= MAX_TEXT_CHARS and encodable(value)
    return value if usable else None


def _said_wait(limit: UsageLimit) -> Span | None:
    wait = limit.detail.get("retry_after_seconds")
    if not isinstance(wait, int | float) or isinstance(wait, bool) or not 0 <= wait <= MAX_SPAN:
        return None
    return seconds(wait)
