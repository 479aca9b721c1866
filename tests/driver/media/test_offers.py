"""What the core takes of an offer, aiortc takes: real sessions with offers that hold more than is needed."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from odyssey_anyio.local.video.track import SceneSource
from odyssey_anyio.media import aiortc_internals
from odyssey_anyio.media.descriptions import with_directions
from odyssey_anyio.media.engine import Engine
from odyssey_proto.messages.answers import accept_answer
from odyssey_proto.messages.offers import AcceptedOffer, accept_offer
from odyssey_proto.seam.inputs import (
    ChannelDown,
    ChannelUnreadable,
    LocalDescription,
    MediaInput,
    MediaKind,
    PeerFailed,
    PeerState,
    PeerStateChanged,
    SdpKind,
    TrackUp,
    TransportError,
    TransportErrorKind,
)
from odyssey_proto.seam.outputs import (
    ChannelSend,
    IceConfig,
    MakeAnswer,
    MakeOffer,
    MakePeer,
    SetRemote,
)
from odyssey_proto.testing.fake_media import describe
from tests.driver.media.test_engine import PEER, End, is_up

pytestmark = pytest.mark.anyio

LATM = "m=audio 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:latm\r\na=rtpmap:96 MP4A-LATM/90000\r\n"
BAD_CANDIDATES = (
    "a=candidate:8 1 udp 1 192.0.2.9 5000 typ host raddr 1.2.3.4 rport abc\r\n"
    "a=candidate:8 1 udp high 192.0.2.9 5000 typ host\r\na=candidate:8 1 udp\r\n"
)


def bundled_only(sdp: str) -> str:
    """Returns an offer whose later sections have only what RFC 9429 section 5.2.1 wants of them."""
    first, *others = re.split(r"(?m)^(?=m=application)", sdp)
    shared = r"a=(ice-ufrag|ice-pwd|fingerprint|setup|candidate|end-of-candidates|rtcp-mux).*\r\n"
    bare = (re.sub(shared, "", other) for other in others)
    return first + "".join(
        re.sub(r"^m=application \d+", "m=application 0", each) + "a=bundle-only\r\n" for each in bare
    )


def crowded(sdp: str) -> str:
    """Returns an offer with hundreds of further sections."""
    video = re.findall(r"(?ms)^m=video.*?(?=^m=|\Z)", sdp)[0]
    return sdp + "".join(re.sub(r"a=mid:\S+", f"a=mid:x{at}", video) for at in range(80))


@asynccontextmanager
async def session(
    edit: Callable[[str], str], *channels: str, comes_up: bool = True
) -> AsyncIterator[tuple[End, End, AcceptedOffer]]:
    """Returns a streamer, a viewer that answers as the core has it, and what was taken of the offer."""
    streamer, viewer = End(Engine(SceneSource())), End(Engine())
    taken: list[AcceptedOffer] = []

    def described(notice: MediaInput) -> None:
        if isinstance(notice, LocalDescription) and notice.kind is SdpKind.OFFER:
            offer = accept_offer(edit(notice.sdp), channels=True)
            assert isinstance(offer, AcceptedOffer)
            taken.append(offer)
            viewer.engine.order(MakePeer(PEER, IceConfig(), channels=("down",)))
            viewer.engine.order(SetRemote(PEER, SdpKind.OFFER, offer.sdp))
            viewer.engine.order(MakeAnswer(PEER))
        elif isinstance(notice, LocalDescription):
            # The streamer's own engine knows nothing of what was added to its offer.
            streamer.engine.order(SetRemote(PEER, SdpKind.ANSWER, own_sections(taken[0].answer(notice.sdp))))

    streamer.hook = viewer.hook = described
    await streamer.engine.start(streamer.deliver)
    await viewer.engine.start(viewer.deliver)
    try:
        streamer.engine.order(MakePeer(PEER, IceConfig(), sends=True, channels=("down", *channels)))
        streamer.engine.order(MakeOffer(PEER))
        await viewer.until(is_up("down") if comes_up else lambda n: isinstance(n, LocalDescription))
        if comes_up:
            await streamer.until(is_up("down"))
        yield streamer, viewer, taken[0]
    finally:
        await viewer.engine.aclose()
        await streamer.engine.aclose()


def own_sections(answer: str) -> str:
    """Returns an answer without its refusals, which have to be well-formed and in their places."""
    head, *sections = re.split(r"(?m)^(?=m=)", answer)
    kept = [section for section in sections if section.split(" ")[1] != "0"]
    own = [
        next(section for section in kept if section.startswith(kind)) for kind in ("m=video", "m=application")
    ]
    return head + "".join(own)


@pytest.mark.parametrize(
    ("edit", "ignored"),
    [
        (lambda sdp: sdp, ""),
        (lambda sdp: sdp + LATM, "MP4A-LATM|has no a=ice-ufrag"),
        (lambda sdp: re.sub(r"(?m)^m=video", f"{LATM}m=video", sdp, count=1), "has no a=ice-ufrag"),
        (lambda sdp: re.sub(r"(?m)^(a=candidate)", BAD_CANDIDATES + r"\1", sdp, count=1), "a=candidate"),
        (bundled_only, ""),
        (crowded, "section 3"),
        (lambda sdp: sdp.replace("c=IN IP4 ", "c=IN IP4 host.example "), ""),
        (lambda sdp: sdp.replace("a=sendonly\r\n", ""), ""),
    ],
    ids=[
        "plain",
        "extra behind",
        "extra before",
        "bad candidates",
        "bundle-only",
        "80 more",
        "names",
        "no way",
    ],
)
async def test_an_offer_with_more_than_is_needed_leads_to_a_session(
    edit: Callable[[str], str], ignored: str
) -> None:
    async with session(edit) as (_, viewer, offer):
        await viewer.until(lambda n: n == PeerStateChanged(PEER, PeerState.CONNECTED))
        assert [type(notice) for notice in viewer.notices].count(TrackUp) == 1
        assert not [notice for notice in viewer.notices if isinstance(notice, PeerFailed)]
        assert re.search(ignored, offer.ignored)


async def test_keys_that_are_not_those_of_the_offer_are_named() -> None:
    def edit(sdp: str) -> str:
        return re.sub(r"(a=fingerprint:\S+ )\S\S", r"\g<1>00", sdp)

    async with session(edit, comes_up=False) as (_, viewer, _):
        failed = await viewer.until(lambda n: isinstance(n, PeerFailed))
        assert failed == PeerFailed(PEER, TransportError(TransportErrorKind.TLS))


async def test_an_offer_that_cannot_be_answered_is_the_doing_of_who_made_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def cannot(pc: object) -> None:
        raise ValueError

    monkeypatch.setattr("aiortc.RTCPeerConnection.createAnswer", cannot)
    viewer = End(Engine())
    await viewer.engine.start(viewer.deliver)
    try:
        viewer.engine.order(MakePeer(PEER, IceConfig()))
        viewer.engine.order(SetRemote(PEER, SdpKind.OFFER, describe("x")))
        viewer.engine.order(MakeAnswer(PEER))
        broke = await viewer.until(lambda n: isinstance(n, PeerFailed))
        assert (broke.error.kind, broke.error.detail) == (
            TransportErrorKind.MALFORMED,
            "its description cannot be used",
        )
    finally:
        await viewer.engine.aclose()


def without_sound(answer: str) -> str:
    """Returns an answer that refuses the sound, as pion does."""
    head, video, _ = re.split(r"(?m)^(?=m=)", answer)
    refused = "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\n"
    return head.replace("BUNDLE 0 1", "BUNDLE 0") + video + refused


def without_direction(answer: str) -> str:
    """Returns an answer that leaves it to the reader which way the video goes."""
    return answer.replace("a=sendonly\r\n", "")


@pytest.mark.parametrize("answers", [lambda sdp: sdp, without_sound, without_direction])
async def test_sound_that_was_asked_for_and_is_refused_leaves_the_video(
    answers: Callable[[str], str],
) -> None:
    server, viewer = End(Engine(SceneSource())), End(Engine())
    offers: list[str] = []

    def described(notice: MediaInput) -> None:
        if isinstance(notice, LocalDescription) and notice.kind is SdpKind.OFFER:
            offers.append(notice.sdp)
            server.engine.order(SetRemote(PEER, SdpKind.OFFER, notice.sdp))
            server.engine.order(MakeAnswer(PEER))
        elif isinstance(notice, LocalDescription):
            assert "a=inactive" in notice.sdp.partition("m=audio")[2]
            taken = accept_answer(offers[0], answers(notice.sdp)).text
            viewer.engine.order(SetRemote(PEER, SdpKind.ANSWER, taken))

    server.hook = viewer.hook = described
    await server.engine.start(server.deliver)
    await viewer.engine.start(viewer.deliver)
    try:
        server.engine.order(MakePeer(PEER, IceConfig(), sends=True))
        viewer.engine.order(MakePeer(PEER, IceConfig(), audio=True))
        viewer.engine.order(MakeOffer(PEER))
        await viewer.until(lambda n: n == TrackUp(PEER, MediaKind.VIDEO))
        await viewer.until(lambda n: n == PeerStateChanged(PEER, PeerState.CONNECTED))
        assert TrackUp(PEER, MediaKind.AUDIO) not in viewer.notices
    finally:
        await viewer.engine.aclose()
        await server.engine.aclose()


async def test_a_channel_that_nobody_knows_is_closed_and_the_session_lives() -> None:
    async with session(lambda sdp: sdp, "strange") as (streamer, viewer, _):
        await viewer.until(lambda n: n == ChannelDown(PEER, "strange"))
        await streamer.until(lambda n: n == ChannelDown(PEER, "strange"))
        assert not any(is_up("strange")(notice) for notice in viewer.notices)
        await viewer.until(is_up("down"))


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"\xff" * 200_000, b"\x80"], ids=len)
async def test_what_is_no_text_is_reported_and_the_session_lives(data: bytes) -> None:
    async with session(lambda sdp: sdp) as (streamer, viewer, _):
        send_raw(streamer, "down", data)
        assert (await viewer.until(lambda n: isinstance(n, ChannelUnreadable))).size == len(data)
        streamer.engine.order(ChannelSend(PEER, "down", "hello"))
        await viewer.until(lambda n: getattr(n, "text", "") == "hello")


@pytest.mark.parametrize("protocol", [50, 51, 53], ids=["control", "text", "binary"])
async def test_whatever_bytes_come_on_a_channel_the_session_lives(protocol: int) -> None:
    async with session(lambda sdp: sdp) as (streamer, viewer, _):
        for data in (b"\x03", b"\x03\x00\x01", b"\xff\xfe", b"\x00" * 20):
            send_raw(streamer, "down", data, protocol)
        streamer.engine.order(ChannelSend(PEER, "down", "hello"))
        await viewer.until(lambda n: getattr(n, "text", "") == "hello")
        assert not [notice for notice in viewer.notices if isinstance(notice, PeerFailed | ChannelDown)]


def test_pieces_that_come_although_the_window_is_closed_are_not_taken() -> None:
    asyncio.run(offer_pieces())


async def offer_pieces() -> None:
    from aiortc import RTCPeerConnection
    from aiortc.rtcsctptransport import DataChunk

    pc = RTCPeerConnection()
    pc.createDataChannel("down")
    sctp: Any = pc.sctp
    sctp._last_received_tsn = 0
    assert aiortc_internals.guard_association(sctp, is_text=lambda data: True)
    for tsn, window, last in ((1, 1024, 1), (2, 0, 1), (2, 8, 2)):
        piece = DataChunk(flags=2)
        piece.tsn, piece.stream_id, piece.stream_seq = tsn, 1, 0
        piece.protocol, piece.user_data = 51, b"begun and never ended"
        sctp._advertised_rwnd = window
        await sctp._receive_data_chunk(piece)
        assert sctp._last_received_tsn == last
    await pc.close()


def test_an_association_sends_again_as_soon_as_it_was_measured() -> None:
    asyncio.run(time_an_association())


async def time_an_association() -> None:
    from aiortc import RTCPeerConnection

    pc = RTCPeerConnection()
    pc.createDataChannel("down")
    sctp: Any = pc.sctp
    assert sctp._rto == 3.0
    assert aiortc_internals.set_timeouts(sctp, 1.0, 0.3)
    assert sctp._rto == 1.0
    sctp._set_state(sctp.State.ESTABLISHED)
    assert sctp._rto == 0.3
    # What is measured says more.
    sctp._update_rto(0.2)
    assert sctp._rto == pytest.approx(0.6)
    sctp._update_rto(2.0)
    assert sctp._rto > 2.0
    assert not aiortc_internals.set_timeouts(sctp, 1.0, 0.3)
    sctp._set_state(sctp.State.CLOSED)
    await pc.close()


async def test_the_association_of_an_unknown_aiortc_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aiortc_internals, "KNOWN_VERSIONS", ("0.",))
    async with session(lambda sdp: sdp) as (streamer, viewer, _):
        sctp = viewer.engine._peers[PEER]._pc.sctp
        assert not aiortc_internals.guard_association(sctp, is_text=lambda data: True)
        assert not aiortc_internals.set_timeouts(sctp, 0.1, 0.1)
        assert sctp._receive.__func__ is type(sctp)._receive
        streamer.engine.order(ChannelSend(PEER, "down", "hello"))
        await viewer.until(lambda n: getattr(n, "text", "") == "hello")


def send_raw(end: End, label: str, data: bytes, protocol: int | None = None) -> None:
    """Sends bytes on a channel, as a binary message or under another protocol of SCTP."""

    def send() -> None:
        channel = end.engine._peers[PEER]._channels._open[label]
        if protocol is None:
            channel.send(data)
        else:
            sending = channel.transport._send(channel.id, protocol, data)
            asyncio.get_running_loop().create_task(sending)

    end.engine.call(PEER, send)


@pytest.mark.parametrize(
    ("head", "section", "way"),
    [
        ("", "", "a=sendrecv"),
        ("a=sendonly\r\n", "", "a=sendonly"),
        ("a=sendonly\r\n", "a=inactive\r\n", "a=inactive"),
        ("a=sendonlyx\r\n", "a=sendonlyx\r\n", "a=sendrecv"),
    ],
)
def test_media_without_a_direction_go_as_the_session_does_or_both_ways(
    head: str, section: str, way: str
) -> None:
    data = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:1\r\n"
    found = with_directions(f"v=0\r\n{head}m=video 9 UDP/TLS/RTP/SAVPF 97\r\na=mid:0\r\n{section}{data}")
    video, _, rest = found.partition("m=video")[2].partition("m=application")
    ways = ("a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive")
    assert [line for line in video.splitlines() if line in ways] == [way]
    assert f"m=application{rest}" == data
