"""Pixels made to the size of a stream: scaled to cover it, cropped at the centre."""

from typing import Any

import av
import numpy as np
from av.video.reformatter import Interpolation

from odyssey_anyio.images.pixels import Pixels

PORTRAIT = (704, 1280)
LANDSCAPE = (1280, 704)
"""Width and height of a stream (docs/protocol.md#codecs)."""


def fit(pixels: Pixels, width: int, height: int) -> Pixels:
    """Returns the middle of a picture, as much as has the shape of `width` and `height`, in that size."""
    if pixels.shape[:2] == (height, width):
        return np.ascontiguousarray(pixels)
    # Cropped first, so that a long strip is not blown up as a whole.
    needed_high = -(-pixels.shape[1] * height // width)
    needed_wide = -(-pixels.shape[0] * width // height)
    rough = _centre(pixels, *_even_rest(pixels, needed_wide, needed_high))
    high, wide = rough.shape[:2]
    scale = max(width / wide, height / high)
    return _centre(
        _scaled(rough, max(width, round(wide * scale)), max(height, round(high * scale))), width, height
    )


def _even_rest(pixels: Pixels, wide: int, high: int) -> tuple[int, int]:
    """Returns how much to keep, so that what goes is the same on both sides."""
    wide, high = min(pixels.shape[1], wide), min(pixels.shape[0], high)
    return wide + (pixels.shape[1] - wide) % 2, high + (pixels.shape[0] - high) % 2


def _centre(pixels: Pixels, width: int, height: int) -> Pixels:
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    return pixels[top : top + height, left : left + width]


def _scaled(given: Pixels, width: int, height: int) -> Pixels:
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(given), format="rgb24")
    scaled: Any = frame.reformat(width, height, interpolation=Interpolation.LANCZOS)
    pixels: Pixels = scaled.to_ndarray()
    return pixels
