"""
What stands in an exported trace for what must not be told.

Equal texts get equal pseudonyms and different ones different ones, numbered as they appear.
A pseudonym is as long as what it stands for wherever that can be, because the way of a message
depends on its size.
"""

import hashlib
import ipaddress
import json
import re
from collections.abc import Callable, Container, Mapping
from enum import Enum, unique
from types import MappingProxyType

from odyssey_proto.kernel import base64url
from odyssey_proto.trace.blobs import Images, holds_stand_in
from odyssey_proto.trace.redaction.common_words import may_be_word
from odyssey_proto.trace.redaction.secret_kinds import SecretKind

JWT = re.compile(r"eyJ[A-Za-z0-9_-]+\.eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")

NETWORKS = tuple(
    ipaddress.ip_network(text)
    for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15", "2001:db8::/32")
)
"""Addresses that belong to nobody (RFC 5737, RFC 2544, RFC 3849)."""

SUFFIX = ".test"
"""Names that belong to nobody (RFC 6761 section 6.2)."""

_KINDS = "|".join(kind.value for kind in SecretKind)
_PSEUDONYM = re.compile(
    rf"(?:ody_)?(?:{_KINDS})[0-9]+x*(?![A-Za-z0-9])|prompt[0-9a-f]{{0,12}}x*(?![A-Za-z0-9])"
    rf"|(?:eyJ[^.]*\.eyJ[^.]*\.)?(?:signature[0-9]+x*|x*[0-9a-z]{{1,4}}|9+[0-9]{{1,6}})(?![A-Za-z0-9])"
    rf"|h[0-9]+x*{re.escape(SUFFIX)}|<blob |[0-9a-f.:]+\Z"
)

_MOST = 200_000
"""More pseudonyms of a kind than there are addresses for; from here on they may be met elsewhere."""

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


@unique
class Prompts(Enum):
    """What is kept of a prompt."""

    KEEP = "keep"
    HASH = "hash"
    """Its length, and a digest by which equal prompts can be told."""
    DROP = "drop"
    """Its length."""


class Pseudonyms:
    """
    Returns each text its pseudonym.

    `inside` makes the claims of a JWT, which stay readable, tell nothing either.
    `taken` are the texts that stand in the trace already, so that no pseudonym is one of them.
    `again` is for a trace that was exported before: its pseudonyms stay.
    """

    def __init__(
        self,
        prompts: Prompts,
        images: Images,
        inside: Callable[[str], str],
        *,
        taken: Container[str] = frozenset(),
        again: bool = False,
    ) -> None:
        self._prompts = prompts
        self._images = images
        self._inside = inside
        self._taken = taken
        self._again = again
        self._given: dict[str, str] = {}
        self._made: set[str] = set()
        self._plain: set[str] = set()
        self._count: dict[SecretKind, int] = {}

    @property
    def everywhere(self) -> Mapping[str, str]:
        """
        The texts that are replaced wherever they occur, each with its pseudonym.

        What may be a word as well, such as the name of a host without a dot, is not among them.
        """
        return MappingProxyType({text: self._given[text] for text in self._given if text not in self._plain})

    def of(self, kind: SecretKind, text: str) -> str:
        """Returns the pseudonym of a text; one that was made here already stays."""
        if not text or text in self._made or self._kept(kind, text):
            return text
        if text not in self._given:
            self._given[text] = self._of_alike(kind, text)
            if may_be_word(kind, text):
                self._plain.add(text)
        return self._given[text]

    def _of_alike(self, kind: SecretKind, text: str) -> str:
        """Returns the pseudonym of what a text is another spelling of, or else a new one."""
        alike = _one_spelling(kind, text)
        if alike in self._given:
            return self._given[alike]
        made = self._new(kind, alike)
        self._made.add(made)
        if alike != text:
            self._given[alike] = made
            if may_be_word(kind, alike):
                self._plain.add(alike)
        return made

    def _kept(self, kind: SecretKind, text: str) -> bool:
        match kind:
            case SecretKind.PROMPT:
                return self._prompts is Prompts.KEEP
            case SecretKind.IMAGE:
                return self._images is Images.KEEP or holds_stand_in(text)
            case _:
                return False

    def _new(self, kind: SecretKind, text: str) -> str:
        if kind is SecretKind.ADDRESS:
            return self._address(text)
        if self._again and _is_pseudonym(kind, text):
            return text
        match kind:
            case SecretKind.HOST:
                return self._host(text)
            case SecretKind.FINGERPRINT:
                return self._fingerprint(text)
            case SecretKind.PROMPT:
                return self._prompt(text)
            case _ if JWT.fullmatch(text):
                return self._jwt(text)
            case _:
                return self._word(kind, text)

    def _word(self, kind: SecretKind, text: str) -> str:
        prefix = "ody_" if kind is SecretKind.KEY and text.startswith("ody_") else ""
        length = len(text.encode(errors="replace"))
        if _is_number(text):
            return self._numbered(kind, lambda number: str(number).rjust(length, "9"))
        return self._numbered(kind, lambda number: _fitted(f"{prefix}{kind.value}{number}", number, length))

    def _jwt(self, text: str) -> str:
        header, claims, signature = text.split(".")
        other = self._word(SecretKind.JWT, signature) if signature else ""
        return f"{header}.{_repacked(claims, self._inside)}.{other}"

    def _host(self, text: str) -> str:
        return self._numbered(
            SecretKind.HOST,
            lambda number: f"h{number}".ljust(len(text) - len(SUFFIX), "x") + SUFFIX,
        )

    def _address(self, text: str) -> str:
        address = ipaddress.ip_address(text)
        if address.is_unspecified or is_nobodys(address):
            return text
        return self._numbered(SecretKind.ADDRESS, _nobodys_6 if address.version == 6 else _nobodys_4)

    def _numbered(self, kind: SecretKind, make: Callable[[int], str]) -> str:
        """Returns what is made of the next number of which nothing is made that stands in the trace."""
        while True:
            self._count[kind] = number = self._count.get(kind, 0) + 1
            made = make(number)
            if number > _MOST or (made not in self._made and made not in self._taken):
                return made

    def _fingerprint(self, text: str) -> str:
        pairs = text.count(":") + 1

        def make(number: int) -> str:
            last = f"{number:04X}"
            return ":".join(["00"] * (pairs - 2) + [last[:2], last[2:]])

        return self._numbered(SecretKind.FINGERPRINT, make)

    def _prompt(self, text: str) -> str:
        written = json.dumps(text, ensure_ascii=False).encode(errors="replace")
        length = len(written) - 2
        if self._prompts is Prompts.DROP:
            return "x" * length
        word = "prompt" + hashlib.blake2b(written, digest_size=6).hexdigest()
        return (word + "x" * length)[:length]


