"""The boxes of HEIC, HEIF and AVIF files, as far as size and orientation need them (ISO/IEC 23008-12)."""

from collections.abc import Iterator

from odyssey_anyio.images.flaw import Flaw, ImageError
from odyssey_anyio.images.header import Header
from odyssey_anyio.images.orientation import ANTICLOCKWISE, UPRIGHT

MAX_BOXES = 10_000

type Box = tuple[bytes, bytes]


def measure(data: bytes) -> Header:
    """Returns size and orientation of the primary picture, from the properties that belong to it."""
    meta = _inner(_boxes(data), b"meta")[4:]
    properties = _inner(_boxes(meta), b"iprp")
    known = list(_boxes(_inner(_boxes(properties), b"ipco")))
    primary = _primary(_inner(_boxes(meta), b"pitm"))
    chosen = _associated(_inner(_boxes(properties), b"ipma"), primary)
    width = height = 0
    turned = UPRIGHT
    for number in chosen:
        name, body = known[number - 1] if 0 < number <= len(known) else (b"", b"")
        match name:
            case b"ispe":
                width, height = int.from_bytes(body[4:8]), int.from_bytes(body[8:12])
            case b"irot":
                turned = ANTICLOCKWISE[body[0] & 3] if body else turned
            case b"imir":
                turned = turned.mirror() if body[:1] == b"\1" else turned.flip()
            case _:
                pass
    return Header(width, height, turned)


def _boxes(data: bytes) -> Iterator[Box]:
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
            raise _broken("a box")
        yield data[at + 4 : at + 8], data[at + head : at + length]
        at += length


def _inner(boxes: Iterator[Box], name: bytes) -> bytes:
    found = next((body for each, body in boxes if each == name), None)
    if found is None:
        raise _broken(f"the box {name.decode()!r}")
    return found


def _primary(pitm: bytes) -> int:
    return int.from_bytes(pitm[4:6] if pitm[:1] == b"\0" else pitm[4:8])


def _associated(ipma: bytes, item: int) -> list[int]:
    """Returns the numbers of an item's properties, in order."""
    name, step = (2 if ipma[:1] == b"\0" else 4), (2 if ipma[3:4] and ipma[3] & 1 else 1)
    at = 8
    for _ in range(min(int.from_bytes(ipma[4:8]), MAX_BOXES)):
        found = int.from_bytes(ipma[at : at + name])
        count = int.from_bytes(ipma[at + name : at + name + 1])
        begin = at + name + 1
        at = begin + count * step
        if found == item:
            mask = 0x7FFF if step == 2 else 0x7F
            return [int.from_bytes(ipma[place : place + step]) & mask for place in range(begin, at, step)]
    raise _broken("the picture's properties")


def _broken(what: str) -> ImageError:
    return ImageError(Flaw.CORRUPT, f"the HEIF or AVIF image is broken or cut off: {what} is missing")
