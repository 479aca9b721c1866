"""What is taken of an offer, and what the answer says of the rest."""

import re
from collections.abc import Callable
from time import thread_time

import pytest
from house.fuzz import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from odyssey_proto.kernel.failures import Failure, FailureKind, Fault, RemoteProtocolError
from odyssey_proto.messages.offers import MAX_SECTIONS, AcceptedOffer, accept_offer
from odyssey_proto.messages.sdp import MAX_LINES, MAX_SDP, read_description
from odyssey_proto.model.ice import IceCandidate
from odyssey_proto.testing.fake_media import describe

HEAD = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
TRANSPORT = (
    "a=ice-ufrag:user\r\na=ice-pwd:passwordpasswordpassword\r\na=fingerprint:sha-256 AB:CD\r\n"
    "a=setup:actpass\r\na=rtcp-mux\r\n"
)
VP8 = "m=video 9 UDP/TLS/RTP/SAVPF 97\r\na=mid:v\r\na=rtpmap:97 VP8/90000\r\n" + TRANSPORT
DATA = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:d\r\na=sctp-port:5000\r\n" + TRANSPORT
LATM = "m=audio 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:a\r\na=rtpmap:96 MP4A-LATM/90000\r\n" + TRANSPORT
OPUS = LATM.replace("MP4A-LATM/90000", "opus/48000/2")
ANSWER = (
    HEAD + "m=video 9 UDP/TLS/RTP/SAVPF 97\r\na=x\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
)


def video(rtpmap: str, fmtp: str = "") -> str:
    section = VP8.replace("VP8/90000", rtpmap)
    return section + (f"a=fmtp:97 {fmtp}\r\n" if fmtp else "")


def accepted(sdp: str, channels: bool = True) -> AcceptedOffer:
    offer = accept_offer(sdp, channels=channels)
    assert isinstance(offer, AcceptedOffer)
    return offer


def refused(sdp: str, channels: bool = True) -> Failure:
    failure = accept_offer(sdp, channels=channels)
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.fault, failure.retryable) == (FailureKind.MALFORMED, Fault.SERVICE, False)
    return failure


def kinds(sdp: str) -> list[tuple[str, str]]:
    return re.findall(r"^m=(\S+) (\d+)", sdp, re.MULTILINE)


def test_what_is_complete_is_passed_on_as_it_is() -> None:
    offer = accepted(describe("test"))
    assert (offer.sdp, offer.ignored) == (describe("test"), "")
    assert offer.answer(ANSWER) == ANSWER


