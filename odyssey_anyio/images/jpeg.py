"""
JPEG files: one is written of a picture, and one that fits already is freed of all but its picture.

Pillow cannot do the latter: it encodes what it saves again, and a picture that is encoded twice is worse.
So the segments of a file are read here (ITU-T T.81 annex B).
"""

import re
from collections.abc import Iterator
from io import BytesIO

from PIL import Image

from odyssey_anyio.images.errors import Flaw, ImageError
from odyssey_anyio.images.fit import EXIF_PREFIX

QUALITY = 90
"""On libjpeg's scale from 0 to 100 (docs/protocol.md#images)."""

_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
"""What a file begins and ends with."""
_SCAN, _END, _APP0, _APP1 = 0xDA, 0xD9, 0xE0, 0xE1
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers that have no segment."""
_USUAL_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
"""Baseline, extended and progressive: what every decoder reads."""
_OTHER_FRAMES = frozenset(range(0xC3, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PICTURE = _USUAL_FRAMES | {_SCAN, 0xC4, 0xDB, 0xDC, 0xDD}
"""What a picture is made of: frames, scans, tables, number of lines, restart interval."""
_COLOURS = {_APP0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}
"""The segments of applications that say how colours are meant; all others may say where and when."""
_PLAIN_JFIF_BYTES = 14
"""The length of a JFIF segment without a thumbnail, which may show what was cut away."""

_AFTER_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""The first marker that is not part of the data of a scan (section B.1.1.5)."""


def encode(image: Image.Image) -> bytes:
    """Returns a picture as a JPEG file without metadata; what is transparent shows white."""
    # A new picture, which has no comment or profile that Pillow might write.
    canvas = Image.new("RGB", image.size, "white")
    canvas.paste(image, mask=image if image.mode == "RGBA" else None)
    file = BytesIO()
    canvas.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def bare(file: bytes) -> bytes | None:
    """
    Returns the same picture without what applications and people wrote into the file, or after its end.

    A photograph may be followed by others, by a film, by anything, each with metadata of its own.
    Returns `None` where the segments do not lead to an end, for then nobody can tell what is in the file;
    and where the picture is coded in a way that few decoders read.
    """
    kept = []
    try:
        for marker, start, end in _segments(file):
            if marker in _OTHER_FRAMES:
                return None
            if _is_kept(marker, file[start:end]):
                kept.append(file[start - 4 : end])
    except ImageError:
        return None
    return b"".join([_SOI, *kept, _EOI])


def with_ends(file: bytes) -> tuple[bytes, bytes]:
    """Returns a file with an end, at once and after data that are skipped if its picture is whole."""
    # After a byte 255, zero says that it was no marker.
    more = (b"\0" if file.endswith(b"\xff") else b"") + 80 * b"\x5a"
    return file + _EOI, file + more + _EOI


def exif(file: bytes) -> bytes:
    """Returns the last Exif data before the picture, or nothing where there are none."""
    found = b""
    try:
        for marker, start, end in _segments(file):
            if marker == _APP1 and file.startswith(EXIF_PREFIX, start):
                found = file[start:end]
            if marker in _USUAL_FRAMES or marker in _OTHER_FRAMES:
                break
    except ImageError:
        pass
    return found


def _is_kept(marker: int, body: bytes) -> bool:
    if marker in _COLOURS:
        return body.startswith(_COLOURS[marker]) and (marker != _APP0 or len(body) == _PLAIN_JFIF_BYTES)
    return marker in _PICTURE


def _segments(file: bytes) -> Iterator[tuple[int, int, int]]:
    """
    Returns marker, begin and end of each segment's content, up to the end of the first picture.

    That of a scan goes on with the data of the scan.
    Raises `ImageError` where there is no segment, or none that is whole.
    """
    at = 2
    while True:
        while file[at : at + 2] == b"\xff\xff":
            at += 1
        marker = file[at + 1] if file[at : at + 1] == b"\xff" and len(file) > at + 1 else None
        if marker == _END:
            return
        if marker in _STANDALONE:
            at += 2
            continue
        end = at + 2 + int.from_bytes(file[at + 2 : at + 4])
        if marker is None or end > len(file) or end < at + 4:
            raise ImageError(Flaw.CORRUPT, "the JPEG image is cut off")
        if marker == _SCAN:
            after = _AFTER_SCAN.search(file, end)
            if after is None:
                raise ImageError(Flaw.CORRUPT, "the JPEG image is cut off")
            end = after.start()
        yield marker, at + 4, end
        at = end
