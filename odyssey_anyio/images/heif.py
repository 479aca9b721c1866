"""
HEIC, HEIF and AVIF files: what their boxes declare, then the picture (ISO/IEC 14496-12, ISO/IEC 23008-12).

pillow-heif decodes HEIC and HEIF, Pillow itself AVIF, but not all can be left to them:
- Neither takes a limit from us, and the picture of such a file may be put together of others that are much
  larger: so the sizes of all pictures in it are read and checked before anything is decoded.
- Pillow does not crop an AVIF picture, and forgets in which order it is to be turned and mirrored.
- Where the main picture of a HEIC file is broken, pillow-heif shows another one instead.
"""

import importlib
import struct
from collections.abc import Iterator
from fractions import Fraction
from io import BytesIO
from typing import Any

from attrs import frozen
from PIL import Image
from PIL.AvifImagePlugin import AvifImageFile

from odyssey_anyio.images.errors import Flaw, ImageError, check_pixels

type Box = tuple[bytes, bytes]
"""Name and content."""

_MAX_BOXES = 10_000
"""The most boxes inside one box, and the most pictures with properties, that are looked at."""

_DECODED_KINDS = frozenset({b"hvc1", b"av01", b"grid", b"iden"})
"""The kinds of items that a decoder here takes: coded with HEVC or AV1, and put together of such."""
_OVERLAY = b"iovl"
"""The kind of item whose size is not where that of all others is, and may be anything."""
_CODEC_SETTINGS = frozenset({b"hvcC", b"av1C"})

_ROTATIONS = (None, Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)
"""Anticlockwise, by so many quarters."""
_MIRRORS = (Image.Transpose.FLIP_TOP_BOTTOM, Image.Transpose.FLIP_LEFT_RIGHT)
"""By the axis of the property `imir`."""


def decode_heic(file: bytes) -> Image.Image:
    """
    Returns the main picture of a HEIC or HEIF file, cropped and upright.

    Raises `ImageError` if the file is broken, has too many pixels or a form that cannot be decoded, or if
    pillow-heif is not installed.
    """
    try:
        pillow_heif: Any = importlib.import_module("pillow_heif")
    except ImportError:
        text = "HEIC and HEIF images need the extra 'heif': pip install 'odyssey-client[heif]'"
        raise ImageError(Flaw.UNDECODABLE, text) from None
    head = _read_head(file)
    try:
        opened = pillow_heif.open_heif(file)
        picture = opened[opened.primary_index]
        if (tiles := picture.info.get("tiling")) is not None:
            check_pixels(tiles["num_columns"] * tiles["tile_width"], tiles["num_rows"] * tiles["tile_height"])
        if not picture.info["primary"]:
            raise _broken("its main picture is missing")
        image: Image.Image = picture.to_pillow()
        return image
    except (ImageError, MemoryError):
        raise
    except SyntaxError as error:
        raise _undecodable(str(error)) from error
    except Exception as error:
        if head.foreign is not None:
            raise _undecodable(f"a picture in it is of the kind {_named(head.foreign)}") from error
        raise _broken(f"{type(error).__name__}: {error}") from error


def decode_avif(file: bytes) -> Image.Image:
    """
    Returns the main picture of an AVIF file, or the first of an animation, cropped and upright.

    Raises `ImageError` if the file has too many pixels or a form that cannot be decoded; whatever
    Pillow raises if it is broken.
    """
    head = _read_head(file)
    image: Image.Image = AvifImageFile(BytesIO(file))
    check_pixels(*image.size)
    image.load()
    for name, body in head.properties:
        if name == b"clap":
            image = image.crop(_aperture(body, *image.size))
        elif name == b"irot" and body and (turn := _ROTATIONS[body[0] & 3]) is not None:
            image = image.transpose(turn)
        elif name == b"imir" and body:
            image = image.transpose(_MIRRORS[body[0] & 1])
    return image


# --- what the boxes declare -----------------------------------------------------------------------


@frozen
class _Head:
    properties: tuple[Box, ...]
    """Those of the main picture, in the order in which they are applied."""
    foreign: bytes | None
    """The kind of a picture in the file that no decoder here takes, if there is one."""


def _read_head(file: bytes) -> _Head:
    """Returns what a file declares; raises `ImageError` if it is broken, or may not or cannot be decoded."""
    try:
        return _checked(_first(_needed(_first(file), b"meta")[4:]))
    except (struct.error, IndexError):
        raise _broken("a box is cut short") from None


