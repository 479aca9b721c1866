"""
Where secrets stand in a recording, by type and by name: in values, in JSON, in SDP, in addresses.

`visit` walks the JSON form of a value and passes every text that must not be told to a function,
with its kind; what the function gives takes its place.
"""

import ipaddress
import re
from collections.abc import Callable
from typing import Any

from odyssey_proto.errors import LocalProtocolError, RemoteProtocolError
from odyssey_proto.jsontext import compact, parse
from odyssey_proto.trace.codec import from_utf16, to_utf16
from odyssey_proto.trace.pseudonyms import JWT
from odyssey_proto.trace.secret_kinds import BARE_HOSTS, BY_NAME, PRESIGNED, SecretKind

type Change = Callable[[SecretKind, str], str]

DEEPEST = 64
"""What is nested deeper is looked at as text only."""

HALF = "\ud800"
"""Half a surrogate pair."""

DEEPEST_ADDRESS = 4
"""Addresses within addresses are taken apart so deep."""

LONG_VALUE = 16
"""Values of query parameters from this length on count as secrets, whatever their name."""

_STOPS = r"\s\"'<>\\^`{|}"

IPV4 = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
IPV6 = re.compile(r"[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:(?:\.[0-9]{1,3}){3})?")
"""What may be an address; whether it is one is seen by taking it for one."""

# Every repetition that may begin anywhere is bounded, so that no text takes time by its square.
_TELLING = re.compile(
    rf"""
      (?P<url>\b(?:wss?|https?|stuns?|turns?):(?://)?[^{_STOPS}]+)
    | (?P<jwt>(?<![A-Za-z0-9_-]){JWT.pattern})
    | (?<=a=ice-ufrag:)(?P<ufrag>[^{_STOPS}]+)
    | (?<=\ ufrag\ )(?P<fragment>[^{_STOPS}]+)
    | (?<=a=ice-pwd:)(?P<password>[^{_STOPS}]+)
    | (?:(?<=candidate:)|\A)(?P<foundation>[A-Za-z0-9+/]{{1,32}})(?=\ [0-9]{{1,5}}\ (?:udp|tcp|UDP|TCP)\ )
    | (?P<fingerprint>\b(?:[0-9A-Fa-f]{{2}}:){{15,63}}[0-9A-Fa-f]{{2}}\b)
    | (?<=IN\ IP[46]\ )(?P<connection>[^{_STOPS}/]+)
    | (?P<address>(?:(?<![\w:.])|(?<=\\[rnt])){IPV6.pattern}(?![\w:])
        | (?:(?<![\w.])|(?<=\\[rnt])){IPV4.pattern}(?![\w]|\.[0-9]))
    | (?P<local>\b[A-Za-z0-9-]{{1,63}}\.local\b)
    """,
    re.VERBOSE,
)

_URL = re.compile(
    r"([a-z]+:(?://)?)(?:([^/?#@]*)@)?(\[[^\]]*\]|[^/?#:,;]*)([^?#]*)(\?[^#]*)?(#.*)?", re.DOTALL
)

_PAIRS = frozenset({"headers", "query"})
"""The fields of requests and replies that hold names and values."""

_BY_GROUP = {
    "ufrag": SecretKind.UFRAG,
    "fragment": SecretKind.UFRAG,
    "password": SecretKind.PASSWORD,
    "foundation": SecretKind.FOUNDATION,
    "fingerprint": SecretKind.FINGERPRINT,
    "jwt": SecretKind.TOKEN,
    "local": SecretKind.HOST,
}


def visit(form: Any, change: Change, name: str = "", depth: int = 0) -> Any:
    """Gives the JSON form of a value, changed wherever something secret stands; `name` is its field's."""
    match form:
        case str():
            return in_text(form, change, name)
        case {"$enum": _} | {"$base64": _}:
            return form
        case {"$utf16": _}:
            # Nothing can be looked for in a text that is none, so all of it counts as a secret; what
            # takes its place is none either, so that it is refused as before.
            text = from_utf16(form["$utf16"])
            changed = change(BY_NAME.get(name, SecretKind.TOKEN), text)
            return form if changed == text else to_utf16(changed + HALF)
        case {"$secret": str(text)}:
            return {"$secret": _secret(text, change, name)}
        case {"$text": str(text)}:
            return {"$text": in_text(text, change, name)}
        case {"$map": list(pairs)}:
            return {"$map": [[key, visit(item, change, key, depth + 1)] for key, item in pairs]}
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
        case _:
            return form


