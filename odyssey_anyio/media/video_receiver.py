"""The video of one track, from its receiver to the readers, with a bound at every step."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from odyssey_anyio.media.aiortc_internals import decode_otherwise, on_sender_report
from odyssey_anyio.media.decoders import CLOCK, Decoder, decoders
from odyssey_anyio.media.delivery import PeerFrames
from odyssey_anyio.media.encoded_queue import EncodedQueue
from odyssey_anyio.media.frame import VideoFrame
from odyssey_anyio.media.link_meter import MeteredPackets
from odyssey_anyio.media.media_clock import MediaClock
from odyssey_anyio.media.missing_packets import MissingPackets
from odyssey_anyio.media.packet_buffer import FrameRun, PacketBuffer
from odyssey_trio_compat import call_soon

logger: logging.Logger = logging.getLogger("odyssey.media")

REPORT_SECONDS = 1.0
"""Frames are reported at most so often."""

PAUSE_SECONDS = 0.2
"""The first frame after such a pause is reported at once."""


class VideoReceiver:
    """
    Decodes what arrives to its end, whether anybody wants the frames or not.

    `request` asks for a keyframe, `seen` is called when frames come, now and then.
    It is made before the receiver is started, in its loop.
    """

    def __init__(
        self,
        receiver: Any,
        frames: PeerFrames,
        request: Callable[[], None],
        seen: Callable[[], None],
        max_pixels: int,
        media_clock: MediaClock,
    ) -> None:
        self._track = receiver.track
        self._fanout = fanout = frames.video
        self._seen = seen
        self._clock = clock = asyncio.get_running_loop().time
        self._call_soon = call_soon()
        self._decoder = Decoder()
        self._decoded = asyncio.Event()
        self._encoded = EncodedQueue(
            self._drop,
            lambda: fanout.depth,
            request,
            lambda: decoders.submit(self._decode),
            max_pixels=max_pixels,
            sink=fanout.sinks.put,
        )
        self._media_clock = media_clock
        self._packets = PacketBuffer(fanout.begin, clock)
        self._meter = frames.link
        missing = MeteredPackets(frames.link, MissingPackets(clock))
        self._bounded = decode_otherwise(receiver, self._put, self._packets, missing)
        on_sender_report(receiver, self._sender_reported)
        self._arriving: int | None = None
        self._reported = self._last = -REPORT_SECONDS
        self.undecoded: int = 0
        """How many frames came that were not decoded."""

    async def run(self) -> None:
        """Hands every frame to the readers; returns when the track has ended."""
        if not self._bounded:
            await self._read_track()
            return
        async with decoders.used():
            await self._decoded.wait()

    def close(self) -> None:
        """Lets nothing more be decoded but what has been begun."""
        self._encoded.close()

    def _put(self, encoded: tuple[Any, FrameRun] | None) -> None:
        if encoded is not None and self._packets.origin is not None:
            self._media_clock.video_began(self._packets.origin, encoded[0].clockRate)
        self._encoded.put(encoded)

    def _sender_reported(self, ntp: int, timestamp: int) -> None:
        self._meter.reported()
        self._media_clock.video_reported(ntp, timestamp)

    # --- in the loop and in a decoder's thread --------------------------------------------------

    def _show(self, picture: Any, number: int | None) -> None:
        self._fanout.offer(VideoFrame.decoded(picture, self._media_clock.video_offset_ms), number)
        self._report()

    def _drop(self, number: int, reason: str) -> None:
        self._fanout.drop(number, reason)
        if reason != "closed":
            self.undecoded += 1
            self._meter.undecoded()
            self._report()

    def _report(self) -> None:
        """Reports that frames come, now and then."""
        now = self._clock()
        before, self._last = self._last, now
        if now - self._reported >= REPORT_SECONDS or now - before >= PAUSE_SECONDS:
            self._reported = now
            self._call_soon(self._seen)

    # --- in a decoder's thread ------------------------------------------------------------------

    def _decode(self) -> bool:
        """Decodes one frame; returns whether more may wait."""
        encoded = self._encoded.take()
        if encoded is None:
            if self._encoded.ended:
                self._call_soon(self._decoded.set)
            return False
        codec, frame = encoded
        try:
            pictures = self._decoder.decode(codec.name, frame.data, frame.timestamp)
        except Exception as error:  # noqa: BLE001  # whatever it is, a keyframe may be decoded again
            logger.debug("a picture cannot be decoded: %s", error)
            self._encoded.failed()
            return True
        for picture in pictures:
            self._show(picture, self._encoded.number_of(picture.pts))
        return True

    # --- with an aiortc that is not known -------------------------------------------------------

    async def _read_track(self) -> None:
        """Reads whether anybody wants its frames or not: the track's own queue has no bound."""
        from aiortc.mediastreams import MediaStreamError

        while True:
            try:
                picture = await self._track.recv()
            except MediaStreamError:
                return
            # Nothing is known of when the first one was sent, so it begins when it came.
            self._media_clock.video_began(0, CLOCK.denominator)
            self._show(picture, self._arrived())

    def _arrived(self) -> int:
        """
        Returns the number of a frame that aiortc itself let go of.

        It does so when a packet of the next one comes, so another one has begun to arrive.
        """
        number = self._fanout.begin() if self._arriving is None else self._arriving
        self._arriving = self._fanout.begin()
        return number
