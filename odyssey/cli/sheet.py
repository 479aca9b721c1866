"""The sheet that the demo keeps: how the prompts changed the picture."""

from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from odyssey_anyio.local.video.scenes.caption import caption

GAP_PIXELS = 16
PAPER = 18
"""The grey of the sheet's paper."""


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
