"""
What a server says, on its way to an error, an event or a log: one bounded line without secrets.

A server may repeat whatever it was given, in the form in which it was given or in another.
`server_words` makes a line of its words and masks whatever has the shape of a secret.
`KnownSecrets` then masks those that this client holds, plain, percent-encoded (RFC 3986 section 2.1) and
in base64 (RFC 4648), alone or inside of something else.
"""

import binascii
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from odyssey_proto.kernel.secret import MASK
from odyssey_proto.kernel.text import MAX_LINE_CHARS, one_line, whole_words

MIN_SECRET_CHARS = 8
"""In characters; what is shorter is found in too many words that mean something else."""

MIN_PREFIX_CHARS = 12
"""How much of the beginning of a secret is masked as well, in characters: a server may cut it."""

MAX_SECRETS = 256
"""How many secrets are looked for, the newest first."""

MIN_SHAPE_BYTES = 5
"""The least that has the shape of a secret: `ody_` and one more."""

type _Find = Callable[[bytes], Iterable[tuple[int, int]]]
"""Tells where secrets stand in a text."""

_ESCAPED = re.compile(rb"%(?:25)*([0-9A-Fa-f]{2})")
# With the lines before it, if they are as long as writers of base64 make them (RFC 2045 section 6.8: 76).
_BASE64 = re.compile(rb"(?:(?:[A-Za-z0-9+/_-]{60,}\s+)+[A-Za-z0-9+/_-]+|[A-Za-z0-9+/_-]{8,})={0,2}")
_STANDARD = bytes.maketrans(b"-_", b"+/")
_SHAPES = (
    re.compile(rb"ody_[\w-]+"),
    # A JWT: its first part is a JSON object, whose brace makes the first letters (RFC 7515 section 3).
    re.compile(rb"e[w-z][\w-]{8,}\.[\w-]{10,}\.[\w-]*"),
    re.compile(rb"(?i)\bbearer\s+([^\s\"',;]{8,})"),
    re.compile(rb"(?i)\b(?:https?|wss?)://([^\s/?#@\"']+)@"),
    # The query of an address, where presigned ones have their signature.
    re.compile(rb"(?i)\b(?:https?|wss?)://[^\s?#\"'<>]*\?([^\s\"'<>]+)"),
    re.compile(rb"(?i)(?:token|key|signature|credential|password|secret)=([^\s\"'&,;)]{6,})"),
)

_SIGNS = re.compile(rb"ody_|b(?i:earer)|B(?i:earer)|e[w-z][\w-]{8,}\.|://|=")
"""What stands in every secret that has one of the shapes."""


def server_words(text: str, longest: int = MAX_LINE_CHARS) -> str:
    """
    Returns what a server said as one line of at most `longest` characters: `bounded_words`, in one line.

    What cannot be printed is replaced.
    """
    line = one_line(bounded_words(text, 4 * longest), 4 * longest)
    # What was one short line without secrets already has been looked through.
    return line if line == text and len(line) <= longest else bounded_words(line, longest)


def bounded_words(text: str, longest: int) -> str:
    """
    Returns at most `longest` characters of what a server said, and masks what looks secret.

    Only whole words stay, because half a secret could not be recognized.
    """
    return whole_words(_Decoded(whole_words(text, longest)).masked(_shaped, MIN_SHAPE_BYTES), longest)


