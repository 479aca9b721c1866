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
from collections.abc import Callable, Mapping
from enum import Enum, unique
from types import MappingProxyType

from odyssey_proto import base64url
from odyssey_proto.trace.blobs import Images, holds_stand_in
from odyssey_proto.trace.encodings import LONG
from odyssey_proto.trace.secret_kinds import SecretKind

JWT = re.compile(r"eyJ[A-Za-z0-9_-]+\.eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")

NETWORKS = tuple(
    ipaddress.ip_network(text)
    for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15", "2001:db8::/32")
)
"""Addresses that belong to nobody (RFC 5737, RFC 2544, RFC 3849)."""

SUFFIX = ".test"
"""Names that belong to nobody (RFC 6761 section 6.2)."""

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
    Gives each text its pseudonym.

    `inside` makes the claims of a JWT, which stay readable, tell nothing either.
    `again` is for a trace that was exported before: its pseudonyms stay.
    """

    def __init__(
        self, prompts: Prompts, images: Images, inside: Callable[[str], str], *, again: bool = False
    ) -> None:
        self._prompts = prompts
        self._images = images
        self._inside = inside
        self._again = again
        self._given: dict[str, str] = {}
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
        """Gives the pseudonym of a text."""
        if not text or self._kept(kind, text):
            return text
        if text not in self._given:
            self._given[text] = self._new(kind, text)
            if _is_word(kind, text):
                self._plain.add(text)
        return self._given[text]

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
        number = self._next(kind)
        prefix = "ody_" if kind is SecretKind.KEY and text.startswith("ody_") else ""
        return _fitted(f"{prefix}{kind.value}{number}", number, len(text.encode(errors="replace")))

    def _jwt(self, text: str) -> str:
        header, claims, signature = text.split(".")
        other = self._word(SecretKind.JWT, signature) if signature else ""
        return f"{header}.{_repacked(claims, self._inside)}.{other}"

    def _host(self, text: str) -> str:
        number = self._next(SecretKind.HOST)
        name = f"h{number}"
        return name + "x" * (len(text) - len(name) - len(SUFFIX)) + SUFFIX

    def _address(self, text: str) -> str:
        address = ipaddress.ip_address(text)
        if address.is_unspecified or is_nobodys(address):
            return text
        number = self._next(SecretKind.ADDRESS)
        if address.version == 6:
            return f"2001:db8::{number:x}"
        for network in NETWORKS[:3]:
            if number < 255:
                return str(network[number])
            number -= 254
        return str(NETWORKS[3][number % NETWORKS[3].num_addresses])

    def _fingerprint(self, text: str) -> str:
        pairs = text.count(":") + 1
        last = f"{self._next(SecretKind.FINGERPRINT):04X}"
        return ":".join(["00"] * (pairs - 2) + [last[:2], last[2:]])

    def _prompt(self, text: str) -> str:
        written = json.dumps(text, ensure_ascii=False).encode(errors="replace")
        length = len(written) - 2
        if self._prompts is Prompts.DROP:
            return "x" * length
        word = "prompt" + hashlib.blake2b(written, digest_size=6).hexdigest()
        return (word + "x" * length)[:length]

    def _next(self, kind: SecretKind) -> int:
        self._count[kind] = self._count.get(kind, 0) + 1
        return self._count[kind]


def is_nobodys(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Tells whether an address is one of those that belong to nobody."""
    return any(address in network for network in NETWORKS if network.version == address.version)


def _fitted(word: str, number: int, length: int) -> str:
    """Gives a word of so many characters: filled up, or, where there is no room for it, a number."""
    if len(word) <= length:
        return word + "x" * (length - len(word))
    digits = ""
    while number:
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits.rjust(length, "x")


def _is_word(kind: SecretKind, text: str) -> bool:
    match kind:
        case SecretKind.HOST:
            return "." not in text
        case SecretKind.USER:
            return text.isalpha()
        case SecretKind.FOUNDATION:
            return len(text) < LONG
        case _:
            return False


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
            return re.fullmatch(rf"(?:ody_)?{kind.value}[0-9]+x*|x*[0-9a-z]{{1,4}}", text) is not None


def _repacked(part: str, change: Callable[[str], str]) -> str:
    try:
        text = base64url.decode(part).decode()
    except ValueError:
        return part
    changed = change(text)
    return part if changed == text else base64url.encode(changed.encode())
