"""The heads of PNG, GIF and BMP files."""

from collections.abc import Iterator

from odyssey_anyio.images import exif
from odyssey_anyio.images.flaw import cut_off
from odyssey_anyio.images.header import Header
from odyssey_anyio.images.orientation import UPRIGHT

_OLD_BMP = 12
"""The length of the oldest BMP header, which has 16-bit sizes."""


def measure_png(data: bytes) -> Header:
    """Returns size and orientation (PNG third edition, sections 11.2.1 and 11.3.3.2)."""
    if len(data) < 33:
        raise cut_off("PNG")
    turned = next((exif.orientation(body) for name, body in _png_chunks(data) if name == b"eXIf"), UPRIGHT)
    return Header(int.from_bytes(data[16:20]), int.from_bytes(data[20:24]), turned)


def measure_gif(data: bytes) -> Header:
    """Returns the size; raises `ImageError` unless the first picture is whole (GIF89a sections 18 to 22)."""
    at = 13 + _colours(data, 10)
    while data[at : at + 1] == b"!":
        at = _after_blocks(data, at + 2)
    if data[at : at + 1] != b",":
        raise cut_off("GIF")
    _after_blocks(data, at + 10 + _colours(data, at + 9) + 1)
    return Header(int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little"))


def measure_bmp(data: bytes) -> Header:
    """Returns the size; a negative height means that the rows go down."""
    if len(data) < 26:
        raise cut_off("BMP")
    if int.from_bytes(data[14:18], "little") == _OLD_BMP:
        return Header(int.from_bytes(data[18:20], "little"), int.from_bytes(data[20:22], "little"))
    width, height = (int.from_bytes(data[at : at + 4], "little", signed=True) for at in (18, 22))
    return Header(width, abs(height))


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while len(data) >= at + 12:
        length = int.from_bytes(data[at : at + 4])
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        at += 12 + length


def _colours(data: bytes, at: int) -> int:
    """Returns the length of the table of colours that the flags at a place announce."""
    if len(data) <= at:
        raise cut_off("GIF")
    flags = data[at]
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _after_blocks(data: bytes, at: int) -> int:
    """Returns the place after a chain of sub-blocks."""
    while len(data) > at:
        if data[at] == 0:
            return at + 1
        at += 1 + data[at]
    raise cut_off("GIF")
