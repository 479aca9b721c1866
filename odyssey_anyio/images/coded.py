"""Pictures of HEIC, HEIF and AVIF files that are coded in one piece, by the decoders of FFmpeg."""

from collections.abc import Iterator, Mapping
from typing import Any

import av
import numpy as np
from av.codec.codec import UnknownCodecError

from odyssey_anyio.images.boxes import broken
from odyssey_anyio.images.flaw import STRICT
from odyssey_anyio.images.items import Item, named, undecodable
from odyssey_anyio.images.pixels import Pixels

type Colours = tuple[int, int]
"""The matrix from YCbCr to RGB (ITU-T H.273 table 4) and the range of values, as FFmpeg numbers them."""

_DECODERS: Mapping[bytes, tuple[str, bytes]] = {
    b"hvc1": ("hevc", b"hvcC"),
    b"av01": ("libdav1d", b"av1C"),
    b"avc1": ("h264", b"avcC"),
    b"jpeg": ("mjpeg", b""),
}
"""By the kind of an item: the decoder of FFmpeg, and the property with its configuration."""

_LIMITED, _FULL = 1, 2
"""The ranges of colours as FFmpeg numbers them: with room below and above, and all values of a byte."""

_MATRICES = frozenset({1, 4, 5, 6, 7, 9})
"""Ways from YCbCr to RGB that the scaler of FFmpeg knows (ITU-T H.273 table 4)."""


def pixels(item: Item, data: bytes, form: str, colours: Colours | None = None) -> Pixels:
    """
    Returns a picture from its data: (height, width, 3) as `rgb24`, (height, width) as `gray`.

    `colours` go before what the picture says of itself; grey is its luma, as it is coded.
    Raises `ImageError` if there is no decoder for it or no picture in it, `av.error.FFmpegError`
    if its data are broken.
    """
    frame = _frame(item, data)
    if form == "gray":
        return _luma(frame)
    matrix, span = colours or (frame.colorspace, frame.color_range)
    known = matrix if matrix in _MATRICES else None
    found: Pixels = frame.to_ndarray(format=form, src_colorspace=known, src_color_range=span)
    return found


def _luma(frame: Any) -> Pixels:
    # The scaler would stretch it by the range of colours, which means nothing for what is not a colour.
    plane, bits = frame.planes[0], frame.format.components[0].bits
    rows = np.frombuffer(plane, np.uint8 if bits == 8 else "<u2").reshape(plane.height, -1)
    luma: Pixels = (rows[:, : plane.width] >> (bits - 8)).astype(np.uint8)
    return luma


def colours(item: Item) -> Colours | None:
    """Returns how the colours of an item are meant, if one of its properties says so."""
    for name, body in item.properties:
        if name == b"colr" and body[:4] == b"nclx" and len(body) >= 11:
            return int.from_bytes(body[8:10]), _FULL if body[10] & 0x80 else _LIMITED
    return None


def _frame(item: Item, data: bytes) -> Any:
    if item.kind not in _DECODERS:
        raise undecodable(f"a picture in it is of the kind {named(item.kind)}")
    decoder, configuration = _DECODERS[item.kind]
    try:
        context: Any = av.CodecContext.create(decoder, "r")
    except UnknownCodecError:
        raise undecodable(f"there is no decoder {decoder!r} in this FFmpeg") from None
    context.options = STRICT
    # There may be many tiles, and threads for each would cost more than they save.
    context.thread_count = 1
    if configuration:
        context.extradata = item.property(configuration) or b""
    for piece in _pieces(item.kind, data):
        for frame in context.decode(piece):
            return frame
    raise broken("it holds no picture")


def _pieces(kind: bytes, data: bytes) -> Iterator[Any]:
    """
    Returns the data of a picture as packets of one picture at the most, and the end.

    Thousands of pictures fit into the data of one, and all in a packet are decoded at once.
    """
    yield from map(av.Packet, _obus(data) if kind == b"av01" else [data])
    yield None


def _obus(data: bytes) -> Iterator[bytes]:
    """Returns the units of an AV1 picture, each with its header (AV1 specification section 5.3)."""
    at = 0
    while at < len(data):
        begin = at + (2 if data[at] & 4 else 1)
        end = _sized(data, begin) if data[at] & 2 else len(data)
        yield data[at:end]
        at = end


def _sized(data: bytes, at: int) -> int:
    """Returns the end of what begins with its size, as `leb128` (AV1 specification section 4.10.5)."""
    size = 0
    for place, byte in enumerate(data[at : at + 8]):
        size |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return at + place + 1 + size
    raise broken("a unit of its picture is cut short")
