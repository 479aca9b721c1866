"""Addresses (URLs), taken apart: who may log in, the host, the parameters, and what else is in them."""

import ipaddress
import re
from collections.abc import Callable
from urllib.parse import unquote

from odyssey_proto.trace.redaction.secret_kinds import SecretKind, parameter_kind

type Change = Callable[[SecretKind, str], str]

LONG_VALUE = 16
"""Values of query parameters from this length on count as secrets, whatever their name."""

SLASHES = r"(?:\\{0,15}/){2}"
"""The slashes after a scheme; JSON may escape them."""

ADDRESS = rf"""
  \b[A-Za-z][A-Za-z0-9+.-]{{0,31}}:{SLASHES}
| \b(?i:stuns?|turns?):(?=\[|[A-Za-z0-9_-]{{0,63}}(?:\.[A-Za-z0-9]|:[0-9]))
"""
"""How an address begins, in the verbose form of `re`; `turn:left` is none."""

_SCHEME = re.compile(rf"(?:[A-Za-z][A-Za-z0-9+.-]{{0,31}}:)?{SLASHES}|(?i:stuns?|turns?):")
_PARTS = re.compile(r"(?:([^/\\?#@]*)@)?(\[[^\]]*\]|[^/\\?#:,;()!]*?)(\.?(?:[/\\?#:,;()!].*)?)\Z", re.DOTALL)
_REST = re.compile(r"([^?#]*)(\?[^#]*)?(#.*)?", re.DOTALL)

# Names of files and identifiers are in lower case; what has all three sorts of characters was drawn.
_DRAWN = re.compile(r"(?<=/)(?:(?=[^/]*[A-Z])(?=[^/]*[0-9])[A-Za-z0-9_-]{16,}|[0-9a-f]{32,})(?![^/?#])")


def in_address(text: str, change: Change, words: Callable[[str], str], *, presigned: bool = False) -> str:
    """
    Returns an address with what must not be told changed; it may be one without scheme and host.

    `words` changes what stands in a path or in a parameter as it does in any text.
    """
    scheme = _SCHEME.match(text)
    parts = _PARTS.match(text, scheme.end()) if scheme else None
    if scheme is None or parts is None:
        return _in_rest(text, change, words, presigned=presigned)
    user, host, rest = parts.groups(default="")
    owner = f"{change(SecretKind.TOKEN, user)}@" if user else ""
    place = f"[{in_host(host[1:-1], change)}]" if host.startswith("[") else in_host(host, change)
    return scheme[0] + owner + place + _in_rest(rest, change, words, presigned=presigned)


def in_host(text: str, change: Change) -> str:
    """Returns a host changed, be it a name or an address."""
    return change(SecretKind.ADDRESS if is_ip(text) else SecretKind.HOST, text) if text else text


def is_ip(text: str) -> bool:
    """Returns whether a text is an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _in_rest(text: str, change: Change, words: Callable[[str], str], *, presigned: bool) -> str:
    found = _REST.match(text)
    path, query, fragment = found.groups(default="") if found else (text, "", "")
    if presigned:
        path = _DRAWN.sub(lambda drawn: change(SecretKind.QUERY, drawn[0]), path)

    def parameters(part: str) -> str:
        if not part:
            return part
        pairs = (pair.partition("=") for pair in part[1:].split("&"))
        return part[:1] + "&".join(name + equals + value_of(name, value) for name, equals, value in pairs)

    def value_of(name: str, value: str) -> str:
        kind = parameter_kind(name)
        if kind is None and not presigned and len(value) < LONG_VALUE:
            return words(value)
        plain = unquote(value)
        changed = change(kind or SecretKind.QUERY, plain)
        return words(value) if changed == plain else changed

    # After `#` the application itself may be given a token (RFC 6749 section 4.2.2).
    return words(path) + parameters(query) + (parameters(fragment) if "=" in fragment else words(fragment))
