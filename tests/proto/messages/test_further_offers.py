"""A further offer: of the same peer or of another, and what becomes of each section."""

import re

import pytest

from odyssey_proto.kernel.failures import Failure
from odyssey_proto.messages.offers import MAX_SECTIONS, AcceptedOffer, accept_offer
from odyssey_proto.model.ice import IceCandidate

TRANSPORT = (
    "a=ice-ufrag:user\r\na=ice-pwd:passwordpasswordpassword\r\na=fingerprint:sha-256 AB:CD\r\n"
    "a=setup:actpass\r\na=rtcp-mux\r\n"
)
OPUS = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:a\r\na=rtpmap:111 opus/48000/2\r\n" + TRANSPORT
VP8 = "m=video 9 UDP/TLS/RTP/SAVPF 97\r\na=mid:v\r\na=rtpmap:97 VP8/90000\r\n" + TRANSPORT
DATA = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:d\r\na=sctp-port:5000\r\n" + TRANSPORT
UNUSED = "m=audio 0 UDP/TLS/RTP/SAVPF 111\r\na=mid:a\r\na=inactive\r\n"


def offer(*sections: str, version: int = 1, group: str = "") -> str:
    bundle = f"a=group:BUNDLE {group}\r\n" if group else ""
    return f"v=0\r\no=- 7 {version} IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n{bundle}" + "".join(sections)


def first(*sections: str) -> AcceptedOffer:
    accepted = accept_offer(offer(*sections), channels=True)
    assert isinstance(accepted, AcceptedOffer)
    return accepted


def followed(before: AcceptedOffer, sdp: str) -> AcceptedOffer:
    accepted = before.follow(sdp)
    assert isinstance(accepted, AcceptedOffer)
    return accepted


def sections(sdp: str) -> list[str]:
    """Returns the kind and the port of each section."""
    return [f"{kind} {port}" for kind, port in re.findall(r"^m=(\S+) (\d+)", sdp, re.MULTILINE)]


def test_a_section_that_is_added_is_answered() -> None:
    further = followed(first(VP8, DATA), offer(VP8, DATA, OPUS, version=2))
    assert sections(further.sdp) == ["video 9", "application 9", "audio 9"]
    assert further.answer(further.sdp) == further.sdp
    assert further.ignored == ""


@pytest.mark.parametrize("order", [(OPUS, VP8, DATA), (VP8, OPUS, DATA), (VP8, DATA, OPUS)])
def test_a_section_that_is_removed_stays_in_its_place_and_is_refused(order: tuple[str, ...]) -> None:
    removed = offer(*(UNUSED if section is OPUS else section for section in order), version=2, group="v d")
    further = followed(first(*order), removed)
    assert sections(further.sdp) == sections(offer(*order))
    [audio] = [each for each in re.split("(?m)^(?=m=)", further.sdp) if each.startswith("m=audio")]
    assert "opus/48000" in audio
    assert "a=inactive\r\n" in audio
    answer = further.answer(further.sdp.replace("BUNDLE v d", "BUNDLE v d a"))
    assert sections(answer) == sections(removed)
    assert "a=group:BUNDLE v d\r\n" in answer
    # And it may come back.
    assert sections(followed(further, offer(*order, version=3)).answer(offer(*order))) == sections(
        offer(*order)
    )


@pytest.mark.parametrize("direction", ["sendonly", "sendrecv", "recvonly", "inactive"])
def test_a_video_may_pause(direction: str) -> None:
    paused = VP8 + f"a={direction}\r\n"
    further = followed(first(VP8, DATA), offer(paused, DATA, version=2))
    assert f"a={direction}\r\n" in further.sdp
    assert further.ignored == ""


def test_a_place_that_another_section_takes_is_refused() -> None:
    other = OPUS.replace("mid:a", "mid:b")
    further = followed(first(VP8, OPUS, DATA), offer(VP8, other, DATA, version=2))
    assert sections(further.answer(further.sdp)) == ["video 9", "audio 0", "application 9"]
    assert further.ignored == "section 2 (audio) takes the place of another"


def test_a_section_in_a_place_that_was_refused_stays_refused() -> None:
    unknown = OPUS.replace("opus/48000/2", "MP4A-LATM/90000")
    further = followed(first(VP8, unknown, DATA), offer(VP8, OPUS, DATA, version=2))
    assert sections(further.sdp) == ["video 9", "application 9"]
    assert further.ignored == "section 2 (audio) is one too many"


def test_sections_are_added_up_to_the_limit() -> None:
    added = [OPUS.replace("mid:a", f"mid:a{at}") for at in range(MAX_SECTIONS)]
    further = followed(first(VP8, DATA), offer(VP8, DATA, *added, version=2))
    assert len(sections(further.sdp)) == MAX_SECTIONS


def test_what_is_not_used_any_more_may_keep_its_credentials() -> None:
    left = UNUSED + TRANSPORT
    restarted = [section.replace("user", "anew") for section in (VP8, DATA)]
    assert first(VP8, DATA, OPUS).follow(offer(*restarted, left, version=2)) is not None


def test_restarted_ice_needs_another_version_of_the_session() -> None:
    restarted = [section.replace("user", "anew") for section in (VP8, DATA)]
    before = first(VP8, DATA)
    assert "a=ice-ufrag:anew" in followed(before, offer(*restarted, version=2)).sdp
    assert before.follow(offer(*restarted, version=1)) is None
    assert before.follow(offer(*restarted, version=2).replace("o=- 7", "o=- 8")) is None
    # One that counts its sessions anew at every offer, as aiortc does, is known by its credentials.
    assert before.follow(offer(VP8, DATA, version=2).replace("o=- 7", "o=- 8")) is not None


@pytest.mark.parametrize(
    "sdp",
    [
        "hello",
        offer(VP8, DATA).replace("AB:CD", "AB:CE"),
        offer(VP8, DATA.replace("user", "other"), version=2),
        offer(*(section.replace("a=ice-ufrag:user\r\n", "") for section in (VP8, DATA)), version=2),
    ],
)
def test_another_peer_is_no_continuation(sdp: str) -> None:
    assert first(VP8, DATA).follow(sdp) is None


@pytest.mark.parametrize("sdp", [offer(VP8, version=2), offer(VP8, OPUS, version=2)])
def test_sections_never_vanish(sdp: str) -> None:
    failure = first(VP8, DATA).follow(sdp)
    assert isinstance(failure, Failure)
    assert failure.code == "offer.malformed"
    assert "no section 2 (application)" in failure.text


def test_an_answer_that_does_not_fit_is_passed_on() -> None:
    further = followed(first(VP8, DATA), offer(VP8, DATA, OPUS, version=2))
    assert further.answer("v=0\r\n") == "v=0\r\n"


def test_candidates_find_their_section() -> None:
    further = followed(first(VP8, DATA), offer(VP8, DATA, OPUS, version=2))
    text = "1 1 udp 1 192.0.2.1 9 typ host"
    for mid, index in (("v", 0), ("d", 1), ("a", 2)):
        assert further.candidate(IceCandidate(text, mid, None)) == IceCandidate(text, mid, index)
