"""
What we take of an offer, and what the answer to it has to say of the rest.

A session needs one video that we can decode and, where it is steered, one section for data channels
(docs/protocol.md#webrtc).
Everything else is no reason to give up: a section of which we can make nothing is refused in the answer by
port 0 (RFC 3264 section 6), and the engine never sees it.
Further sections that we do understand are answered, but nothing is received in them except the first audio
where the application wants it (`MakePeer.audio`): who offers those need not understand a refusal.

A further offer may be of the same peer, which changed its mind: it adds or removes sections, changes a
direction, or restarts ICE (RFC 9429 section 5.2.2).
A peer is known by its certificate; its ICE credentials are those of before, or it says by the version of its
session that it changed them on purpose (RFC 8839 section 4.4.3.1.1).

A section that travels in the transport of another need not repeat the other's lines (RFC 9429 section
5.2.1); they are filled in, so that each section can be understood by itself.
Its candidates are those of the other too, and stay where the section is refused in which they stand.
"""

import re
from collections.abc import Container
from typing import Self

from attrs import evolve, field, frozen

from odyssey_proto.kernel.failures import Failure, FailureKind, RemoteProtocolError
from odyssey_proto.kernel.text import one_line
from odyssey_proto.messages.sdp import (
    DIRECTIONS,
    MAX_LINES,
    MEDIA_LINE,
    Attribute,
    Codec,
    Description,
    Section,
    read_description,
)
from odyssey_proto.model.ice import IceCandidate

MAX_SECTIONS = 8
"""The most sections that are not refused."""

MAX_WORDS = 500
"""The longest sentence about an offer, in characters."""

KNOWN_VIDEO = "VP8 and H264 (Baseline or Constrained Baseline, packetization mode 1)"

_KNOWN_AUDIO = frozenset({("OPUS", 48_000), ("PCMU", 8_000), ("PCMA", 8_000), ("G722", 8_000)})

_TRANSPORT = ("ice-ufrag", "ice-pwd", "fingerprint", "setup")
"""What a section needs to be connected; it may also stand in the session as a whole."""

_CANDIDATES = ("candidate", "end-of-candidates")

_DYNAMIC = range(96, 128)
"""The payload types whose meaning an offer is free to choose (RFC 3551 section 6)."""

_HELPERS = frozenset({"rtx", "red", "ulpfec", "flexfec-03"})
"""Codings that repair the pictures of another."""

_H264_WORDS = (("profile-level-id", "profile"), ("packetization-mode", "packetization mode"))
"""Parameters of H264 by which it can be decoded or not, and what they are called."""

_UNUSED = "is not in use"
_SENDS_NOTHING = "sends nothing"
_PROFILE = re.compile(
    r"(?P<idc>[0-9a-f]{2})(?P<constraints>[0-9a-f]{2})(?P<level>[0-9a-f]{2})", re.IGNORECASE
)
_LEVELS = frozenset({10, 11, 12, 13, 20, 21, 22, 30, 31, 32, 40, 41, 42, 50, 51, 52})


@frozen
class _Identity:
    """By what a peer is known again."""

    session: tuple[str, ...]
    """Who made the session, and its number (RFC 8866 section 5.2)."""
    version: str
    fingerprints: frozenset[str]
    fragments: frozenset[str]
    """The user fragments of ICE; one if all sections travel in one transport."""

    @classmethod
    def of(cls, offer: Description) -> Self:
        origin = next((line[2:].split() for line in offer.head if line.startswith("o=")), [])
        return cls(
            tuple(origin[:2]),
            "".join(origin[2:3]),
            _values(offer, "fingerprint"),
            _values(offer, "ice-ufrag"),
        )

    def continues(self, before: "_Identity") -> bool:
        """Tells whether it is the peer of before, whose connection can go on."""
        if self.fingerprints != before.fingerprints or len(self.fragments) != 1:
            return False
        renewed = self.session == before.session and self.version != before.version
        return self.fragments == before.fragments or renewed


