"""Whatever an application gives as an image: read as the bytes of a file, or as a picture of Pillow."""

import base64
import binascii
import os
import re
import stat
from collections.abc import Callable, Mapping
from inspect import iscoroutinefunction
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

import numpy as np
from PIL import Image

from odyssey_anyio.images.errors import MAX_FILE_BYTES, Flaw, ImageError, check_pixels, too_large
from odyssey_anyio.images.fit import ORIENTATION_TAG, UPRIGHT, upright
from odyssey_anyio.media.frame import VideoFrame
from odyssey_proto.kernel.text import one_line

if TYPE_CHECKING:
    from numpy.typing import NDArray

    type _Rows = NDArray[Any]
    type _Bytes = NDArray[np.uint8]

MAX_SHOWN = 200
"""How much of a path an error repeats, in characters."""

_DATA = re.compile(r"\s*data:", re.IGNORECASE)
_BASE64 = re.compile(r";\s*base64\s*$", re.IGNORECASE)
_URL = re.compile(r"[a-z][a-z0-9+.-]+:\S*/", re.IGNORECASE)
"""As RFC 3986 section 3.1 has it, but for schemes of one letter: those are drives."""

_ACCEPTED = "a path, a data URL, the bytes of a file, an open file, a numpy array, a Pillow image or a frame"


def take(image: Any) -> bytes | Image.Image:
    """
    Returns the bytes of an image file, or an upright picture in RGB or RGBA.

    Raises `ImageError` if there is neither.
    """
    match image:
        case str() if _DATA.match(image):
            return _decoded(image)
        case str() | os.PathLike():
            return _read_path(image)
        case bytes() | bytearray() | memoryview():
            size = memoryview(image).nbytes
            return bytes(image) if size <= MAX_FILE_BYTES else too_large(size)
        case np.ndarray():
            return _from_array(image)
        case VideoFrame():
            check_pixels(image.width, image.height)
            return _from_array(image.data)
        case Image.Image():
            return _from_pillow(image)
        case _ if callable(getattr(image, "read", None)):
            return _read_file(image)
        case _:
            raise ImageError(Flaw.TYPE, f"an image is {_ACCEPTED}, not {type(image).__name__}")


