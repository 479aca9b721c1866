"""Two engines that stream to each other, with real WebRTC on loopback."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.to_thread
import pytest

from odyssey_anyio.errors.classes import OdysseyStreamError
from odyssey_anyio.local.video.track import SceneSource
from odyssey_anyio.media.delivery import Bounded, EveryNth, Lossless, Newest, Policy
from odyssey_anyio.media.descriptions import max_message
from odyssey_anyio.media.engine import Engine
from odyssey_anyio.media.servers import MAX_SERVERS, configuration, servers_of
from odyssey_proto.kernel.machine import millis
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.model.ice import IceCandidate, IceConfig, IceServer
from odyssey_proto.seam.inputs import (
    ChannelDown,
    ChannelText,
    ChannelUp,
    LocalDescription,
    MediaInput,
    MediaSeen,
    PeerFailed,
    PeerId,
    PeerState,
    PeerStateChanged,
    SdpKind,
    TrackUp,
    TransportError,
    TransportErrorKind,
)
from odyssey_proto.seam.outputs import (
    AddCandidate,
    AskKeyframe,
    ChannelSend,
    DropPeer,
    MakeAnswer,
    MakeOffer,
    MakePeer,
    SetRemote,
)
from odyssey_proto.service.io.film import Scene
from odyssey_proto.service.io.seam import Show

pytestmark = pytest.mark.anyio

PEER = PeerId(1)


class End:
    """One engine, and everything it reported."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.notices: list[MediaInput] = []
        self.hook: Callable[[MediaInput], None] = lambda notice: None

    def deliver(self, notice: MediaInput) -> None:
        self.notices.append(notice)
        self.hook(notice)

    async def until(self, test: Callable[[MediaInput], bool]) -> Any:
        """Waits for a notice."""
        with anyio.fail_after(20):
            while True:
                for notice in self.notices:
                    if test(notice):
                        return notice
                await anyio.sleep(0.01)


def is_up(label: str) -> Callable[[MediaInput], bool]:
    return lambda notice: isinstance(notice, ChannelUp) and notice.label == label


@asynccontextmanager
async def pair(edit: Callable[[str], str] = lambda sdp: sdp) -> AsyncIterator[tuple[End, End]]:
    """Returns a streamer and a viewer that are connected."""
    scenes = SceneSource()
    streamer, viewer = End(Engine(scenes)), End(Engine())

    def described(notice: MediaInput) -> None:
        if isinstance(notice, LocalDescription) and notice.kind is SdpKind.OFFER:
            viewer.engine.order(MakePeer(PEER, IceConfig(), channels=("up", "down")))
            viewer.engine.order(SetRemote(PEER, SdpKind.OFFER, edit(notice.sdp)))
            viewer.engine.order(MakeAnswer(PEER))
        elif isinstance(notice, LocalDescription):
            streamer.engine.order(SetRemote(PEER, SdpKind.ANSWER, notice.sdp))

    streamer.hook = viewer.hook = described
    await streamer.engine.start(streamer.deliver)
    await viewer.engine.start(viewer.deliver)
    try:
        streamer.engine.order(MakePeer(PEER, IceConfig(), sends=True, channels=("up", "down")))
        streamer.engine.order(MakeOffer(PEER))
        await viewer.until(is_up("down"))
        await streamer.until(is_up("down"))
        show = Show(PEER, Scene("stream", ("A cat",)))
        streamer.engine.call(PEER, lambda: scenes.show(show))
        yield streamer, viewer
    finally:
        await viewer.engine.aclose()
        await streamer.engine.aclose()


async def test_frames_and_messages_flow() -> None:
    async with pair() as (streamer, viewer):
        viewer.engine.order(ChannelSend(PEER, "up", "hello"))
        streamer.engine.order(ChannelSend(PEER, "down", "x" * 200_000))
        assert (await streamer.until(lambda n: isinstance(n, ChannelText))).text == "hello"
        assert len((await viewer.until(lambda n: isinstance(n, ChannelText))).text) == 200_000
        assert (await viewer.until(lambda n: isinstance(n, MediaSeen))).received >= 1
        assert any(isinstance(notice, TrackUp) for notice in viewer.notices)
        frames = viewer.engine.frames(PEER, Newest())
        frame = await anext(frames)
        assert frame.data.shape == (frame.height, frame.width, 3) == (1280, 704, 3)
        planes = frame.planes
        assert planes is not None
        assert [plane.shape for plane in planes] == [(1280, 704), (640, 352), (640, 352)]
        viewer.engine.order(AskKeyframe(PEER))
        await anext(frames)
        frames.close()
        with pytest.raises(StopAsyncIteration):
            await anext(frames)


