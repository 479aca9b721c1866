"""How large an image may be."""

from typing import NoReturn

from odyssey_anyio.images.flaw import Flaw, ImageError

LARGEST = 25 * 1024 * 1024
"""The largest image file, in bytes (protocol.md section 8)."""

MAX_PIXELS = 64 * 1024 * 1024
"""The largest picture: what the best cameras make; a bomb has more. Decoded it takes some 200 MB."""


def too_large(size: int | None = None) -> NoReturn:
    """Refuses a file for its size, if that is known."""
    found = f"over {LARGEST}" if size is None else str(size)
    raise ImageError(Flaw.TOO_LARGE, f"the image has {found} bytes; the most is {LARGEST}")


def check_pixels(width: int, height: int) -> None:
    """Refuses a picture without pixels, or with too many."""
    if width < 1 or height < 1:
        raise ImageError(Flaw.CORRUPT, f"the image has no pixels: it is {width}x{height}")
    if width * height > MAX_PIXELS:
        text = f"the image has {width}x{height} pixels; the most is {MAX_PIXELS} in all"
        raise ImageError(Flaw.TOO_MANY_PIXELS, text)
