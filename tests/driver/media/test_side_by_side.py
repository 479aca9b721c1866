"""Nothing that a peer is given waits for something else: names, candidates, messages, keyframes, tracks."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from house.video_pair import PEER, VideoPair, picture, until, video_pair

from odyssey_anyio.local.service import in_thread
from odyssey_anyio.media.delivery import Bounded
from odyssey_anyio.media.engine import Engine
from odyssey_anyio.media.remote_candidates import without_names
from odyssey_proto.model.ice import IceCandidate
from odyssey_proto.seam.inputs import ChannelText, LocalDescription, MediaInput, PeerFailed, SdpKind
from odyssey_proto.seam.outputs import (
    AddCandidate,
    AskKeyframe,
    ChannelSend,
    IceConfig,
    MakeAnswer,
    MakePeer,
    SetRemote,
)

NAMES = 12


class Resolver:
    """mDNS that answers nobody, and counts who asks and who is given up."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.waiting = 0

    async def resolve(self, name: str) -> None:
        self.asked.append(name)
        self.waiting += 1
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self.waiting -= 1


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Resolver:
    resolver = Resolver()

    async def get(connection: object) -> Resolver:
        return resolver

    monkeypatch.setattr("aioice.ice.get_or_create_mdns_protocol", get)
    return resolver


def named(number: int) -> str:
    return f"{number} 1 udp 2122260223 {number:08x}-0000-4000-8000-000000000000.local 50000 typ host"


def unfinished(sdp: str) -> str:
    """Returns a description after which candidates may come."""
    return sdp.replace("a=end-of-candidates\r\n", "")


def texts(pair: VideoPair) -> list[str]:
    return [n.text for n in pair.notices[pair.sender] if isinstance(n, ChannelText)]


@pytest.mark.anyio
async def test_names_that_nobody_resolves_hold_up_nothing(resolver: Resolver) -> None:
    async with video_pair(edit=unfinished) as pair:
        frames = pair.receiver.frames(PEER, Bounded(50))
        for number in range(NAMES):
            pair.receiver.order(AddCandidate(PEER, IceCandidate(named(number), "0", 0)))
        pair.receiver.order(ChannelSend(PEER, "up", "hello"))
        pair.receiver.order(AskKeyframe(PEER))
        await until(lambda: texts(pair) == ["hello"])
        # One try for each, all beside each other, and all still wait.
        await until(lambda: resolver.waiting == NAMES)
        assert len(set(resolver.asked)) == len(resolver.asked) == NAMES
        await pair.send_until(lambda: frames.account.received > 2, picture)
        assert pair.failures() == []
    # Leaving gives them up.
    assert resolver.waiting == 0


@pytest.mark.anyio
@pytest.mark.parametrize("early", [True, False])
async def test_names_do_not_hold_up_a_connect(resolver: Resolver, early: bool) -> None:
    """Nor when they stand in the offer, with the end of candidates behind them."""

    def with_names(sdp: str) -> str:
        lines = "".join(f"a=candidate:{named(number)}\r\n" for number in range(NAMES))
        return unfinished(sdp) if early else sdp.replace("a=candidate", f"{lines}a=candidate", 1)

    names = [IceCandidate(named(number), "0", 0) for number in range(NAMES)] if early else []
    async with video_pair(edit=with_names, early=names) as pair:
        await until(lambda: resolver.waiting == NAMES)
        assert pair.failures() == []
    assert len(resolver.asked) == NAMES


@asynccontextmanager
async def two_tracks() -> AsyncIterator["TwoTracks"]:
    """A peer of plain aiortc that sends two videos of different sizes."""
    sender = TwoTracks()
    await sender.begin()
    try:
        yield sender
    finally:
        await sender.pc.close()


class TwoTracks:
    """Lives in a loop of its own."""

    async def begin(self) -> None:
        """Makes the offer."""
        from aiortc import RTCPeerConnection
        from aiortc.mediastreams import VideoStreamTrack

        class Track(VideoStreamTrack):
            def __init__(self, width: int) -> None:
                super().__init__()
                self._width = width

            async def recv(self) -> Any:
                pts, base = await self.next_timestamp()
                frame = picture(self._width, 240)
                frame.pts, frame.time_base = pts, base
                return frame

        self.pc = RTCPeerConnection()
        self.senders = [self.pc.addTrack(Track(width)) for width in (320, 160)]
        await self.pc.setLocalDescription(await self.pc.createOffer())
        self.offer: str = self.pc.localDescription.sdp
        self.loop = asyncio.get_running_loop()

    def take_answer(self, sdp: str) -> None:
        """Takes the answer."""
        from aiortc import RTCSessionDescription

        applied = self.pc.setRemoteDescription(RTCSessionDescription(sdp, "answer"))
        asyncio.run_coroutine_threadsafe(applied, self.loop)


@pytest.fixture
def sender() -> Iterator[TwoTracks]:
    with in_thread(two_tracks()) as sender:
        yield sender


@pytest.mark.anyio
async def test_the_first_of_two_tracks_is_the_stream_and_the_other_is_refused(sender: TwoTracks) -> None:
    engine = Engine()
    notices: list[MediaInput] = []
    await engine.start(notices.append)
    try:
        engine.order(MakePeer(PEER, IceConfig()))
        engine.order(SetRemote(PEER, SdpKind.OFFER, sender.offer))
        engine.order(MakeAnswer(PEER))
        await until(lambda: any(isinstance(n, LocalDescription) for n in notices))
        [answer] = [n.sdp for n in notices if isinstance(n, LocalDescription)]
        first, second = answer.split("m=video")[1:]
        assert "a=recvonly" in first
        assert "a=inactive" in second
        frames = engine.frames(PEER, Bounded(50))
        sender.take_answer(answer)
        with anyio.fail_after(30):
            assert [(await anext(frames)).width for _ in range(8)] == [320] * 8
        assert not any(isinstance(n, PeerFailed) for n in notices)
    finally:
        await engine.aclose()


# --- names in descriptions ------------------------------------------------------------------------

HEAD = "v=0\r\n"
VIDEO = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:v\r\n"
DATA = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:d\r\n"
ADDRESS = "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n"
NAME = f"a=candidate:{named(7)}\r\n"
END = "a=end-of-candidates\r\n"


def test_a_description_without_names_stays_as_it_is() -> None:
    sdp = HEAD + VIDEO + ADDRESS + END + DATA
    assert without_names(PEER, sdp) == (sdp, [])


def test_names_are_taken_out_of_a_description_with_their_section() -> None:
    rest, found = without_names(PEER, HEAD + VIDEO + ADDRESS + DATA + NAME)
    assert rest == HEAD + VIDEO + ADDRESS + DATA
    assert found == [AddCandidate(PEER, IceCandidate(named(7), "d", 1))]


@pytest.mark.parametrize(("data", "ends"), [("", True), (ADDRESS, False), (ADDRESS + END, True)])
def test_the_end_of_candidates_comes_after_the_names(data: str, ends: bool) -> None:
    rest, found = without_names(PEER, HEAD + VIDEO + NAME + END + DATA + data)
    assert "end-of-candidates" not in rest
    assert found[0] == AddCandidate(PEER, IceCandidate(named(7), "v", 0))
    assert found[1:] == ([AddCandidate(PEER, None)] if ends else [])
