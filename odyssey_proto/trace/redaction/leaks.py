"""
Searches a trace for what it must not tell, by other means than those that took it out.

Every line is looked at as it is and undone, layer by layer: percent-escapes and escapes of JSON
resolved, base64 decoded at every place where it may begin, hexadecimal digits read.
"""

import base64
import ipaddress
import re
from collections.abc import Iterable, Iterator
from urllib.parse import unquote

from odyssey_proto.trace.redaction import host_names as hosts
from odyssey_proto.trace.redaction.encodings import LONG
from odyssey_proto.trace.redaction.pseudonyms import SUFFIX, is_nobodys, stands_for_something
from odyssey_proto.trace.redaction.secret_kinds import CONTENT, kind_named

_DEEPEST = 3
"""How many layers of escapes are resolved, and how many packings undone."""

_ESCAPE = re.compile(r"\\+u([0-9a-fA-F]{4})|\\+([rnt])|\\+(.)")
_PACKED = re.compile(r"[A-Za-z0-9_-]{10,}")
_DIGITS = re.compile(r"(?:[0-9A-Fa-f]{2}){8,}")
_ADDRESS = re.compile(
    r"(?<![\w.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![\w]|\.[0-9])"
    r"|(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:(?:\.[0-9]{1,3}){3})?(?![\w:])"
)
_HOST = re.compile(
    r"\b(?:[a-z][a-z0-9+.-]{0,31}://|(?:stuns?|turns?):(?=[a-z0-9_-]{0,63}(?:\.[a-z0-9]|:[0-9])))"
    r"(?:[^/?#@\s\"]{0,256}@)?([a-z0-9._~%-]+)",
    re.IGNORECASE,
)
_NAME = re.compile(hosts.NAME)
_MEMBER = re.compile(
    r"\"([A-Za-z][A-Za-z0-9_-]{0,63})\"\s{0,8}:\s{0,8}\"(?:(?:bearer|basic|digest) )?([^\"]+)", re.IGNORECASE
)
_PAIR = re.compile(
    r"(?<![A-Za-z0-9_-])([A-Za-z][A-Za-z0-9_-]{0,63})=[\"']?([A-Za-z0-9._~+/%-][^\s&;,\"'<>\\]*)"
)


def leaks(lines: Iterable[str], secrets: Iterable[str]) -> Iterator[str]:
    """Returns what is told and where, in words that do not repeat it."""
    long = [secret.lower() for secret in secrets if len(secret) >= LONG]
    for number, line in enumerate(lines, 1):
        layers = list(_layers(line))
        shapes = [shape.lower() for shape in (*layers, *_unpacked(layers[-1], _DEEPEST))]
        if any(secret in shape for shape in shapes for secret in long):
            yield f"a secret in line {number}"
        elif any(_tells_by_name(layer) for layer in layers):
            yield f"something with the name of a secret in line {number}"
        if any(_is_somebodys(found[0]) for layer in layers for found in _ADDRESS.finditer(layer)):
            yield f"an address in line {number}"
        if any(_tells_host(layer) for layer in layers):
            yield f"the name of a host in line {number}"


def _layers(line: str) -> Iterator[str]:
    """Returns a line without its escapes, one layer after the other, and at last without any."""
    shape = line
    for _ in range(_DEEPEST):
        undone = _unescaped(shape)
        yield from (shape, undone)
        unquoted = unquote(undone)
        if unquoted == shape:
            break
        shape = unquoted
    yield shape


def _unpacked(text: str, deepest: int) -> Iterator[str]:
    """Returns what is packed in a text, and in that again as long as it is text."""
    for found in _PACKED.finditer(text.replace("+", "-").replace("/", "_")):
        for start in range(4):
            yield from _within(_unbase64(found[0][start:]), deepest)
    for found in _DIGITS.finditer(text):
        for start in range(2):
            run = found[0][start:]
            yield from _within(bytes.fromhex(run[: len(run) // 2 * 2]).decode(errors="replace"), deepest)


def _within(inner: str, deepest: int) -> Iterator[str]:
    yield inner
    if deepest > 1 and len(inner) >= LONG and inner.isascii() and inner.isprintable():
        *_, plain = _layers(inner)
        yield plain
        yield from _unpacked(plain, deepest - 1)


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(_resolved, text)


def _resolved(found: re.Match[str]) -> str:
    if found[1]:
        return chr(int(found[1], 16))
    return " " if found[2] else found[3]


def _unbase64(run: str) -> str:
    usable = run[:-1] if len(run) % 4 == 1 else run
    return base64.urlsafe_b64decode(usable + "=" * (-len(usable) % 4)).decode(errors="replace")


def _tells_by_name(text: str) -> bool:
    return any(
        kind_named(found[1]) not in (None, *CONTENT) and not stands_for_something(found[2])
        for pattern in (_MEMBER, _PAIR)
        for found in pattern.finditer(text)
    )


def _tells_host(text: str) -> bool:
    return any(not _is_nobodys_name(found[1]) for found in _HOST.finditer(text)) or any(
        hosts.is_name(found[0], text[found.end() : found.end() + 7]) and not _is_nobodys_name(found[0])
        for found in _NAME.finditer(text)
    )


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
        return text.rstrip(".").lower().endswith(SUFFIX)
    return True
