"""
What stands in an exported trace for what must not be shown.

Equal texts get equal pseudonyms and different ones different ones, because the core compares ids,
tokens and hosts.
They are numbered as they appear: nobody can find out by trying what a number stands for, as one can
with the digest of a short word.
A pseudonym is as long as what it stands for, because the way of a message depends on its size, and
it is spelled in consonants, so that a second export knows it again.
"""

import ipaddress
import re
from collections.abc import Container

CONSONANTS = "bcdfghjklmnpqrstvwxz"

PSEUDONYM = re.compile(f"[{CONSONANTS}]+")

LONG_NUMBER = 8
"""Numbers with so many digits or more may be secrets."""

SUFFIX = ".test"
"""Names that belong to nobody (RFC 6761 section 6.2)."""

NETWORKS = tuple(
    map(ipaddress.ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15"))
)
"""Addresses that belong to nobody (RFC 5737, RFC 2544); of version 6 there is `2001:db8::/32` (RFC 3849)."""

_BLOCK = 12
"""After so many letters a pseudonym repeats itself."""

_STEP = 3_141_592_653_589_793_239
"""Has no divisor in common with 20, so that the multiples of it run through all words of a length."""

_OFFSET = 271_828_182_845_904_523
"""Makes the first words of every length look different."""

_LIMITS = (2**53 + 1, 2**63)
"""Where readers of JSON draw a line between numbers; a pseudonym stays on its side."""

_AGAIN = re.compile(r"(?:10*|9+)[0-9]{1,4}")
_MAX_DIGITS = 400
"""Longer numbers are all the same to us; no reader takes them."""

_ZEROS = "00:00:00:00:"
_LIKE = {
    (2, True): "é",
    (3, True): "字",
    (4, True): "𠀀",
    (2, False): "\x80",
    (3, False): "\u200b",
    (4, False): "\U000e0001",
}
"""One character for all that are written in so many bytes, and can be printed or not."""


class Pseudonyms:
    """
    Returns each text its pseudonym.

    `words` are never pseudonyms, because the core acts on them.
    `again` is for a trace that was exported before: its pseudonyms stay.
    """

    def __init__(self, words: Container[str] = frozenset(), *, again: bool = False) -> None:
        self._words = words
        self._again = again
        self._given: dict[tuple[str, str], str] = {}
        self._count: dict[tuple[str, int], int] = {}

    def run(self, text: str) -> str:
        """Returns what stands for letters and digits without a gap."""
        if self._again and PSEUDONYM.fullmatch(text):
            return text
        made = self._given.get(("run", text))
        while made is None or made in self._words:
            made = _spelled(self._next("run", len(text)), len(text))
        self._given["run", text] = made
        return made

    def number(self, digits: str) -> str:
        """Returns a whole number of as many digits, on the same side of every limit of JSON."""
        if self._again and _AGAIN.fullmatch(digits):
            return digits
        if len(digits) > _MAX_DIGITS:
            return "9" * len(digits)
        key = ("number", digits)
        if key not in self._given:
            low, high = 10 ** (len(digits) - 1), 10 ** len(digits) - 1
            order = self._next("number", len(digits))
            up = any(low + order < limit <= int(digits) for limit in _LIMITS)
            self._given[key] = str(high - order if up else low + order)
        return self._given[key]

    def host(self, name: str) -> str:
        """Returns a name that belongs to nobody; names are the same in any case (RFC 4343)."""
        key = ("host", name.lower())
        if self._again and key[1].endswith(SUFFIX):
            return name
        if key not in self._given:
            self._given[key] = f"h{self._next('host')}".ljust(len(name) - len(SUFFIX), "x") + SUFFIX
        return self._given[key]

    def address(self, text: str) -> str | None:
        """Returns an address that belongs to nobody; `None` if the text is no IP address."""
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return None
        # Whatever stands behind a `%`, the zone (RFC 4007 section 11), may be anything.
        if "%" not in text and (address.is_unspecified or (self._again and is_nobodys(text))):
            return text
        key = ("address", str(address))
        if key not in self._given:
            order = self._next("address", address.version)
            self._given[key] = f"2001:db8::{order:x}" if address.version == 6 else _nobodys(order)
        return self._given[key]

    def fingerprint(self, text: str) -> str:
        """Returns pairs of hexadecimal digits, the last two of which count."""
        if self._again and text.startswith(_ZEROS):
            return text
        key = ("fingerprint", text)
        if key not in self._given:
            last = f"{self._next('fingerprint'):04X}"
            self._given[key] = "00:" * (text.count(":") - 1) + f"{last[:2]}:{last[2:]}"
        return self._given[key]

    def _next(self, kind: str, length: int = 0) -> int:
        self._count[kind, length] = number = self._count.get((kind, length), 0) + 1
        return number


def alike(char: str) -> str:
    """Returns the character that stands for one beyond ASCII: blank, printable and as long as it is."""
    if char.isspace():
        return char
    if "\ud800" <= char <= "\udfff":
        return "\ud800"
    return _LIKE[len(char.encode()), char.isprintable()]


def is_nobodys(text: str) -> bool:
    """Tells whether an IP address is one of those that belong to nobody."""
    address = ipaddress.ip_address(text)
    if address.version == 6:
        return address in ipaddress.ip_network("2001:db8::/32")
    return any(address in network for network in NETWORKS)


def _spelled(number: int, length: int) -> str:
    block = min(length, _BLOCK)
    rest = (number * _STEP + length * _OFFSET) % len(CONSONANTS) ** block
    letters = []
    for _ in range(block):
        rest, letter = divmod(rest, len(CONSONANTS))
        letters.append(CONSONANTS[letter])
    word = "".join(letters)
    return (word * (length // block + 1))[:length]


def _nobodys(order: int) -> str:
    for network in NETWORKS[:3]:
        if order < 255:
            return str(network[order])
        order -= 254
    return str(NETWORKS[3][order % NETWORKS[3].num_addresses])
