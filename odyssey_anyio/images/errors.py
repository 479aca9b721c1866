"""What may be wrong with an image, and how large one may be."""

from enum import StrEnum, unique
from typing import Any, NoReturn

MAX_FILE_BYTES = 25 * 1024 * 1024
"""The largest image file (docs/protocol.md#limits)."""

MAX_PIXELS = 64 * 1024 * 1024
"""The largest picture: what the best cameras make; a decompression bomb has more. Decoded it takes 256 MB."""


@unique
class Flaw(StrEnum):
    """Why an image cannot be used, as the stable code of the error."""

    TYPE = "image.type"
    """It is nothing that an image can be given as."""
    UNREADABLE = "image.unreadable"
    """The file is not there or cannot be read."""
    NOT_BASE64 = "image.not_base64"
    """The data URL is broken: it has no comma, or no base64 where it says so (RFC 2397)."""
    EMPTY = "image.empty"
    """There is nothing in it."""
    TOO_LARGE = "image.too_large"
    """It has more bytes than the service takes."""
    UNKNOWN_KIND = "image.unknown_kind"
    """It is none of the documented kinds."""
    TOO_MANY_PIXELS = "image.too_many_pixels"
    """It would fill too much memory when decoded."""
    CORRUPT = "image.corrupt"
    """It is cut off or broken."""
    UNDECODABLE = "image.undecodable"
    """It is of a documented kind, but in a form that cannot be decoded here."""


class ImageError(ValueError):
    """An image cannot be used: `flaw` says why for programs, the text for people."""

    def __init__(self, flaw: Flaw, text: str) -> None:
        super().__init__(text)
        self.flaw = flaw

    def __reduce__(self) -> tuple[Any, ...]:
        # By itself an exception is made again of its text alone.
        return type(self), (self.flaw, str(self)), self.__dict__


def too_large(size: int | None = None) -> NoReturn:
    """Raises `ImageError` for a file over `MAX_FILE_BYTES`, with its size in bytes if that is known."""
    found = f"over {MAX_FILE_BYTES}" if size is None else str(size)
    raise ImageError(Flaw.TOO_LARGE, f"the image has {found} bytes; the most is {MAX_FILE_BYTES}")


def check_pixels(width: int, height: int) -> None:
    """Raises `ImageError` for a picture without pixels, or with more than `MAX_PIXELS`."""
    if width < 1 or height < 1:
        raise ImageError(Flaw.CORRUPT, f"the image has no pixels: it is {width}x{height}")
    if width * height > MAX_PIXELS:
        text = f"the image has {width}x{height} pixels; the most is {MAX_PIXELS} in all"
        raise ImageError(Flaw.TOO_MANY_PIXELS, text)
