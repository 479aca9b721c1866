"""
What we take of an offer, and what the answer to it has to say of the rest.

A session needs one video that we can decode and, where it is steered, one section for data channels
(docs/protocol.md#webrtc).
Everything else is no reason to give up: a section of which we can make nothing is refused in the answer by
port 0 (RFC 3264 section 6), and the engine never sees it.
Further sections that we do understand are answered, but nothing is received in them: who offers those need
not understand a refusal.

A section that travels in the transport of another need not repeat the other's lines (RFC 9429 section
5.2.1); they are filled in, so that each section can be understood by itself.
"""

import re

from attrs import evolve, field, frozen

from odyssey_proto.kernel.failures import Failure, FailureKind, RemoteProtocolError
from odyssey_proto.kernel.text import one_line
from odyssey_proto.messages.sdp import Attribute, Codec, Description, Section, read_description
from odyssey_proto.model.ice import IceCandidate

MAX_SECTIONS = 8
"""The most sections that are not refused."""

MAX_WORDS = 500
"""The longest sentence about an offer, in characters."""

KNOWN_VIDEO = "VP8 and H264 (Baseline or Constrained Baseline, packetization mode 1)"

_KNOWN_AUDIO = frozenset({("OPUS", 48_000), ("PCMU", 8_000), ("PCMA", 8_000), ("G722", 8_000)})

_TRANSPORT = ("ice-ufrag", "ice-pwd", "fingerprint", "setup")
"""What a section needs to be connected; it may also stand in the session as a whole."""

_DYNAMIC = range(96, 128)
"""The payload types whose meaning an offer is free to choose (RFC 3551 section 6)."""

_RESERVED = frozenset(map(str, range(72, 77)))
"""Payload types that would be taken for RTCP (RFC 5761 section 4)."""

_HELPERS = frozenset({"rtx", "red", "ulpfec", "flexfec-03"})
"""Codings that repair the pictures of another."""

_UNUSED = "is not in use"
_PROFILE = re.compile(
    r"(?P<idc>[0-9a-f]{2})(?P<constraints>[0-9a-f]{2})(?P<level>[0-9a-f]{2})", re.IGNORECASE
)
_LEVELS = frozenset({10, 11, 12, 13, 20, 21, 22, 30, 31, 32, 40, 41, 42, 50, 51, 52})


@frozen
class AcceptedOffer:
    """An offer that can be answered."""

    sdp: str = field(repr=False)
    """What the engine is given: the sections that are not refused, complete and well-formed."""
    ignored: str
    """What was refused or left out, in words; empty if nothing was."""
    _sections: tuple[Section, ...] = field(repr=False)
    _kept: tuple[int, ...] = field(repr=False)

    def answer(self, sdp: str) -> str:
        """Returns the engine's answer with the refusals in their places."""
        head, *answers = re.split(r"(?m)^(?=m=)", sdp)
        if len(answers) != len(self._kept):
            return sdp
        given = dict(zip(self._kept, answers, strict=True))
        return head + "".join(given.get(at, section.refusal) for at, section in enumerate(self._sections))

    def candidate(self, candidate: IceCandidate) -> IceCandidate | None:
        """Returns a candidate with its section as the engine knows it; `None` if that is refused."""
        mids = {section.mid: at for at, section in enumerate(self._sections) if section.mid}
        at = mids.get(candidate.sdp_mid or "", candidate.sdp_mline_index)
        at = self._kept[0] if at is None else at
        if at not in self._kept:
            return None
        return evolve(candidate, sdp_mid=self._sections[at].mid or None, sdp_mline_index=self._kept.index(at))


def accept_offer(sdp: str, *, channels: bool) -> AcceptedOffer | Failure:
    """Takes an offer; `channels` tells whether data channels are needed besides a video."""
    try:
        offer = read_description(sdp)
    except RemoteProtocolError as error:
        return _failure("malformed", f"malformed offer: {error}")
    sections = _completed(offer)
    problems = [_problem(section, offer) for section in sections]
    needed: list[int] = []
    for kind in ("video", "application") if channels else ("video",):
        of_kind = [at for at, section in enumerate(sections) if section.kind == kind]
        usable = [at for at in of_kind if not problems[at]]
        if not usable:
            return _lacking(kind, [sections[at] for at in of_kind], [problems[at] for at in of_kind])
        needed.append(usable[0])
    spare = [
        at
        for at, section in enumerate(sections)
        if at not in needed and not problems[at] and section.kind != "application"
    ]
    kept = tuple(sorted([*needed, *spare[: MAX_SECTIONS - len(needed)]]))
    return AcceptedOffer(
        _with_sections(offer, [sections[at] for at in kept]).text,
        _ignored(offer, kept, problems, needed[0]),
        offer.sections,
        kept,
    )


def decodable(codec: Codec) -> bool:
    """Tells whether pictures in this coding can be decoded (docs/protocol.md#codecs)."""
    if codec.payload not in _DYNAMIC or codec.clock != 90_000:
        return False
    match codec.name.upper():
        case "VP8":
            return True
        case "H264":
            mode, profile = (
                codec.parameters.get(name) for name in ("packetization-mode", "profile-level-id")
            )
            return mode == "1" and _baseline(profile or "42E01F")
        case _:
            return False


def _baseline(profile: str) -> bool:
    """Tells whether a profile of H264 is (Constrained) Baseline (RFC 6184 section 8.1, table 5)."""
    found = _PROFILE.fullmatch(profile)
    idc, constraints, level = (int(part, 16) for part in found.groups()) if found else (0, 0, 0)
    if level not in _LEVELS:
        return False
    if idc == 0x42:
        return not constraints & 0x0F
    return idc in (0x4D, 0x58) and constraints & 0x8F == 0x80


