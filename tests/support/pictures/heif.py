"""
HEIC, HEIF and AVIF files, written box by box around pictures that the encoders of PyAV make.

So are the forms made that telephones write and Pillow does not: grids of tiles, cropped, turned, with
alpha (ISO/IEC 23008-12, ISO/IEC 14496-12).
"""

from collections.abc import Mapping
from fractions import Fraction
from io import BytesIO
from typing import Any

import av
import numpy as np
from attrs import define, evolve, field, frozen
from numpy.typing import NDArray

type Property = tuple[bytes, bytes]
"""Name and content of a box."""

ALPHA = b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"
HEVC_ALPHA = b"urn:mpeg:hevc:2015:auxid:1"

TILE = 64
"""The width and height of a tile, in pixels; what all encoders take."""


@frozen
class Coding:
    """How pictures are encoded: the kind of their items, the brand of their files, and the encoder."""

    item: bytes
    brand: bytes
    encoder: str
    options: Mapping[str, str]
    configuration: bytes
    form: str = "yuv420p"
    """The form of pixels that the encoder is given."""
    colours: tuple[int, int] | None = None
    """The matrix and range in which RGB becomes YCbCr, as FFmpeg numbers them; usual ones otherwise."""


HEVC = Coding(
    b"hvc1",
    b"heic",
    "libx265",
    {"x265-params": "log-level=none:crf=2:bframes=0:keyint=1:frame-threads=1"},
    b"hvcC",
)
AV1 = Coding(b"av01", b"avif", "libsvtav1", {"crf": "2", "preset": "8"}, b"av1C")
AVC = Coding(b"avc1", b"mif1", "libx264", {"crf": "2"}, b"avcC")
JPEG = Coding(b"jpeg", b"mif1", "mjpeg", {"qmin": "1", "qmax": "1"}, b"", "yuvj420p")


def with_ten_bits(coding: Coding) -> Coding:
    """Returns a coding that has ten bits for each colour."""
    return evolve(coding, form="yuv420p10le")


def with_matrix(coding: Coding, matrix: int, *, full_range: bool) -> Coding:
    """Returns a coding that computes colours in another way (ITU-T H.273) that is not written down."""
    return evolve(coding, colours=(matrix, 2 if full_range else 1))


