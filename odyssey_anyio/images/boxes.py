"""Boxes of ISO media files, and the numbers in them (ISO/IEC 14496-12 section 4)."""

from collections.abc import Iterator

from odyssey_anyio.images.flaw import Flaw, ImageError

MAX_BOXES = 10_000
"""The most boxes inside one box that are looked at."""

MAX_NUMBERS = 1_000_000
"""The most numbers of one box that are read; some take no bytes, so the file's size is no bound."""

type Box = tuple[bytes, bytes]
"""Name and content."""


def boxes(data: bytes) -> Iterator[Box]:
    """Returns the boxes in some bytes, in order; raises `ImageError` where there is none."""
    at = 0
    for _ in range(MAX_BOXES):
        if len(data) < at + 8:
            return
        length, head = int.from_bytes(data[at : at + 4]), 8
        if length == 1:
            length, head = int.from_bytes(data[at + 8 : at + 16]), 16
        if length == 0:
            length = len(data) - at
        if length < head:
            raise broken("a box is missing")
        yield data[at + 4 : at + 8], data[at + head : at + length]
        at += length


def first(data: bytes) -> dict[bytes, bytes]:
    """Returns the first box of each name in some bytes; raises `ImageError` where there is none."""
    found: dict[bytes, bytes] = {}
    for name, body in boxes(data):
        found.setdefault(name, body)
    return found


class Fields:
    """The fields of a box, one after the other; raises `ImageError` where the box ends too early."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._left = MAX_NUMBERS

    def number(self, size: int) -> int:
        """Returns the next `size` bytes as a number without a sign."""
        return int.from_bytes(self.take(size))

    def signed(self, size: int) -> int:
        """Returns the next `size` bytes as a number with a sign."""
        return int.from_bytes(self.take(size), signed=True)

    def rest(self) -> bytes:
        """Returns all bytes that are left."""
        return self.take(len(self._data) - self._at)

    def take(self, size: int) -> bytes:
        """Returns the next `size` bytes."""
        begin, self._at = self._at, self._at + size
        self._left -= 1
        if self._at > len(self._data) or self._left < 0:
            raise broken("a box is cut short")
        return self._data[begin : self._at]


def broken(what: str) -> ImageError:
    """Returns the error of a file that cannot be right."""
    return ImageError(Flaw.CORRUPT, f"the HEIF or AVIF image is broken or cut off: {what}")