@pytest.mark.parametrize("policy", [Newest(), EveryNth(2), Bounded(3), Lossless(200)])
async def test_the_account_of_frames_adds_up(policy: Policy) -> None:
    async with pair() as (_, viewer):
        frames = viewer.engine.frames(PEER, policy)
        for _ in range(6):
            await anext(frames)
        with anyio.fail_after(20):
            while frames.account.received < 10:
                await anyio.sleep(0.01)
        account = frames.account
        assert account.received == account.delivered + account.pending + sum(account.dropped.values())
        assert account.delivered == 6


async def test_lossless_reading_fails_rather_than_losing() -> None:
    async with pair() as (_, viewer):
        frames = viewer.engine.frames(PEER, Lossless(1))
        with anyio.fail_after(20):
            while not frames.account.dropped:
                await anyio.sleep(0.01)
        await anext(frames)
        with pytest.raises(OdysseyStreamError, match="faster"):
            await anext(frames)


async def test_no_server_is_ever_contacted_that_was_not_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """aiortc's own default is a third party's STUN server; it must not even be looked up."""
    import aioice.ice

    asked: list[Any] = []
    monkeypatch.setattr(aioice.ice, "server_reflexive_candidate", lambda *args: asked.append(args))
    async with pair() as (_, viewer):
        described = await viewer.until(lambda n: isinstance(n, LocalDescription))
    assert "typ host" in described.sdp
    assert "srflx" not in described.sdp
    assert asked == []
    assert configuration(IceConfig()).iceServers == []


async def offer_with_audio() -> str:
    """Returns what a peer of plain aiortc offers."""
    from aiortc import RTCPeerConnection
    from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack

    other = RTCPeerConnection()
    other.addTransceiver(AudioStreamTrack(), direction="sendonly")
    other.addTransceiver(VideoStreamTrack(), direction="sendonly")
    await other.setLocalDescription(await other.createOffer())
    try:
        return other.localDescription.sdp
    finally:
        await other.close()


async def test_audio_that_nobody_wants_is_refused_in_the_answer() -> None:
    """What nobody reads would pile up in aiortc without bound."""
    offer = await anyio.to_thread.run_sync(lambda: asyncio.run(offer_with_audio()))
    viewer = End(Engine())
    await viewer.engine.start(viewer.deliver)
    try:
        viewer.engine.order(MakePeer(PEER, IceConfig()))
        viewer.engine.order(SetRemote(PEER, SdpKind.OFFER, offer))
        viewer.engine.order(MakeAnswer(PEER))
        answer = (await viewer.until(lambda n: isinstance(n, LocalDescription))).sdp
    finally:
        await viewer.engine.aclose()
    audio = answer[answer.index("m=audio") : answer.index("m=video")]
    assert "a=inactive" in audio
    assert "a=recvonly" in answer[answer.index("m=video") :]


async def test_the_other_side_finds_out_about_a_dropped_peer() -> None:
    async with pair() as (streamer, viewer):
        frames = viewer.engine.frames(PEER, Newest())
        streamer.engine.order(DropPeer(PEER))
        await viewer.until(
            lambda n: isinstance(n, ChannelDown) or n == PeerStateChanged(PEER, PeerState.CLOSED)
        )
        viewer.engine.order(DropPeer(PEER))
        with anyio.fail_after(5):
            assert [frame async for frame in frames if frame.width != 704] == []


def bare(sdp: str) -> str:
    """Returns a description without its candidates."""
    lines = sdp.splitlines()
    kept = [line for line in lines if not line.startswith(("a=candidate", "a=end-of-candidates"))]
    return "\r\n".join(kept) + "\r\n"


async def test_candidates_may_come_at_any_time() -> None:
    streamer, viewer = End(Engine(SceneSource())), End(Engine())
    held: list[str] = []

    def described(notice: MediaInput) -> None:
        if isinstance(notice, LocalDescription) and notice.kind is SdpKind.OFFER:
            lines = notice.sdp.splitlines()
            found = next(
                line for line in lines if line.startswith("a=candidate:") and "127.0.0.1" not in line
            )
            held.append(found.removeprefix("a=candidate:"))
            viewer.engine.order(MakePeer(PEER, IceConfig(), channels=("up",)))
            viewer.engine.order(AddCandidate(PEER, IceCandidate(held[0], "0", 0)))
            viewer.engine.order(SetRemote(PEER, SdpKind.OFFER, bare(notice.sdp)))
            viewer.engine.order(MakeAnswer(PEER))
            viewer.engine.order(AddCandidate(PEER, None))
            # What comes after the last is ignored, not an error.
            viewer.engine.order(AddCandidate(PEER, IceCandidate(held[0], "0", 0)))
        elif isinstance(notice, LocalDescription):
            # The streamer knows no address of the viewer: only the viewer's checks can find a way.
            streamer.engine.order(SetRemote(PEER, SdpKind.ANSWER, bare(notice.sdp)))

    streamer.hook = viewer.hook = described
    await streamer.engine.start(streamer.deliver)
    await viewer.engine.start(viewer.deliver)
    try:
        streamer.engine.order(MakePeer(PEER, IceConfig(), sends=True, channels=("up",)))
        streamer.engine.order(MakeOffer(PEER))
        await viewer.until(is_up("up"))
    finally:
        await viewer.engine.aclose()
        await streamer.engine.aclose()


