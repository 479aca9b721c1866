"""Sections of an offer that are malformed, have no name or that of another, or say something twice."""

import re

import pytest

from odyssey_proto.messages.offers import AcceptedOffer
from odyssey_proto.messages.sdp import MAX_LINES, read_description
from odyssey_proto.model.ice import IceCandidate
from tests.proto.messages.test_offers import ANSWER, DATA, HEAD, LATM, OPUS, VP8, accepted, kinds, refused


@pytest.mark.parametrize(
    ("line", "refusal"),
    [
        ("m=audio 70000 UDP/TLS/RTP/SAVPF 96 97", "m=audio 0 UDP/TLS/RTP/SAVPF 96 97"),
        ("m=audio 0 UDP/TLS/RTP/SAVPF ", "m=audio 0 UDP/TLS/RTP/SAVPF 0"),
        ("m=audio -1 x", "m=audio 0 x 0"),
        ("m=", "m=- 0 - 0"),
        ("m=\x07", "m=- 0 - 0"),
        ("m=größer 9 x 0", "m=- 0 - 0"),
    ],
)
def test_a_section_whose_line_is_malformed_is_refused_in_its_place(line: str, refusal: str) -> None:
    offer = accepted(HEAD + f"{line}\r\na=mid:x\r\n" + VP8 + DATA)
    assert [kind for kind, _ in kinds(offer.sdp)] == ["video", "application"]
    assert offer.ignored == "a malformed or superfluous line m="
    answer = offer.answer(ANSWER).replace(HEAD, "")
    assert answer.startswith(f"{refusal}\r\n")
    assert read_description(HEAD + answer).left_out == ()


def test_of_sections_without_a_name_one_of_media_is_taken() -> None:
    nameless = [re.sub(r"a=mid:.*\r\n", "", each) for each in (OPUS, VP8, DATA)]
    offer = accepted(HEAD + "".join(nameless))
    assert [kind for kind, _ in kinds(offer.sdp)] == ["video", "application"]
    assert offer.ignored == "section 1 (audio) has the name of another"


@pytest.mark.parametrize("before", [True, False])
def test_a_candidate_is_for_the_section_that_is_taken_of_those_with_one_name(before: bool) -> None:
    namesake = OPUS.replace("mid:a", "mid:v")
    offer = accepted(HEAD + (namesake + VP8 + DATA if before else VP8 + DATA + namesake))
    assert offer.candidate(IceCandidate("c", "v")) == IceCandidate("c", "v", 0)


def test_candidates_of_a_section_that_is_refused_are_for_those_that_travel_with_it() -> None:
    candidate = "1 1 udp 1 192.0.2.9 5000 typ host"
    said = f"a=candidate:{candidate}\r\na=end-of-candidates\r\n"
    text = LATM.replace("mid:a", "mid:t")
    offer = accepted(HEAD + "a=group:BUNDLE a v d\r\n" + LATM + said + VP8 + DATA + text)
    _, first, second = re.split(r"(?m)^(?=m=)", offer.sdp)
    assert said in first
    assert said not in second
    for mid, index in (("a", None), (None, 0)):
        assert offer.candidate(IceCandidate(candidate, mid, index)) == IceCandidate(candidate, "v", 0)
    assert offer.candidate(IceCandidate(candidate, "t", None)) is None
    alone = accepted(HEAD + "a=group:BUNDLE a\r\n" + LATM + said + VP8 + DATA)
    assert said not in alone.sdp
    assert alone.candidate(IceCandidate(candidate, "a", None)) is None


def test_of_candidates_of_refused_sections_no_more_are_kept_than_one_may_have() -> None:
    many = LATM + "a=candidate:1 1 udp 1 192.0.2.9 5000 typ host\r\n" * MAX_LINES
    offer = accepted(HEAD + "a=group:BUNDLE a b v d\r\n" + many + many.replace("mid:a", "mid:b") + VP8 + DATA)
    assert offer.sdp.count("a=candidate:") == MAX_LINES


def test_data_channels_with_the_name_of_the_video_are_none() -> None:
    failure = refused(HEAD + VP8 + DATA.replace("mid:d", "mid:v"))
    assert failure.code == "offer.no_channels"
    assert "it has the name of another" in failure.text
    accepted(HEAD + VP8 + DATA.replace("mid:d", "mid:v"), channels=False)


@pytest.mark.parametrize("line", ["a=mid:d", "a=ice-ufrag:x", "a=ice-pwd:x", "a=setup:active", "a=setup:x"])
def test_of_what_is_said_twice_the_first_counts(line: str) -> None:
    offer = accepted(HEAD + VP8 + f"{line}\r\n" + DATA)
    assert line not in offer.sdp.partition("m=application")[0]
    assert f"a malformed or superfluous line {line.partition(':')[0]}" in offer.ignored


def test_a_section_that_a_group_names_twice_is_in_it_once() -> None:
    # aiortc closes the transport of what is named again as one that is not needed.
    offer = accepted(HEAD + "a=group:BUNDLE v v d v\r\n" + VP8 + DATA)
    assert "a=group:BUNDLE v d\r\n" in offer.sdp


def test_a_section_for_data_channels_says_nothing_of_codecs() -> None:
    offer = accepted(HEAD + VP8 + DATA + "a=fmtp:97 x=1\r\na=rtpmap:98 VP8/90000\r\n")
    assert not re.search("a=fmtp|98", offer.sdp)
    assert "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n" in offer.sdp


def test_a_section_that_a_further_offer_adds_has_a_name_of_its_own() -> None:
    further = accepted(HEAD + VP8 + DATA).follow(HEAD + VP8 + DATA + OPUS.replace("mid:a", "mid:v") + OPUS)
    assert isinstance(further, AcceptedOffer)
    assert re.findall(r"a=mid:(\S+)", further.sdp) == ["v", "d", "a"]
    assert further.ignored == "section 3 (audio) has the name of another"
