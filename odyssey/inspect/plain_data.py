"""Any value of a trace as plain data for a reader: bounded, with the JSON in texts opened."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from odyssey_proto.kernel.failures import RemoteProtocolError
from odyssey_proto.kernel.introspection import fields_of, has_fields
from odyssey_proto.kernel.json_text import parse
from odyssey_proto.kernel.secret import MASK, Secret

MAX_TEXT_CHARS = 4000
"""Longer texts are cut."""

MAX_ITEMS = 200
"""Longer lists are cut."""

MAX_DEPTH = 32
"""Deeper values are not opened."""

MAX_JSON_CHARS = 200_000
"""Longer texts are not opened as JSON."""


def plain_data(value: Any, *, secrets: bool = False, depth: int = 0) -> Any:
    """
    Returns a value as what JSON knows.

    A value with fields is an object whose first member `$` is its class, an Enum's member its name, and
    text that holds a JSON object or array is that object or array.
    What is secret is `***` unless `secrets` are wanted, as in a trace where they are pseudonyms.
    """

    def deeper(inner: Any) -> Any:
        return plain_data(inner, secrets=secrets, depth=depth + 1)

    if depth > MAX_DEPTH:
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
            known = {str(key): deeper(item) for key, item in items[:MAX_ITEMS]}
            return known if len(items) <= MAX_ITEMS else known | {"…": f"{len(items) - MAX_ITEMS} more"}
        case tuple() | list():
            listed = [deeper(item) for item in value[:MAX_ITEMS]]
            return listed if len(value) <= MAX_ITEMS else [*listed, f"… {len(value) - MAX_ITEMS} more"]
        case _ if has_fields(type(value)):
            return _fields(value, deeper, secrets=secrets)
        case _:
            return _cut(repr(value))


def _fields(value: Any, deeper: Any, *, secrets: bool) -> dict[str, Any]:
    form: dict[str, Any] = {"$": type(value).__name__}
    for each in fields_of(type(value)):
        item = getattr(value, each.name)
        hidden = "secret" in each.marks and item and not secrets
        form[each.name] = MASK if hidden else deeper(item)
    return form


def _text(text: str, deeper: Any) -> Any:
    if text[:1] in ("{", "[") and len(text) <= MAX_JSON_CHARS:
        try:
            return deeper(parse(text))
        except RemoteProtocolError:
            pass
    return _cut(text)


def _cut(text: str) -> str:
    more = len(text) - MAX_TEXT_CHARS
    return text if more <= 0 else f"{text[:MAX_TEXT_CHARS]}… {more} more characters"
