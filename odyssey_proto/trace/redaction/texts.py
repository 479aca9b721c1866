"""
Any text of a trace, closed: what the protocol itself says stays, everything else is a pseudonym.

Whatever a text is, its letters and digits go, and what stands between them stays.
Some forms are taken apart because the core reads them: JSON, URLs, SDP and candidates, the claims of
a token.
To take one form for another costs a reader something, but reveals nothing: in each of them only what
is the protocol's own is kept.
"""

import re
from collections.abc import Container
from typing import assert_never

from odyssey_proto.kernel.text import from_base64url, to_base64url
from odyssey_proto.messages.public import HEADERS, MEMBERS, WORDS, MemberKind
from odyssey_proto.trace.policy import Images, Prompts
from odyssey_proto.trace.redaction.json_tokens import Changes, in_json
from odyssey_proto.trace.redaction.prompts import digest, is_digest, plain_words
from odyssey_proto.trace.redaction.pseudonyms import LONG_NUMBER, SUFFIX, Pseudonyms, alike

JWT = re.compile(r"eyJ[A-Za-z0-9_-]+\.eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")

_PIECE = re.compile(
    r"(?<=;base64,)(?P<blob><blob [0-9]{1,9} (?:[0-9a-f]{32}|-)>)"
    r"|(?P<word>[A-Za-z0-9]++(?:[._~+/=-]++[A-Za-z0-9]++)*+)|(?P<beyond>[^\x00-\x7f]+)"
)
"""A word may have parts, such as `stream_started` and a key; it is the protocol's own as a whole only."""

_RUN = re.compile(r"[A-Za-z0-9]+")
_PART = re.compile(r"[\w.~+-]+")
_URL_PART = re.compile(r"[^/?&=#]+")
_ID = re.compile(r"(?!ody_)[A-Za-z0-9_-]{1,64}")
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9:]{5})?"
)
_IMAGE = re.compile(r"data:image/[a-z]{2,5};base64,[A-Za-z0-9+/=]*")
_URL = re.compile(
    r"(?P<scheme>(?i:https?|wss?)://|(?i:stuns?|turns?):|//)?(?P<authority>[^/?#]*)(?P<rest>.*)", re.DOTALL
)
_AUTHORITY = re.compile(
    r"(?P<user>.*@)?(?P<host>\[[^\]]*\]|[A-Za-z0-9._~%-]{1,255})(?P<port>:[0-9]{1,5})?", re.DOTALL
)
_CANDIDATE = re.compile(
    r"(?P<mark>(?:a=)?(?:candidate:)?)(?P<fields>[A-Za-z0-9+/]{1,32} [0-9]{1,5} [A-Za-z]+ [0-9]{1,10} [^ ]+"
    r" [0-9]{1,5} typ [a-z]+(?: .*)?)"
)
_FINGERPRINT = re.compile(r"sha-[0-9]{1,3} ([0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2})+)")

_WORD = re.compile(r"\S+")
_PROFILE = re.compile(r"profile-level-id=[0-9A-Fa-f]{6}(?![0-9A-Za-z])")
"""What says whether a video can be decoded."""

_BLANKS = "\ufeff\u200b \t\r\n"
"""What may stand before JSON, the mark that Windows puts before a text and its pseudonym included."""

PORT = 5
"""How many digits a number may have that stands where the protocol has small ones, such as a port."""

PRIORITY = 10
"""The same in a candidate, whose priority has 32 bits."""

_CODING = re.compile(r"([0-9]{1,3} )([^/\s]+)((?:/[0-9]{1,6}){1,2}\s*)")
"""A payload type, the name of a coding, its clock and channels: numbers, also when nobody knows the name."""

_COUNTED = frozenset({"rtpmap", "fmtp", "rtcp-fb", "mid", "group", "sctp-port", "sctpmap", "extmap"})
"""The attributes of SDP whose numbers say which formats there are."""


