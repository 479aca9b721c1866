"""The audio of one track, from its receiver to the readers, with a bound at every step."""

import asyncio
import logging
import threading
from collections import deque
from typing import Any

from attrs import evolve

from odyssey_anyio.media.aiortc_internals import decode_otherwise, on_sender_report
from odyssey_anyio.media.audio_frame import AudioFrame
from odyssey_anyio.media.audio_packets import AudioPackets
from odyssey_anyio.media.decoders import decoders
from odyssey_anyio.media.delivery import FrameFanout
from odyssey_anyio.media.encoded_picture import EncodedPicture
from odyssey_anyio.media.media_clock import MediaClock, SteadyOffset
from odyssey_anyio.media.packet_buffer import FrameRun, ReceivedFrame
from odyssey_trio_compat import call_soon

logger: logging.Logger = logging.getLogger("odyssey.media")

MAX_WAITING_FRAMES = 64
"""How many frames may wait for the decoder: more than a second; then the oldest goes."""

_DECODERS = {
    "OPUS": ("libopus", "stereo", 48_000),
    "G722": ("g722", "mono", 16_000),
    "PCMU": ("pcm_mulaw", "mono", 8_000),
    "PCMA": ("pcm_alaw", "mono", 8_000),
}
"""By its name in a description (RFC 3551 section 6, RFC 7587): the decoder, its channels, its sample rate."""


_ALONE = EncodedPicture(keyframe=True)
"""Every frame of sound can be decoded by itself."""


class AudioReceiver:
    """
    Decodes what arrives to its end, whether anybody wants it or not.

    It is made before the receiver is started, in its loop.
    """

    def __init__(self, receiver: Any, fanout: FrameFanout[AudioFrame], clock: MediaClock) -> None:
        self._track = receiver.track
        self._fanout = fanout
        self._clock = clock
        self._offset = SteadyOffset()
        self._call_soon = call_soon()
        self._decoded = asyncio.Event()
        self._lock = threading.Lock()
        self._waiting: deque[tuple[Any, ReceivedFrame]] = deque()
        self._announced = False
        self._ended = False
        self._codec = ""
        self._context: Any = None
        self._packets = AudioPackets(fanout.begin)
        self._bounded = decode_otherwise(receiver, self._put, self._packets)
        on_sender_report(receiver, clock.audio_reported)

    def __repr__(self) -> str:
        return f"<AudioReceiver {len(self._waiting)} waiting>"

    async def run(self) -> None:
        """Hands everything to the readers; returns when the track has ended."""
        if not self._bounded:
            await self._read_track()
            return
        async with decoders.used():
            await self._decoded.wait()

    def close(self) -> None:
        """Lets nothing more be decoded but what has been begun."""
        self._put(None)
        with self._lock:
            waiting, self._waiting = self._waiting, deque()
        for _, frame in waiting:
            self._fanout.drop(frame.number, "closed")

    # --- in the loop ----------------------------------------------------------------------------

    def _put(self, encoded: tuple[Any, FrameRun] | None) -> None:
        """Takes frames of a codec; `None` says that no more will come."""
        if encoded is None:
            self._ended = True
        elif self._ended:
            for frame in encoded[1].frames:
                self._fanout.drop(frame.number, "closed")
            return
        else:
            codec, run = encoded
            if self._packets.origin is not None:
                self._clock.audio_began(self._packets.origin, codec.clockRate)
            for frame in run.frames:
                self._wait(codec, frame)
        with self._lock:
            announced, self._announced = self._announced, True
        if not announced:
            decoders.submit(self._decode)

    def _wait(self, codec: Any, frame: ReceivedFrame) -> None:
        apart = round((self._clock.audio_offset_ms - self._clock.video_offset_ms) * codec.clockRate / 1000)
        self._fanout.sinks.put(codec.name, _ALONE, evolve(frame, timestamp=frame.timestamp + apart))
        with self._lock:
            self._waiting.append((codec, frame))
            oldest = self._waiting.popleft()[1] if len(self._waiting) > MAX_WAITING_FRAMES else None
        if oldest is not None:
            self._fanout.drop(oldest.number, "undecoded")

    # --- in a decoder's thread ------------------------------------------------------------------

    def _decode(self) -> bool:
        """Decodes one frame; returns whether more may wait."""
        with self._lock:
            waiting = self._waiting.popleft() if self._waiting else None
            if waiting is None:
                self._announced = False
        if waiting is None:
            if self._ended:
                self._call_soon(self._decoded.set)
            return False
        codec, frame = waiting
        try:
            decoded = self._context_of(codec.name.upper()).decode(_packet(frame.data))
        except Exception as error:  # noqa: BLE001  # whatever it is, the next one may be decoded
            logger.debug("a sound cannot be decoded: %s", error)
            decoded = []
        seconds = frame.timestamp / codec.clockRate
        if not decoded:
            self._fanout.drop(frame.number, "undecoded")
        for sound in decoded[:1]:
            self._fanout.offer(self._frame(sound, seconds), frame.number)
        return True

    def _context_of(self, codec: str) -> Any:
        if codec != self._codec:
            import av

            name, layout, rate = _DECODERS[codec]
            context: Any = av.CodecContext.create(name, "r")
            context.format, context.layout, context.sample_rate = "s16", layout, rate
            self._context, self._codec = context, codec
        return self._context

    def _frame(self, sound: Any, seconds: float) -> AudioFrame:
        # Interleaved, so one row holds all channels.
        samples = sound.to_ndarray().reshape(-1, len(sound.layout.channels))
        sent_ms = 1000 * seconds
        at = round(sent_ms + self._offset.toward(self._clock.audio_offset_ms, sent_ms))
        return AudioFrame(samples, sound.sample_rate, at)

    # --- with an aiortc that is not known -------------------------------------------------------

    async def _read_track(self) -> None:
        """Reads whether anybody wants it or not: the track's own queue has no bound."""
        from aiortc.mediastreams import MediaStreamError

        while True:
            try:
                sound = await self._track.recv()
            except MediaStreamError:
                return
            # Nothing is known of when the first one was sent, so it begins when it came.
            self._clock.audio_began(0, sound.sample_rate)
            self._fanout.offer(self._frame(sound, float(sound.pts * sound.time_base)))


def _packet(data: bytes) -> Any:
    import av

    return av.Packet(data)
