"""From an image file of any kind to its size and its pixels, the latter by PyAV."""

from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

import av
from av.error import FFmpegError

from odyssey_anyio.images import heif, jpeg, rasters, webp
from odyssey_anyio.images.flaw import STRICT, Flaw, ImageError
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
}
"""Named, because guessing would let a file choose among everything that FFmpeg reads; the rest is HEIF."""


def measure(kind: Kind, data: bytes) -> Header:
    """Returns what the head of a file says; raises `ImageError` if it is broken or cut off."""
    return _MEASURES[kind](data)


def decode(kind: Kind, data: bytes, header: Header) -> Pixels:
    """
    Returns the picture as it is stored: RGB, uint8, (height, width, 3), on white where it is transparent.

    Raises `ImageError` if the file is broken.
    """
    try:
        if kind not in _DEMUXERS:
            return heif.decode(data)
        frame = _frame(kind, webp.still(data) if kind is Kind.WEBP else data)
        if (frame.width, frame.height) != (header.width, header.height):
            told, found = f"{header.width}x{header.height}", f"{frame.width}x{frame.height}"
            text = f"the {kind.value} image contradicts itself: {told} by its head, {found} by its picture"
            raise ImageError(Flaw.CORRUPT, text)
        alpha = frame.format.name == "pal8" or any(part.is_alpha for part in frame.format.components)
        return flattened(frame.to_ndarray(format="rgba" if alpha else "rgb24"))
    except FFmpegError as error:
        raise _broken(kind, str(error.strerror)) from None


def _frame(kind: Kind, file: bytes) -> Any:
    with av.open(BytesIO(file), "r", format=_DEMUXERS[kind]) as container:
        for stream in container.streams.video:
            stream.codec_context.options = STRICT
            for frame in container.decode(stream):
                return frame
    raise _broken(kind, "it holds no picture")


def _broken(kind: Kind, why: str) -> ImageError:
    return ImageError(Flaw.CORRUPT, f"the {kind.value} image is broken or cut off: {why}")
