"""A smooth picture in HEIF files, in one piece and in tiles, and what is shown of such files."""

from collections.abc import Callable

import numpy as np
from PIL import Image

from odyssey_anyio.images.fit import UPRIGHT
from odyssey_anyio.images.prepare import decode
from pictures import Pixels
from pictures.heif import HEVC, TILE, Coding, Property, Writer, size

ONE_PIECE = (112, 80)
TWO_BY_TWO = (2 * TILE, 2 * TILE)
CROPPED = (3 * TILE - 42, 2 * TILE - 28)
"""Three tiles across and two down, of which the last ones stand over the edge."""


def smooth(width: int, height: int) -> Pixels:
    """Returns a picture that is another everywhere, and has no edge that might hide a seam."""
    across, down = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    return (255 * np.stack((across, down, (1 - across) * (1 - down)), axis=2)).round().astype(np.uint8)


def shown(data: bytes) -> Pixels:
    """Returns a file's picture as it is looked at."""
    picture = decode(data)
    assert picture.orientation == UPRIGHT
    canvas = Image.new("RGB", picture.image.size, "white")
    canvas.paste(picture.image, mask=picture.image if picture.image.mode == "RGBA" else None)
    return np.asarray(canvas)


def assert_same(found: Pixels, wanted: Pixels) -> None:
    assert found.shape == wanted.shape
    difference = np.abs(found.astype(int) - wanted)
    assert difference.mean() < 3
    # Half of the colours of the last pixels are those of what was cut off.
    assert difference[2:-2, 2:-2].max() < 14
    assert difference.max() < 50


def in_one_piece(pixels: Pixels, coding: Coding = HEVC, *properties: Property) -> bytes:
    writer = Writer(coding.brand)
    return writer.file(writer.picture(pixels, coding, *properties))


def in_tiles(pixels: Pixels, coding: Coding = HEVC, *properties: Property, wide: bool = False) -> bytes:
    writer = Writer(coding.brand)
    return writer.file(writer.grid(pixels, coding, *properties, wide=wide))


def tiled(tile: Callable[[Writer], int], count: int = 4, shape: tuple[int, int] = TWO_BY_TWO) -> bytes:
    """Returns a grid of two by two whose tiles are all the same item."""
    writer = Writer(HEVC.brand)
    head = bytes([0, 0, 1, 1]) + b"".join(side.to_bytes(2) for side in shape)
    item = writer.add(b"grid", head, size(*shape))
    writer.refer(b"dimg", item, *[tile(writer)] * count)
    return writer.file(item)
