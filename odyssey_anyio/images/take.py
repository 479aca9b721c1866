"""Whatever an application gives as an image: the bytes of a file, or pixels."""

import base64
import binascii
import os
import stat
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any

import numpy as np

from odyssey_anyio.images.flaw import LARGEST, Flaw, ImageError, check_pixels, too_large
from odyssey_anyio.images.pillow import from_pillow, is_pillow
from odyssey_anyio.images.pixels import Pixels, from_array
from odyssey_anyio.media.frame import VideoFrame

KINDS = "a path, a data URL, the bytes of a file, an open file, a numpy array, a Pillow image or a frame"


def take(image: Any) -> bytes | Pixels:
    """Returns the bytes of an image file or upright pixels; raises `ImageError` if there are none."""
    match image:
        case str() if image[:5].lower() == "data:":
            return _decoded(image)
        case str() | os.PathLike():
            return _read_path(image)
        case bytes() | bytearray() | memoryview():
            size = memoryview(image).nbytes
            return bytes(image) if size <= LARGEST else too_large(size)
        case np.ndarray():
            return from_array(image)
        case VideoFrame():
            check_pixels(image.width, image.height)
            return from_array(image.data)
        case _ if is_pillow(image):
            return from_pillow(image)
        case _ if callable(getattr(image, "read", None)):
            return _read_file(image)
        case _:
            raise ImageError(Flaw.TYPE, f"an image is {KINDS}, not {type(image).__name__}")


def _decoded(url: str) -> bytes:
    head, comma, body = url.partition(",")
    if not comma or not head.lower().endswith(";base64"):
        raise ImageError(Flaw.NOT_BASE64, "the image's data URL has no base64 part")
    # Not decoded at all where it is too long by far; the last bytes are counted below.
    if len(body) > -(-LARGEST // 3) * 4:
        return too_large()
    try:
        data = base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise ImageError(Flaw.NOT_BASE64, "the image's data URL is not valid base64") from None
    return data if len(data) <= LARGEST else too_large(len(data))


def _read_path(given: str | os.PathLike[Any]) -> bytes:
    path = _name(given)
    try:
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):
            # A pipe would be waited for, a device read without end.
            raise ImageError(Flaw.UNREADABLE, "the image's path is not that of a file")
        if found.st_size > LARGEST:
            too_large(found.st_size)
        with Path(path).open("rb") as file:
            return _bounded(file)
    except (OSError, ValueError) as error:
        if isinstance(error, ImageError):
            raise
        why = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        raise ImageError(Flaw.UNREADABLE, f"the image file cannot be read: {why}") from None


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
        raise ImageError(Flaw.TYPE, f"an image is {KINDS}, not the asynchronous {type(file).__name__}")
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
    while len(data) <= LARGEST:
        piece = file.read(LARGEST + 1 - len(data))
        if not isinstance(piece, bytes | bytearray):
            text = f"the image's open file gives {type(piece).__name__}, not bytes: open it in mode 'rb'"
            raise ImageError(Flaw.UNREADABLE, text)
        if not piece:
            return bytes(data)
        data += piece
    return too_large()
