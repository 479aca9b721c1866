"""Pixels in any usual form, as RGB."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from odyssey_anyio.images.flaw import Flaw, ImageError, check_pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

type Pixels = "NDArray[np.uint8]"
"""RGB, uint8, (height, width, 3)."""

BAND = 256
"""How many rows are worked on at once, to spare memory."""


def from_array(array: Any) -> Pixels:
    """
    Returns the pixels of an array (height, width) or (height, width, 1, 3 or 4): grey, RGB or RGBA.

    Whole numbers of 8 and 16 bits have their full range; real numbers go from 0 to 1.
    Raises `ImageError` for any other array.
    """
    shape = array.shape[2:] if array.ndim >= 2 else None
    if shape not in ((), (1,), (3,), (4,)):
        text = f"pixels are an array (height, width[, 1, 3 or 4]), not one of shape {array.shape}"
        raise ImageError(Flaw.TYPE, text)
    check_pixels(array.shape[1], array.shape[0])
    scale = _SCALES.get(array.dtype.kind + str(array.dtype.itemsize))
    if scale is None:
        raise ImageError(Flaw.TYPE, f"pixels are uint8, uint16, bool or real numbers, not {array.dtype}")
    cube = array if array.ndim == 3 else array[:, :, None]
    return flattened(_banded(cube, scale))


def flattened(pixels: Pixels) -> Pixels:
    """Returns grey, RGB or RGBA pixels as RGB; what is transparent shows white."""
    channels = pixels.shape[2]
    if channels == 1:
        return np.repeat(pixels, 3, axis=2)
    return pixels if channels == 3 else _banded(pixels, _on_white)


def _on_white(band: "NDArray[Any]") -> Pixels:
    colour, cover = band[:, :, :3].astype(np.uint16), band[:, :, 3:].astype(np.uint16)
    return ((colour * cover + 255 * (255 - cover) + 127) // 255).astype(np.uint8)


def _unit(band: "NDArray[Any]") -> Pixels:
    if not np.isfinite(band).all() or band.min() < 0 or band.max() > 1:
        raise ImageError(Flaw.TYPE, "pixels that are real numbers go from 0 to 1")
    return np.rint(band.astype(np.float32) * 255).astype(np.uint8)


def _banded(array: "NDArray[Any]", work: Callable[["NDArray[Any]"], Pixels]) -> Pixels:
    return np.concatenate([work(array[top : top + BAND]) for top in range(0, array.shape[0], BAND)])


def _high_byte(band: "NDArray[Any]") -> Pixels:
    return (band >> 8).astype(np.uint8)


_SCALES: Mapping[str, Callable[["NDArray[Any]"], Pixels]] = {
    "u1": lambda band: band,
    "u2": _high_byte,
    "b1": lambda band: band.astype(np.uint8) * 255,
    "f2": _unit,
    "f4": _unit,
    "f8": _unit,
}
"""By the kind of number and its bytes."""
