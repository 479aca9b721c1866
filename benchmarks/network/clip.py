"""
A clip in the place of what the local service draws: it is encoded once, so sending it costs little.

Frame `n` leaves when the wall clock, counted in frames, is `n` modulo the length of the clip, and its picture
says `n` (odyssey_anyio/local/video/marker.py); so whoever sees it knows how old it is.
A track begins with the keyframe at the beginning of the clip.
"""

import asyncio
import time
from fractions import Fraction
from typing import Any

import av
import numpy as np

from odyssey_anyio.local.video.marker import Marker, write
from odyssey_proto.seam.inputs import MediaKind, PeerId

WIDTH, HEIGHT = 1280, 704

CLIP_SECONDS = 2
"""An age is known modulo this."""

BITS_A_SECOND = 2_500_000

CLOCK = 90_000


def age_ms(number: int, rate: int) -> float:
    """Returns how old a frame is, in milliseconds, by the number in its picture."""
    return (time.time() - number / rate) % CLIP_SECONDS * 1000


def encoded_clip(rate: int) -> list[bytes]:
    """Returns the frames of a clip in VP8, the first of them a keyframe."""
    codec: Any = av.CodecContext.create("libvpx", "w")
    codec.width, codec.height, codec.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    codec.time_base, codec.framerate = Fraction(1, rate), rate
    codec.bit_rate = BITS_A_SECOND
    # More threads wait for each other by turning round and round.
    codec.thread_count = 1
    codec.gop_size = 10_000
    codec.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
    random = np.random.default_rng(1)
    # Soft clouds that move: neither flat nor noise, as generated video is neither.
    clouds = random.integers(40, 216, (HEIGHT // 16 + 1, WIDTH // 8 + 1), np.uint8)
    texture = clouds.repeat(16, axis=0).repeat(16, axis=1)
    packets: list[bytes] = []
    for number in range(rate * CLIP_SECONDS):
        picture = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
        shift = number * 4 % WIDTH
        picture[:HEIGHT] = texture[:HEIGHT, shift : shift + WIDTH]
        grain = random.integers(0, 24, (HEIGHT // 4, WIDTH // 4), np.uint8)
        picture[:HEIGHT] += grain.repeat(4, axis=0).repeat(4, axis=1)
        write(picture[:HEIGHT], Marker(number, 0))
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts = number
        packets += [bytes(packet) for packet in codec.encode(frame)]
    return packets


class ClipSource:
    """Makes the tracks of the service's peers, as `SceneSource` does; all show the clip."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._clip = encoded_clip(rate)
        self._tracks: dict[PeerId, Any] = {}

    def track(self, peer: PeerId, kind: MediaKind) -> Any:
        """Returns an aiortc track for a peer."""
        track = self._tracks[peer] = _track(self._clip, self._rate)
        return track

    def show(self, order: object) -> None:
        """Nothing that is streamed changes the clip."""

    def sends(self, sender: object) -> None:
        """Nothing holds the clip up."""

    def drop(self, peer: PeerId) -> None:
        """Ends the track of a peer."""
        if peer in self._tracks:
            self._tracks.pop(peer).stop()


def play_clip(rate: int) -> None:
    """Lets the services of this process show a clip."""
    from odyssey_anyio.local import service

    source = ClipSource(rate)
    service.SceneSource = lambda: source  # type: ignore[misc,assignment,attr-defined]  # nothing else has to know


def _track(clip: list[bytes], rate: int) -> Any:
    from aiortc import MediaStreamTrack
    from aiortc.mediastreams import MediaStreamError

    class ClipTrack(MediaStreamTrack):
        kind = "video"

        def __init__(self) -> None:
            super().__init__()
            # The beginning of the clip that comes next.
            self._next = (int(time.time() / CLIP_SECONDS) + 1) * CLIP_SECONDS * rate

        async def recv(self) -> Any:
            wait = self._next / rate - time.time()
            if wait > 0:
                await asyncio.sleep(wait)
            if self.readyState != "live":
                raise MediaStreamError
            packet = av.Packet(clip[self._next % len(clip)])
            packet.pts = self._next * CLOCK // rate % 2**32
            packet.time_base = Fraction(1, CLOCK)
            self._next += 1
            return packet

    return ClipTrack()