@define
class Writer:
    """A file in the making: items are numbered from 1 as they are added."""

    brand: bytes
    kinds: list[bytes] = field(factory=list)
    data: list[bytes] = field(factory=list)
    properties: list[tuple[Property, ...]] = field(factory=list)
    inside: set[int] = field(factory=set)
    """The items whose data are in the box `idat`."""
    references: list[bytes] = field(factory=list)
    essential: set[bytes] = field(factory=lambda: {b"hvcC", b"av1C", b"avcC", b"irot", b"imir", b"clap"})

    def add(self, kind: bytes, data: bytes, *properties: Property) -> int:
        """Returns the number of a new item."""
        self.kinds.append(kind)
        self.data.append(data)
        self.properties.append(properties)
        return len(self.kinds)

    def refer(self, kind: bytes, source: int, *targets: int) -> None:
        """Lets one item refer to others."""
        self.references.append(box(kind, numbers(2, source, len(targets), *targets)))

    def picture(self, pixels: NDArray[np.uint8], coding: Coding, *properties: Property) -> int:
        """Returns a picture in one piece: RGB (height, width, 3), or (height, width) to be taken as it is."""
        configuration, data = encoded(pixels, coding)
        known = ((coding.configuration, configuration),) if coding.configuration else ()
        return self.add(coding.item, data, *known, size(pixels.shape[1], pixels.shape[0]), *properties)

    def grid(
        self, pixels: NDArray[np.uint8], coding: Coding, *properties: Property, wide: bool = False
    ) -> int:
        """Returns a picture in tiles; what they have over on the right and at the bottom is loud."""
        high, across = pixels.shape[:2]
        rows, columns = -(-high // TILE), -(-across // TILE)
        whole = np.full((rows * TILE, columns * TILE, *pixels.shape[2:]), 255, np.uint8)
        whole[:high, :across] = pixels
        places = [(row * TILE, column * TILE) for row in range(rows) for column in range(columns)]
        tiles = [self.picture(whole[top : top + TILE, left : left + TILE], coding) for top, left in places]
        head = bytes([0, int(wide), rows - 1, columns - 1]) + numbers(4 if wide else 2, across, high)
        item = self.add(b"grid", head, size(across, high), *properties)
        self.inside.add(item)
        self.refer(b"dimg", item, *tiles)
        return item

    def file(self, primary: int) -> bytes:
        """Returns the file that shows one of the items."""
        head = box(b"ftyp", self.brand + bytes(4) + b"mif1" + self.brand)
        # Where the data begin depends on how long the head is, which does not depend on where.
        begin = len(head) + len(self._meta(primary, 0)) + 8
        outside = [data for item, data in enumerate(self.data, 1) if item not in self.inside]
        return head + self._meta(primary, begin) + box(b"mdat", b"".join(outside))

    def _meta(self, primary: int, begin: int) -> bytes:
        entries = [
            full(b"infe", numbers(2, item, 0) + kind + b"\0", 2) for item, kind in enumerate(self.kinds, 1)
        ]
        known = list(dict.fromkeys(each for chosen in self.properties for each in chosen))
        chosen = [
            numbers(2, item) + bytes([len(each), *(self._flag(one) + known.index(one) + 1 for one in each)])
            for item, each in enumerate(self.properties, 1)
        ]
        content = [
            full(b"hdlr", bytes(4) + b"pict" + bytes(13)),
            full(b"pitm", numbers(2, primary)),
            self._places(begin),
            full(b"iinf", numbers(2, len(entries)) + b"".join(entries)),
            box(
                b"iprp",
                box(b"ipco", b"".join(box(*each) for each in known))
                + full(b"ipma", numbers(4, len(chosen)) + b"".join(chosen)),
            ),
        ]
        # Neither may be there for nothing.
        if self.references:
            content.append(full(b"iref", b"".join(self.references)))
        if self.inside:
            content.append(box(b"idat", b"".join(self.data[item - 1] for item in sorted(self.inside))))
        return full(b"meta", b"".join(content))

    def _flag(self, each: Property) -> int:
        return 0x80 if each[0] in self.essential else 0

    def _places(self, begin: int) -> bytes:
        places, at = [], {True: 0, False: begin}
        for item, data in enumerate(self.data, 1):
            inside = item in self.inside
            # In two pieces, for a reader has to join them.
            half = len(data) // 2 or len(data)
            pieces = [(at[inside], half), (at[inside] + half, len(data) - half)]
            extents = b"".join(numbers(4, *each) for each in pieces if each[1])
            places.append(numbers(2, item, int(inside), 0, len(extents) // 8) + extents)
            at[inside] += len(data)
        return full(b"iloc", b"\x44\0" + numbers(2, len(places)) + b"".join(places), 1)


def encoded(pixels: NDArray[np.uint8], coding: Coding) -> tuple[bytes, bytes]:
    """Returns the configuration of a decoder, and the data of one picture."""
    frame: Any
    if pixels.ndim == 2:
        grey = np.full((pixels.shape[0] // 2, pixels.shape[1]), 128, np.uint8)
        frame = av.VideoFrame.from_ndarray(np.vstack((pixels, grey)), format="yuv420p")
    else:
        frame = _converted(av.VideoFrame.from_ndarray(pixels, format="rgb24"), coding)
    film = BytesIO()
    with av.open(film, "w", format="mp4") as out:
        stream: Any = out.add_stream(coding.encoder, rate=1, options=dict(coding.options))
        stream.width, stream.height = frame.width, frame.height
        stream.pix_fmt = coding.form
        if pixels.ndim == 2:
            stream.codec_context.color_range = 2
        frame = frame.reformat(format=coding.form)
        frame.pts, frame.time_base = 0, Fraction(1)
        for given in (frame, None):
            out.mux(stream.encode(given))
    film.seek(0)
    # A film has the very configuration and data that a picture has.
    with av.open(film) as back:
        packet = next(packet for packet in back.demux(back.streams.video[0]) if packet.size)
        return back.streams.video[0].codec_context.extradata or b"", bytes(packet)


def _converted(frame: Any, coding: Coding) -> Any:
    if coding.colours is None:
        return frame
    matrix, span = coding.colours
    converted = frame.reformat(format="yuv420p", dst_colorspace=matrix, dst_color_range=span)
    # Forgotten, so that the encoder does not write it into the picture.
    converted.colorspace, converted.color_range = 2, 0
    return converted


def size(width: int, height: int) -> Property:
    return b"ispe", bytes(4) + numbers(4, width, height)


def rotation(quarters: int) -> Property:
    """Returns the property that turns a picture anticlockwise."""
    return b"irot", bytes([quarters])


def mirror(axis: int) -> Property:
    """Returns the property that exchanges top and bottom (0) or left and right (1)."""
    return b"imir", bytes([axis])


def crop(width: int, height: int, right: int, down: int) -> Property:
    """Returns the property that shows so much, whose middle is off by so many halves of a pixel."""
    return b"clap", numbers(4, width, 1, height, 1, right % 2**32, 2, down % 2**32, 2)


def colours(matrix: int, *, full_range: bool) -> Property:
    """Returns the property with the meaning of colours (ITU-T H.273)."""
    return b"colr", b"nclx" + numbers(2, 1, 13, matrix) + bytes([0x80 * full_range])


def auxiliary(kind: bytes) -> Property:
    """Returns the property with the role of a picture beside another."""
    return b"auxC", bytes(4) + kind + b"\0"


def numbers(length: int, *values: int) -> bytes:
    return b"".join(value.to_bytes(length) for value in values)


def box(name: bytes, content: bytes) -> bytes:
    return numbers(4, len(content) + 8) + name + content


def full(name: bytes, content: bytes, version: int = 0) -> bytes:
    return box(name, bytes([version, 0, 0, 0]) + content)
