"""Pictures to try out, made and read by Pillow."""

import base64
import struct
import zlib
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

type Pixels = NDArray[np.uint8]

CORNERS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255))
"""Top left, top right, bottom left, bottom right."""


def quarters(width: int = 88, height: int = 160) -> Image.Image:
    """Returns a picture with a colour of its own in every corner, so that no turn goes unseen."""
    pixels = np.zeros((height, width, 3), np.uint8)
    top, left = height // 2, width // 2
    pixels[:top, :left], pixels[:top, left:] = CORNERS[:2]
    pixels[top:, :left], pixels[top:, left:] = CORNERS[2:]
    return Image.fromarray(pixels)


def file(image: Image.Image, kind: str, **options: Any) -> bytes:
    """Returns an image as a file of some kind."""
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def exif(orientation: int) -> Image.Exif:
    """Returns Exif data that ask for an orientation."""
    data = Image.Exif()
    data[0x0112] = orientation
    return data


def read(url: str) -> Pixels:
    """Returns the pixels of a data URL that must be a JPEG."""
    head, _, body = url.partition(",")
    assert head == "data:image/jpeg;base64"
    image = Image.open(BytesIO(base64.b64decode(body, validate=True)))
    assert image.format == "JPEG"
    return np.asarray(image.convert("RGB"))


def corners(pixels: Pixels) -> tuple[tuple[int, ...], ...]:
    """Returns the four colours near the corners, rounded to what `CORNERS` are made of."""
    high, wide = pixels.shape[:2]
    places = [(high // 4, wide // 4), (high // 4, 3 * wide // 4)]
    places += [(3 * high // 4, wide // 4), (3 * high // 4, 3 * wide // 4)]
    return tuple(tuple(255 * (int(part) > 127) for part in pixels[place]) for place in places)


def png_of(width: int, height: int) -> bytes:
    """Returns the head of a PNG that claims a size."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    head = struct.pack(">I", 13) + b"IHDR" + head + struct.pack(">I", zlib.crc32(b"IHDR" + head))
    return b"\x89PNG\r\n\x1a\n" + head + b"\0\0\0\x10IDAT" + bytes(20)