def is_nobodys(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Tells whether an address is one of those that belong to nobody."""
    return any(address in network for network in NETWORKS if network.version == address.version)


def _nobodys_6(number: int) -> str:
    return f"2001:db8::{number:x}"


def _nobodys_4(number: int) -> str:
    for network in NETWORKS[:3]:
        if number < 255:
            return str(network[number])
        number -= 254
    return str(NETWORKS[3][number % NETWORKS[3].num_addresses])


def _is_number(text: str) -> bool:
    # Written as one in JSON, it stays one.
    return text.isascii() and text.isdecimal()


def _fitted(word: str, number: int, length: int) -> str:
    """Returns a word of so many characters: filled up, or, where there is no room for it, a number."""
    if len(word) <= length:
        return word + "x" * (length - len(word))
    digits = ""
    while number:
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits.rjust(length, "x")


def _one_spelling(kind: SecretKind, text: str) -> str:
    """Returns the spelling that all of the same name or address have in common (RFC 4343, RFC 5952)."""
    match kind:
        case SecretKind.ADDRESS:
            return str(ipaddress.ip_address(text))
        case SecretKind.HOST:
            return text.lower()
        case _:
            return text


def _is_pseudonym(kind: SecretKind, text: str) -> bool:
    match kind:
        case SecretKind.HOST:
            return text.endswith(SUFFIX)
        case SecretKind.FINGERPRINT:
            return text.startswith("00:00:00:00:")
        case SecretKind.PROMPT:
            return re.fullmatch(r"x+|prompt[0-9a-f]{0,12}x*|p(?:r(?:o(?:m(?:p)?)?)?)?", text) is not None
        case _ if JWT.fullmatch(text):
            return re.fullmatch(r"signature[0-9]+x*|x*[0-9a-z]+", text.rpartition(".")[2]) is not None
        case _:
            word = rf"(?:ody_)?{kind.value}[0-9]+x*|x*[0-9a-z]{{1,4}}|9+[0-9]{{1,6}}"
            return re.fullmatch(word, text) is not None


def stands_for_something(text: str) -> bool:
    """Returns whether a text begins as a pseudonym does, or is too short to be known for a secret."""
    return _PSEUDONYM.match(text) is not None


def claims_of(token: str) -> str:
    """Returns the claims of a JWT as they are written in it; an empty text if they are none."""
    try:
        return base64url.decode(token.split(".")[1]).decode()
    except ValueError:
        return ""


def _repacked(part: str, change: Callable[[str], str]) -> str:
    text = claims_of(f".{part}")
    changed = change(text)
    return part if changed == text else base64url.encode(changed.encode())
