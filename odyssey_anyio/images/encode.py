"""Pixels as a JPEG, and a JPEG as a data URL."""

import base64
from fractions import Fraction

import av

from odyssey_anyio.images.pixels import Pixels

QUALITY = "2"
"""The quantizer of FFmpeg's encoder: about what others call quality 90 (docs/protocol.md#images)."""


def jpeg(pixels: Pixels) -> bytes:
    """Returns the pixels as a JPEG file."""
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuvj420p")
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height = frame.width, frame.height
    encoder.pix_fmt = "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    encoder.options = {"qmin": QUALITY, "qmax": QUALITY}
    frame.pts = 0
    return b"".join(bytes(packet) for packet in (*encoder.encode(frame), *encoder.encode(None)))


def as_url(file: bytes) -> str:
    """Returns a JPEG file as a data URL."""
    return f"data:image/jpeg;base64,{base64.b64encode(file).decode()}"
