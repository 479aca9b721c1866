"""Which sound of one peer is written, and when each is played."""

from collections.abc import Callable

from odyssey_anyio.media.encoded_picture import EncodedPicture
from odyssey_anyio.media.packet_buffer import ReceivedFrame
from odyssey_anyio.recorder.peer_sink import PeerSink
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
        # Its own from then on: the sender of one may count anew without the other.
        self._offset: int | None = None
        self._latest = 0

    def __repr__(self) -> str:
        return f"<SoundSink beside {self._pictures!r}>"

    def put(self, codec: str, picture: EncodedPicture | None, frame: ReceivedFrame) -> bool:
        """Takes a frame of sound; returns that no keyframe is to be asked for."""
        if self._offset is None:
            self._offset = self._pictures.offset
        if codec.upper() == "OPUS" and self._offset is not None:
            ticks = frame.timestamp * TICKS_NUMERATOR // TICKS_DENOMINATOR
            self._offset = self._pictures.offset_at(ticks, self._offset, self._latest)
            self._latest = ticks
            self._put(TimedSound(frame.data, ticks + self._offset))
        return False
