"""Which frames of one peer are written."""

from collections.abc import Callable

from odyssey_anyio.media.encoded_picture import EncodedPicture
from odyssey_anyio.media.encoded_queue import KEYFRAME_INTERVAL_FRAMES
from odyssey_anyio.media.encoded_sinks import EncodedSink
from odyssey_anyio.media.packet_buffer import ReceivedFrame
from odyssey_anyio.recorder.sender_clock import SenderClock
from odyssey_anyio.recorder.timed_picture import TimedPicture


class PeerSink:
    """
    Begins with a keyframe, and leaves out what builds on a frame that is missing.

    `put` takes a picture and returns why it will not be written, or nothing; `dropped` counts a frame.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        put: Callable[[TimedPicture], str],
        dropped: Callable[[str], None],
    ) -> None:
        self._put = put
        self._dropped = dropped
        self._needs_keyframe = True
        self._since_request = -1
        self.sound: EncodedSink | None = None
        """What takes the sound of the same peer."""
        self.clock: SenderClock = SenderClock(clock)
        """When its pictures are seen."""

    def __repr__(self) -> str:
        return f"<PeerSink{' needs a keyframe' if self._needs_keyframe else ''}>"

    def put(self, codec: str, picture: EncodedPicture | None, frame: ReceivedFrame) -> bool:
        """Takes a frame; returns whether a keyframe is to be asked for."""
        reason = self._refusal(picture, frame)
        if not reason and picture is not None:
            ticks = self.clock.at(frame.timestamp)
            reason = self._put(TimedPicture(codec.lower(), frame.data, ticks, picture.keyframe))
        self._needs_keyframe = bool(reason)
        if not reason:
            self._since_request = -1
            return False
        self._dropped(reason)
        self._since_request += 1
        return self._since_request % KEYFRAME_INTERVAL_FRAMES == 0

    def _refusal(self, picture: EncodedPicture | None, frame: ReceivedFrame) -> str:
        if picture is None:
            return "undecoded"
        if picture.keyframe:
            # The first one of H264 has to bring its parameter sets, and with them its size.
            return "undecoded" if not self.clock.begun and not picture.pixels else ""
        return "undecoded" if self._needs_keyframe or not frame.follows else ""
