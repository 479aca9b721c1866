"""The one thing that Exif data are read for: the orientation of the picture (Exif 3.0, TIFF 6.0)."""

from typing import Literal

from odyssey_anyio.images.orientation import EXIF, UPRIGHT, Orientation

ORIENTATION = 0x0112
SHORT = 3
MAX_ENTRIES = 1000
PREFIX = b"Exif\0\0"
"""What stands before the TIFF structure in a JPEG, and by mistake in some other files."""


def orientation(data: bytes) -> Orientation:
    """Returns the orientation that Exif data ask for; data that are absent or broken ask for none."""
    tiff = data.removeprefix(PREFIX)
    order = _order(tiff)
    if order is None:
        return UPRIGHT
    first = int.from_bytes(tiff[4:8], order)
    count = int.from_bytes(tiff[first : first + 2], order)
    for at in range(first + 2, first + 2 + 12 * min(count, MAX_ENTRIES), 12):
        entry = tiff[at : at + 12]
        tag, kind = int.from_bytes(entry[:2], order), int.from_bytes(entry[2:4], order)
        if tag == ORIENTATION and kind == SHORT:
            return EXIF.get(int.from_bytes(entry[8:10], order), UPRIGHT)
    return UPRIGHT


def _order(tiff: bytes) -> Literal["little", "big"] | None:
    match tiff[:4]:
        case b"II*\0":
            return "little"
        case b"MM\0*":
            return "big"
        case _:
            return None
