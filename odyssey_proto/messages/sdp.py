"""
Session descriptions line by line: each is read as what it has to be, or left out.

A peer connection needs a dozen lines of a description.
A library that cannot make sense of a thirteenth gives up all of them, so a line that does not look like
what its name says is left out here, before anybody else reads it, and its name is kept.
The forms are those of RFC 8866, RFC 8839 section 5, RFC 8122 section 5, RFC 8841 and RFC 5576.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Self

from attrs import evolve, field, frozen

from odyssey_proto.kernel.failures import RemoteProtocolError
from odyssey_proto.model.ice import IceCandidate

MAX_CANDIDATE = 1024
MAX_SDP = 256 * 1024
"""The longest candidate and description, in characters."""

MAX_DESCRIPTION_LINES = 2048
"""The most lines of an answer: what reads it takes time as their square."""

MAX_LINES = 128
"""The most lines of one attribute in one place; nobody has more codecs or candidates."""

MAX_PAYLOAD_TYPE = 127
"""RFC 3550 section 5.1."""

_RESERVED = frozenset(map(str, range(72, 77)))
"""Payload types that would be taken for RTCP (RFC 5761 section 4)."""

_SINGLE = frozenset({"ice-pwd", "ice-ufrag", "max-message-size", "mid", "sctp-port", "setup"})
"""The attributes that have one line in one place; of several, the first is meant."""

DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
"""The attributes that say which way media go (RFC 8866 section 6.7)."""

# RFC 8839 section 5.1; further attributes may follow, in pairs.
_CANDIDATE = re.compile(
    r"[A-Za-z0-9+/]{1,32} [0-9]{1,5} [A-Za-z]+ [0-9]{1,10} [A-Za-z0-9.:%_-]{1,255} (?P<port>[0-9]{1,5})"
    r" typ [a-z]+(?: (?!rport )\S+ \S+| rport (?P<rport>[0-9]{1,5}))*(?: \S+)?",
    re.ASCII,
)

_MEDIA = re.compile(
    r"m=(?P<kind>[!-~]{1,32}) (?P<port>[0-9]{1,5})(?:/[0-9]+)? (?P<protocol>[!-~]{1,64}) (?P<formats>[!-~ ]+)"
)
_SECURE_RTP = re.compile(r"(?:[A-Z]+/)*RTP/SAVPF?")
_SCTP = re.compile(r"[A-Z]+/DTLS/SCTP")

MEDIA_LINE = "m="
"""What the line of a section begins with, and how it is called where it was left out."""

_NO_MEDIA = ("-", "0", "-", "0")
"""What stands for the words of such a line that are not there."""

_ATTRIBUTE = re.compile(r"a=(?P<name>[!-9;-~]{1,32})(?::(?P<value>.+))?")


def is_candidate(text: str) -> bool:
    """Tells whether a text without its prefix has the fields of a candidate (RFC 8839 section 5.1)."""
    plain = len(text) <= MAX_CANDIDATE and text.isprintable()
    found = _CANDIDATE.fullmatch(text) if plain else None
    return found is not None and max(int(found["port"]), int(found["rport"] or 0)) <= 65535


def _form(pattern: str) -> Callable[[str], object]:
    return re.compile(pattern, re.ASCII).fullmatch


# Those of RFC 7742, RFC 7587 and RFC 4588 that have to be numbers.
_NUMBERS = re.compile(
    r"(?:^|;)(?:apt|max-fr|max-fs|maxplaybackrate|minptime|stereo|useinbandfec)=(?![0-9]{1,9}(?:;|$))"
)
_PARAMETERS = _form(r"[0-9]{1,3} \S.*")
_PORT = _form(r"[0-9]{1,5}")

_FORMS: dict[str, Callable[[str], object]] = {
    "candidate": is_candidate,
    "extmap": _form(r"[0-9]{1,5}(?:/[a-z]+)? \S+"),
    "fingerprint": _form(r"\S+ [0-9A-Fa-f:]+"),
    "fmtp": lambda value: _PARAMETERS(value) and not _NUMBERS.search(value.partition(" ")[2]),
    "group": _form(r"\S+(?: \S+)*"),
    "ice-pwd": _form(r"\S+"),
    "ice-ufrag": _form(r"\S+"),
    "max-message-size": _form(r"[0-9]{1,15}"),
    "mid": _form(r"\S+"),
    "msid-semantic": _form(r" ?\S+(?: \S+)*"),
    "rtcp-fb": _form(r"(?:\*|[0-9]{1,3}) \S.*"),
    "rtpmap": _form(r"[0-9]{1,3} [!-.0-~]+/[0-9]{1,9}(?:/[0-9]{1,2})?"),
    "sctp-port": lambda value: _PORT(value) and int(value) <= 65535,
    "sctpmap": _form(r"[0-9]{1,5} \S.*"),
    "setup": _form(r"active|passive|actpass"),
    "ssrc": _form(r"[0-9]{1,10} [^:]+:.*"),
    "ssrc-group": _form(r"\S+(?: [0-9]{1,10})+"),
}
"""What the value of an attribute looks like; one that does not stand here means nothing to us."""


ATTRIBUTES = tuple(_FORMS)
"""The attributes that are read."""

_MEANINGLESS = "rtcp"
"""Where RTCP goes: RTP and RTCP share a port here, and what stands in it is not always an address."""


@frozen
class Attribute:
    """One line `a=name:value`; an attribute without a value has an empty one."""

    name: str
    value: str = ""

    @property
    def line(self) -> str:
        """The line."""
        return f"a={self.name}:{self.value}" if self.value else f"a={self.name}"


@frozen
class Codec:
    """What a section says of one payload type."""

    payload: int
    name: str
    clock: int
    parameters: dict[str, str]


@frozen
class Section:
    """One media section."""

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    attributes: tuple[Attribute, ...] = field(default=(), repr=False)

    @classmethod
    def read(cls, line: str, attributes: tuple[Attribute, ...], left_out: dict[str, None]) -> Self:
        """Takes the line `m=` of a section; with one that is malformed, the section is not in use."""
        found = _MEDIA.fullmatch(line)
        if found and int(found["port"]) <= 65535 and found["formats"].split():
            kind, port, protocol, formats = found.groups()
            return cls(kind, int(port), protocol, tuple(formats.split()), attributes)
        left_out[MEDIA_LINE] = None
        words = line.removeprefix(MEDIA_LINE).split() if line.isascii() and line.isprintable() else []
        kind, _, protocol, *rest = (*words, *_NO_MEDIA[len(words) :])
        return cls(kind, 0, protocol, tuple(rest), attributes)

    @property
    def mid(self) -> str:
        """How the section is called by others (RFC 5888), if it is."""
        named = self.of("mid")
        return named[0].value if named else ""

    @property
    def codecs(self) -> tuple[Codec, ...]:
        """The codecs whose payload types the section lists and explains."""
        parameters = dict(attribute.value.split(" ", 1) for attribute in self.of("fmtp"))
        codecs: dict[str, Codec] = {}
        for attribute in self.of("rtpmap"):
            payload, coding = attribute.value.split(" ", 1)
            name, clock = coding.split("/")[:2]
            if payload in self.formats and int(payload) <= MAX_PAYLOAD_TYPE:
                said = dict(_parameter(text) for text in parameters.get(payload, "").split(";"))
                codecs.setdefault(payload, Codec(int(payload), name, int(clock), said))
        return tuple(codecs.values())

    @property
    def is_rtp(self) -> bool:
        """Whether it is for pictures or sound, encrypted."""
        return self.kind in ("audio", "video") and _SECURE_RTP.fullmatch(self.protocol) is not None

    @property
    def is_sctp(self) -> bool:
        """Whether it is for data channels."""
        return self.kind == "application" and _SCTP.fullmatch(self.protocol) is not None

    @property
    def explained(self) -> Self:
        """The section with only those payload types of which it says, once, what they are."""
        payloads = {str(codec.payload) for codec in self.codecs} - _RESERVED
        attributes: dict[object, Attribute] = {}
        for attribute in self.attributes:
            if attribute.name not in ("rtpmap", "fmtp"):
                attributes[len(attributes)] = attribute
            elif (payload := attribute.value.partition(" ")[0]) in payloads:
                attributes.setdefault((attribute.name, payload), attribute)
        known = tuple(dict.fromkeys(payload for payload in self.formats if payload in payloads))
        # A section that is refused has one without a word, because it must have one.
        return evolve(self, formats=known or self.formats, attributes=tuple(attributes.values()))

    @property
    def refusal(self) -> str:
        """The section of an answer that refuses this one (RFC 3264 section 6)."""
        return evolve(self, port=0, attributes=(*self.of("mid")[:1], Attribute("inactive"))).text

    @property
    def text(self) -> str:
        """The lines of the section; the address is always the meaningless one of RFC 9429 section 5.2.1."""
        media = f"m={self.kind} {self.port} {self.protocol} {' '.join(self.formats)}"
        lines = (media, "c=IN IP4 0.0.0.0", *(attribute.line for attribute in self.attributes))
        return "".join(f"{line}\r\n" for line in lines)

    def of(self, name: str) -> tuple[Attribute, ...]:
        """The attributes of a name."""
        return tuple([attribute for attribute in self.attributes if attribute.name == name])


@frozen
class Description:
    """A whole description, well-formed."""

    head: tuple[str, ...]
    """The lines of the session that are no attributes."""
    attributes: tuple[Attribute, ...]
    """Those of the session as a whole."""
    sections: tuple[Section, ...]
    left_out: tuple[str, ...] = ()
    """The names of what was left out, once each."""

    @property
    def text(self) -> str:
        """The description as a text."""
        lines = (*self.head, *(attribute.line for attribute in self.attributes))
        return "".join([*(f"{line}\r\n" for line in lines), *(section.text for section in self.sections)])

    @property
    def bundle(self) -> tuple[str, ...]:
        """The sections, by their names and once each, that share one transport (RFC 9143)."""
        groups = (attribute.value.split() for attribute in self.of("group"))
        named = next((mids for semantics, *mids in groups if semantics == "BUNDLE"), [])
        return tuple(dict.fromkeys(named))

    def of(self, name: str) -> tuple[Attribute, ...]:
        """The attributes of a name that the session has as a whole."""
        return tuple([attribute for attribute in self.attributes if attribute.name == name])


def read_description(sdp: str) -> Description:
    """
    Takes a description, without the lines that are malformed.

    Raises `RemoteProtocolError` for what is no description.
    """
    if len(sdp) > MAX_SDP:
        raise RemoteProtocolError(f"the description is longer than {MAX_SDP} characters", status=413)
    lines = [line.rstrip("\r") for line in sdp.split("\n")]
    if lines[0] != "v=0":
        raise RemoteProtocolError("the description does not begin with v=0")
    starts = [at for at, line in enumerate(lines) if line.startswith(MEDIA_LINE)]
    if not starts:
        raise RemoteProtocolError("the description has no line m=")
    left_out: dict[str, None] = {}
    session = lines[: starts[0]]
    attributes = _attributes(session, left_out)
    sections = tuple(
        Section.read(lines[start], _attributes(lines[start + 1 : end], left_out), left_out)
        for start, end in zip(starts, [*starts[1:], len(lines)], strict=True)
    )
    head = tuple(line for line in session if line[:2] in ("v=", "o=", "s=", "t=") and line.isprintable())
    return Description(head, attributes, sections, tuple(left_out))


def _attributes(lines: Iterable[str], left_out: dict[str, None]) -> tuple[Attribute, ...]:
    found: list[Attribute] = []
    counts = defaultdict[str, int](int)
    for line in lines:
        if not line.startswith("a="):
            continue
        match = _ATTRIBUTE.fullmatch(line) if line.isprintable() else None
        name, value = match.groups(default="") if match else ("", "")
        if name == _MEANINGLESS:
            continue
        form = _FORMS.get(name)
        most = 1 if name in _SINGLE else MAX_LINES
        if not name or (form is not None and not form(value)) or counts[name] == most:
            left_out[f"a={name}"] = None
        else:
            counts[name] += 1
            found.append(Attribute(name, value))
    return tuple(found)


def _parameter(text: str) -> tuple[str, str]:
    name, _, value = text.strip().partition("=")
    return name.lower(), value


def check_candidate(candidate: IceCandidate) -> IceCandidate | None:
    """
    Returns a candidate without the prefix `candidate:`, or `None` for the end of the candidates.

    Raises `RemoteProtocolError` if it does not look like one (RFC 8839 section 5.1).
    """
    text = candidate.candidate.strip().removeprefix("a=").removeprefix("candidate:").strip()
    if not text:
        return None
    if not is_candidate(text):
        raise RemoteProtocolError("the fields of the candidate are not those of RFC 8839")
    return evolve(candidate, candidate=text)


def check_sdp(sdp: str) -> None:
    """
    Takes a description that looks like one for WebRTC (RFC 8866, RFC 8839, RFC 8122).

    Raises `RemoteProtocolError` that says what is missing.
    """
    if len(sdp) > MAX_SDP:
        raise RemoteProtocolError(f"the description is longer than {MAX_SDP} characters", status=413)
    if sdp.count("\n") > MAX_DESCRIPTION_LINES:
        raise RemoteProtocolError(f"the description has more than {MAX_DESCRIPTION_LINES} lines", status=413)
    if "\0" in sdp:
        raise RemoteProtocolError("the description holds a NUL character")
    if sdp.partition("\n")[0].rstrip("\r") != "v=0":
        raise RemoteProtocolError("the description does not begin with v=0")
    for prefix in ("m=", "a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:"):
        if f"\n{prefix}" not in sdp:
            raise RemoteProtocolError(f"the description has no line {prefix}")
