"""Answers that refuse the sound that was asked for."""

import pytest

from odyssey_proto.kernel.failures import RemoteProtocolError
from odyssey_proto.messages.answers import accept_answer
from odyssey_proto.messages.sdp import read_description

HEAD = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"


def section(kind: str, mid: str, codec: str, direction: str, setup: str, name: str) -> str:
    return (
        f"m={kind} 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na={direction}\r\na=mid:{mid}\r\n"
        f"a=rtcp-mux\r\na=rtpmap:96 {codec}\r\na=ice-ufrag:{name}\r\na=ice-pwd:{name}\r\n"
        f"a=fingerprint:sha-256 {name[0]}0\r\na=setup:{setup}\r\n"
    )


OFFER = (
    f"{HEAD}a=group:BUNDLE 0 1\r\n"
    + section("video", "0", "VP8/90000", "recvonly", "actpass", "abcd")
    + section("audio", "1", "opus/48000/2", "recvonly", "actpass", "abcd")
)
VIDEO = section("video", "0", "VP8/90000", "sendonly", "active", "efgh")
SOUND = section("audio", "1", "opus/48000/2", "sendonly", "active", "efgh")
REFUSED = "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\n"
"""As pion refuses a section: it does not even repeat its name."""


@pytest.mark.parametrize("group", ["", "a=group:BUNDLE 0\r\n"], ids=["alone", "bundled"])
def test_refused_sound_is_a_section_in_which_nothing_comes(group: str) -> None:
    answer = accept_answer(OFFER, f"{HEAD}{group}{VIDEO}{REFUSED}")
    video, sound = answer.sections
    assert video == read_description(HEAD + VIDEO).sections[0]
    assert (sound.port, sound.mid, [codec.name for codec in sound.codecs]) == (9, "1", ["opus"])
    for name in ("ice-ufrag", "ice-pwd", "fingerprint", "setup", "rtcp-mux"):
        assert sound.of(name) == video.of(name)
    assert sound.of("inactive")
    assert not sound.of("recvonly")
    assert answer.bundle == ("0", "1")


def test_sound_without_a_coding_costs_no_video() -> None:
    plain = SOUND.replace("SAVPF 96", "SAVPF 0 8").replace("a=rtpmap:96 opus/48000/2\r\n", "")
    assert "rtpmap" not in plain
    video, sound = accept_answer(OFFER, f"{HEAD}a=group:BUNDLE 0 1\r\n{VIDEO}{plain}").sections
    assert video == read_description(HEAD + VIDEO).sections[0]
    assert [codec.name for codec in sound.codecs] == ["opus"]
    assert sound.of("inactive")
    assert not sound.of("sendonly")


@pytest.mark.parametrize(
    "answer",
    [
        f"{HEAD}a=group:BUNDLE 0 1\r\n{VIDEO}{SOUND}",
        HEAD + VIDEO,
        f"{HEAD}{VIDEO}{REFUSED}{REFUSED}",
        HEAD + VIDEO.replace("video 9", "video 0") + REFUSED,
        HEAD + VIDEO.replace("video 9", "video 0") + SOUND,
    ],
    ids=["all taken", "a section less", "a section more", "all refused", "no video"],
)
def test_any_other_answer_stays_as_it_is(answer: str) -> None:
    assert accept_answer(OFFER, answer) == read_description(answer)


def test_payload_types_that_are_not_explained_are_left_out() -> None:
    line = "m=video 9 UDP/TLS/RTP/SAVPF 96"
    more = f"{HEAD}{VIDEO}a=fmtp:102 apt=96\r\n{SOUND}".replace(line, f"{line} 102")
    assert accept_answer(OFFER, more).sections == read_description(HEAD + VIDEO + SOUND).sections


def test_where_nothing_is_refused_our_offer_is_not_looked_at() -> None:
    assert accept_answer("", HEAD + VIDEO) == read_description(HEAD + VIDEO)


def test_what_is_no_answer_is_refused() -> None:
    with pytest.raises(RemoteProtocolError):
        accept_answer(OFFER, "hello")
