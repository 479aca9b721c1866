"""A frame's number and time in its picture, for machines: what was drawn can be measured on arrival."""

import zlib

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

CELL = 8
"""The side of the square that shows a bit, in pixels: one block of the codecs' transforms."""

NUMBER_BITS, TIME_BITS, CHECK_BITS = 24, 48, 16
BITS = NUMBER_BITS + TIME_BITS + CHECK_BITS
DARK, LIGHT = 40, 216


@frozen
class Marker:
    """What a picture says of itself."""

    number: int
    """Counts the frames of one track, modulo 2^24."""
    time_ms: int
    """When it was drawn, in milliseconds on the wall clock since 1970 (UTC)."""


def write(luma: NDArray[np.uint8], marker: Marker) -> None:
    """Draws a marker into the lowest rows of a luma plane, (height, width >= 704)."""
    value = (marker.number % 2**NUMBER_BITS) << TIME_BITS | marker.time_ms % 2**TIME_BITS
    value = value << CHECK_BITS | _check(value)
    bits = np.array([value >> shift & 1 for shift in range(BITS - 1, -1, -1)], np.uint8)
    row = np.where(bits, LIGHT, DARK).astype(np.uint8).repeat(CELL)
    luma[-CELL:, : BITS * CELL] = row


def read(picture: NDArray[np.uint8]) -> Marker | None:
    """Returns the marker in a luma plane (height, width) or RGB picture (height, width, 3), or `None`."""
    height, width = picture.shape[:2]
    if width < BITS * CELL or height < CELL:
        return None
    strip = picture[-CELL + 2 : -2, : BITS * CELL].astype(np.float32)
    luma = strip.mean(axis=2) if strip.ndim == 3 else strip
    cells = luma.reshape(CELL - 4, BITS, CELL)[:, :, 2:-2].mean(axis=(0, 2))
    value = int("".join("1" if cell > (DARK + LIGHT) / 2 else "0" for cell in cells), 2)
    said, check = value >> CHECK_BITS, value % 2**CHECK_BITS
    if check != _check(said):
        return None
    return Marker(said >> TIME_BITS, said % 2**TIME_BITS)


def _check(value: int) -> int:
    return zlib.crc32(value.to_bytes((NUMBER_BITS + TIME_BITS) // 8, "big")) & 0xFFFF
