"""The segments of a JPEG file (ITU-T T.81 annex B)."""

from collections.abc import Iterator

from odyssey_anyio.images import exif
from odyssey_anyio.images.flaw import cut_off
from odyssey_anyio.images.header import Header
from odyssey_anyio.images.orientation import UPRIGHT

SCAN = 0xDA
APP1 = 0xE1
COMMENT = 0xFE
STANDALONE = frozenset({0x01, *range(0xD0, 0xDA)})
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""The markers of frame headers: the others of the range are tables."""
TOLD = frozenset(range(0xE0, 0xF0)) - {0xE0, 0xE2, 0xEE}
"""Segments of applications, which may tell where and when; without JFIF, colour profile and Adobe."""


def measure(data: bytes) -> Header:
    """Returns size, orientation and plainness."""
    turned = UPRIGHT
    for marker, start, end in _segments(data):
        body = data[start:end]
        if marker == APP1 and body.startswith(exif.PREFIX):
            turned = exif.orientation(body)
        if marker in FRAMES:
            plain = body[:1] == b"\x08" and body[5:6] in (b"\x01", b"\x03")
            return Header(
                int.from_bytes(body[3:5]), int.from_bytes(body[1:3]), turned, plain and turned.upright
            )
    raise cut_off("JPEG")


def bare(data: bytes) -> bytes:
    """Returns the same picture without what applications and people wrote into the file."""
    kept = [data[:2]]
    end = 2
    for marker, start, end in _segments(data):
        if marker not in TOLD and marker != COMMENT:
            kept.append(data[start - 4 : end])
        if marker == SCAN:
            break
    return b"".join([*kept, data[end:]])


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Returns marker, begin and end of each segment's content, up to that of the first scan."""
    at = 2
    while True:
        while data[at : at + 2] == b"\xff\xff":
            at += 1
        if len(data) < at + 4 or data[at] != 0xFF:
            raise cut_off("JPEG")
        marker = data[at + 1]
        if marker in STANDALONE:
            at += 2
            continue
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4])
        if end > len(data) or end < at + 4:
            raise cut_off("JPEG")
        yield marker, at + 4, end
        if marker == SCAN:
            return
        at = end
