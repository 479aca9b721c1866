"""JSON as the wire has it: strict where it is read, compact where it is written."""

import json
import math
from typing import Any, Never

from odyssey_proto.kernel.failures import RemoteProtocolError, invalid
from odyssey_proto.kernel.text import encodable


def parse(text: str | bytes) -> Any:
    """
    Returns the value of a JSON text (RFC 8259), which as bytes must be UTF-8.

    Raises `RemoteProtocolError` for everything else, also for what lenient readers let pass:
    NaN and infinities, the same name twice, nesting without end.
    The error repeats nothing of the text, which may hold secrets.
    """
    try:
        return _READER.decode(text if isinstance(text, str) else text.decode())
    except RecursionError:
        wrong = "JSON is nested too deeply"
    except ValueError:
        wrong = "not valid JSON"
    # Raised out here, so that no context keeps hold of the text.
    raise RemoteProtocolError(wrong, status=422)


def compact(value: Any) -> str:
    """
    Returns the JSON text of a value, without blanks and without escapes that UTF-8 does not need.

    Raises `LocalProtocolError` if the value has no JSON text in UTF-8: half a surrogate pair, NaN.
    """
    try:
        text = _WRITER.encode(value)
    except (ValueError, RecursionError):
        raise invalid("a value cannot be written as JSON") from None
    if not encodable(text):
        raise invalid("text contains an unpaired surrogate and cannot be encoded as UTF-8")
    return text


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("the same name twice")
    return values


def _no_number(name: str) -> Never:
    raise ValueError(f"{name} is no JSON number")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("a number without bounds")
    return number


# Made once: `json.loads` and `json.dumps` make one for each text that is not read or written their own way.
_READER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_number, parse_float=_finite)
_WRITER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False)
