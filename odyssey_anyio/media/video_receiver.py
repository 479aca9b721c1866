"""The video of one track, from its receiver to the readers, with a bound at every step."""

import asyncio
from collections.abc import Callable
from typing import Any

from odyssey_anyio.media.aiortc_internals import bound_decoding
from odyssey_anyio.media.delivery import FrameFanout
from odyssey_anyio.media.encoded_queue import EncodedQueue
from odyssey_anyio.media.frame import VideoFrame
from odyssey_anyio.media.packet_buffer import PacketBuffer

REPORT_SECONDS = 1.0
"""Frames are reported at most so often."""

PAUSE_SECONDS = 0.2
"""The first frame after such a pause is reported at once."""


class VideoReceiver:
    """
    Reads a track to its end, whether anybody wants its frames or not: aiortc's own queue has no bound.

    `request` asks for a keyframe, `seen` is called when frames come, now and then.
    It is made before the receiver is started, in its loop.
    """

    def __init__(
        self,
        receiver: Any,
        fanout: FrameFanout,
        request: Callable[[], None],
        seen: Callable[[], None],
        max_pixels: int,
    ) -> None:
        self._track = receiver.track
        self._fanout = fanout
        self._seen = seen
        self._encoded = EncodedQueue(self._drop, lambda: fanout.depth, request, max_pixels=max_pixels)
        packets = PacketBuffer(fanout.begin, asyncio.get_running_loop().time)
        self._bounded = bound_decoding(receiver, self._encoded, packets)
        self._arriving: int | None = None
        self._reported = self._last = -REPORT_SECONDS
        self.undecoded: int = 0
        """How many frames came that were not decoded."""

    async def run(self) -> None:
        """Hands every frame to the readers; returns when the track has ended."""
        from aiortc.mediastreams import MediaStreamError

        while True:
            try:
                frame = await self._track.recv()
            except MediaStreamError:
                return
            number = self._encoded.number_of(frame.pts) if self._bounded else self._arrived()
            self._fanout.offer(VideoFrame.decoded(frame), number)
            self._report()

    def _drop(self, number: int, reason: str) -> None:
        self._fanout.drop(number, reason)
        if reason != "closed":
            self.undecoded += 1
            self._report()

    def _report(self) -> None:
        """Reports that frames come, now and then."""
        now = asyncio.get_running_loop().time()
        before, self._last = self._last, now
        if now - self._reported >= REPORT_SECONDS or now - before >= PAUSE_SECONDS:
            self._reported = now
            self._seen()

    def close(self) -> None:
        """Lets nothing more be decoded but what has been begun."""
        self._encoded.close()

    def _arrived(self) -> int:
        """
        Returns the number of a frame that aiortc itself let go of.

        It does so when a packet of the next one comes, so another one has begun to arrive.
        """
        number = self._fanout.begin() if self._arriving is None else self._arriving
        self._arriving = self._fanout.begin()
        return number
