"""From an image file of any kind to its size and its pixels, the latter by PyAV."""

from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

import av
from av.error import FFmpegError

from odyssey_anyio.images import heif, jpeg, rasters, webp
from odyssey_anyio.images.flaw import MAX_PIXELS, Flaw, ImageError
from odyssey_anyio.images.header import Header
from odyssey_anyio.images.kinds import Kind
from odyssey_anyio.images.pixels import Pixels, flattened

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
_DEMUXERS = {
    Kind.JPEG: "jpeg_pipe",
    Kind.PNG: "png_pipe",
    Kind.WEBP: "webp_pipe",
    Kind.GIF: "gif",
    Kind.BMP: "bmp_pipe",
    Kind.HEIC: "mov",
    Kind.HEIF: "mov",
    Kind.AVIF: "mov",
}
"""Named, because guessing would let a file choose among everything that FFmpeg reads."""

# A picture that is half there is refused, and so is one that is larger than its head says.
_STRICT = {"err_detect": "explode", "max_pixels": str(MAX_PIXELS)}


def measure(kind: Kind, data: bytes) -> Header:
    """Returns what the head of a file says; raises `ImageError` if it is broken or cut off."""
    return _MEASURES[kind](data)


def decode(kind: Kind, data: bytes, header: Header) -> Pixels:
    """
    Returns the picture as it is stored: RGB, uint8, (height, width, 3), on white where it is transparent.

    Raises `ImageError` if the file is broken.
    """
    file = webp.still(data) if kind is Kind.WEBP else data
    try:
        frame = _frame(kind, file)
        if (frame.width, frame.height) != (header.width, header.height):
            raise _undecodable(kind, frame, header)
        alpha = frame.format.name == "pal8" or any(part.is_alpha for part in frame.format.components)
        return flattened(frame.to_ndarray(format="rgba" if alpha else "rgb24"))
    except (FFmpegError, IndexError, StopIteration) as error:
        why = getattr(error, "strerror", None) or "it holds no picture"
        raise ImageError(Flaw.CORRUPT, f"the {kind.value} image is broken or cut off: {why}") from None


def _frame(kind: Kind, file: bytes) -> Any:
    with av.open(BytesIO(file), "r", format=_DEMUXERS[kind]) as container:
        stream = container.streams.video[0]
        stream.codec_context.options = _STRICT
        return next(container.decode(stream))


def _undecodable(kind: Kind, frame: Any, header: Header) -> ImageError:
    told, found = f"{header.width}x{header.height}", f"{frame.width}x{frame.height}"
    if kind in (Kind.HEIC, Kind.HEIF, Kind.AVIF):
        text = f"the {kind.value} image is made of tiles, {found} each, which cannot be decoded here: "
        return ImageError(Flaw.UNDECODABLE, text + "save it as a JPEG")
    text = f"the {kind.value} image contradicts itself: {told} by its head, {found} by its picture"
    return ImageError(Flaw.CORRUPT, text)
