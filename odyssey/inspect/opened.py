"""Any value of a trace as plain data for a reader: bounded, with the JSON in texts opened."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

import attrs

from odyssey_proto.kernel.errors import RemoteProtocolError
from odyssey_proto.kernel.json_text import parse
from odyssey_proto.kernel.secret import MASK, Secret

LONGEST = 4000
"""Longer texts are cut, in characters."""

MOST = 200
"""Longer lists are cut, in items."""

DEEPEST = 32
"""Deeper values are not opened."""

MAX_JSON = 200_000
"""Longer texts are not opened as JSON, in characters."""


def opened(value: Any, *, secrets: bool = False, depth: int = 0) -> Any:
    """
    Returns a value as what JSON knows.

    An attrs value is an object whose first member `$` is its class, an Enum's member its name, and
    text that holds a JSON object or array is that object or array.
    What is secret is `***` unless `secrets` are wanted, as in a trace where they are pseudonyms.
    """

    def deeper(inner: Any) -> Any:
        return opened(inner, secrets=secrets, depth=depth + 1)

    if depth > DEEPEST:
        return "…"
    match value:
        case None | bool() | float():
            return value
        case Enum():
            return value.name
        case int():
            return int(value)
        case Secret():
            return _cut(value.reveal()) if secrets else MASK
        case str():
            return _text(value, deeper)
        case bytes():
            return _text(value.decode(errors="replace"), deeper)
        case Mapping():
            items = list(value.items())
            known = {str(key): deeper(item) for key, item in items[:MOST]}
            return known if len(items) <= MOST else known | {"…": f"{len(items) - MOST} more"}
        case tuple() | list():
            listed = [deeper(item) for item in value[:MOST]]
            return listed if len(value) <= MOST else [*listed, f"… {len(value) - MOST} more"]
        case _ if attrs.has(type(value)):
            return _fields(value, deeper, secrets=secrets)
        case _:
            return _cut(repr(value))


def _fields(value: Any, deeper: Any, *, secrets: bool) -> dict[str, Any]:
    form: dict[str, Any] = {"$": type(value).__name__}
    for each in attrs.fields(type(value)):
        item = getattr(value, each.name)
        hidden = each.metadata.get("secret") and item and not secrets
        form[each.name] = MASK if hidden else deeper(item)
    return form


def _text(text: str, deeper: Any) -> Any:
    if text[:1] in ("{", "[") and len(text) <= MAX_JSON:
        try:
            return deeper(parse(text))
        except RemoteProtocolError:
            pass
    return _cut(text)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… {len(text) - LONGEST} more characters"