@pytest.mark.parametrize(
    ("extra", "why"),
    [
        (LATM, "has no known codec: MP4A-LATM"),
        (video("AV1/90000").replace("mid:v", "mid:w"), "has no known codec: AV1"),
        (DATA.replace("mid:d", "mid:e"), "is one too many"),
        (OPUS.replace("a=rtcp-mux\r\n", ""), "has no a=rtcp-mux"),
        ("m=audio 9 RTP/AVP 0\r\n" + TRANSPORT, "is for RTP/AVP"),
        ("m=text 9 UDP/TLS/RTP/SAVPF 98\r\n" + TRANSPORT, "is for UDP/TLS/RTP/SAVPF"),
        ("m=image 9 udptl t38\r\n", "has no a=ice-ufrag"),
        ("m=application 9 TCP/MSRP *\r\na=setup:holdconn\r\n", "has no a=ice-ufrag"),
        (DATA.replace("a=sctp-port:5000\r\n", "a=sctp-port:99999\r\n"), "has no a=sctp-port"),
        (OPUS.replace("mid:a", "mid:v"), "has the name of another"),
        (OPUS.replace("mid:a", "mid:d"), "has the name of another"),
        (OPUS.replace("SAVPF", "savpf"), "is for UDP/TLS/RTP/savpf"),
        (OPUS.replace("TLS/RTP", "TLS=RTP"), "is for UDP/TLS=RTP/SAVPF"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_a_section_that_is_not_needed_is_refused_in_its_place(extra: str, why: str, first: bool) -> None:
    sections = [extra, VP8, DATA] if first and "application" not in extra else [VP8, DATA, extra]
    offer = accepted(HEAD + "".join(sections))
    assert [kind for kind, _ in kinds(offer.sdp)] == ["video", "application"]
    assert why in offer.ignored
    answered = kinds(offer.answer(ANSWER))
    assert [kind for kind, _ in answered] == [kind for kind, _ in kinds("".join(sections))]
    assert [port == "0" for _, port in answered] == [section is extra for section in sections]


def test_a_section_that_the_offer_itself_does_not_use_is_no_news() -> None:
    offer = accepted(HEAD + VP8 + DATA + LATM.replace("audio 9", "audio 0"))
    assert offer.ignored == ""
    assert kinds(offer.answer(ANSWER))[-1] == ("audio", "0")


def test_what_is_known_is_answered_and_only_the_first_video_received() -> None:
    offer = accepted(HEAD + OPUS + VP8 + DATA + VP8.replace("mid:v", "mid:w"))
    assert [kind for kind, _ in kinds(offer.sdp)] == ["audio", "video", "application", "video"]
    assert offer.ignored == "section 4 (video) is not received: only the first video is"


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ([video("AV1/90000")], "AV1; known are VP8 and H264"),
        (
            [video("H264/90000", "packetization-mode=1;profile-level-id=4d001f")],
            r"H264 \(profile 4d001f, packetization mode 1\); known",
        ),
        (
            [video("H264/90000", "packetization-mode=0;profile-level-id=42e01f")],
            r"H264 \(profile 42e01f, packetization mode 0\); known",
        ),
        ([video("AV1/90000"), video("VP9/90000").replace("mid:v", "mid:w")], "AV1, VP9; known"),
        ([video("AV1/90000").replace("97\r", "97 98\r", 1) + "a=rtpmap:98 rtx/90000\r\n"], "AV1; known"),
        ([VP8.replace("SAVPF 97", "SAVPF 0")], "none; known"),
    ],
)
def test_a_video_that_cannot_be_decoded_names_the_codecs(sections: list[str], words: str) -> None:
    failure = refused(HEAD + "".join(sections) + DATA)
    assert failure.code == "offer.no_codec"
    assert re.search(words, failure.text)


@pytest.mark.parametrize(
    ("parameters", "known"),
    [
        ("packetization-mode=1;profile-level-id=42e01f", True),
        ("profile-level-id=42001f; packetization-mode=1", True),
        ("packetization-mode=1", True),
        ("packetization-mode=1;profile-level-id=4d801f", True),
        ("packetization-mode=1;profile-level-id=58c01f", True),
        ("packetization-mode=0;profile-level-id=42e01f", False),
        ("profile-level-id=42e01f", False),
        ("packetization-mode=1;profile-level-id=64001f", False),
        ("packetization-mode=1;profile-level-id=42e01", False),
        ("packetization-mode=1;profile-level-id=42e0ff", False),
        ("packetization-mode=1;profile-level-id=42ef1f", False),
    ],
)
def test_profiles_of_h264(parameters: str, known: bool) -> None:
    found = accept_offer(HEAD + video("H264/90000", parameters) + DATA, channels=True)
    assert isinstance(found, AcceptedOffer) is known


@pytest.mark.parametrize(
    ("sdp", "code", "words"),
    [
        ("", "offer.malformed", "does not begin with v=0"),
        (HEAD, "offer.malformed", "no line m="),
        (HEAD + "m=video\r\n", "offer.malformed", "a line m= is none of RFC 8866"),
        (HEAD + "m=video 99999 X 1\r\n", "offer.malformed", "a line m= is none"),
        (HEAD + "m=video 9 X  \r\n", "offer.malformed", "a line m= is none"),
        (HEAD + VP8 + DATA + "a=x" * MAX_SDP, "offer.malformed", "longer than"),
        (HEAD + DATA, "offer.no_video", "no usable section for video"),
        (HEAD + VP8, "offer.no_channels", "no usable section for data channels"),
        (HEAD + VP8 + "a=recvonly\r\n" + DATA, "offer.no_video", "it sends nothing"),
        (HEAD + VP8 + "a=inactive\r\n" + DATA, "offer.no_video", "it sends nothing"),
        (HEAD + "a=recvonly\r\n" + VP8 + DATA, "offer.no_video", "it sends nothing"),
        (HEAD + VP8.replace("a=setup:actpass", "a=x") + DATA, "offer.no_video", "it has no a=setup"),
        (
            HEAD + VP8.replace("a=fingerprint:sha-256", "a=fingerprint:") + DATA,
            "offer.no_video",
            "a=fingerprint",
        ),
    ],
)
def test_what_is_needed_and_not_there_is_named(sdp: str, code: str, words: str) -> None:
    failure = refused(sdp)
    assert failure.code == code
    assert words in failure.text


def test_a_section_need_not_go_the_way_of_the_session() -> None:
    assert accepted(HEAD + "a=recvonly\r\n" + VP8 + "a=sendonly\r\n" + DATA).ignored == ""


def test_a_spectator_needs_no_data_channels() -> None:
    assert kinds(accepted(HEAD + VP8, channels=False).sdp) == [("video", "9")]


def test_a_bundled_section_gets_what_it_shares() -> None:
    """RFC 9429 section 5.2.1: bundle-only sections have port 0 and no transport of their own."""
    group = "a=group:BUNDLE v d\r\n"
    data = DATA.replace(TRANSPORT, "a=bundle-only\r\n").replace("application 9", "application 0")
    offer = accepted(HEAD + group + VP8 + data)
    assert offer.ignored == ""
    assert kinds(offer.sdp) == [("video", "9"), ("application", "9")]
    assert offer.sdp.count("a=ice-pwd:passwordpasswordpassword") == 2
    assert refused(HEAD + VP8 + data).code == "offer.no_channels"


def test_a_bundle_whose_first_section_is_refused_goes_on_without_it() -> None:
    sections = LATM + VP8.replace(TRANSPORT, "") + DATA.replace(TRANSPORT, "")
    offer = accepted(HEAD + "a=group:BUNDLE a v d\r\n" + sections)
    assert "a=group:BUNDLE v d\r\n" in offer.sdp
    assert offer.sdp.count("a=ice-ufrag:user") == 2


def test_what_the_session_says_counts_for_each_section() -> None:
    short = TRANSPORT.replace("a=rtcp-mux\r\n", "")
    sections = (VP8 + DATA).replace(short, "")
    assert accepted(HEAD + short + sections).ignored == ""


def test_sections_without_end_are_refused() -> None:
    many = "".join(VP8.replace("mid:v", f"mid:{at}") for at in range(1200))
    offer = accepted(HEAD + "a=group:BUNDLE v d\r\n" + VP8 + DATA + many[: MAX_SDP // 2].rpartition("m=")[0])
    assert len(kinds(offer.sdp)) == MAX_SECTIONS
    assert len(offer.ignored) <= 500


def test_an_answer_to_as_many_sections_as_fit_takes_no_longer_than_reading_them() -> None:
    """Both are work of this thread alone, so a busy machine makes both slow."""
    sdp = HEAD + VP8 + DATA
    sdp += "m=x 0 y z\r\n" * ((MAX_SDP - len(sdp)) // 11)
    begun = thread_time()
    offer = accepted(sdp)
    read = thread_time()
    answer = offer.answer(ANSWER)
    assert thread_time() - read < 10 * (read - begun)
    assert len(kinds(answer)) == len(kinds(sdp)) > 20_000


BAD_LINES = [
    "a=candidate:8 1 udp 1 192.0.2.9 5000 typ host raddr 1.2.3.4 rport abc",
    "a=candidate:8 1 udp 1 192.0.2.9 5000 typ",
    "a=candidate:8 1 udp high 192.0.2.9 5000 typ host",
    "a=candidate",
    "a=extmap:1 urn:x attributes here",
    "a=fmtp:97 apt=x",
    "a=fmtp:97",
    "a=group",
    "a=ice-pwd",
    "a=max-message-size:large",
    "a=rtcp-fb:97",
    "a=rtpmap:98 VP9",
    "a=rtpmap:x VP9/90000",
    "a=sctp-port:x",
    "a=sctpmap:x",
    "a=setup:holdconn",
    "a=ssrc:1 cname",
    "a=ssrc-group:FID x",
    "a=fingerprint:x",
    "a=mid",
    "a=",
    "a=x\x0ba=candidate",
]


@pytest.mark.parametrize("line", BAD_LINES)
def test_a_malformed_line_is_left_out_and_reported(line: str) -> None:
    offer = accepted(HEAD + VP8 + f"{line}\r\n" + DATA)
    assert offer.sdp == accepted(HEAD + VP8 + DATA).sdp
    name = re.split("[:\x0b]", line[2:])[0] if "\x0b" not in line else ""
    assert offer.ignored == f"a malformed or superfluous line a={name}"


@pytest.mark.parametrize(
    "line", ["c=IN IP4 host.example", "b=AS:x", "k=", "nonsense", "a=rtcp:9 IN IP4 h", "i=\x85"]
)
def test_a_line_that_means_nothing_here_is_passed_over(line: str) -> None:
    offer = accepted(HEAD + VP8 + f"{line}\r\n" + DATA)
    assert (offer.sdp, offer.ignored) == (accepted(HEAD + VP8 + DATA).sdp, "")


def test_payload_types_that_nobody_explains_are_left_out() -> None:
    section = VP8.replace("SAVPF 97", "SAVPF 300 72 97 98 97 x") + (
        "a=rtpmap:72 VP8/90000\r\na=rtpmap:97 VP9/90000\r\na=fmtp:98 x=1\r\na=fmtp:97 max-fr=30\r\n"
    )
    sdp = accepted(HEAD + section + DATA).sdp
    assert "m=video 9 UDP/TLS/RTP/SAVPF 97\r\n" in sdp
    assert re.findall("a=(?:rtpmap|fmtp).*", sdp) == ["a=rtpmap:97 VP8/90000\r", "a=fmtp:97 max-fr=30\r"]


def test_lines_without_end_are_left_out() -> None:
    offer = accepted(HEAD + VP8 + "a=candidate:1 1 udp 1 192.0.2.9 5000 typ host\r\n" * 2000 + DATA)
    assert offer.sdp.count("a=candidate") == MAX_LINES
    assert offer.ignored == "a malformed or superfluous line a=candidate"


@pytest.mark.parametrize(
    ("mid", "index", "known"),
    [
        ("v", None, ("v", 0)),
        ("d", 2, ("d", 1)),
        (None, 1, ("v", 0)),
        (None, None, ("v", 0)),
        ("", None, ("v", 0)),
        ("nobody", 2, ("d", 1)),
        ("a", None, None),
        (None, 0, None),
        (None, 9, None),
        (None, -1, None),
    ],
)
def test_a_candidate_finds_its_section(
    mid: str | None, index: int | None, known: tuple[str, int] | None
) -> None:
    found = accepted(HEAD + LATM + VP8 + DATA).candidate(IceCandidate("c", mid, index))
    assert found == (None if known is None else IceCandidate("c", *known))


def test_an_answer_of_another_shape_is_passed_on() -> None:
    assert accepted(HEAD + LATM + VP8 + DATA).answer(HEAD) == HEAD


lines = st.one_of(
    st.sampled_from(BAD_LINES),
    st.text(max_size=60),
    st.builds(
        "a={}:{}".format, st.sampled_from(["candidate", "fmtp", "ssrc", "mid", "x"]), st.text(max_size=40)
    ),
).filter(lambda line: not re.search(r"(^|\n)\s*m=", line))


@given(added=st.lists(st.tuples(st.integers(0, 30), lines), max_size=5))
@settings(max_examples=examples(200), deadline=None)
def test_whatever_stands_beside_what_is_needed_costs_nothing(added: list[tuple[int, str]]) -> None:
    every = (HEAD + VP8 + DATA).split("\r\n")[:-1]
    for at, line in added:
        every.insert(max(1, at), line)
    harmful = re.compile(r"a=(setup|mid|inactive|recvonly|sctp-port|group|rtpmap|fmtp|bundle-only)")
    if not any(harmful.match(part) for _, line in added for part in line.split("\n")):
        accepted("\r\n".join(every) + "\r\n")


mutations: st.SearchStrategy[Callable[[str], str]] = st.one_of(
    st.builds(
        lambda at, n: lambda sdp: sdp[: at % len(sdp)] + sdp[at % len(sdp) + n :],
        st.integers(0, 900),
        st.integers(1, 40),
    ),
    st.builds(
        lambda at, text: lambda sdp: sdp[: at % len(sdp)] + text + sdp[at % len(sdp) :],
        st.integers(0, 900),
        st.text(max_size=9),
    ),
)


@given(edits=st.lists(mutations, max_size=4), sdp=st.sampled_from([describe("x"), HEAD + LATM + VP8 + DATA]))
@settings(max_examples=examples(300), deadline=None)
def test_whatever_is_offered_is_taken_or_a_failure_and_what_is_taken_is_stable(
    edits: list[Callable[[str], str]], sdp: str
) -> None:
    for edit in edits:
        sdp = edit(sdp) or sdp
    offer = accept_offer(sdp, channels=True)
    if isinstance(offer, AcceptedOffer):
        again = accepted(offer.sdp)
        assert again.sdp == offer.sdp
        assert len(kinds(offer.answer(offer.sdp))) == len(
            [line for line in sdp.split("\n") if line.startswith("m=")]
        )
    else:
        assert offer.code.startswith("offer.")


def test_what_is_no_description_is_said() -> None:
    with pytest.raises(RemoteProtocolError, match="v=0"):
        read_description("hello")


@pytest.mark.parametrize("rtpmap", ["VP8/48000", "VP8/8000"])
def test_a_video_with_another_clock_cannot_be_decoded(rtpmap: str) -> None:
    assert refused(HEAD + video(rtpmap) + DATA).code == "offer.no_codec"


def test_a_video_with_a_payload_type_of_another_coding_cannot_be_decoded() -> None:
    """RFC 3551 section 6: payload type 3 is GSM, whatever a description calls it."""
    assert refused(HEAD + VP8.replace("97", "3") + DATA).code == "offer.no_codec"
