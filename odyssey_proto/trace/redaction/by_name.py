"""
Secrets by name in a text that is no JSON, or no longer any: cut off, with a word before it, in a log.

Found are `"name": "value"` within quotes of any depth, also without its end, `name=value`,
`Name: value` and `<name>value</name>`.
"""

import json
import re
from collections.abc import Callable
from urllib.parse import unquote

from odyssey_proto.trace.redaction.secret_kinds import CONTENT, kind_named, normal

NAMED = r"""
  (?P<quoted>(?<!\\)(?P<mark>\\*["'])(?P<name>[A-Za-z][A-Za-z0-9_-]{0,63})(?P=mark)\s{0,8}:\s{0,8})
| (?P<pair>(?<![A-Za-z0-9_-])(?P<key>[A-Za-z][A-Za-z0-9_-]{0,63})(?:=|>|:\s{0,8}))
"""
"""A name and what stands between it and its value, in the verbose form of `re`."""

type Write = Callable[[str, str], str]
"""Returns what takes the place of a value, by its text and its name."""

_QUOTE = re.compile(r"(\\*)([\"'])")
_BRACKET = re.compile(r"(\\*)\"|[\[\]{}]")
_NUMBER = re.compile(r"[0-9]{8,}(?![.eE0-9])")
_VALUE = re.compile(r"(\\{0,15}[\"']?(?:(?i:bearer|basic|digest|token)\s{1,8})?)([^\s&;,\"'<>\\]+)", re.ASCII)
_DRAWN = re.compile(
    r"(?:\\{0,15}[\"'])?(?=[^\s;,\"'<>\\]{8})(?:(?i:bearer|basic|digest|token)\s{1,8})?[^\s\d;,\"'<>\\]{0,64}\d",
    re.ASCII,
)
"""The beginning of a value that is no word: it has a digit."""
_COOKIES = re.compile(r"()([^\s=;\"'<>\\]{1,128}=[^\r\n\"'<>\\]+)")


def in_named(text: str, found: re.Match[str], write: Write) -> tuple[str, int]:
    """
    Returns what takes the place of a name and of its value, and where the value ends.

    `found` is a match of `NAMED`; where the name says nothing, the value is left to be looked at.
    """
    return _in_pair(text, found, write) if found["pair"] else _in_quoted(text, found, write)


def _in_quoted(text: str, found: re.Match[str], write: Write) -> tuple[str, int]:
    name, mark, lead, at = found["name"], found["mark"], found[0], found.end()
    kind = kind_named(name)
    if kind is None:
        return lead, at
    if text.startswith(mark, at):
        at += len(mark)
        end = _closing(text, at, mark)
        return lead + mark + _rewritten(text[at:end], mark, lambda plain: write(plain, name)), end
    if kind in CONTENT:
        return lead, at
    if (number := _NUMBER.match(text, at)) is not None:
        return lead + write(number[0], name), number.end()
    end = _after_brackets(text, at, mark) if text[at : at + 1] in ("{", "[") else at
    if not any(map(str.isalnum, text[at:end])):
        return lead, at
    # What is inside has names of its own, so all of it is one secret.
    return f"{lead}{mark}{write(text[at:end], name)}{mark}", end


def _in_pair(text: str, found: re.Match[str], write: Write) -> tuple[str, int]:
    key, lead, at = found["key"], found[0], found.end()
    kind = kind_named(key)
    if kind is None or kind in CONTENT:
        return lead, at
    cookies = normal(key) in ("cookie", "setcookie")
    value = (_COOKIES if cookies else _VALUE).match(text, at) if cookies or _is_value(text, found) else None
    if value is None:
        return lead, at
    plain = unquote(value[2])
    changed = write(plain, key)
    return lead + value[1] + (value[2] if changed == plain else changed), value.end()


def _is_value(text: str, found: re.Match[str]) -> bool:
    """Returns whether what follows a name is its value; in "token: expired" it is a word of a sentence."""
    if found[0].endswith("="):
        return True
    if found[0].endswith(">"):
        return text.startswith("<", found.start() - 1)
    return _DRAWN.match(text, found.end()) is not None


def _closing(text: str, at: int, mark: str) -> int:
    """
    Returns where a string ends that begins at `at`: at its quote, at one of a string around it, at the end.

    Within `d` strings a quote that closes has `2 ** d - 1` backslashes before it, and what is written
    with backslashes inside has multiples of twice as many and one.
    """
    slashes = len(mark) - 1
    for quote in _QUOTE.finditer(text, at):
        run = len(quote[1])
        if quote[2] == mark[-1] and (run < slashes or run % (2 * slashes + 2) == slashes):
            return quote.end() - 1 - min(run, slashes)
    return len(text)


def _after_brackets(text: str, at: int, mark: str) -> int:
    """Returns where an object or array ends that begins at `at`, or the text if it is cut off."""
    slashes = len(mark) - 1
    open_brackets, inside = 0, False
    for found in _BRACKET.finditer(text, at):
        if found[1] is not None:
            run = len(found[1])
            if run < slashes:
                return found.start()
            inside ^= run % (2 * slashes + 2) == slashes
        elif not inside:
            open_brackets += 1 if found[0] in "[{" else -1
            if not open_brackets:
                return found.end()
    return len(text)


def _rewritten(raw: str, mark: str, change: Callable[[str], str]) -> str:
    """Returns the inside of a string with its text changed, escaped as deeply as it was."""
    levels = len(mark).bit_length()
    plain = raw
    try:
        for _ in range(levels):
            plain = str(json.loads(f'"{plain}"', strict=False))
    except ValueError:
        # Cut off within an escape, or never JSON.
        plain, levels = raw.rstrip("\\"), 1
    changed = change(plain)
    if changed == plain:
        return raw
    for _ in range(levels):
        changed = json.dumps(changed, ensure_ascii=False)[1:-1]
    return changed