def in_text(text: str, change: Change, name: str = "") -> str:
    """Gives a text, changed wherever something secret stands; `name` is that of the field it is in."""
    kind = BY_NAME.get(name)
    if kind is not None:
        return _secret(text, change, name)
    if text[:1] in ("{", "[") and (changed := _in_json(text, change)) is not None:
        return changed
    if name in BARE_HOSTS and "://" not in text:
        return _in_address("ws://" + text, change, name).removeprefix("ws://")
    if name in PRESIGNED:
        return _in_address(text, change, name)
    return _in_words(text, change, name)


def _in_json(text: str, change: Change) -> str | None:
    try:
        value = parse(text)
        changed = _in_value(value, change, "", 0)
        return text if changed == value else compact(changed)
    except (RemoteProtocolError, LocalProtocolError, RecursionError):
        return None


def _in_value(value: Any, change: Change, name: str, depth: int) -> Any:
    match value:
        case str():
            return in_text(value, change, name)
        case dict() | list() if depth >= DEEPEST:
            raise RecursionError("nested too deeply to be walked")
        case dict():
            return {key: _in_value(item, change, key, depth + 1) for key, item in value.items()}
        case list():
            return [_in_value(item, change, name, depth + 1) for item in value]
        case _:
            return value


def _secret(text: str, change: Change, name: str) -> str:
    scheme, blank, rest = text.partition(" ")
    if blank and scheme.lower() == "bearer":
        return f"{scheme} {change(SecretKind.TOKEN, rest)}"
    return change(BY_NAME.get(name, SecretKind.TOKEN), text)


def _in_words(text: str, change: Change, name: str = "", depth: int = 0) -> str:
    if depth > DEEPEST_ADDRESS:
        return text
    return _TELLING.sub(lambda found: _in_place(found, change, name, depth), text)


def _in_place(found: re.Match[str], change: Change, name: str, depth: int) -> str:
    kind = found.lastgroup or ""
    text = found[0]
    if kind == "url":
        return _in_address(text, change, name, depth + 1)
    if kind in ("address", "connection"):
        return _host(text, change) if kind == "connection" else _address(text, change)
    return change(_BY_GROUP[kind], text)


def _in_address(text: str, change: Change, name: str, depth: int = 1) -> str:
    found = _URL.match(text)
    if found is None:
        path, mark, query = text.partition("?")
        return path + (_in_query(mark + query, change, name, depth) if mark else "")
    scheme, user, host, path, query, fragment = found.groups(default="")
    owner = f"{change(SecretKind.TOKEN, user)}@" if user else ""
    place = f"[{_host(host[1:-1], change)}]" if host.startswith("[") else _host(host, change)
    here = _in_words(path, change, depth=depth)
    asked = _in_query(query, change, name, depth) if query else ""
    return scheme + owner + place + here + asked + fragment


def _in_query(query: str, change: Change, name: str, depth: int) -> str:
    pairs = [pair.partition("=") for pair in query[1:].split("&")]
    return "?" + "&".join(
        key + equals + _parameter(key, value, change, name, depth) for key, equals, value in pairs
    )


def _parameter(key: str, value: str, change: Change, name: str, depth: int) -> str:
    if name in PRESIGNED or key in BY_NAME or len(value) >= LONG_VALUE:
        return change(BY_NAME.get(key, SecretKind.QUERY), value)
    return _in_words(value, change, depth=depth)


def _host(text: str, change: Change) -> str:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return change(SecretKind.HOST, text) if text else text
    return change(SecretKind.ADDRESS, text)


def _address(text: str, change: Change) -> str:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return text
    return change(SecretKind.ADDRESS, text)
