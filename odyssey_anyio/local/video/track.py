"""The media of the local service: a video for each peer, paced, that shows what is ordered; and its sound."""

import asyncio
import time
from contextlib import suppress
from typing import Any

from odyssey_anyio.local.audio.track import sound_track
from odyssey_anyio.local.video.pacing import Pacing
from odyssey_anyio.local.video.rate import RateController
from odyssey_anyio.local.video.scenes.renderer import Renderer
from odyssey_anyio.media.aiortc_internals import adapt_sender
from odyssey_anyio.media.decoders import CLOCK, CLOCK_RATE
from odyssey_proto.seam.inputs import MediaKind, PeerId
from odyssey_proto.service.io.film import RATE, Scene
from odyssey_proto.service.io.seam import Mirror, Pace, PictureOutput, Show

IDLE_STRIDE = 3
"""While nothing is streamed, only every third frame is drawn and sent."""


type _Medium = tuple[PeerId, MediaKind]
"""What one peer is sent of one kind."""


class SceneSource:
    """Makes the tracks, and decides what each shows; any number of peers may see the same one."""

    def __init__(self, rate: int = RATE) -> None:
        self._rate = rate
        self._tracks: dict[_Medium, Any] = {}
        # One for each track: aiortc's relay never forgets a track that it was given.
        self._relays: dict[_Medium, Any] = {}
        self._copies: dict[_Medium, Any] = {}
        self._scenes: dict[PeerId, Scene | None] = {}
        self._mirrors: dict[PeerId, PeerId] = {}

    def track(self, peer: PeerId, kind: MediaKind = MediaKind.VIDEO) -> Any:
        """Returns an aiortc track for a peer."""
        from aiortc.contrib.media import MediaRelay

        of = (self._mirrors.get(peer, peer), kind)
        if of not in self._tracks:
            of = (peer, kind)
            self._tracks[of] = sound_track() if kind is MediaKind.AUDIO else _track_class()(self._rate)
            self._tracks[of].show(self._scenes.get(peer))
            self._relays[of] = MediaRelay()
        # Each peer takes its frames at its own pace, and none waits for another; sound has no gaps.
        buffered = kind is MediaKind.AUDIO
        copy = self._copies[peer, kind] = self._relays[of].subscribe(self._tracks[of], buffered=buffered)
        return copy

    def show(self, order: PictureOutput) -> None:
        """Changes what a peer shows, or when."""
        match order:
            case Mirror(peer, of):
                self._mirrors[peer] = of
            case Show(peer, scene):
                self._scenes[peer] = scene
                for kind in MediaKind:
                    if (peer, kind) in self._tracks:
                        self._tracks[peer, kind].show(scene)
            case Pace(peer) if (peer, MediaKind.VIDEO) in self._tracks:
                self._tracks[peer, MediaKind.VIDEO].pace(order)
            case _:
                pass

    def sends(self, sender: Any) -> None:
        """Lets an aiortc sender of a video send as fast as its receiver bears."""
        adapt_sender(sender, RateController(asyncio.get_running_loop().time))

    def drop(self, peer: PeerId) -> None:
        """Ends the track of a peer that was dropped."""
        self._scenes.pop(peer, None)
        self._mirrors.pop(peer, None)
        for medium in ((peer, kind) for kind in MediaKind):
            self._relays.pop(medium, None)
            # A connection that closes stops no track, and a track that nobody stops is drawn for ever.
            for tracks in (self._copies, self._tracks):
                if medium in tracks:
                    tracks.pop(medium).stop()


def _track_class() -> Any:
    """Makes the class when it is first needed: aiortc takes half a second to import."""
    global _SceneTrack
    if _SceneTrack is None:
        from aiortc import MediaStreamTrack
        from aiortc.mediastreams import MediaStreamError

        class SceneTrack(MediaStreamTrack):
            """Frames at an even pace; when drawing is late, numbers are skipped, not time."""

            kind = "video"

            def __init__(self, rate: int) -> None:
                super().__init__()
                self._pacing = Pacing(rate)
                self._changed = asyncio.Event()
                self._renderer = Renderer()
                self._orders: list[Scene | None] = []

            def show(self, scene: Scene | None) -> None:
                self._orders.append(scene)
                self._pacing.stride = IDLE_STRIDE if scene is None else 1
                self._changed.set()

            def pace(self, order: Pace) -> None:
                self._pacing.follow(asyncio.get_running_loop().time(), order)
                self._changed.set()

            def stop(self) -> None:
                super().stop()
                self._changed.set()

            async def recv(self) -> Any:
                loop = asyncio.get_running_loop()
                while self.readyState == "live":
                    wait = self._pacing.wait(loop.time())
                    if wait is not None and wait <= 0:
                        break
                    self._changed.clear()
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._changed.wait(), wait)
                else:
                    raise MediaStreamError
                number, seconds = self._pacing.take(loop.time())
                while True:
                    orders, self._orders = self._orders, []
                    frame = await loop.run_in_executor(None, self._draw, number, seconds, orders)
                    # What was to be shown meanwhile is announced already: no old picture may follow.
                    if not self._orders:
                        break
                frame.pts = round(seconds * CLOCK_RATE)
                frame.time_base = CLOCK
                return frame

            def _draw(self, number: int, seconds: float, orders: list[Scene | None]) -> Any:
                for scene in orders[-1:]:
                    self._renderer.show(scene, seconds)
                return self._renderer.frame(number, seconds, time.time_ns() // 1_000_000)

        _SceneTrack = SceneTrack
    return _SceneTrack


_SceneTrack: Any = None
