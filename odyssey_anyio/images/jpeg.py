"""The segments of a JPEG file (ITU-T T.81 annex B)."""

import re
from collections.abc import Iterator

from odyssey_anyio.images import exif
from odyssey_anyio.images.flaw import ImageError, cut_off
from odyssey_anyio.images.header import Header
from odyssey_anyio.images.orientation import UPRIGHT

SCAN = 0xDA
END = 0xD9
APP1 = 0xE1
STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""The markers of frame headers: the others of the range are tables."""
USUAL = frozenset({0xC0, 0xC1, 0xC2})
"""Baseline, extended and progressive: what every decoder reads."""
NEEDED = FRAMES | {SCAN, 0xC4, 0xCC, 0xDB, 0xDC, 0xDD}
"""What the picture is made of: frames, scans, tables, number of lines, restart interval."""
COLOURS = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}
"""The segments of applications that tell how colours are meant; all others may tell where and when."""
PLAIN_JFIF = 14
"""The length of a JFIF segment without a thumbnail, which may show what was cut away."""

_AFTER_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""The first marker that is not part of the data of a scan (section B.1.1.5)."""


def measure(data: bytes) -> Header:
    """Returns size, orientation and plainness."""
    turned = UPRIGHT
    for marker, start, end in _segments(data):
        body = data[start:end]
        if marker == APP1 and body.startswith(exif.PREFIX):
            turned = exif.orientation(body)
        if marker in FRAMES:
            plain = marker in USUAL and body[:1] == b"\x08" and body[5:6] in (b"\x01", b"\x03")
            return Header(
                int.from_bytes(body[3:5]), int.from_bytes(body[1:3]), turned, plain and turned.upright
            )
    raise cut_off("JPEG")


def bare(data: bytes) -> bytes | None:
    """
    Returns the same picture without what applications and people wrote into the file, or after its end.

    A photograph may be followed by others, by a film, by anything, each with metadata of its own.
    Returns `None` where the segments do not lead to an end: then nobody can tell what is in the file.
    """
    try:
        kept = [
            data[start - 4 : end]
            for marker, start, end in _segments(data)
            if _is_kept(marker, data[start:end])
        ]
    except ImageError:
        return None
    return b"".join([b"\xff\xd8", *kept, b"\xff\xd9"])


def _is_kept(marker: int, body: bytes) -> bool:
    if marker in COLOURS:
        return body.startswith(COLOURS[marker]) and (marker != 0xE0 or len(body) == PLAIN_JFIF)
    return marker in NEEDED


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """
    Returns marker, begin and end of each segment's content, up to the end of the first picture.

    That of a scan goes on with the data of the scan.
    Raises `ImageError` where there is no segment, or none that is whole.
    """
    at = 2
    while True:
        while data[at : at + 2] == b"\xff\xff":
            at += 1
        marker = data[at + 1] if data[at : at + 1] == b"\xff" and len(data) > at + 1 else None
        if marker == END:
            return
        if marker in STANDALONE:
            at += 2
            continue
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4])
        if marker is None or end > len(data) or end < at + 4:
            raise cut_off("JPEG")
        if marker == SCAN:
            after = _AFTER_SCAN.search(data, end)
            if after is None:
                raise cut_off("JPEG")
            end = after.start()
        yield marker, at + 4, end
        at = end
