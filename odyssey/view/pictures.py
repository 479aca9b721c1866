"""The newest picture as a JPEG: encoded when a page wants it, once for all pages, off the loop."""

import time

import anyio
import anyio.to_thread
from attrs import frozen

from odyssey import Odyssey, VideoFrame
from odyssey_anyio.aio.wakeup import Wakeup


@frozen
class Picture:
    """One picture for a page."""

    number: int
    """Counts what the client has handed over, from 1."""
    taken: float
    """When the client handed it over, in seconds of `time.monotonic`."""
    jpeg: bytes


class Pictures:
    """Follows the frames of a client."""

    def __init__(self) -> None:
        self._newest: tuple[int, float, VideoFrame] | None = None
        self._number = 0
        self._encoded: Picture | None = None
        self._changed = Wakeup()
        self._encoding = anyio.Lock()

    def __repr__(self) -> str:
        return f"<Pictures {self._number}>"

    async def follow(self, client: Odyssey) -> None:
        """Takes every frame, of all sessions, until it is cancelled."""
        while True:
            # It ends whenever the client disconnects.
            async for frame in client.frames():
                self._number += 1
                self._newest = self._number, time.monotonic(), frame
                self._changed.set()

    async def newer(self, than: int) -> Picture:
        """Returns the newest picture, as soon as there is one with a higher number."""
        await self._changed.until(lambda: self._number > than)
        async with self._encoding:
            if self._encoded is None or self._encoded.number <= than:
                assert self._newest is not None
                number, taken, frame = self._newest
                self._encoded = Picture(number, taken, await anyio.to_thread.run_sync(frame.to_jpeg))
        return self._encoded