def _decoded(url: str) -> bytes:
    """
    Returns the bytes in a data URL (RFC 2397): percent-encoded, or base64 that may be so once more.

    As everywhere on the web, base64 may be broken into lines and lack its padding.
    """
    head, comma, body = url.partition(",")
    if not comma:
        raise ImageError(Flaw.NOT_BASE64, "the image's data URL has no comma before its data (RFC 2397)")
    # Not decoded at all where it is too long by far; the last bytes are counted below.
    if len(body) > 4 * MAX_FILE_BYTES:
        return too_large()
    try:
        data = unquote_to_bytes(body)
        if _BASE64.search(head):
            packed = data.translate(None, b" \t\r\n\f")
            data = base64.b64decode(packed + b"=" * (-len(packed) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ImageError(Flaw.NOT_BASE64, "the image's data URL is not valid base64") from None
    return data if len(data) <= MAX_FILE_BYTES else too_large(len(data))


def _read_path(given: str | os.PathLike[Any]) -> bytes:
    path = os.path.expanduser(_name(given))
    shown = one_line(path, MAX_SHOWN) or "with an empty path"
    try:
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):
            # A pipe would be waited for, a device read without end.
            raise ImageError(Flaw.UNREADABLE, f"the image's path is not that of a file: {shown}")
        if found.st_size > MAX_FILE_BYTES:
            too_large(found.st_size)
        with Path(path).open("rb") as file:
            return _bounded(file)
    except (OSError, ValueError) as error:
        if isinstance(error, ImageError):
            raise
        if _URL.match(path):
            # It is not repeated: what is in a signed address is a secret.
            text = f"an image is {_ACCEPTED}, not a URL: load it first, and give its bytes"
            raise ImageError(Flaw.TYPE, text) from None
        why = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        raise ImageError(Flaw.UNREADABLE, f"the image file {shown} cannot be read: {why}") from None


def _name(path: str | os.PathLike[Any]) -> str:
    """Returns a path as text, also where it is given as bytes; raises `ImageError` if it is neither."""
    try:
        return os.fsdecode(path)
    except Exception as error:
        # The path may be anybody's, and raise anything.
        text = f"the image's path gives no path: {type(error).__name__}: {error}"
        raise ImageError(Flaw.TYPE, text) from error


def _read_file(file: Any) -> bytes:
    if iscoroutinefunction(file.read):
        raise ImageError(Flaw.TYPE, f"an image is {_ACCEPTED}, not the asynchronous {type(file).__name__}")
    try:
        return _bounded(file)
    except ImageError:
        raise
    except Exception as error:
        # The file may be anybody's, and raise anything.
        text = f"the image's open file cannot be read: {type(error).__name__}: {error}"
        raise ImageError(Flaw.UNREADABLE, text) from error


def _bounded(file: Any) -> bytes:
    """Reads to the end, but never much more than is allowed."""
    data = bytearray()
    while len(data) <= MAX_FILE_BYTES:
        piece = file.read(MAX_FILE_BYTES + 1 - len(data))
        if not isinstance(piece, bytes | bytearray):
            text = f"the image's open file gives {type(piece).__name__}, not bytes: open it in mode 'rb'"
            raise ImageError(Flaw.UNREADABLE, text)
        if not piece:
            return bytes(data)
        data += piece
    return too_large()


# --- pixels ---------------------------------------------------------------------------------------


def rgb(image: Image.Image) -> Image.Image:
    """Returns a picture in RGB, or RGBA if some of it may be transparent, with eight bits a channel."""
    if image.mode.startswith("I"):
        # Sixteen bits, which Pillow itself would cut at 255.
        grey = np.clip(np.asarray(image), 0, 0xFFFF).astype(np.uint16)
        return Image.fromarray(_high_byte(grey)).convert("RGB")
    mode = "RGBA" if image.has_transparency_data else "RGB"
    return image if image.mode == mode else image.convert(mode)


def _from_pillow(image: Image.Image) -> Image.Image:
    check_pixels(*image.size)
    try:
        # Pillow reads a file when its pixels are needed, and that is here, not in a later step.
        image.load()
        return upright(rgb(image), image.getexif().get(ORIENTATION_TAG, UPRIGHT))
    except Exception as error:
        # Pillow's plugins may be anybody's, and raise anything.
        text = f"the Pillow image is broken: {type(error).__name__}: {error}"
        raise ImageError(Flaw.CORRUPT, text) from error


def _from_array(array: Any) -> Image.Image:
    """
    Returns the picture of an array (height, width) or (height, width, 1, 3 or 4): grey, RGB or RGBA.

    Whole numbers of 8 and 16 bits have their full range; real numbers go from 0 to 1.
    """
    shape = array.shape[2:] if array.ndim >= 2 else None
    if shape not in ((), (1,), (3,), (4,)):
        text = f"pixels are an array (height, width[, 1, 3 or 4]), not one of shape {array.shape}"
        raise ImageError(Flaw.TYPE, text)
    check_pixels(array.shape[1], array.shape[0])
    scale = _SCALES.get(array.dtype.kind + str(array.dtype.itemsize))
    if scale is None:
        raise ImageError(Flaw.TYPE, f"pixels are uint8, uint16, bool or real numbers, not {array.dtype}")
    flat = array[:, :, 0] if shape == (1,) else array
    # A band of rows at a time, to spare memory.
    bands = [scale(flat[top : top + _BAND_ROWS]) for top in range(0, flat.shape[0], _BAND_ROWS)]
    return rgb(Image.fromarray(np.concatenate(bands)))


def _unit(rows: "_Rows") -> "_Bytes":
    if not np.isfinite(rows).all() or rows.min() < 0 or rows.max() > 1:
        raise ImageError(Flaw.TYPE, "pixels that are real numbers go from 0 to 1")
    return np.rint(rows.astype(np.float32) * 255).astype(np.uint8)


def _high_byte(rows: "_Rows") -> "_Bytes":
    return (rows >> 8).astype(np.uint8)


_BAND_ROWS = 256
_SCALES: Mapping[str, Callable[["_Rows"], "_Bytes"]] = {
    "u1": lambda rows: rows,
    "u2": _high_byte,
    "b1": lambda rows: rows.astype(np.uint8) * 255,
    "f2": _unit,
    "f4": _unit,
    "f8": _unit,
}
"""By the kind of number and its bytes."""
