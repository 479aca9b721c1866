"""
The encoded frames that wait for their decoder: few, and the newest wins.

A frame builds on the one before it, so none can be left out alone.
When more wait than readers want, all that wait is dropped: a keyframe goes on from there at once, and where
none has come yet it is asked for, and nothing is decoded until it is there.
So a machine that decodes too slowly shows fewer pictures, not old ones.

How many may wait follows from the readers: who reads only the newest frame needs hardly any, who wants a
number of them may be as many behind.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from odyssey_anyio.media.encoded_picture import read_picture

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

type Encoded = tuple[Any, Any]
"""A codec and a frame, as aiortc has them: `name` of the one, `data` and `timestamp` of the other."""


class EncodedQueue:
    """
    Takes frames in the loop with `put`, and gives them to a decoder thread with `get`.

    `arrived` numbers a frame that is whole, `dropped` gets the number of one that will not be decoded and
    why, `depth` says how many frames readers want, and `request` asks for a keyframe; all are called in
    the loop.
    """

    def __init__(
        self,
        arrived: Callable[[], int],
        dropped: Callable[[int, str], None],
        depth: Callable[[], int],
        request: Callable[[], None],
        max_pixels: int = MAX_PICTURE_PIXELS,
    ) -> None:
        self._arrived = arrived
        self._dropped = dropped
        self._depth = depth
        self._request = request
        self._max_pixels = max_pixels
        self._changed = threading.Condition()
        self._waiting: deque[tuple[int, Encoded]] = deque()
        self._waiting_bytes = 0
        self._decoding: deque[tuple[int, int]] = deque(maxlen=MAX_WAITING_FRAMES)
        self._needs_keyframe = False
        self._since_request = 0
        self._warned = False
        self._ended = False
        self._closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    def __repr__(self) -> str:
        return f"<EncodedQueue {len(self)} waiting{', needs a keyframe' if self._needs_keyframe else ''}>"

    @property
    def closed(self) -> bool:
        """Whether nothing more will be decoded."""
        return self._closed

    # --- in the loop ----------------------------------------------------------------------------

    def put(self, encoded: Encoded | None) -> None:
        """Takes a frame; `None` says that no more will come."""
        if encoded is None:
            with self._changed:
                self._ended = True
                self._changed.notify()
            return
        number = self._arrived()
        reason = "closed" if self._closed or self._ended else self._refusal(encoded)
        if reason:
            self._dropped(number, reason)
            return
        with self._changed:
            self._waiting.append((number, encoded))
            self._waiting_bytes += len(encoded[1].data)
            self._changed.notify()

    def close(self) -> None:
        """Drops what waits: nothing more is decoded but what has been begun."""
        self._closed = True
        self.put(None)
        self._drop_waiting("closed")

    def _refusal(self, encoded: Encoded) -> str:
        """Makes room for a frame; returns why it will not be decoded, or nothing."""
        codec, frame = encoded
        if not frame.data:
            # It carried nothing; to a decoder it would mean the end.
            return "undecoded"
        try:
            picture = read_picture(codec.name, frame.data)
        except ValueError as error:
            logger.debug("a picture is not decoded: %s", error)
            self._need_keyframe()
            return "undecoded"
        if picture.pixels > self._max_pixels:
            self._warn(picture.width, picture.height)
            self._need_keyframe()
            return "too_large"
        if picture.keyframe:
            self._needs_keyframe = False
            if self._full(max(self._depth(), 1)):
                self._drop_waiting("undecoded")
            return ""
        if not self._needs_keyframe and self._full(max(self._depth(), MIN_WAITING_FRAMES)):
            self._drop_waiting("undecoded")
            self._need_keyframe()
        elif self._needs_keyframe:
            self._repeat_request()
        return "undecoded" if self._needs_keyframe else ""

    def _full(self, wanted: int) -> bool:
        return (
            len(self._waiting) >= min(wanted, MAX_WAITING_FRAMES) or self._waiting_bytes >= MAX_WAITING_BYTES
        )

    def _need_keyframe(self) -> None:
        if self._needs_keyframe:
            self._repeat_request()
        else:
            self._needs_keyframe = True
            self._since_request = 0
            self._request()

    def _repeat_request(self) -> None:
        self._since_request += 1
        if self._since_request == KEYFRAME_INTERVAL_FRAMES:
            self._since_request = 0
            self._request()

    def _drop_waiting(self, reason: str) -> None:
        with self._changed:
            waiting, self._waiting = self._waiting, deque()
            self._waiting_bytes = 0
        for number, _ in waiting:
            self._dropped(number, reason)

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
        with self._changed:
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

    def get(self) -> Encoded | None:
        """Waits for the next frame; `None` when there will be none."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._waiting) or self._ended)
            if not self._waiting:
                return None
            number, encoded = self._waiting.popleft()
            self._waiting_bytes -= len(encoded[1].data)
            self._decoding.append((number, encoded[1].timestamp))
            return encoded