class Texts:
    """
    Closes texts, each by the name that it stands under.

    `secrets` are known to be some, so that no kept id or prompt says one.
    `again` is for a trace that was exported before, which stays as it is.
    """

    def __init__(
        self, prompts: Prompts, images: Images, secrets: Container[str] = frozenset(), *, again: bool = False
    ) -> None:
        self._prompts = prompts
        self._images = images
        self._secrets = secrets
        self._again = again
        self._pseudonyms = Pseudonyms(WORDS, again=again)
        self._json = Changes(self.name, lambda name, text: self.text(text, name), self._number, self._loose)

    def text(self, text: str, name: str = "", *, secret: bool = False) -> str:
        """Returns a text as it is exported; of one that is `secret`, not even words of the protocol stay."""
        match MEMBERS.get(name):
            case _ if not text:
                return text
            case MemberKind.PROMPT:
                return self._prompt(text)
            case MemberKind.ID if _ID.fullmatch(text) and text not in self._secrets:
                return text
            case MemberKind.IMAGE if self._images is Images.KEEP and _IMAGE.fullmatch(text):
                return text
            case MemberKind.ADDRESS:
                return self._url(text, secret=secret)
            case MemberKind.SECRET:
                return self._form(text, name, secret=True)
            case MemberKind.ID | MemberKind.IMAGE | MemberKind.NUMBER | None:
                return self._form(text, name, secret=secret)
            case unknown:
                assert_never(unknown)

    def name(self, name: str) -> str:
        """Returns the name of a member as it is exported."""
        return name if name in MEMBERS else self.words(name)

    def header(self, name: str, value: str) -> tuple[str, str]:
        """Returns a field of a reply as it is exported."""
        shown = HEADERS.get(name)
        closed = value if shown is not None and shown(value) else self.text(value, name)
        return name if name in HEADERS else self.words(name), closed

    def body(self, data: bytes) -> bytes:
        """Returns the body of a reply as it is exported; what is no UTF-8 stays none."""
        try:
            return self.text(data.decode()).encode()
        except UnicodeDecodeError:
            closed = self.text(data.decode("latin-1")).encode("latin-1", errors="replace")
        try:
            closed.decode()
        except UnicodeDecodeError:
            return closed
        return closed + alike("ÿ").encode("latin-1")

    def words(self, text: str, *, secret: bool = False, digits: int = 0) -> str:
        """Returns a text without its letters and digits, but with numbers of at most so many digits."""

        def closed(found: re.Match[str]) -> str:
            piece = found[0]
            match found.lastgroup:
                case "blob":
                    return piece
                case "beyond":
                    return "".join(map(alike, piece))
                case _ if not secret and is_public(piece, digits):
                    return piece
                case _:
                    return _RUN.sub(lambda run: self._pseudonyms.run(run[0]), piece)

        return _PIECE.sub(closed, text)

    def _form(self, text: str, name: str, *, secret: bool) -> str:
        if text.lstrip(_BLANKS)[:1] in ("{", "[", '"'):
            return in_json(text, self._json, name)
        if JWT.fullmatch(text):
            return self._token(text)
        if text.startswith("v=0"):
            return "\n".join(map(self._sdp_line, text.split("\n")))
        if (found := _CANDIDATE.fullmatch(text)) is not None:
            return found["mark"] + self._candidate(found["fields"])
        if (found := _URL.fullmatch(text)) is not None and found["scheme"]:
            return self._url(text, secret=secret)
        if _TIME.fullmatch(text) and not secret:
            return text
        return self._pseudonyms.address(text) or self.words(text, secret=secret)

    def _prompt(self, text: str) -> str:
        if self._again and is_digest(text):
            return text
        if self._prompts is Prompts.KEEP:
            return plain_words(text, lambda word: self.words(word, secret=True), self._secrets)
        return digest(text, self._prompts)

    def _url(self, text: str, *, secret: bool) -> str:
        found = _URL.match(text)
        assert found is not None, "every text begins with an address, be it an empty one"
        scheme, authority, rest = found.groups(default="")
        closed = _URL_PART.sub(lambda part: self.words(part[0], secret=secret), rest)
        return scheme + self._authority(authority) + closed

    def _authority(self, text: str) -> str:
        found = _AUTHORITY.fullmatch(text)
        if found is None:
            return self.words(text, secret=True)
        user, host, port = found.groups(default="")
        return self.words(user, secret=True) + self._host(host) + port

    def _host(self, text: str) -> str:
        if text.startswith("["):
            return f"[{self._pseudonyms.address(text[1:-1]) or self.words(text[1:-1], secret=True)}]"
        return self._pseudonyms.address(text) or self._pseudonyms.host(text)

    def _token(self, text: str) -> str:
        *said, signature = text.split(".")
        try:
            parts = [to_base64url(self.body(from_base64url(part))) for part in said]
        except ValueError:
            return self.words(text, secret=True)
        return ".".join((*parts, self.words(signature, secret=True)))

    def _number(self, name: str, text: str) -> str:
        member = MEMBERS.get(name)
        short = sum(map(str.isdecimal, text)) < LONG_NUMBER and member is not MemberKind.SECRET
        if short or member is MemberKind.NUMBER:
            return text
        return re.sub(r"[0-9]{4,}", lambda found: self._pseudonyms.number(found[0]), text)

    def _loose(self, text: str) -> str:
        return self.words(text)

    # --- descriptions of media ----------------------------------------------------------------------

    def _sdp_line(self, line: str) -> str:
        kind, equals, value = line.partition("=")
        attribute, _, said = value.partition(":")
        match kind, attribute:
            case "a", "candidate":
                return f"a=candidate:{self._candidate(said)}"
            case "a", "ice-ufrag" | "ice-pwd":
                return f"a={attribute}:{self.words(said, secret=True)}"
            case "a", "fingerprint" if (found := _FINGERPRINT.match(said)) is not None:
                rest = self.words(said[found.end() :])
                return f"a=fingerprint:{said[: found.start(1)]}{self._pseudonyms.fingerprint(found[1])}{rest}"
            case "a", "ssrc" | "ssrc-group":
                return f"a={attribute}:{_WORD.sub(self._source, said)}"
            case "a", "fmtp" if (profile := _PROFILE.search(said)) is not None:
                before, after = said[: profile.start()], said[profile.end() :]
                return f"a=fmtp:{self.words(before, digits=PORT)}{profile[0]}{self.words(after, digits=PORT)}"
            case "a", "rtpmap" if (coding := _CODING.fullmatch(said)) is not None:
                return f"a=rtpmap:{coding[1]}{self.words(coding[2])}{coding[3]}"
            case "a", "max-message-size":
                return f"a={attribute}:{self.words(said, digits=PRIORITY)}"
            case "a", _ if attribute in _COUNTED:
                return f"a={attribute}:{self.words(said, digits=PORT)}"
            case "c" | "o", _:
                return kind + equals + self._fields(value)
            case "v" | "t" | "m" | "b", _:
                return kind + equals + self.words(value, digits=PORT)
            case _:
                return kind + equals + self.words(value)

    def _source(self, found: re.Match[str]) -> str:
        """Returns a word of what is said of a source of packets, whose number stays one."""
        word = found[0]
        return self._pseudonyms.number(word) if word.isdecimal() else self.words(word)

    def _candidate(self, text: str) -> str:
        foundation, _, fields = text.partition(" ")
        # A foundation may be a digest of the address (RFC 8445 section 5.1.1.3).
        return f"{self.words(foundation, secret=True)} {self._fields(fields, PRIORITY)}"

    def _fields(self, text: str, digits: int = PORT) -> str:
        return " ".join(self._field(field, digits) for field in text.split(" "))

    def _field(self, text: str, digits: int) -> str:
        word = text.rstrip()
        if word.lower().endswith((".local", SUFFIX)):
            closed = self._pseudonyms.host(word)
        else:
            closed = self._pseudonyms.address(word) or self.words(word, digits=digits)
        return closed + text[len(word) :]


def is_public(text: str, digits: int = 0) -> bool:
    """Tells whether a text is made of words of the protocol and of numbers of at most so many digits."""
    parts = _PART.findall(text)
    return all(part in WORDS or (len(part) <= digits and part.isdecimal()) for part in parts)
