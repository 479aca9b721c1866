"""A picture turned upright and made to the size of a stream: scaled to cover it, cropped at the centre."""

from collections.abc import Mapping
from typing import Literal

from PIL import Image, ImageOps

PORTRAIT = (704, 1280)
LANDSCAPE = (1280, 704)
"""Width and height of a stream in pixels (docs/protocol.md#codecs)."""

EXIF_PREFIX = b"Exif\0\0"
"""What stands before the TIFF structure in a JPEG, and by mistake in some other files."""
ORIENTATION_TAG = 0x0112
UPRIGHT = 1
"""The value of the orientation tag that asks for nothing."""

_SHORT = 3
_MAX_EXIF_ENTRIES = 1000
_SWAPS_AXES = frozenset({5, 6, 7, 8})
_TRANSPOSES: Mapping[int, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What each value of the Exif tag asks for (Exif 3.0 section 4.6.5, Orientation)."""


def fit(image: Image.Image, size: tuple[int, int], orientation: int = UPRIGHT) -> Image.Image:
    """
    Returns the middle of a picture, as much as has the shape of `size`, in that size and upright.

    It is turned last, when it is small: a large picture is not held in memory twice.
    """
    width, height = size
    stored = (height, width) if orientation in _SWAPS_AXES else size
    if image.size != stored:
        image = ImageOps.fit(image, stored, Image.Resampling.LANCZOS)
    return upright(image, orientation)


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """Returns a picture turned as a value of the Exif orientation tag asks; unknown ones ask nothing."""
    method = _TRANSPOSES.get(orientation)
    return image if method is None else image.transpose(method)


def exif_orientation(exif: bytes) -> int:
    """
    Returns the orientation that Exif data ask for; data that are absent or broken ask for none.

    Read here, because Pillow warns of broken Exif data, which many cameras write: a program that takes
    warnings for errors could not use their pictures.
    """
    tiff = exif.removeprefix(EXIF_PREFIX)
    order: Literal["little", "big"] = "little" if tiff[:2] == b"II" else "big"
    if tiff[:4] not in (b"II*\0", b"MM\0*"):
        return UPRIGHT
    first = int.from_bytes(tiff[4:8], order)
    count = int.from_bytes(tiff[first : first + 2], order)
    for at in range(first + 2, first + 2 + 12 * min(count, _MAX_EXIF_ENTRIES), 12):
        entry = tiff[at : at + 12]
        tag, kind = int.from_bytes(entry[:2], order), int.from_bytes(entry[2:4], order)
        if tag == ORIENTATION_TAG and kind == _SHORT:
            return int.from_bytes(entry[8:10], order)
    return UPRIGHT
