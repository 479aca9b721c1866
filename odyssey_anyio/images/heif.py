"""HEIC, HEIF and AVIF pictures: in one piece or in tiles, opaque or not (ISO/IEC 23008-12)."""

from fractions import Fraction
from typing import Any

import av
import numpy as np
from attrs import evolve, frozen

from odyssey_anyio.images import coded
from odyssey_anyio.images.boxes import Fields, broken
from odyssey_anyio.images.flaw import check_pixels
from odyssey_anyio.images.header import Header
from odyssey_anyio.images.items import Item, Items, read, undecodable
from odyssey_anyio.images.orientation import ANTICLOCKWISE, AXES, UPRIGHT, Orientation
from odyssey_anyio.images.pixels import Pixels, flattened

_ALPHA = (b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", b"urn:mpeg:hevc:2015:auxid:1")
"""The types of auxiliary items that tell where a picture is transparent."""


@frozen
class _View:
    """What of a coded picture of `width` and `height` is shown, and how it is turned then."""

    width: int
    height: int
    left: int
    top: int
    wide: int
    high: int
    turned: Orientation = UPRIGHT

    @property
    def whole(self) -> bool:
        """Whether the picture is shown as it is coded."""
        return self == _View(self.width, self.height, 0, 0, self.width, self.height)


def measure(data: bytes) -> Header:
    """Returns size and orientation of the primary picture; raises `ImageError` if the file is broken."""
    items = read(data)
    view = _view(items.item(items.primary))
    return Header(view.wide, view.high, view.turned)


def decode(data: bytes) -> Pixels:
    """
    Returns the primary picture, cropped but not turned: RGB, on white where it is transparent.

    Raises `ImageError` if the file is broken, or of a form that cannot be decoded, which it names;
    `av.error.FFmpegError` if the data of a picture are broken.
    """
    items = read(data)
    item = items.item(items.primary)
    view = _view(item)
    pixels = _picture(items, item, "rgb24")
    alpha = next((each for each in map(items.item, items.sources(b"auxl", item)) if _is_alpha(each)), None)
    if alpha is not None:
        cover = _scaled(_picture(items, alpha, "gray"), view.width, view.height)[:, :, None]
        if alpha.number in items.targets(b"prem", item):
            pixels = np.minimum(pixels, cover) + (255 - cover)
        else:
            pixels = flattened(np.dstack((pixels, cover)))
    return pixels[view.top : view.top + view.high, view.left : view.left + view.wide]


def _view(item: Item) -> _View:
    """Returns how an item is shown, by its properties in order; raises `ImageError` unless it has a size."""
    size = Fields(item.property(b"ispe") or bytes(12))
    _, width, height = (size.number(4) for _ in range(3))
    check_pixels(width, height)
    view = _View(width, height, 0, 0, width, height)
    for name, body in item.properties:
        match name:
            case b"clap" if view.turned.upright:
                view = _cropped(view, Fields(body))
            case b"clap":
                raise undecodable("it is cropped after it is turned")
            case b"irot":
                view = evolve(view, turned=view.turned.then(ANTICLOCKWISE[Fields(body).number(1) & 3]))
            case b"imir":
                view = evolve(view, turned=view.turned.then(AXES[Fields(body).number(1) & 1]))
            case _:
                pass
    return view


def _cropped(view: _View, clap: Fields) -> _View:
    """Returns a view through a clean aperture (ISO/IEC 14496-12 section 12.1.4)."""
    numbers = [clap.signed(4) for _ in range(8)]
    if min(numbers[1::2]) < 1:
        raise broken("it is cropped to nothing")
    wide, high, right, down = (Fraction(*numbers[at : at + 2]) for at in range(0, 8, 2))
    # Where the middle of what is shown lies is told from the middle of the picture.
    left, top = right + (view.wide - wide) / 2, down + (view.high - high) / 2
    if min(left, top) < 0 or min(wide, high) < 1 or left + wide > view.wide or top + high > view.high:
        raise broken("it is cropped to what is not there")
    return evolve(view, left=view.left + int(left), top=view.top + int(top), wide=int(wide), high=int(high))


def _picture(items: Items, item: Item, form: str) -> Pixels:
    """Returns a picture as it is coded: (height, width, 3) as `rgb24`, (height, width) as `gray`."""
    return (_grid if item.kind == b"grid" else _coded)(items, item, form)


def _grid(items: Items, item: Item, form: str) -> Pixels:
    """Returns a picture put together of tiles, row by row; what is over goes (section 6.6.2.3)."""
    fields = Fields(items.data(item))
    _, wide = fields.number(1), 4 if fields.number(1) & 1 else 2
    rows, columns = fields.number(1) + 1, fields.number(1) + 1
    width, height = fields.number(wide), fields.number(wide)
    view = _view(item)
    if (width, height) != (view.width, view.height):
        raise broken(f"it is {view.width}x{view.height} by its properties, {width}x{height} by its grid")
    tiles = [items.item(number) for number in items.targets(b"dimg", item)]
    if len(tiles) != rows * columns:
        raise broken(f"its grid is {columns}x{rows} tiles, but there are {len(tiles)}")
    tile = _view(tiles[0])
    check_pixels(columns * tile.width, rows * tile.height)
    if columns * tile.width < width or rows * tile.height < height:
        raise broken(f"{columns}x{rows} tiles of {tile.width}x{tile.height} do not fill {width}x{height}")
    pixels = np.empty((height, width, 3) if form == "rgb24" else (height, width), np.uint8)
    for place, each in enumerate(tiles):
        if not _view(each).whole:
            raise undecodable("its tiles are cropped or turned, each by itself")
        if _view(each) != tile:
            raise broken("its tiles are not all of one size")
        top, left = place // columns * tile.height, place % columns * tile.width
        space = pixels[top : top + tile.height, left : left + tile.width]
        if space.size:
            found = _coded(items, each, form, coded.colours(item))
            space[:] = found[: space.shape[0], : space.shape[1]]
    return pixels


def _coded(items: Items, item: Item, form: str, colours: coded.Colours | None = None) -> Pixels:
    view = _view(item)
    pixels = coded.pixels(item, items.data(item), form, colours or coded.colours(item))
    high, wide = pixels.shape[:2]
    if (wide, high) != (view.width, view.height):
        raise broken(f"it is {view.width}x{view.height} by its properties, {wide}x{high} by its picture")
    return pixels


def _is_alpha(item: Item) -> bool:
    kind = (item.property(b"auxC") or b"")[4:]
    return kind.partition(b"\0")[0] in _ALPHA


def _scaled(grey: Pixels, width: int, height: int) -> Pixels:
    if grey.shape == (height, width):
        return grey
    frame: Any = av.VideoFrame.from_ndarray(grey, format="gray").reformat(width, height)
    scaled: Pixels = frame.to_ndarray()
    return scaled