def _completed(offer: Description) -> list[Section]:
    """Returns the sections, each with what it shares with those that it travels with."""
    bundle = {mid: at for at, mid in enumerate(offer.bundle)}
    members = (section for section in offer.sections if section.mid in bundle)
    group = sorted(members, key=lambda section: bundle[section.mid])
    shared = {
        name: next((section.of(name) for section in group if section.of(name)), ())
        for name in (*_TRANSPORT, "rtcp-mux")
    }
    completed: list[Section] = []
    for section in map(_explained, offer.sections):
        if section.mid in bundle:
            added = [each for name in shared if not _has(section, offer, name) for each in shared[name]]
            port = section.port or (9 if section.of("bundle-only") else 0)
            section = evolve(section, port=port, attributes=(*section.attributes, *added))
        completed.append(section)
    return completed


def _explained(section: Section) -> Section:
    """Returns a section with only those payload types of which it says, once, what they are."""
    if not section.is_rtp:
        return section
    payloads = {str(codec.payload) for codec in section.codecs} - _RESERVED
    attributes: dict[object, Attribute] = {}
    for attribute in section.attributes:
        if attribute.name not in ("rtpmap", "fmtp"):
            attributes[len(attributes)] = attribute
        elif (payload := attribute.value.partition(" ")[0]) in payloads:
            attributes.setdefault((attribute.name, payload), attribute)
    formats = tuple(dict.fromkeys(payload for payload in section.formats if payload in payloads))
    return evolve(section, formats=formats, attributes=tuple(attributes.values()))


def _has(section: Section, offer: Description, name: str) -> bool:
    """Tells whether a section has an attribute, itself or as a part of the session."""
    return bool(section.of(name) or (name in _TRANSPORT and offer.of(name)))


def _problem(section: Section, offer: Description) -> str:
    """Returns why nothing can be made of a section; nothing if it can be used."""
    if not section.port:
        return _UNUSED
    needed = (*_TRANSPORT, "rtcp-mux") if section.is_rtp else (*_TRANSPORT, "sctp-port")
    for name in needed:
        if not _has(section, offer, name):
            return f"has no a={name}"
    match section.kind:
        case "video" if section.is_rtp:
            if not any(decodable(codec) for codec in section.codecs):
                return f"has no known codec: {_codecs(section)}"
            return "sends nothing" if section.of("recvonly") or section.of("inactive") else ""
        case "audio" if section.is_rtp:
            known = any((codec.name.upper(), codec.clock) in _KNOWN_AUDIO for codec in section.codecs)
            return "" if known else f"has no known codec: {_codecs(section)}"
        case "application" if section.protocol.endswith("/DTLS/SCTP"):
            return ""
        case _:
            return f"is for {section.protocol}"


def _ignored(offer: Description, kept: tuple[int, ...], problems: list[str], video: int) -> str:
    """Returns what was refused or left out, in words; not what the offer itself does not use."""
    said: list[str] = []
    for at, section in enumerate(offer.sections):
        problem = problems[at]
        if at not in kept:
            problem = problem or "is one too many"
        elif section.kind == "video" and at != video:
            problem = "is not received: only the first video is"
        if problem and problem != _UNUSED:
            said.append(f"section {at + 1} ({section.kind}) {problem}")
    said += [f"a malformed or superfluous line {name}" for name in offer.left_out]
    more = [f"and {len(said) - MAX_SECTIONS} more"] if len(said) > MAX_SECTIONS else []
    return one_line("; ".join([*said[:MAX_SECTIONS], *more]), MAX_WORDS)


def _lacking(kind: str, sections: list[Section], problems: list[str]) -> Failure:
    """Returns the failure for an offer that has nothing usable of a kind that is needed."""
    if kind == "video" and sections and not any(map(decodable, _all_codecs(sections))):
        offered = ", ".join(dict.fromkeys(map(_codecs, sections)))
        return _failure(
            "no_codec", f"the video offered cannot be decoded: {offered}; known are {KNOWN_VIDEO}"
        )
    why = f": it {'; it '.join(dict.fromkeys(problems))}" if problems else ""
    name, code = ("video", "no_video") if kind == "video" else ("data channels", "no_channels")
    return _failure(code, f"the offer has no usable section for {name}{why}")


def _all_codecs(sections: list[Section]) -> list[Codec]:
    return [codec for section in sections for codec in section.codecs]


def _codecs(section: Section) -> str:
    """Returns the names of what a section offers, with the profile where that matters."""
    names: dict[str, None] = {}
    for codec in section.codecs:
        if codec.name.lower() not in _HELPERS:
            profile = codec.parameters.get("profile-level-id", "")
            names[f"{codec.name} (profile {profile[:16]})" if profile else codec.name] = None
    return ", ".join([*names][:MAX_SECTIONS]) or "none"


def _with_sections(offer: Description, sections: list[Section]) -> Description:
    """Returns an offer with these sections only, also in its group."""
    mids = {section.mid for section in sections}
    bundle = [mid for mid in offer.bundle if mid in mids]
    attributes = [attribute for attribute in offer.attributes if attribute.name != "group"]
    if bundle:
        attributes.append(Attribute("group", " ".join(("BUNDLE", *bundle))))
    return evolve(offer, attributes=tuple(attributes), sections=tuple(sections))


def _failure(code: str, text: str) -> Failure:
    return Failure(FailureKind.MALFORMED, one_line(text, MAX_WORDS), code=f"offer.{code}")
