"""
The encoded frames that wait for their decoder: few, the newest wins, and none that builds on a missing one.

A frame builds on the one before it, so none can be left out alone.
After one that does not follow the one before it, or could not be decoded, and at the beginning, nothing is
decoded until a keyframe has come, which is asked for at once and again; the last good picture stays.
When more wait than readers want, all that wait is dropped in the same way: a keyframe goes on from there at
once.
So a machine that decodes too slowly shows fewer pictures, not old ones, and a bad network no broken ones.

How many may wait follows from the readers: who reads only the newest frame needs hardly any, who wants a
number of them may be as many behind.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from attrs import frozen

from odyssey_anyio.media.encoded_picture import EncodedPicture, read_picture
from odyssey_anyio.media.packet_buffer import FrameRun, ReceivedFrame

logger: logging.Logger = logging.getLogger("odyssey.media")

MAX_PICTURE_PIXELS = 3840 * 2160
"""The largest picture that is decoded unless another bound is given; the service's have 1280x704."""

MIN_WAITING_FRAMES = 8
"""So many may wait for any reader, a third of a second: a decoder that comes late is not yet too slow."""

MAX_WAITING_FRAMES = 256
"""More never wait, whatever readers want."""

MAX_WAITING_BYTES = 16 * 1024 * 1024
"""How many bytes may wait."""

KEYFRAME_INTERVAL_FRAMES = 12
"""After so many frames that are no keyframe it is asked for again: a request may be lost."""

type Encoded = tuple[Any, ReceivedFrame]
"""A codec as aiortc has it, with its `name`, and a frame."""


@frozen
class _Waiting:
    encoded: Encoded
    keyframe: bool

    @property
    def frame(self) -> ReceivedFrame:
        return self.encoded[1]


