"""Images for a stream's start: whatever the application has, as a data URL (protocol.md section 7)."""

import base64
import binascii
import os
from pathlib import Path

import anyio.to_thread

LARGEST = 25 * 1024 * 1024
"""The largest image that the service takes, in bytes."""

type ImageInput = str | os.PathLike[str] | bytes | bytearray | memoryview
"""A data URL, a path, or the bytes of an image file."""

_MAGIC = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
)
_BRANDS = {
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"heim": "image/heic",
    b"heis": "image/heic",
    b"mif1": "image/heif",
    b"msf1": "image/heif",
    b"avif": "image/avif",
    b"avis": "image/avif",
}
_KINDS = "JPEG, PNG, WebP, GIF, BMP, HEIC, HEIF and AVIF"


async def data_url(image: ImageInput) -> str:
    """
    Gives an image as a data URL; reading and encoding happen in a worker thread.

    Raises `ValueError` if it is too large, cannot be read, or is none of the documented kinds.
    """
    if isinstance(image, bytearray | memoryview):
        # Taken now, so that the application may change it while we wait.
        image = bytes(image)
    return await anyio.to_thread.run_sync(_data_url, image)


def media_type(data: bytes) -> str | None:
    """Gives the media type of an image file by its first bytes, or `None`."""
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return _BRANDS.get(data[8:12]) if data[4:8] == b"ftyp" else None


def _data_url(image: object) -> str:
    match image:
        case str() if image.lower().startswith("data:"):
            return _encoded(_decoded(image))
        case str() | os.PathLike():
            return _encoded(_read(image))
        case bytes():
            return _encoded(image)
        case _:
            raise ValueError(
                f"an image is a path, a data URL or the bytes of a file, not {type(image).__name__}"
            )


def _encoded(data: bytes) -> str:
    if len(data) > LARGEST:
        raise ValueError(f"the image has {len(data)} bytes; the most is {LARGEST}")
    kind = media_type(data)
    if kind is None:
        raise ValueError(f"the image is of no known kind; these are: {_KINDS}")
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _decoded(url: str) -> bytes:
    head, comma, body = url.partition(",")
    if not comma or not head.lower().endswith(";base64"):
        raise ValueError("the image's data URL has no base64 part")
    if len(body) > LARGEST * 2:
        raise ValueError(f"the image is over {LARGEST} bytes")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("the image's data URL is not valid base64") from None


def _read(path: str | os.PathLike[str]) -> bytes:
    try:
        with Path(path).open("rb") as file:
            data = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        raise ValueError(f"the image file cannot be read: {why}") from None
    if len(data) > LARGEST:
        raise ValueError(f"the image file is over {LARGEST} bytes")
    return data
