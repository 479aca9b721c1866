"""Which format an image file has, recognised by its first bytes and by nothing else."""

from enum import Enum, unique

from odyssey_anyio.images.errors import Flaw, ImageError


@unique
class Format(Enum):
    """The documented formats of image files (docs/protocol.md#images)."""

    JPEG = "JPEG"
    PNG = "PNG"
    WEBP = "WebP"
    GIF = "GIF"
    BMP = "BMP"
    HEIC = "HEIC"
    HEIF = "HEIF"
    AVIF = "AVIF"


_MAGIC = {
    b"\xff\xd8\xff": Format.JPEG,
    b"\x89PNG\r\n\x1a\n": Format.PNG,
    b"GIF87a": Format.GIF,
    b"GIF89a": Format.GIF,
    b"BM": Format.BMP,
}
_BRANDS = {
    b"heic": Format.HEIC,
    b"heix": Format.HEIC,
    b"heim": Format.HEIC,
    b"heis": Format.HEIC,
    b"avif": Format.AVIF,
    b"avis": Format.AVIF,
    b"mif1": Format.HEIF,
    b"msf1": Format.HEIF,
}
_OTHER_FORMATS = {
    b"II*\0": "a TIFF image",
    b"MM\0*": "a TIFF image",
    b"8BPS": "a Photoshop image",
    b"\0\0\1\0": "an icon",
    b"\xff\x0a": "a JPEG XL image",
    b"\0\0\0\x0cJXL ": "a JPEG XL image",
    b"\0\0\0\x0cjP  ": "a JPEG 2000 image",
    b"%PDF": "a PDF document",
    b"PK\3\4": "a ZIP archive",
    b"\x1f\x8b": "a gzip archive",
    b"\x1aE\xdf\xa3": "a Matroska or WebM video",
}
_MAX_BRAND_BYTES = 256


def recognise(data: bytes) -> Format:
    """Returns the format of an image file; raises `ImageError` that names what was found instead."""
    if not data:
        raise ImageError(Flaw.EMPTY, "the image is empty")
    for magic, known in _MAGIC.items():
        if data.startswith(magic):
            return known
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return Format.WEBP
    if data[4:8] == b"ftyp" and (branded := _branded(data)) is not None:
        return branded
    names = ", ".join(each.value for each in Format)
    raise ImageError(Flaw.UNKNOWN_KIND, f"the image is of no known kind ({names}): it is {_found(data)}")


def _branded(data: bytes) -> Format | None:
    """Returns the format by the brands of an ISO media file: its own first, then those it keeps to."""
    end = min(int.from_bytes(data[:4]), len(data), _MAX_BRAND_BYTES)
    brands = [data[8:12], *(data[at : at + 4] for at in range(16, end, 4))]
    formats = [_BRANDS[brand] for brand in brands if brand in _BRANDS]
    # HEIF is the family; what says more goes first.
    return next((each for each in formats if each is not Format.HEIF), formats[0] if formats else None)


def _found(data: bytes) -> str:
    for magic, name in _OTHER_FORMATS.items():
        if data.startswith(magic):
            return name
    if data[4:8] == b"ftyp":
        return "a video" if data[8:12] != b"crx " else "a raw photograph"
    if data[:4] == b"RIFF":
        return "a RIFF file without a picture"
    if data[:256].isascii() and data[:256].decode().isprintable():
        return "markup" if data.lstrip()[:1] == b"<" else "text"
    return f"a file that begins with {data[:8].hex(' ')}"