@frozen
class AcceptedOffer:
    """An offer that can be answered."""

    sdp: str = field(repr=False)
    """What the engine is given: the sections that are not refused, complete and well-formed."""
    ignored: str
    """What was refused or left out, in words; empty if nothing was."""
    _offer: Description = field(repr=False)
    _given: dict[int, Section] = field(repr=False)
    """The sections that the engine is given, by their places in the offer."""
    _unused: frozenset[int] = frozenset()
    """Those of them that the offer does not use any more, and that are refused in the answer."""

    def answer(self, sdp: str) -> str:
        """Returns the engine's answer with the refusals in their places."""
        head, *answers = re.split(r"(?m)^(?=m=)", sdp)
        if len(answers) != len(self._given):
            return sdp
        given = dict(zip(self._given, answers, strict=True))
        for at in self._unused:
            del given[at]
        sections = enumerate(self._offer.sections)
        text = "".join(given.get(at, section.refusal) for at, section in sections)
        return _without_unused(head, [self._given[at].mid for at in self._unused]) + text

    def candidate(self, candidate: IceCandidate) -> IceCandidate | None:
        """Returns a candidate with a section that the engine knows; `None` if it is of no use there."""
        sections, kept = self._offer.sections, [*self._given]
        # Where several have one name, it means the one that was given: the others are refused for it.
        named = (*enumerate(sections), *self._given.items())
        mids = {section.mid: at for at, section in named if section.mid}
        at = mids.get(candidate.sdp_mid or "", candidate.sdp_mline_index)
        at = kept[0] if at is None else at
        if at not in kept:
            # The way to it is the way to all that it travels with.
            bundle = frozenset(self._offer.bundle)
            travel = {each for each, section in enumerate(sections) if section.mid in bundle}
            at = next((each for each in kept if each in travel), None) if at in travel else None
        if at is None:
            return None
        return evolve(candidate, sdp_mid=sections[at].mid or None, sdp_mline_index=kept.index(at))

    def follow(self, sdp: str) -> "AcceptedOffer | Failure | None":
        """
        Takes a further offer of the same peer; `None` if it is of another one.

        Its engine finds every section where it was: one that is not used any more is inactive for it.
        """
        try:
            offer = read_description(sdp)
        except RemoteProtocolError:
            return None
        if not _Identity.of(offer).continues(_Identity.of(self._offer)):
            return None
        sections = _completed(offer)
        problems = [_problem(section, offer) for section in sections]
        given: dict[int, Section] = {}
        unused: set[int] = set()
        for at, known in self._given.items():
            if at >= len(sections) or sections[at].kind != known.kind:
                return _failure("malformed", f"the further offer has no section {at + 1} ({known.kind})")
            if sections[at].mid == known.mid and problems[at] in ("", _SENDS_NOTHING):
                given[at], problems[at] = sections[at], ""
            else:
                given[at], problems[at] = _inactive(known), problems[at] or "takes the place of another"
                unused.add(at)
        spare = [
            at
            for at, section in enumerate(sections)
            if at > max(given) and not problems[at] and section.kind != "application"
        ]
        given = _distinct(given | {at: sections[at] for at in spare}, problems)
        video = next(at for at, section in given.items() if section.kind == "video")
        text = _with_sections(offer, list(given.values())).text
        return AcceptedOffer(text, _ignored(offer, given, problems, video), offer, given, frozenset(unused))


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
        if not usable and MEDIA_LINE in offer.left_out:
            return _failure("malformed", f"malformed offer: a line {MEDIA_LINE} is none of RFC 8866")
        if not usable:
            return _lacking(kind, [sections[at] for at in of_kind], [problems[at] for at in of_kind])
        needed.append(usable[0])
    spare = [
        at
        for at, section in enumerate(sections)
        if at not in needed and not problems[at] and section.kind != "application"
    ]
    given = _distinct({at: sections[at] for at in (*needed, *spare)}, problems)
    if needed[-1] not in given:
        return _lacking("application", [], [problems[needed[-1]]])
    text = _with_sections(offer, list(given.values())).text
    return AcceptedOffer(text, _ignored(offer, given, problems, needed[0]), offer, given)


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
        name: next((found for section in group if (found := section.of(name))), ())
        for name in (*_TRANSPORT, "rtcp-mux")
    }
    completed: list[Section] = []
    for section in (each.explained for each in offer.sections):
        if section.mid in bundle:
            added = [each for name in shared if not _has(section, offer, name) for each in shared[name]]
            port = section.port or (9 if section.of("bundle-only") else 0)
            section = evolve(section, port=port, attributes=(*section.attributes, *added))
        completed.append(section)
    return completed


def _has(section: Section, offer: Description, name: str) -> bool:
    """Tells whether a section has an attribute, itself or as a part of the session."""
    return bool(section.of(name) or (name in _TRANSPORT and offer.of(name)))


