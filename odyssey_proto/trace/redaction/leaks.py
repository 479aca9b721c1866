"""
Searches an exported trace for secrets, by other means than those that took them out.

Every line is looked at as it is and undone: escapes of JSON and of URLs resolved, base64 decoded
wherever it may begin, hexadecimal digits read.
Letters and digits alone are compared, in one case, so that neither the way of escaping nor what
stands between them matters.
However many secrets there are, a text is passed once.
"""

import base64
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from urllib.parse import unquote

from odyssey_proto.messages.public import WORDS
from odyssey_proto.trace.redaction.pseudonyms import CONSONANTS

MIN_PIECE_CHARS = 8
"""Shorter pieces may be anything."""

_MAX_DECODING_DEPTH = 3
"""How many layers of escapes are resolved, and how many packings undone."""

_GRAM, _STRIDE = 5, 4
"""
A text is looked at at every `_STRIDE`-th place, so any piece in it has one of its first grams there:
`_GRAM + _STRIDE - 1` is `MIN_PIECE_CHARS`.
"""

_INNOCENT = re.compile(rf"(?:[{CONSONANTS}\W_]|true|false)*", re.ASCII)
_ESCAPE = re.compile(r"\\+u([0-9a-fA-F]{4})|\\+([rnt])|\\+(.)", re.DOTALL)
_PACKED = re.compile(r"[A-Za-z0-9_-]{10,}")
_DIGITS = re.compile(r"(?:[0-9A-Fa-f]{2}){8,}")
_WORDS = re.compile(r"[\s\"]+")
_BETWEEN = re.compile(r"[\W_]+")


def bare(text: str) -> str:
    """Returns the letters and digits of a text, in one case."""
    return _BETWEEN.sub("", text).lower()


def pieces_of(secret: str) -> Iterator[str]:
    """Returns a secret and the parts of it that are as good as the whole: its halves and its words."""
    words = [bare(word) for word in _WORDS.split(secret) if word not in WORDS]
    plain = "".join(words)
    middle = len(plain) // 2
    for piece in (plain, plain[:middle], plain[middle:], *words):
        if len(piece) >= MIN_PIECE_CHARS:
            yield piece


def leaks(lines: Iterable[str], pieces: Iterable[str]) -> Iterator[str]:
    """Returns where a piece of a secret stands, in words that do not repeat it."""
    search = _Search(pieces)
    for number, line in enumerate(lines, 1):
        if search.finds(line):
            yield f"a secret in line {number}"


class _Search:
    def __init__(self, pieces: Iterable[str]) -> None:
        self._grams: defaultdict[str, list[str]] = defaultdict(list)
        for piece in dict.fromkeys(pieces):
            for start in range(_STRIDE):
                self._grams[piece[start : start + _GRAM]].append(piece)
        self._seen: set[str] = set()

    def finds(self, line: str) -> bool:
        """Tells whether a line holds a piece; what was looked at before is passed over."""
        fresh = [part for part in line.split('"') if len(part) >= MIN_PIECE_CHARS and part not in self._seen]
        self._seen.update(fresh)
        return any(self._holds_secret(part) for part in fresh if not _INNOCENT.fullmatch(part))

    def _holds_secret(self, text: str) -> bool:
        layers = list(_layers(text))
        return any(map(self._holds, (*layers, *_unpacked(layers[-1], _MAX_DECODING_DEPTH))))

    def _holds(self, text: str) -> bool:
        plain = bare(text)
        return any(
            piece in plain
            for at in range(0, len(plain) - _GRAM + 1, _STRIDE)
            for piece in self._grams.get(plain[at : at + _GRAM], ())
        )


def _layers(text: str) -> Iterator[str]:
    """Returns a text without its escapes, one layer after the other, and at last without any."""
    for _ in range(_MAX_DECODING_DEPTH):
        undone = unquote(_ESCAPE.sub(_resolved, text))
        yield text
        if undone == text:
            return
        text = undone
    yield text


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
    if deepest > 1 and len(inner) >= MIN_PIECE_CHARS and inner.isascii() and inner.isprintable():
        *_, plain = _layers(inner)
        yield plain
        yield from _unpacked(plain, deepest - 1)


def _resolved(found: re.Match[str]) -> str:
    if found[1]:
        return chr(int(found[1], 16))
    return " " if found[2] else found[3]


def _unbase64(run: str) -> str:
    usable = run[:-1] if len(run) % 4 == 1 else run
    return base64.urlsafe_b64decode(usable + "=" * (-len(usable) % 4)).decode(errors="replace")
