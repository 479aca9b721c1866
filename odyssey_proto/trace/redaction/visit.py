"""
Where secrets stand in a recording, by type and by name: in values and in JSON.

`visit` walks the JSON form of a value and passes every text that must not be told to a function,
with its kind; what the function gives takes its place.
"""

import base64
from typing import Any

from odyssey_proto.kernel.errors import LocalProtocolError, RemoteProtocolError
from odyssey_proto.kernel.json_text import compact, parse
from odyssey_proto.trace.codec import from_utf16, to_utf16
from odyssey_proto.trace.redaction.addresses import LONG_VALUE, Change, in_address
from odyssey_proto.trace.redaction.in_text import in_secret, in_words
from odyssey_proto.trace.redaction.secret_kinds import (
    CONTENT,
    SecretKind,
    kind_named,
    names_host,
    names_presigned,
)

__all__ = ("LONG_VALUE", "Change", "in_text", "visit")

DEEPEST = 64
"""What is nested deeper is looked at as text only."""

HALF = "\ud800"
"""Half a surrogate pair."""

LONG_NUMBER = 10_000_000
"""Numbers from this one on count as secrets where a secret is to stand."""

_BLANKS = "\ufeff \t\r\n"
"""What may stand around JSON, and the mark that Windows puts before a text."""

_PAIRS = frozenset({"headers", "query"})
"""The fields of requests and replies that hold names and values."""

_UNTOLD = frozenset({"seed"})
"""Bytes that only the machine uses; they are chance, and the machine's way depends on them."""


def visit(form: Any, change: Change, name: str = "", depth: int = 0) -> Any:
    """Returns the JSON form of a value, changed wherever something secret stands; `name` is its field's."""
    match form:
        case str():
            return in_text(form, change, name)
        case {"$enum": _}:
            return form
        case {"$base64": str(text)}:
            return form if name in _UNTOLD else {"$base64": _in_bytes(text, change)}
        case {"$utf16": _}:
            # Nothing can be looked for in a text that is none, so all of it counts as a secret; what
            # takes its place is none either, so that it is refused as before.
            text = from_utf16(form["$utf16"])
            changed = change(kind_named(name) or SecretKind.TOKEN, text)
            return form if changed == text else to_utf16(changed + HALF)
        case {"$secret": str(text)} if names_presigned(name):
            # It stays an address, the same one as where the server said it.
            return {"$secret": in_text(text, change, name)}
        case {"$secret": str(text)}:
            return {"$secret": in_secret(text, change, name)}
        case {"$text": str(text)}:
            return {"$text": in_text(text, change, name)}
        case {"$map": list(pairs)}:
            return {"$map": _in_map(pairs, change, name, depth)}
        case {"$list": list(items)}:
            return {"$list": [visit(item, change, name, depth + 1) for item in items]}
        case dict():
            return {
                key: item if key == "$" else visit(item, change, key, depth + 1) for key, item in form.items()
            }
        case [str(key), (str() | {"$secret": str()}) as item] if name in _PAIRS:
            return [key, visit(item, change, key, depth + 1)]
        case list():
            return [visit(item, change, name, depth + 1) for item in form]
        case int() if not isinstance(form, bool):
            return _in_number(form, change, name)
        case _:
            return form


def in_text(text: str, change: Change, name: str = "") -> str:
    """Returns a text, changed wherever something secret stands; `name` is that of the field it is in."""
    if kind_named(name) is not None:
        return in_secret(text, change, name)
    if (changed := _in_json(text, change, name)) is not None:
        return changed

    def words(part: str) -> str:
        return in_words(part, change, 1)

    if names_host(name) and "://" not in text and " " not in text:
        return in_address(f"ws://{text}", change, words).removeprefix("ws://")
    if names_presigned(name):
        return in_address(text, change, words, presigned=True)
    if name == "urls":
        return in_address(text, change, words)
    return in_words(text, change)


def _in_json(text: str, change: Change, name: str) -> str | None:
    inner = text.strip(_BLANKS)
    if inner[:1] not in ("{", "[", '"'):
        return None
    try:
        value = parse(inner)
        changed = _in_value(value, change, name, 0)
        if changed == value:
            return text
        before, _, after = text.partition(inner)
        return before + compact(changed) + after
    except (RemoteProtocolError, LocalProtocolError, RecursionError):
        return None


def _in_value(value: Any, change: Change, name: str, depth: int) -> Any:
    match value:
        case str():
            return in_text(value, change, name)
        case dict() | list() if depth >= DEEPEST:
            raise RecursionError("nested too deeply to be walked")
        case dict():
            changed = {
                _in_key(key, change): _in_value(item, change, _inherited(key, name), depth + 1)
                for key, item in value.items()
            }
            if len(changed) < len(value):
                raise RecursionError("names that were two are one")
            return changed
        case list():
            return [_in_value(item, change, name, depth + 1) for item in value]
        case int() if not isinstance(value, bool):
            return _in_number(value, change, name)
        case _:
            return value


def _in_map(pairs: list[Any], change: Change, name: str, depth: int) -> list[Any]:
    return [
        [_in_key(key, change), visit(item, change, _inherited(key, name), depth + 1)] for key, item in pairs
    ]


def _in_key(key: str, change: Change) -> str:
    return in_words(key, change) if "." in key or ":" in key else key


def _inherited(key: str, name: str) -> str:
    """Returns the name that says what a member is: its own, unless only that of the object around it does."""
    around = kind_named(name)
    return key if around in (None, SecretKind.IMAGE) or kind_named(key) is not None else name


def _in_number(number: int, change: Change, name: str) -> int | str:
    kind = kind_named(name)
    if kind is None or kind in CONTENT or number < LONG_NUMBER:
        return number
    changed = change(kind, str(number))
    return int(changed) if changed.isdecimal() else changed


def _in_bytes(text: str, change: Change) -> str:
    """Returns bytes that are no text in base64, changed as if they were; they never become one."""
    data = base64.b64decode(text)
    plain = data.decode("latin-1")
    changed = in_words(plain, change)
    if changed == plain:
        return text
    new = changed.encode("latin-1", errors="replace")
    try:
        new.decode()
    except UnicodeDecodeError:
        return base64.b64encode(new).decode()
    return base64.b64encode(new + b"\xff").decode()
