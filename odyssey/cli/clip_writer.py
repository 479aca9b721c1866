"""Frames of a stream into a clip, off the loop."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio.to_thread

from odyssey import VideoFrame
from odyssey.cli.clip import Clip


class ClipWriter:
    """Writes frames to a file that begins with the first of them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._clip: Clip | None = None

    async def add(self, frame: VideoFrame) -> None:
        """Writes a frame."""
        await anyio.to_thread.run_sync(self._add, frame)

    async def close(self) -> None:
        """Finishes the file, whatever is cancelled."""
        if self._clip is not None:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(self._clip.close)

    def _add(self, frame: VideoFrame) -> None:
        if self._clip is None:
            self._clip = Clip(self._path, frame.width, frame.height)
        self._clip.add(frame.data, frame.timestamp_ms)


@asynccontextmanager
async def clip_of(path: Path) -> AsyncIterator[ClipWriter]:
    """Keeps frames in a file for the length of the block."""
    writer = ClipWriter(path)
    try:
        yield writer
    finally:
        await writer.close()
