"""Size and orientation of an image file, whatever its kind."""

from collections.abc import Callable, Mapping

from odyssey_anyio.images import heif, jpeg, rasters, webp
from odyssey_anyio.images.header import Header
from odyssey_anyio.images.kinds import Kind

_MEASURES: Mapping[Kind, Callable[[bytes], Header]] = {
    Kind.JPEG: jpeg.measure,
    Kind.PNG: rasters.measure_png,
    Kind.WEBP: webp.measure,
    Kind.GIF: rasters.measure_gif,
    Kind.BMP: rasters.measure_bmp,
    Kind.HEIC: heif.measure,
    Kind.HEIF: heif.measure,
    Kind.AVIF: heif.measure,
}


def measure(kind: Kind, data: bytes) -> Header:
    """Gives what the head of a file says; raises `ImageError` if it is broken or cut off."""
    return _MEASURES[kind](data)
