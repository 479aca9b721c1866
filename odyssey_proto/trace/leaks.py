"""
Searches a trace for what it must not tell, by other means than those that took it out.

Every line is looked at as it is and undone: percent-escapes and escapes of JSON resolved, base64
decoded at every place where it may begin.
"""

import base64
import ipaddress
import re
from collections.abc import Iterable, Iterator
from urllib.parse import unquote

from odyssey_proto.trace.encodings import LONG
from odyssey_proto.trace.pseudonyms import SUFFIX, is_nobodys

_DEEPEST = 3
"""Escapes within escapes are resolved so many times."""

_ESCAPE = re.compile(r"\\+u([0-9a-fA-F]{4})|\\+([rnt])|\\+(.)")
_PACKED = re.compile(r"[A-Za-z0-9_-]{10,}")
_ADDRESS = re.compile(
    r"(?<![\w.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![\w]|\.[0-9])"
    r"|(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:(?:\.[0-9]{1,3}){3})?(?![\w:])"
)
_HOST = re.compile(r"\b(?:(?:wss?|https?)://|(?:stuns?|turns?):)(?:[^/?#@\s\"]{0,256}@)?([A-Za-z0-9._~%-]+)")


def leaks(lines: Iterable[str], secrets: Iterable[str]) -> Iterator[str]:
    """Gives what is told and where, in words that do not repeat it."""
    long = [secret for secret in secrets if len(secret) >= LONG]
    for number, line in enumerate(lines, 1):
        shapes = list(_shapes(line))
        if any(secret in shape for shape in shapes for secret in long):
            yield f"a secret in line {number}"
        plain = _unescaped(line)
        if any(_is_somebodys(found[0]) for found in _ADDRESS.finditer(plain)):
            yield f"an address in line {number}"
        if any(not _is_nobodys_name(found[1]) for found in _HOST.finditer(plain)):
            yield f"the name of a host in line {number}"


def _shapes(line: str) -> Iterator[str]:
    shape = line
    for _ in range(_DEEPEST):
        unquoted = unquote(shape)
        yield from (shape, unquoted)
        undone = _unescaped(unquoted)
        if undone == shape:
            break
        shape = undone
    for found in _PACKED.finditer(shape.replace("+", "-").replace("/", "_")):
        for start in range(4):
            yield _unpacked(found[0][start:])


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(_resolved, text)


def _resolved(found: re.Match[str]) -> str:
    if found[1]:
        return chr(int(found[1], 16))
    return " " if found[2] else found[3]


def _unpacked(run: str) -> str:
    usable = run[:-1] if len(run) % 4 == 1 else run
    return base64.urlsafe_b64decode(usable + "=" * (-len(usable) % 4)).decode(errors="replace")


def _is_somebodys(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not address.is_unspecified and not is_nobodys(address)


def _is_nobodys_name(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return text.endswith(SUFFIX)
    return True
