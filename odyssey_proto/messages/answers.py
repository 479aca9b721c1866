"""
What the engine is given of an answer: a section that the other side refuses, as one in which nothing comes.

Whoever answers may refuse a section by port 0 and say nothing more in it (RFC 3264 section 6), such as a
media server whose stream has no sound; aiortc takes no description with such a section.
It takes none either that does not say in which coding a sound is, as payload types below 96 need not (RFC
3551 section 6): that sound counts as refused, too.
"""

from attrs import evolve

from odyssey_proto.kernel.failures import RemoteProtocolError
from odyssey_proto.messages.sdp import (
    DIRECTIONS,
    MEDIA_LINE,
    Attribute,
    Description,
    Section,
    read_description,
)

_TRANSPORT = ("ice-ufrag", "ice-pwd", "fingerprint", "setup", "rtcp-mux")


def accept_answer(offer: str, sdp: str) -> Description:
    """
    Returns the answer to our `offer`: sound that is refused is a section in which nothing is sent.

    A video that is refused stays so: nothing can be made of that.
    Raises `RemoteProtocolError` for what is no description.
    """
    answer = read_description(sdp)
    if MEDIA_LINE in answer.left_out:
        raise RemoteProtocolError(f"a line {MEDIA_LINE} is none of RFC 8866")
    answer = evolve(answer, sections=tuple(section.explained for section in answer.sections))
    refused = {
        at
        for at, section in enumerate(answer.sections)
        if section.kind == "audio" and not (section.port and section.codecs)
    }
    taken = next((section for section in answer.sections if section.port), None)
    if not refused or taken is None:
        return answer
    offered = read_description(offer).sections
    if len(offered) != len(answer.sections):
        return answer
    sections = tuple(
        _inactive(offered[at], taken) if at in refused else section
        for at, section in enumerate(answer.sections)
    )
    # They travel with the others: for a transport of their own there is nobody to talk to.
    mids = dict.fromkeys((*(answer.bundle or (taken.mid,)), *(offered[at].mid for at in refused)))
    rest = (attribute for attribute in answer.attributes if attribute.name != "group")
    group = Attribute("group", " ".join(("BUNDLE", *mids)))
    return evolve(answer, attributes=(*rest, group), sections=sections)


def _inactive(ours: Section, taken: Section) -> Section:
    """Returns our section as its answer, in the transport of one that was taken."""
    kept = tuple(each for each in ours.attributes if each.name not in (*_TRANSPORT, *DIRECTIONS, "candidate"))
    transport = tuple(each for name in _TRANSPORT for each in taken.of(name))
    return evolve(ours, attributes=(*kept, *transport, Attribute("inactive")))
