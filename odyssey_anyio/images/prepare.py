"""The whole way of an image, in a worker thread."""

from collections.abc import Callable
from typing import Any

import numpy as np

from odyssey_anyio.images import encode, jpeg
from odyssey_anyio.images.decode import decode, measure
from odyssey_anyio.images.fit import LANDSCAPE, PORTRAIT, fit
from odyssey_anyio.images.flaw import check_pixels
from odyssey_anyio.images.kinds import Kind, recognise
from odyssey_anyio.images.take import take


def prepare(image: Any, portrait: bool, checkpoint: Callable[[], None]) -> str:
    """
    Returns an image as the data URL of a JPEG in the size of the stream.

    It is encoded once; a JPEG that has the size already is sent as it is, without its metadata.
    `checkpoint` is called between the steps, and may raise to give the work up.
    """
    size = PORTRAIT if portrait else LANDSCAPE
    taken = take(image)
    checkpoint()
    if isinstance(taken, bytes):
        kind = recognise(taken)
        header = measure(kind, taken)
        check_pixels(header.width, header.height)
        pixels = decode(kind, taken, header)
        fits = kind is Kind.JPEG and header.plain and header.upright == size
        if fits and (kept := jpeg.bare(taken)) is not None:
            return encode.as_url(kept)
        pixels = header.orientation.turn(pixels)
    else:
        pixels = taken
    checkpoint()
    fitting = fit(pixels, *size)
    checkpoint()
    return encode.as_url(encode.jpeg(np.ascontiguousarray(fitting)))
