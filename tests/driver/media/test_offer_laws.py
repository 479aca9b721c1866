"""What the core takes of an offer, aiortc can read and answer, whatever a server sends."""

import asyncio
import re

from house.fuzz import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from odyssey_anyio.media import aiortc_internals
from odyssey_anyio.media.descriptions import description
from odyssey_proto.kernel.failures import Failure
from odyssey_proto.messages.offers import AcceptedOffer, accept_offer, decodable
from odyssey_proto.messages.sdp import read_description
from odyssey_proto.seam.inputs import SdpKind
from odyssey_proto.seam.outputs import SetRemote
from tests.driver.media.test_engine import PEER

edits = st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 30), st.text(max_size=12)), max_size=6)


async def plain_offer() -> str:
    """Returns what a peer of plain aiortc offers: sound, pictures and a channel."""
    from aiortc import RTCPeerConnection

    other = RTCPeerConnection()
    other.addTransceiver("audio")
    other.addTransceiver("video")
    other.createDataChannel("down")
    await other.setLocalDescription(await other.createOffer())
    try:
        return other.localDescription.sdp
    finally:
        await other.close()


@given(edits=edits)
@settings(max_examples=examples(300), deadline=None)
def test_whatever_the_core_takes_aiortc_can_read(edits: list[tuple[int, int, str]]) -> None:
    from aiortc.sdp import SessionDescription

    sdp = OFFER
    for at, cut, text in edits:
        sdp = sdp[: at % len(sdp)] + text + sdp[at % len(sdp) + cut :]
    offer = accept_offer(sdp, channels=True)
    if isinstance(offer, Failure):
        return
    description = SessionDescription.parse(offer.sdp)
    assert all(media.ice.usernameFragment and media.dtls.role for media in description.media)
    assert str(description)


OFFER = asyncio.run(plain_offer())

edited_lines = st.sampled_from(
    [
        *dict.fromkeys(OFFER.splitlines()),
        *("a=mid:0", "a=mid:1", "a=mid:2", "a=group:BUNDLE 1", "a=group:BUNDLE 2 1 0", "a=setup:passive"),
        *("a=sendrecv", "a=sendonly", "a=inactive", "a=bundle-only", "a=fmtp:97 x", "a=rtcp-fb:97 nack"),
        *("a=ice-lite", "a=sctp-port:1", "m=audio 0 UDP/TLS/RTP/SAVPF 0", "m=video 9 UDP/TLS=RTP/SAVPF 97"),
    ]
)


@given(
    cut=st.lists(st.integers(0, 200), max_size=3),
    added=st.lists(st.tuples(st.integers(0, 200), edited_lines), max_size=3),
    again=st.lists(st.integers(0, 5), max_size=2),
)
@settings(max_examples=examples(100), deadline=None)
def test_whatever_the_core_takes_aiortc_answers(
    cut: list[int], added: list[tuple[int, str]], again: list[int]
) -> None:
    """What a server sends is never the doing of the caller, nor a defect of ours or of a library."""
    lines = OFFER.splitlines()
    for at in cut:
        del lines[1 + at % (len(lines) - 1)]
    for at, line in added:
        lines.insert(1 + at % len(lines), line)
    sections = re.split(r"(?m)^(?=m=)", "\r\n".join(lines) + "\r\n")
    offer = accept_offer(
        "".join([*sections, *(sections[1:][at % len(sections[1:])] for at in again)]), channels=True
    )
    if isinstance(offer, AcceptedOffer):
        answer = asyncio.run(answer_of(offer.sdp))
        offered = [section.kind for section in offer._offer.sections]
        assert re.findall(r"(?m)^m=(\S+)", offer.answer(answer)) == offered
        mids = re.findall(r"(?m)^a=mid:(\S+)", answer)
        assert len(mids) == len(set(mids))


async def answer_of(sdp: str) -> str:
    """Returns what aiortc answers."""
    from aiortc import RTCConfiguration, RTCPeerConnection

    pc = RTCPeerConnection(RTCConfiguration([]))
    aiortc_internals.end_connect_quietly(pc)
    try:
        await pc.setRemoteDescription(description(SetRemote(PEER, SdpKind.OFFER, sdp)))
        await pc.setLocalDescription(await pc.createAnswer())
        return pc.localDescription.sdp
    finally:
        await pc.close()


@given(
    name=st.sampled_from(["VP8", "vp8", "H264", "h264", "VP9", "AV1", "H265"]),
    clock=st.sampled_from(["90000", "8000"]),
    mode=st.sampled_from(["", "packetization-mode=0;", "packetization-mode=1;"]),
    profile=st.one_of(
        st.just(""),
        st.builds(
            "profile-level-id={}{:02x}{}".format,
            st.sampled_from(["42", "4d", "58", "64", "f4", "zz"]),
            st.integers(0, 255),
            st.sampled_from(["1f", "0b", "34", "ff", "1"]),
        ),
    ),
)
@settings(max_examples=examples(300), deadline=None)
def test_a_coding_is_known_to_the_core_if_aiortc_can_decode_it(
    name: str, clock: str, mode: str, profile: str
) -> None:
    from aiortc.codecs import CODECS
    from aiortc.rtcpeerconnection import find_common_codecs
    from aiortc.sdp import SessionDescription

    fmtp = f"a=fmtp:97 {mode}{profile}\r\n" if mode or profile else ""
    sdp = f"v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 97\r\na=rtpmap:97 {name}/{clock}\r\n{fmtp}"
    [section] = read_description(sdp).sections
    theirs = SessionDescription.parse(sdp).media[0].rtp.codecs
    assert [decodable(codec) for codec in section.codecs] == [
        bool(find_common_codecs(CODECS["video"], theirs))
    ]
