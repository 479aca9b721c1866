"""Which sound of one peer is written."""

from collections.abc import Callable

from odyssey_anyio.media.encoded_picture import EncodedPicture
from odyssey_anyio.media.packet_buffer import ReceivedFrame
from odyssey_anyio.recorder.peer_sink import PeerSink
from odyssey_anyio.recorder.sender_clock import SenderClock
from odyssey_anyio.recorder.timed_picture import TimedSound

TICKS_NUMERATOR, TICKS_DENOMINATOR = 15, 8
"""A tick of Opus, which counts 48000 a second (RFC 7587 section 4.1), in ticks of `CLOCK`."""


class SoundSink:
    """
    Begins with the first picture that is written, and stands on its clock.

    A file takes sound in Opus only; what a sender has in another coding is left out.
    """

    def __init__(self, pictures: PeerSink, put: Callable[[TimedSound], object]) -> None:
        self._pictures = pictures
        self._put = put
        self._clock: SenderClock | None = None

    def __repr__(self) -> str:
        return f"<SoundSink beside {self._pictures!r}>"

    def put(self, codec: str, picture: EncodedPicture | None, frame: ReceivedFrame) -> bool:
        """Takes a frame of sound; returns that no keyframe is to be asked for."""
        if self._clock is None and self._pictures.clock.begun:
            self._clock = self._pictures.clock.another()
        if codec.upper() == "OPUS" and self._clock is not None:
            ticks = frame.timestamp * TICKS_NUMERATOR // TICKS_DENOMINATOR
            self._put(TimedSound(frame.data, self._clock.at(ticks)))
        return False