@pytest.mark.parametrize(
    ("orders", "how"),
    [
        ([SetRemote(PEER, SdpKind.OFFER, "hello"), MakeAnswer(PEER)], None),
        ([MakeAnswer(PEER)], TransportErrorKind.INVALID),
        ([ChannelSend(PEER, "nowhere", "x")], TransportErrorKind.CLOSED),
    ],
)
async def test_whatever_the_library_raises_is_a_broken_peer(
    orders: list[Any], how: TransportErrorKind | None
) -> None:
    end = End(Engine())
    await end.engine.start(end.deliver)
    try:
        end.engine.order(MakePeer(PEER, IceConfig()))
        for order in orders:
            end.engine.order(order)
        broke = await end.until(lambda n: isinstance(n, PeerFailed))
        assert how is None or broke.error.kind is how
        assert [notice for notice in end.notices if isinstance(notice, PeerFailed)] == [broke]
    finally:
        await end.engine.aclose()


@pytest.mark.parametrize(
    ("ice", "how"),
    [
        (IceConfig(relay_only=True), TransportErrorKind.NO_RELAY),
        (
            IceConfig((IceServer(("turn:127.0.0.1:9?nonsense",), Secret("u"), Secret("p")),)),
            TransportErrorKind.INVALID,
        ),
        (
            IceConfig(
                (IceServer(("turn:127.0.0.1:9",), Secret("u"), Secret("p")),),
                relay_only=True,
                gather=millis(300),
            ),
            TransportErrorKind.NO_RELAY,
        ),
    ],
)
async def test_no_way_to_be_reached_is_reported_in_time(ice: IceConfig, how: TransportErrorKind) -> None:
    end = End(Engine(SceneSource()))
    await end.engine.start(end.deliver)
    try:
        end.engine.order(MakePeer(PEER, ice, sends=True))
        end.engine.order(MakeOffer(PEER))
        broke = await end.until(lambda n: isinstance(n, PeerFailed))
        assert broke == PeerFailed(PEER, TransportError(how))
    finally:
        await end.engine.aclose()


async def test_a_silent_stun_server_costs_no_more_than_its_time() -> None:
    end = End(Engine(SceneSource()))
    await end.engine.start(end.deliver)
    try:
        silent = IceServer(("stun:127.0.0.1:9",))
        end.engine.order(MakePeer(PEER, IceConfig((silent,), gather=millis(300)), sends=True))
        end.engine.order(MakeOffer(PEER))
        described = await end.until(lambda n: isinstance(n, LocalDescription))
        assert "typ host" in described.sdp
    finally:
        await end.engine.aclose()


def test_all_servers_are_asked_that_can_be() -> None:
    user, word = Secret("u"), Secret("p")
    turns = ("turn:c", "turn:c?transport=tcp", "turns:d", "turns:d?transport=udp", "turn:e?transport=sctp")
    servers = (IceServer(("stun:a", "stuns:b", "stun:[2001:db8::1]:99")), IceServer(turns, user, word))
    asked = servers_of(IceConfig(servers))
    assert [(each.host, each.port, each.transport, each.tls) for each in asked] == [
        ("a", 3478, "udp", False),
        ("2001:db8::1", 99, "udp", False),
        ("c", 3478, "udp", False),
        ("c", 3478, "tcp", False),
        ("d", 5349, "tcp", True),
    ]
    only = servers_of(IceConfig(servers, relay_only=True))
    assert only == asked[2:]
    assert {(each.kind, each.username, each.credential) for each in only} == {("turn", user, word)}
    many = IceServer(tuple(f"stun:s{number}" for number in range(100)))
    assert len(servers_of(IceConfig((many,)))) == MAX_SERVERS
    # An aiortc whose gathering is not ours gets the first of each kind.
    made = configuration(IceConfig(servers))
    assert {each.urls for each in made.iceServers} == {"stun:a", "turn:c"}


@pytest.mark.parametrize("url", ["turn:", "turn:a:0", "turn:a:65536", "stun:a?x", "http://a"])
def test_an_address_that_is_malformed_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="malformed"):
        servers_of(IceConfig((IceServer((url,)),)))


@pytest.mark.parametrize(
    ("line", "size"),
    [("", 65536), ("a=max-message-size:0\r\n", 262144), ("a=max-message-size:1000\r\n", 1000)],
)
def test_the_size_of_messages_is_what_the_other_side_says(line: str, size: int) -> None:
    assert max_message("v=0\r\n" + line) == size


async def test_closing_twice_or_unstarted_is_no_error() -> None:
    await Engine().aclose()
    engine = Engine()
    await engine.start(lambda notice: None)
    async with anyio.create_task_group() as group:
        group.start_soon(engine.aclose)
        group.start_soon(engine.aclose)
