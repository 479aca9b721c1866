"""The chunks of a WebP file (RFC 9649)."""

from collections.abc import Iterator

from odyssey_anyio.images import exif
from odyssey_anyio.images.flaw import Flaw, ImageError, cut_off
from odyssey_anyio.images.header import Header
from odyssey_anyio.images.orientation import UPRIGHT

FRAME = b"ANMF"
FRAME_HEAD = 16
PICTURE = (b"VP8 ", b"VP8L")


def measure(data: bytes) -> Header:
    """Returns size and orientation; of an animation those of its first picture."""
    chunks = list(_chunks(still(data), 12))
    turned = next((exif.orientation(body) for name, body in chunks if name == b"EXIF"), UPRIGHT)
    for name, body in chunks:
        if name == b"VP8 " and len(body) >= 10:
            width, height = (int.from_bytes(body[at : at + 2], "little") & 0x3FFF for at in (6, 8))
            return Header(width, height, turned)
        if name == b"VP8L" and len(body) >= 5:
            bits = int.from_bytes(body[1:5], "little")
            return Header((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, turned)
    raise cut_off("WebP")


def still(data: bytes) -> bytes:
    """Returns the file itself, or one of the first picture alone if it is an animation."""
    for name, body in _chunks(data, 12):
        if name == FRAME:
            return _alone(body)
        if name in PICTURE:
            return data
    raise cut_off("WebP")


def _alone(frame: bytes) -> bytes:
    """Returns a file with one frame of an animation (RFC 9649 section 2.7.1.1)."""
    size = frame[6:12]
    chunks = list(_chunks(frame, FRAME_HEAD))
    if not any(name in PICTURE for name, _ in chunks):
        raise ImageError(Flaw.CORRUPT, "the WebP animation has no picture")
    see_through = any(name == b"ALPH" for name, _ in chunks)
    head = _chunk(b"VP8X", bytes([0x10 if see_through else 0, 0, 0, 0]) + size)
    body = b"WEBP" + head + b"".join(_chunk(name, each) for name, each in chunks)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + len(body).to_bytes(4, "little") + body + b"\0" * (len(body) % 2)


def _chunks(data: bytes, at: int) -> Iterator[tuple[bytes, bytes]]:
    while len(data) >= at + 8:
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        if len(data) < at + 8 + length:
            raise cut_off("WebP")
        yield data[at : at + 4], data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2
