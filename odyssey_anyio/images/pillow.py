"""Images of Pillow, for applications that use it: it is never loaded from here."""

import sys
from typing import Any

import numpy as np

from odyssey_anyio.images.flaw import Flaw, ImageError, check_pixels
from odyssey_anyio.images.orientation import EXIF, UPRIGHT
from odyssey_anyio.images.pixels import Pixels, from_array

ORIENTATION = 0x0112


def is_pillow(image: Any) -> bool:
    """Returns whether something is an image of Pillow."""
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(image, module.Image)


def from_pillow(image: Any) -> Pixels:
    """Returns the pixels of a Pillow image, upright; raises `ImageError` if its file is broken."""
    check_pixels(*image.size)
    try:
        turned = EXIF.get(image.getexif().get(ORIENTATION, 1), UPRIGHT)
        array = _array(image)
    except Exception as error:
        # Pillow's plugins may be anybody's, and raise anything.
        text = f"the Pillow image is broken: {type(error).__name__}: {error}"
        raise ImageError(Flaw.CORRUPT, text) from error
    return np.ascontiguousarray(turned.turn(from_array(array)))


def _array(image: Any) -> Any:
    if image.mode.startswith("I"):
        # Sixteen bits, which Pillow itself would cut at 255.
        return np.clip(np.asarray(image), 0, 0xFFFF).astype(np.uint16)
    see_through = image.mode.endswith(("A", "a")) or "transparency" in image.info
    return np.asarray(image.convert("RGBA" if see_through else "RGB"))