class KnownSecrets:
    """The secrets that one client holds, to be masked in what it says."""

    def __init__(self) -> None:
        self._secrets: dict[str, tuple[bytes, bytes]] = {}
        """What each is looked for by, and what it is as a whole, in lower case."""
        self._shortest = MIN_PREFIX_CHARS
        """How short what one is looked for by may be, in bytes."""

    def __repr__(self) -> str:
        return f"<KnownSecrets {len(self._secrets)}>"

    def add(self, secret: str) -> None:
        """Remembers a secret; of an address it is the whole, and each value of its query."""
        if "://" in secret:
            self._remember(secret, None)
            for pair in secret.partition("?")[2].split("&"):
                self._remember(pair.partition("=")[2], MIN_PREFIX_CHARS)
        else:
            self._remember(secret.removeprefix("Bearer "), MIN_PREFIX_CHARS)

    def masked(self, text: str) -> str:
        """Returns a text with `***` in the place of each secret that is known."""
        return _Decoded(text).masked(self._found, self._shortest) if self._secrets else text

    def _remember(self, secret: str, prefix: int | None) -> None:
        if len(secret) < MIN_SECRET_CHARS:
            return
        found_by = self._secrets.pop(secret, None)
        if found_by is None:
            plain = _Decoded(secret).plain.lower()
            found_by = (plain[:prefix], plain)
            self._shortest = min(self._shortest, len(plain))
        self._secrets[secret] = found_by
        if len(self._secrets) > MAX_SECRETS:
            del self._secrets[next(iter(self._secrets))]

    def _found(self, plain: bytes) -> Iterator[tuple[int, int]]:
        lowered = plain.lower()
        for prefix, secret in self._secrets.values():
            start = lowered.find(prefix)
            while start >= 0:
                end = start + _common(lowered, start, secret)
                yield start, end
                start = lowered.find(prefix, end)


class _Decoded:
    """A text without its percent escapes, which still knows where everything stood."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._said = self.plain = said = text.encode(errors="replace")
        self._ends: Sequence[int] = range(len(said) + 1)
        if b"%" not in said:
            return
        plain, ends, at = bytearray(), [0], 0
        for escape in _ESCAPED.finditer(said):
            plain += said[at : escape.start()]
            ends += range(at + 1, escape.start() + 1)
            plain += _unescaped(escape)
            at = escape.end()
            ends.append(at)
        ends += range(at + 1, len(said) + 1)
        self._ends = ends
        self.plain = bytes(plain + said[at:])

    def masked(self, find: _Find, shortest: int) -> str:
        """Returns the text with `***` for what `find` finds, of so many bytes at least, also in base64."""
        if len(self.plain) < shortest:
            return self._text
        spans = sorted([*find(self.plain), *_encoded(self.plain, find, shortest)])
        if not spans:
            return self._text
        parts, at = list[bytes](), 0
        for first, last in spans:
            start, end = self._ends[first], self._ends[last]
            if end > at:
                parts += [self._said[at : max(start, at)], MASK.encode() if start >= at else b""]
                at = end
        return b"".join([*parts, self._said[at:]]).decode(errors="replace")


def _shaped(plain: bytes) -> Iterator[tuple[int, int]]:
    # Nearly all that is said is plain words, and looked through once instead of once for each shape.
    for shape in _SHAPES if _SIGNS.search(plain) else ():
        for found in shape.finditer(plain):
            yield found.span(shape.groups)


def _encoded(plain: bytes, find: _Find, shortest: int) -> Iterator[tuple[int, int]]:
    """Finds the runs of base64 that hold a secret, whatever stands before it in them."""
    for run in _BASE64.finditer(plain):
        if len(run[0]) * 6 < shortest * 8:
            # Most words are runs, and too short to say as much.
            continue
        # Looked through together; a quotation mark between them is in no secret and ends every shape.
        if any(True for _ in find(b'"'.join(_contents(run[0])))):
            yield run.span()


def _contents(run: bytes) -> Iterator[bytes]:
    """Returns what a run of base64 says if it begins at its first digit, at its second, and so on."""
    digits = b"".join(run.rstrip(b"=").split()).translate(_STANDARD)
    for start in range(4):
        whole = digits[start : len(digits) - ((len(digits) - start) % 4 == 1)]
        content = binascii.a2b_base64(whole + b"=" * (-len(whole) % 4))
        yield _ESCAPED.sub(_unescaped, content) if b"%" in content else content


def _unescaped(escape: re.Match[bytes]) -> bytes:
    return bytes.fromhex(escape[1].decode())


def _common(text: bytes, start: int, secret: bytes) -> int:
    """Returns how many bytes of a secret stand at `start`."""
    piece = text[start : start + len(secret)]
    return next((at for at, byte in enumerate(piece) if byte != secret[at]), len(piece))
