"""
Finds a text in whatever form it travels: as it is, percent-encoded, escaped in JSON, in base64, in digits.

Letters count in either case, since names of hosts are the same in both.
Any character may be escaped where one may be, in any case of the hexadecimal digits; base64 is
found in either alphabet and wherever in the encoded bytes the text begins.
"""

import base64
import re
from collections.abc import Mapping
from functools import cached_property

from attrs import define

LONG = 8
"""Texts from this length on are replaced wherever they occur; shorter ones only as whole words."""

SHORTEST = 3
"""Texts that are shorter still are replaced only where they stand by type or by name."""

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_ANY_CASE = re.IGNORECASE | re.ASCII
_VALUES = {char: value for value, char in enumerate(ALPHABET)} | {"-": 62, "_": 63}


@define(slots=False)
class Disguised:
    """One text and what takes its place."""

    text: str
    pseudonym: str

    @cached_property
    def escaped(self) -> re.Pattern[str]:
        """Matches the text with any of its characters escaped, in any way that is in use."""
        return re.compile("".join(_escapes(char) for char in self.text), _ANY_CASE)

    @cached_property
    def digits(self) -> str:
        """The text in hexadecimal."""
        return self.text.encode(errors="replace").hex()

    @cached_property
    def packed(self) -> tuple[tuple[int, str], ...]:
        """The characters of base64 that depend on nothing but the text, for each place it may begin at."""
        data = self.text.encode(errors="replace")
        found = []
        for shift in range(3):
            whole = base64.b64encode(bytes(shift) + data).decode().rstrip("=")
            first, last = -(-shift * 8 // 6), (shift + len(data)) * 8 // 6
            found.append((shift, whole[first:last]))
        return tuple(found)

    def replace_escaped(self, text: str) -> str:
        """Returns a text with every escaped form of this one replaced."""
        return self.escaped.sub(lambda _: self.pseudonym, text)

    def replace_digits(self, text: str) -> str:
        """Returns a text with every hexadecimal form of this one replaced."""
        other = self.pseudonym.encode().hex()
        return re.sub(self.digits, lambda _: other, text, flags=_ANY_CASE)

    def replace_packed(self, text: str) -> str:
        """Returns a text with every base64 of this one replaced; neighbours keep their bits."""
        for shift, core in self.packed:
            for seen in {core, core.replace("+", "-").replace("/", "_")}:
                at = text.find(seen)
                while at >= 0:
                    text = self._mixed(text, at, shift, url="-" in seen or "_" in seen)
                    at = text.find(seen)
        return text

    def _mixed(self, text: str, at: int, shift: int, *, url: bool) -> str:
        # Only the bits of the text are turned into those of the pseudonym, so that the characters
        # at both ends, which hold bits of their neighbours too, come out right.
        data = self.text.encode(errors="replace")
        other = self.pseudonym.encode()[: len(data)].ljust(len(data), b"x")
        difference = bytes(shift) + bytes(a ^ b for a, b in zip(data, other, strict=True))
        turns = [_VALUES[char] for char in base64.b64encode(difference).decode().rstrip("=")]
        start = at - -(-shift * 8 // 6)
        chars = list(text)
        for place, turn in enumerate(turns, start):
            if 0 <= place < len(chars) and turn and chars[place] in _VALUES:
                char = ALPHABET[_VALUES[chars[place]] ^ turn]
                chars[place] = char.replace("+", "-").replace("/", "_") if url else char
        return "".join(chars)


class Disguises:
    """Replaces many texts at once, each by its pseudonym."""

    def __init__(self, given: Mapping[str, str]) -> None:
        differing = {text: other for text, other in given.items() if text != other}
        self._long = [Disguised(text, other) for text, other in differing.items() if len(text) >= LONG]
        self._long.sort(key=lambda each: -len(each.text))
        words = {text: other for text, other in differing.items() if SHORTEST <= len(text) < LONG}
        self._words = words
        self._word = _alternatives(words)
        self._exact = {each.text: each.pseudonym for each in self._long}
        self._lower = [each.text.lower() for each in self._long]

    def replace(self, text: str) -> str:
        """Returns a text in which none of those is left in any form."""
        lower = text.lower()
        hits = [each for each, plain in zip(self._long, self._lower, strict=True) if plain in lower]
        if hits:
            either = "|".join(f"({re.escape(each.text)})" for each in hits)

            def other(found: re.Match[str]) -> str:
                return self._exact.get(found[0]) or hits[(found.lastindex or 1) - 1].pseudonym

            text = re.sub(either, other, text, flags=_ANY_CASE)
        if "%" in text or "\\" in text:
            for each in self._long:
                text = each.replace_escaped(text)
        if len(text) >= LONG:
            for each in self._long:
                if any(core in text or _url(core) in text for _, core in each.packed):
                    text = each.replace_packed(text)
                if each.digits in lower:
                    text = each.replace_digits(text)
        if self._word is not None:
            text = self._word.sub(lambda found: self._words[found[0]], text)
        return text


def _url(core: str) -> str:
    return core.replace("+", "-").replace("/", "_")


def _escapes(char: str) -> str:
    percent = "".join(f"%(?:25){{0,4}}{_hex(f'{byte:02x}')}" for byte in char.encode(errors="replace"))
    units = char.encode("utf-16-be", errors="replace").hex()
    unicode = "".join(rf"\\{{1,8}}u{_hex(units[at : at + 4])}" for at in range(0, len(units), 4))
    return rf"(?:\\{{0,8}}{re.escape(char)}|{percent}|{unicode})"


def _hex(digits: str) -> str:
    return "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in digits)


def _alternatives(words: Mapping[str, str]) -> re.Pattern[str] | None:
    if not words:
        return None
    longest_first = sorted(words, key=len, reverse=True)
    return re.compile(rf"(?<![\w.-])(?:{'|'.join(re.escape(word) for word in longest_first)})(?![\w-]|\.\w)")
