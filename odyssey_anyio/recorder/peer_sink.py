"""Which frames of one peer are written, and when each is seen."""

from collections.abc import Callable

from odyssey_anyio.media.decoders import CLOCK
from odyssey_anyio.media.encoded_picture import EncodedPicture
from odyssey_anyio.media.encoded_queue import KEYFRAME_INTERVAL_FRAMES
from odyssey_anyio.media.encoded_sinks import EncodedSink
from odyssey_anyio.media.packet_buffer import ReceivedFrame
from odyssey_anyio.recorder.timed_picture import TimedPicture

MAX_APART_TICKS = round(10 / CLOCK)
"""A timestamp further from the one before and from the clock of this machine: the sender counts anew."""


class PeerSink:
    """
    Begins with a keyframe, and leaves out what builds on a frame that is missing.

    The first picture is seen when it came, each further one by the clock of its sender (RFC 3550 section
    5.1): a network that delays frames moves none of them, and a pause takes as long as it took.
    A sender that counts anew, as a new source does (section 5.1), begins again when its picture came.
    `clock` has seconds.
    `put` takes a picture and returns why it will not be written, or nothing; `dropped` counts a frame.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        put: Callable[[TimedPicture], str],
        dropped: Callable[[str], None],
    ) -> None:
        self._clock = clock
        self._put = put
        self._dropped = dropped
        self._needs_keyframe = True
        self._since_request = -1
        self.sound: EncodedSink | None = None
        """What takes the sound of the same peer."""
        self.offset: int | None = None
        """What its timestamps lack to the clock of this machine, in ticks; known with the first picture."""
        self._latest = 0

    def __repr__(self) -> str:
        return f"<PeerSink{' needs a keyframe' if self._needs_keyframe else ''}>"

    def put(self, codec: str, picture: EncodedPicture | None, frame: ReceivedFrame) -> bool:
        """Takes a frame; returns whether a keyframe is to be asked for."""
        reason = self._refusal(picture, frame)
        if not reason and picture is not None:
            self.offset = self.offset_at(frame.timestamp, self.offset, self._latest)
            self._latest = frame.timestamp
            ticks = frame.timestamp + self.offset
            reason = self._put(TimedPicture(codec.lower(), frame.data, ticks, picture.keyframe))
        self._needs_keyframe = bool(reason)
        if not reason:
            self._since_request = -1
            return False
        self._dropped(reason)
        self._since_request += 1
        return self._since_request % KEYFRAME_INTERVAL_FRAMES == 0

    def offset_at(self, timestamp: int, offset: int | None, latest: int) -> int:
        """
        Returns what a timestamp that comes now, and after `latest`, lacks to the clock: as before, if it may.

        Frames that were held up are far from the clock, and near to each other.
        """
        now = round(self._clock() / CLOCK)
        if offset is None:
            return now - timestamp
        apart = min(abs(timestamp - latest), abs(timestamp + offset - now))
        return offset if apart <= MAX_APART_TICKS else now - timestamp

    def _refusal(self, picture: EncodedPicture | None, frame: ReceivedFrame) -> str:
        if picture is None:
            return "undecoded"
        if picture.keyframe:
            # The first one of H264 has to bring its parameter sets, and with them its size.
            return "undecoded" if self.offset is None and not picture.pixels else ""
        return "undecoded" if self._needs_keyframe or not frame.follows else ""