def _checked(meta: dict[bytes, bytes]) -> _Head:
    pitm, iprp, kinds = _needed(meta, b"pitm"), _needed(meta, b"iprp"), dict(_kinds(_needed(meta, b"iinf")))
    known = list(_boxes(_needed(_first(iprp), b"ipco")))
    for name, body in known:
        if name == b"ispe":
            check_pixels(*struct.unpack_from(">II", body, 4))
    (primary,) = struct.unpack_from(">I" if pitm[0] else ">H", pitm, 4)
    main: tuple[Box, ...] = ()
    foreign = None
    for item, chosen in _properties(iprp, known):
        kind = kinds.get(item)
        names = {name for name, _ in chosen}
        if names & _CODEC_SETTINGS and b"ispe" not in names:
            raise _broken("a picture in it has no pixels")
        if kind is not None and kind not in _DECODED_KINDS and b"ispe" in names:
            foreign = kind
        if item == primary:
            main = chosen
    if primary not in kinds:
        raise _broken("its main picture is missing")
    refused = _OVERLAY if _OVERLAY in kinds.values() else kinds[primary]
    if refused not in _DECODED_KINDS:
        raise _undecodable(f"a picture in it is of the kind {_named(refused)}")
    return _Head(main, foreign)


def _kinds(iinf: bytes) -> Iterator[tuple[int, bytes]]:
    """Returns number and kind of each item."""
    for name, body in _boxes(iinf[8 if iinf[0] else 6 :]):
        # Versions under 2 are of files that hold no pictures.
        if name == b"infe" and body[0] >= 2:
            number, _, kind = struct.unpack_from(">HH4s" if body[0] == 2 else ">IH4s", body, 4)
            yield number, kind


def _properties(iprp: bytes, known: list[Box]) -> Iterator[tuple[int, tuple[Box, ...]]]:
    """Returns the properties of each item that has some, in order."""
    for ipma in (body for name, body in _boxes(iprp) if name == b"ipma"):
        item_form = ">IB" if ipma[0] else ">HB"
        index_form, index_bits = ("H", 0x7FFF) if ipma[3] & 1 else ("B", 0x7F)
        (count,) = struct.unpack_from(">I", ipma, 4)
        if count > _MAX_BOXES:
            raise _broken("it has too many items")
        at = 8
        for _ in range(count):
            item, length = struct.unpack_from(item_form, ipma, at)
            at += struct.calcsize(item_form)
            indexes = struct.unpack_from(f">{length}{index_form}", ipma, at)
            at += struct.calcsize(f">{length}{index_form}")
            # Counted from 1; 0 stands for none, and the highest bit says how essential it is.
            numbers = (index & index_bits for index in indexes)
            yield item, tuple(known[number - 1] for number in numbers if 0 < number <= len(known))


def _aperture(clap: bytes, width: int, height: int) -> tuple[int, int, int, int]:
    """Returns the box that a clean aperture shows (ISO/IEC 14496-12 section 12.1.4)."""
    numbers = struct.unpack_from(">8i", clap)
    if min(numbers[1::2]) < 1:
        raise _broken("it is cropped to nothing")
    wide, high, right, down = (Fraction(*numbers[at : at + 2]) for at in range(0, 8, 2))
    # The middle of what is shown is given from the middle of the picture.
    left, top = right + (width - wide) / 2, down + (height - high) / 2
    if min(left, top) < 0 or min(wide, high) < 1 or left + wide > width or top + high > height:
        raise _broken("it is cropped to what is not there")
    return int(left), int(top), int(left) + int(wide), int(top) + int(high)


def _boxes(data: bytes) -> Iterator[Box]:
    """Returns the boxes in some bytes, in order (ISO/IEC 14496-12 section 4.2)."""
    at = 0
    for _ in range(_MAX_BOXES):
        if len(data) < at + 8:
            return
        length, head = int.from_bytes(data[at : at + 4]), 8
        if length == 1:
            length, head = int.from_bytes(data[at + 8 : at + 16]), 16
        if length == 0:
            length = len(data) - at
        if length < head:
            raise _broken("a box is missing")
        yield data[at + 4 : at + 8], data[at + head : at + length]
        at += length


def _first(data: bytes) -> dict[bytes, bytes]:
    """Returns the first box of each name."""
    found: dict[bytes, bytes] = {}
    for name, body in _boxes(data):
        found.setdefault(name, body)
    return found


def _needed(found: dict[bytes, bytes], name: bytes) -> bytes:
    if name not in found:
        raise _broken(f"the box {_named(name)} is missing")
    return found[name]


def _named(code: bytes) -> str:
    return ascii(code.decode("latin-1"))


def _broken(what: str) -> ImageError:
    return ImageError(Flaw.CORRUPT, f"the HEIF or AVIF image is broken or cut off: {' '.join(what.split())}")


def _undecodable(what: str) -> ImageError:
    text = f"the HEIF or AVIF image cannot be decoded here: {' '.join(what.split())}: save it as a JPEG"
    return ImageError(Flaw.UNDECODABLE, text)