def _direction(section: Section, offer: Description) -> str:
    """Returns which way media go, as the section says or the session (RFC 8866 section 6.7)."""
    said = [each.name for each in (*offer.attributes, *section.attributes) if each.name in DIRECTIONS]
    return said[-1] if said else "sendrecv"


def _problem(section: Section, offer: Description) -> str:
    """Returns why nothing can be made of a section; nothing if it can be used."""
    if not section.port:
        return _UNUSED
    own = ("rtcp-mux",) if section.is_rtp else ("sctp-port",) if section.is_sctp else ()
    for name in (*_TRANSPORT, *own):
        if not _has(section, offer, name):
            return f"has no a={name}"
    match section.kind:
        case "video" if section.is_rtp:
            if not any(decodable(codec) for codec in section.codecs):
                return f"has no known codec: {_codecs(section)}"
            return "" if _direction(section, offer) in ("sendrecv", "sendonly") else _SENDS_NOTHING
        case "audio" if section.is_rtp:
            known = any((codec.name.upper(), codec.clock) in _KNOWN_AUDIO for codec in section.codecs)
            return "" if known else f"has no known codec: {_codecs(section)}"
        case "application" if section.is_sctp:
            return ""
        case _:
            return f"is for {section.protocol}"


def _distinct(sections: dict[int, Section], problems: list[str]) -> dict[int, Section]:
    """
    Returns, in their places, the first of some sections that an engine can tell apart; more are a problem.

    It knows them by their names, and where they have none by whether they are for media.
    """
    named: dict[str, int] = {}
    for at, section in sections.items():
        name = section.mid or ("media without a name" if section.is_rtp else "data without a name")
        if named.setdefault(name, at) != at:
            problems[at] = "has the name of another"
    return {at: sections[at] for at in sorted([*named.values()][:MAX_SECTIONS])}


def _values(offer: Description, name: str) -> frozenset[str]:
    """Returns what an offer says by an attribute of the session, or of a section that is in use."""
    used = (section for section in offer.sections if section.port or section.of("bundle-only"))
    holders: list[Description | Section] = [offer, *used]
    return frozenset(attribute.value for holder in holders for attribute in holder.of(name))


def _inactive(section: Section) -> Section:
    """Returns a section in which nothing is sent either way."""
    rest = tuple(attribute for attribute in section.attributes if attribute.name not in DIRECTIONS)
    return evolve(section, attributes=(*rest, Attribute("inactive")) if section.is_rtp else rest)


def _without_unused(head: str, mids: list[str]) -> str:
    """Takes the sections that are refused out of the group of an answer (RFC 9143 section 7.3.3)."""
    lines = head.splitlines(keepends=True)
    return "".join(
        " ".join(word for word in line.split() if word not in mids) + "\r\n"
        if mids and line.startswith("a=group:")
        else line
        for line in lines
    )


def _ignored(offer: Description, kept: Container[int], problems: list[str], video: int) -> str:
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
    """Returns the names of what a section offers, with what decides whether it can be decoded."""
    names: dict[str, None] = {}
    for codec in section.codecs:
        if codec.name.lower() not in _HELPERS:
            said = ((word, codec.parameters.get(name, "")[:16]) for name, word in _H264_WORDS)
            details = ", ".join(f"{word} {value}" for word, value in said if value)
            names[f"{codec.name} ({details})" if details else codec.name] = None
    return ", ".join([*names][:MAX_SECTIONS]) or "none"


def _with_sections(offer: Description, sections: list[Section]) -> Description:
    """Returns an offer with these sections only, also in its group."""
    mids = {section.mid for section in sections}
    bundle = [mid for mid in offer.bundle if mid in mids]
    attributes = [attribute for attribute in offer.attributes if attribute.name != "group"]
    if bundle:
        attributes.append(Attribute("group", " ".join(("BUNDLE", *bundle))))
        gone = frozenset(offer.bundle) - mids
        # Candidates may stand in one only of those that travel together, also in one that is refused.
        left = [each for section in offer.sections if section.mid in gone for each in section.attributes]
        ways = tuple(each for each in left if each.name in _CANDIDATES)[:MAX_LINES]
        sections = [
            evolve(each, attributes=(*each.attributes, *ways)) if each.mid == bundle[0] else each
            for each in sections
        ]
    return evolve(offer, attributes=tuple(attributes), sections=tuple(sections))


def _failure(code: str, text: str) -> Failure:
    return Failure(FailureKind.MALFORMED, one_line(text, MAX_WORDS), code=f"offer.{code}")
