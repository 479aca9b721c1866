"""A sender and a receiver of video, joined by real WebRTC on loopback, every picture in a test's hand."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from fractions import Fraction
from typing import Any

import anyio
import av
import numpy as np
import pytest

from odyssey_anyio.media import decoders
from odyssey_anyio.media.delivery import FrameStream
from odyssey_anyio.media.encoded_queue import MAX_PICTURE_PIXELS, EncodedQueue
from odyssey_anyio.media.engine import Engine
from odyssey_proto.model.ice import IceCandidate
from odyssey_proto.seam.inputs import (
    ChannelUp,
    LocalDescription,
    MediaInput,
    MediaKind,
    PeerFailed,
    PeerId,
    SdpKind,
)
from odyssey_proto.seam.outputs import AddCandidate, IceConfig, MakeAnswer, MakeOffer, MakePeer, SetRemote

PEER = PeerId(1)
CLOCK = 90_000
RATE = 30
SECONDS = 30.0
"""More than anything here takes."""


class PacketSource:
    """The video source of a sender: it sends what it is given, as fast as it goes."""

    def __init__(self) -> None:
        self._items: asyncio.Queue[Any] = asyncio.Queue()
        self._sent = 0

    def track(self, peer: PeerId, kind: MediaKind) -> Any:
        """Returns the track."""
        from aiortc import MediaStreamTrack

        source = self

        class Track(MediaStreamTrack):
            kind = "video"

            async def recv(self) -> Any:
                return await source._items.get()

        return Track()

    def sends(self, sender: object) -> None:
        """Nothing holds it up."""

    def drop(self, peer: PeerId) -> None:
        """Nothing is kept for a peer."""

    def give(self, item: Any) -> None:
        """Sends a picture or a packet; called in the media loop."""
        item.pts = self._sent * CLOCK // RATE
        item.time_base = Fraction(1, CLOCK)
        self._sent += 1
        self._items.put_nowait(item)


class VideoPair:
    """Two engines that are connected."""

    def __init__(
        self, source: PacketSource, max_pixels: int, edit: Callable[[str], str], early: Iterable[IceCandidate]
    ) -> None:
        self.source = source
        self._edit = edit
        self._early = early
        self.sender = Engine(source)
        self.receiver = Engine(max_pixels=max_pixels)
        self.notices: dict[Engine, list[MediaInput]] = {self.sender: [], self.receiver: []}

    def take(self, engine: Engine, notice: MediaInput) -> None:
        """Takes what an engine reports, and hands descriptions over."""
        self.notices[engine].append(notice)
        match notice:
            case LocalDescription(_, SdpKind.OFFER, sdp):
                self.receiver.order(MakePeer(PEER, IceConfig(), channels=("up",)))
                for candidate in self._early:
                    self.receiver.order(AddCandidate(PEER, candidate))
                self.receiver.order(SetRemote(PEER, SdpKind.OFFER, self._edit(sdp)))
                self.receiver.order(MakeAnswer(PEER))
            case LocalDescription(_, SdpKind.ANSWER, sdp):
                self.sender.order(SetRemote(PEER, SdpKind.ANSWER, sdp))
            case _:
                pass

    def up(self) -> bool:
        """Whether both ends have their data channel."""
        return all(any(isinstance(n, ChannelUp) for n in notices) for notices in self.notices.values())

    def failures(self) -> list[MediaInput]:
        """Returns what failed on either side."""
        return [n for notices in self.notices.values() for n in notices if isinstance(n, PeerFailed)]

    @property
    def queue(self) -> EncodedQueue:
        """What waits for the decoder."""
        queue: EncodedQueue = self.receiver._peers[PEER]._receivers[-1]._encoded
        return queue

    def send(self, *items: Any) -> None:
        """Sends pictures or packets."""
        for item in items:
            self.sender.call(PEER, lambda item=item: self.source.give(item))  # type: ignore[misc]  # this item

    async def send_until(self, condition: Callable[[], bool], picture: Callable[[], Any]) -> None:
        """Sends pictures, at an even pace, until something is the case."""
        with anyio.fail_after(SECONDS):
            while not condition():
                self.send(picture())
                await anyio.sleep(1 / RATE)


async def until(condition: Callable[[], bool]) -> None:
    """Waits until something is the case."""
    with anyio.fail_after(SECONDS):
        while not condition():
            await anyio.sleep(0.005)


@asynccontextmanager
async def video_pair(
    max_pixels: int = MAX_PICTURE_PIXELS,
    edit: Callable[[str], str] = lambda sdp: sdp,
    early: Iterable[IceCandidate] = (),
) -> AsyncIterator[VideoPair]:
    """
    Connects a sender and a receiver, and closes both.

    The receiver gets some candidates `early`, and the offer as `edit` makes it.
    """
    pair = VideoPair(PacketSource(), max_pixels, edit, early)
    for engine in (pair.sender, pair.receiver):
        await engine.start(lambda notice, engine=engine: pair.take(engine, notice))  # type: ignore[misc]  # this engine
    try:
        pair.sender.order(MakePeer(PEER, IceConfig(), sends=True, channels=("up",)))
        pair.sender.order(MakeOffer(PEER))
        await until(pair.up)
        yield pair
    finally:
        await pair.receiver.aclose()
        await pair.sender.aclose()


def picture(width: int = 320, height: int = 240) -> Any:
    """Returns a picture of noise, which no encoder makes small."""
    noise = np.random.default_rng(1).integers(0, 255, (height * 3 // 2, width), np.uint8)
    return av.VideoFrame.from_ndarray(noise, format="yuv420p")


def encoded(codec: str, width: int, height: int, count: int = 1, profile: str | None = None) -> list[Any]:
    """Returns the packets of a video; the first is a keyframe."""
    context: Any = av.CodecContext.create(codec, "w")
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"
    context.time_base = Fraction(1, RATE)
    # Threads of an encoder spin while they wait for each other, for minutes where all processors are busy.
    context.thread_count = 1
    if codec == "libx264":
        context.options = {"tune": "zerolatency", "preset": "ultrafast"}
        context.profile = profile or "Baseline"
    else:
        context.options = {"deadline": "realtime", "lag-in-frames": "0", "cpu-used": "8"}
    packets: list[Any] = []
    for number in range(count):
        # The encoder scales it to an odd size.
        frame = picture(width + width % 2, height + height % 2)
        frame.pts = number
        packets += context.encode(frame)
    return packets


class Decoder:
    """Counts what is decoded, and can be made to stop; what is decoded is real."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self._open = threading.Event()
        self._open.set()

    def stop(self) -> None:
        """Lets decoding wait."""
        self._open.clear()

    def go_on(self) -> None:
        """Lets decoding go on."""
        self._open.set()

    def note(self, data: bytes) -> None:
        """Decodes, when it may."""
        self.frames.append(bytes(data))
        self._open.wait(SECONDS)


@contextmanager
def decoder_in_hand(monkeypatch: pytest.MonkeyPatch) -> Iterator[Decoder]:
    """Takes the decoders in hand, ours and those of aiortc; they go on at the end."""
    from aiortc.codecs.vpx import Vp8Decoder

    held = Decoder()
    theirs, ours = Vp8Decoder.decode, decoders.Decoder.decode

    def decode_theirs(decoder: Any, frame: Any) -> Any:
        held.note(frame.data)
        return theirs(decoder, frame)

    def decode_ours(decoder: Any, codec: str, data: bytes, timestamp: int) -> Any:
        held.note(data)
        return ours(decoder, codec, data, timestamp)

    monkeypatch.setattr(Vp8Decoder, "decode", decode_theirs)
    monkeypatch.setattr(decoders.Decoder, "decode", decode_ours)
    try:
        yield held
    finally:
        held.go_on()


def adds_up(frames: FrameStream) -> bool:
    """Tells whether the account of a reader adds up."""
    account = frames.account
    return account.received == account.delivered + account.pending + sum(account.dropped.values())