class EncodedQueue:
    """
    Takes frames in the loop with `put`, and gives them to a decoder thread with `take`.

    `dropped` gets the number of a frame that will not be decoded and why, `depth` says how many frames
    readers want, and `request` asks for a keyframe; all are called in the loop.
    `ready` is called when there is something to take, or the end, and was not before.
    `sink` gets every frame as it came, with what is known of it (media/encoded_sinks.py).
    """

    def __init__(
        self,
        dropped: Callable[[int, str], None],
        depth: Callable[[], int],
        request: Callable[[], None],
        ready: Callable[[], None],
        max_pixels: int = MAX_PICTURE_PIXELS,
        sink: Callable[[str, EncodedPicture | None, ReceivedFrame], bool] = lambda *_: False,
    ) -> None:
        self._dropped = dropped
        self._depth = depth
        self._request = request
        self._ready = ready
        self._max_pixels = max_pixels
        self._sink = sink
        self._lock = threading.Lock()
        self._announced = False
        self._waiting: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._decoding: deque[tuple[int, int]] = deque(maxlen=MAX_WAITING_FRAMES)
        self._needs_keyframe = True
        self._since_request = -1
        # What the decoder's thread reports, for the loop to act on.
        self._unusable: list[int] = []
        self._failed = False
        self._warned = False
        self._ended = False
        self._closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    def __repr__(self) -> str:
        return f"<EncodedQueue {len(self)} waiting{', needs a keyframe' if self._needs_keyframe else ''}>"

    @property
    def ended(self) -> bool:
        """Whether no more frames come than those that wait."""
        return self._ended

    @property
    def closed(self) -> bool:
        """Whether nothing more will be decoded."""
        return self._closed

    # --- in the loop ----------------------------------------------------------------------------

    def put(self, encoded: tuple[Any, FrameRun] | None) -> None:
        """Takes frames of a codec; `None` says that no more will come."""
        if encoded is None:
            # aiortc ends its side after ours; nobody waits for that any more.
            if not self._ended:
                self._ended = True
                self._announce()
            return
        codec, run = encoded
        for frame in run.frames:
            self._put(codec, frame)

    def _put(self, codec: Any, frame: ReceivedFrame) -> None:
        with self._lock:
            unusable, self._unusable = self._unusable, []
            failed, self._failed = self._failed, False
        if failed:
            self._needs_keyframe, self._since_request = True, -1
        for number in unusable:
            self._dropped(number, "undecoded")
        if self._closed or self._ended:
            self._dropped(frame.number, "closed")
            return
        try:
            picture = read_picture(codec.name, frame.data)
        except ValueError as error:
            logger.debug("a picture is not decoded: %s", error)
            self._sink(codec.name, None, frame)
            self._refuse(frame, "undecoded")
            return
        if self._sink(codec.name, picture if picture.pixels <= self._max_pixels else None, frame):
            self._request()
        reason = self._refusal(picture, frame)
        if reason:
            self._refuse(frame, reason)
            return
        with self._lock:
            # The one before it may have failed just now.
            failed, self._failed = self._failed, False
            broken = failed and not picture.keyframe
            if not broken:
                self._waiting.append(_Waiting((codec, frame), picture.keyframe))
                self._waiting_bytes += len(frame.data)
        if broken:
            self._refuse(frame, "undecoded")
        else:
            self._announce()

    def _announce(self) -> None:
        with self._lock:
            announced, self._announced = self._announced, True
        if not announced:
            self._ready()

    def close(self) -> None:
        """Drops what waits: nothing more is decoded but what has been begun."""
        self._closed = True
        self.put(None)
        self._drop_waiting("closed")

    def _refusal(self, picture: EncodedPicture, frame: ReceivedFrame) -> str:
        """Makes room for a frame; returns why it will not be decoded, or nothing."""
        if picture.pixels > self._max_pixels:
            self._warn(picture.width, picture.height)
            return "too_large"
        if picture.keyframe:
            self._needs_keyframe = False
            if self._full(max(self._depth(), 1)):
                self._drop_waiting("undecoded")
            return ""
        if self._needs_keyframe or not frame.follows:
            return "undecoded"
        if self._full(max(self._depth(), MIN_WAITING_FRAMES)):
            self._drop_waiting("undecoded")
            return "undecoded"
        return ""

    def _refuse(self, frame: ReceivedFrame, reason: str) -> None:
        """Drops a frame; what builds on it cannot be decoded either, so a keyframe is asked for."""
        self._dropped(frame.number, reason)
        if not self._needs_keyframe:
            self._needs_keyframe = True
            self._since_request = -1
        self._since_request += 1
        if self._since_request % KEYFRAME_INTERVAL_FRAMES == 0:
            self._request()

    def _full(self, wanted: int) -> bool:
        return (
            len(self._waiting) >= min(wanted, MAX_WAITING_FRAMES) or self._waiting_bytes >= MAX_WAITING_BYTES
        )

    def _drop_waiting(self, reason: str) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, deque()
            self._waiting_bytes = 0
        for each in waiting:
            self._dropped(each.frame.number, reason)

    def _warn(self, width: int, height: int) -> None:
        if not self._warned:
            self._warned = True
            logger.warning(
                "pictures of %d x %d are not decoded: the largest may have %d pixels",
                width,
                height,
                self._max_pixels,
            )

    def number_of(self, timestamp: int | None) -> int | None:
        """
        Returns the number of the frame that was decoded with this timestamp, if it is known.

        Frames that were given to the decoder before it and have not come out never will.
        """
        with self._lock:
            numbers = [number for number, of in self._decoding if of == timestamp]
            if not numbers:
                return None
            lost: list[int] = []
            while (number := self._decoding.popleft()[0]) != numbers[0]:
                lost.append(number)
        for each in lost:
            self._dropped(each, "undecoded")
        return number

    # --- in the decoder's thread ----------------------------------------------------------------

    def take(self) -> Encoded | None:
        """Returns the next frame; `None` when there is none, and `ready` will be called for the next."""
        with self._lock:
            if not self._waiting:
                self._announced = False
                return None
            waiting = self._waiting.popleft()
            self._waiting_bytes -= len(waiting.frame.data)
            self._decoding.append((waiting.frame.number, waiting.frame.timestamp))
            return waiting.encoded

    def failed(self) -> None:
        """The frame that was given last could not be decoded, so neither can those that build on it."""
        with self._lock:
            while self._waiting and not self._waiting[0].keyframe:
                waiting = self._waiting.popleft()
                self._waiting_bytes -= len(waiting.frame.data)
                self._unusable.append(waiting.frame.number)
            # Behind a keyframe that waits, what comes builds on that.
            self._failed = not self._waiting
