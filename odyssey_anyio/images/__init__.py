"""
Images for image-to-video: whatever the application has, as what the service takes (docs/protocol.md#images).

The steps are in `prepare`: `inputs` reads it, `formats` recognises what it is, Pillow decodes it
(with `heif` for HEIC, HEIF and AVIF), `fit` turns, scales and crops it, `jpeg` makes a JPEG of it.
`errors` says what may be wrong with one.
"""

import os
from typing import TYPE_CHECKING, Any, BinaryIO

import anyio.to_thread
from anyio.from_thread import check_cancelled

from odyssey_anyio.images.errors import MAX_FILE_BYTES, MAX_PIXELS, Flaw, ImageError
from odyssey_anyio.media.frame import VideoFrame

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

__all__ = ["MAX_FILE_BYTES", "MAX_PIXELS", "Flaw", "ImageError", "ImageInput", "data_url"]

type Path = str | os.PathLike[str] | os.PathLike[bytes]
type Buffer = bytes | bytearray | memoryview
type Raster = "NDArray[np.generic]"
type Picture = "Image"

type ImageInput = "Path | Buffer | BinaryIO | Raster | Picture | VideoFrame"
"""
A path, a data URL or the bytes of a file; a file that is open for reading bytes; or pixels: a numpy
array (height, width[, 1, 3 or 4]), a Pillow image, one of our frames.

An open file is read from where it stands to its end, and not closed.
"""


async def data_url(image: ImageInput, *, portrait: bool) -> str:
    """
    Returns an image as a data URL, in the size of a portrait or landscape stream.

    All work is done in a worker thread, and given up when the caller is cancelled.
    Pixels must not change meanwhile.
    Raises `ImageError` if there is no such image, or it is too large, broken or of no known kind.
    """
    given: Any = image
    if isinstance(image, bytearray | memoryview) and memoryview(image).nbytes <= MAX_FILE_BYTES:
        # Taken now, so that the application may change it while we wait.
        given = bytes(image)
    return await anyio.to_thread.run_sync(_prepared, given, portrait, abandon_on_cancel=True)


def _prepared(image: Any, portrait: bool) -> str:
    # Loaded here, because Pillow and numpy take their time.
    from odyssey_anyio.images.prepare import prepare

    return prepare(image, portrait, check_cancelled)
