"""What the demo keeps: a clip of what was received, and a sheet that shows how the prompts changed it."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from odyssey_anyio.local.video.scenes.caption import caption

TICKS_PER_SECOND = 90_000
GAP_PIXELS = 16
PAPER = 18
"""The grey of the sheet's paper."""


class Clip:
    """Writes frames to an MP4 as they come, each at its own time."""

    def __init__(self, path: Path, width: int, height: int) -> None:
        _make(path)
        self._container = av.open(str(path), "w")
        stream: Any = self._container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"preset": "ultrafast", "crf": "23"}
        stream.codec_context.time_base = Fraction(1, TICKS_PER_SECOND)
        self._stream = stream
        self._first: int | None = None
        self._last = -1
        self.frames: int = 0

    def add(self, data: NDArray[np.uint8], timestamp_ms: int) -> None:
        """Adds a frame: RGB, uint8, (height, width, 3); one that does not fit the clip is left out."""
        if data.shape[:2] != (self._stream.height, self._stream.width):
            return
        self._first = timestamp_ms if self._first is None else self._first
        pts = (timestamp_ms - self._first) * TICKS_PER_SECOND // 1000
        if pts <= self._last:
            return
        self._last = pts
        frame = av.VideoFrame.from_ndarray(data, format="rgb24")
        frame.pts, frame.time_base = pts, Fraction(1, TICKS_PER_SECOND)
        self._container.mux(self._stream.encode(frame))
        self.frames += 1

    def close(self) -> None:
        """Finishes the file."""
        self._container.mux(self._stream.encode(None))
        self._container.close()


def _make(path: Path) -> None:
    """Creates the file, empty, so that an unusable path is an error at once, and one that names the path."""
    try:
        path.open("wb").close()
    except OSError as error:
        raise OSError(f"cannot write {path}: {error.strerror}") from error


def sheet(path: Path, shots: list[tuple[str, NDArray[np.uint8]]]) -> None:
    """Writes a PNG with the pictures side by side, each with its words below."""
    tall = max(shot.shape[0] for _, shot in shots)
    below = [
        (caption(words, shot.shape[1]) * (235 - PAPER) + PAPER).astype(np.uint8) for words, shot in shots
    ]
    height = tall + max(words.shape[0] for words in below) + 2 * GAP_PIXELS
    columns = []
    for words, (_, shot) in zip(below, shots, strict=True):
        column = np.full((height, shot.shape[1] + GAP_PIXELS, 3), PAPER, np.uint8)
        column[: shot.shape[0], : shot.shape[1]] = shot
        column[tall + GAP_PIXELS : tall + GAP_PIXELS + words.shape[0], : shot.shape[1]] = words[:, :, None]
        columns.append(column)
    write_png(path, np.ascontiguousarray(np.hstack(columns)[:, :-GAP_PIXELS]))


def write_png(path: Path, picture: NDArray[np.uint8]) -> None:
    """Writes a picture: RGB, uint8, (height, width, 3)."""
    _make(path)
    with av.open(str(path), "w", format="image2") as container:
        stream: Any = container.add_stream("png")
        stream.height, stream.width = picture.shape[:2]
        stream.pix_fmt = "rgb24"
        for frame in (av.VideoFrame.from_ndarray(picture, format="rgb24"), None):
            container.mux(stream.encode(frame))
