"""All steps from what the application gives to a data URL, for a worker thread."""

import base64
import struct
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any, assert_never

from attrs import frozen
from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from odyssey_anyio.images import jpeg
from odyssey_anyio.images.errors import Flaw, ImageError, check_pixels
from odyssey_anyio.images.fit import LANDSCAPE, PORTRAIT, UPRIGHT, exif_orientation, fit
from odyssey_anyio.images.formats import Format, recognise
from odyssey_anyio.images.heif import decode_avif, decode_heic
from odyssey_anyio.images.inputs import rgb, take

_READERS: Mapping[Format, Callable[[BytesIO], ImageFile]] = {
    Format.JPEG: JpegImageFile,
    Format.PNG: PngImageFile,
    Format.WEBP: WebPImageFile,
    Format.GIF: GifImageFile,
    Format.BMP: BmpImageFile,
}
"""
Called by name, not through `Image.open`.

That would let a file choose among all formats that Pillow reads, and warn of large pictures by a limit
that belongs to the application; ours is checked as soon as the size is known, before any pixel is decoded.
"""


@frozen
class Picture:
    """What is in an image file."""

    image: Image.Image
    """In RGB, or RGBA if some of it may be transparent; as it is stored."""
    orientation: int = UPRIGHT
    """How it has to be turned, as a value of the Exif orientation tag."""
    bare: bytes | None = None
    """The file without its metadata, if it is a JPEG that can be sent as it is."""


def prepare(image: Any, portrait: bool, checkpoint: Callable[[], None]) -> str:
    """
    Returns an image as the data URL of a JPEG in the size of the stream.

    It is encoded once; a JPEG that has the size already is sent as it is, without its metadata.
    `checkpoint` is called between the steps, and may raise to give the work up.
    Raises `ImageError` if there is no image, or it is too large, broken or of no known format.
    """
    size = PORTRAIT if portrait else LANDSCAPE
    taken = take(image)
    checkpoint()
    picture = decode(taken) if isinstance(taken, bytes) else Picture(taken)
    if picture.bare is not None and picture.image.size == size:
        return _data_url(picture.bare)
    checkpoint()
    fitting = fit(picture.image, size, picture.orientation)
    checkpoint()
    return _data_url(jpeg.encode(fitting))


def decode(file: bytes) -> Picture:
    """Returns what is in an image file; raises `ImageError` if it cannot be used."""
    found = recognise(file)
    try:
        match found:
            case Format.HEIC | Format.HEIF:
                return Picture(rgb(decode_heic(file)))
            case Format.AVIF:
                return Picture(rgb(decode_avif(file)))
            case Format.JPEG:
                return _decode_jpeg(file)
            case Format.PNG | Format.WEBP | Format.GIF | Format.BMP:
                return _decode_plain(found, file)
            case _:
                assert_never(found)
    except (ImageError, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise ImageError(Flaw.TOO_MANY_PIXELS, f"the {found.value} image is too large: {error}") from error
    except Exception as error:
        # Pillow's readers raise nearly anything for a broken file.
        why = " ".join(f"{type(error).__name__}: {error}".split())
        text = f"the {found.value} image is broken or cut off: {why}"
        raise ImageError(Flaw.CORRUPT, text) from error


def _loaded(found: Format, file: bytes) -> ImageFile:
    image = _READERS[found](BytesIO(file))
    check_pixels(*image.size)
    image.load()
    return image


def _decode_plain(found: Format, file: bytes) -> Picture:
    if found is Format.GIF:
        _check_gif(file)
    image = _loaded(found, file)
    return Picture(rgb(image), exif_orientation(image.info.get("exif") or b""))


def _decode_jpeg(file: bytes) -> Picture:
    bare = jpeg.bare(file)
    orientation = exif_orientation(jpeg.exif(file))
    # Without its metadata also for the reader, which warns of broken ones.
    image = _loaded_without_end(file) if bare is None else _loaded(Format.JPEG, bare)
    plain = image.mode in ("L", "RGB") and orientation == UPRIGHT
    return Picture(rgb(image), orientation, bare if plain else None)


def _loaded_without_end(file: bytes) -> Image.Image:
    """
    Returns the picture of a JPEG that may lack its end, as cameras leave it out that send one after another.

    Pillow takes that for a file that is cut off, and with an end put there it takes one that is cut off for
    whole: its decoder then makes up what is missing.
    But that depends on what follows, and so two ends tell both apart; only a few bytes of the very last
    corner can go unnoticed.
    """
    try:
        return _loaded(Format.JPEG, file)
    except OSError:
        image, other = (_loaded(Format.JPEG, each) for each in jpeg.with_ends(file))
        if image != other:
            raise
        return image


def _check_gif(file: bytes) -> None:
    """
    Raises `ImageError` if the first picture reaches too far (GIF89a sections 18 to 22).

    Pillow makes room for one that reaches over the edge, and warns in the name of the application.
    """
    at = 13 + (3 << (file[10] & 7) + 1 if file[10] & 0x80 else 0)
    while file[at : at + 1] == b"!":
        at += 2
        while file[at]:
            at += 1 + file[at]
        at += 1
    screen_wide, screen_high = struct.unpack_from("<HH", file, 6)
    left, top, wide, high = struct.unpack_from("<4H", file, at + 1)
    check_pixels(max(screen_wide, left + wide), max(screen_high, top + high))


def _data_url(file: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(file).decode()}"
