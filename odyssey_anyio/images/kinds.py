"""Which kind of file an image is, told by its first bytes and by nothing else."""

from enum import Enum, unique

from odyssey_anyio.images.flaw import Flaw, ImageError


@unique
class Kind(Enum):
    """The documented kinds of image files (docs/protocol.md#images)."""

    JPEG = "JPEG"
    PNG = "PNG"
    WEBP = "WebP"
    GIF = "GIF"
    BMP = "BMP"
    HEIC = "HEIC"
    HEIF = "HEIF"
    AVIF = "AVIF"


_MAGIC = {
    b"\xff\xd8\xff": Kind.JPEG,
    b"\x89PNG\r\n\x1a\n": Kind.PNG,
    b"GIF87a": Kind.GIF,
    b"GIF89a": Kind.GIF,
    b"BM": Kind.BMP,
}
_BRANDS = {
    b"heic": Kind.HEIC,
    b"heix": Kind.HEIC,
    b"heim": Kind.HEIC,
    b"heis": Kind.HEIC,
    b"avif": Kind.AVIF,
    b"avis": Kind.AVIF,
    b"mif1": Kind.HEIF,
    b"msf1": Kind.HEIF,
}
_STRANGERS = {
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
_MAX_BRANDS = 256


def recognise(data: bytes) -> Kind:
    """Returns the kind of an image file; raises `ImageError` that names what was found instead."""
    if not data:
        raise ImageError(Flaw.EMPTY, "the image is empty")
    for magic, kind in _MAGIC.items():
        if data.startswith(magic):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return Kind.WEBP
    if data[4:8] == b"ftyp" and (branded := _branded(data)) is not None:
        return branded
    known = ", ".join(kind.value for kind in Kind)
    raise ImageError(Flaw.UNKNOWN_KIND, f"the image is of no known kind ({known}): it is {_found(data)}")


def _branded(data: bytes) -> Kind | None:
    """Returns the kind by the brands of an ISO media file: its own first, then those it keeps to."""
    end = min(int.from_bytes(data[:4]), len(data), _MAX_BRANDS)
    brands = [data[8:12], *(data[at : at + 4] for at in range(16, end, 4))]
    kinds = [_BRANDS[brand] for brand in brands if brand in _BRANDS]
    # HEIF is the family; what says more goes first.
    return next((kind for kind in kinds if kind is not Kind.HEIF), kinds[0] if kinds else None)


def _found(data: bytes) -> str:
    for magic, name in _STRANGERS.items():
        if data.startswith(magic):
            return name
    if data[4:8] == b"ftyp":
        return "a video" if data[8:12] != b"crx " else "a raw photograph"
    if data[:4] == b"RIFF":
        return "a RIFF file without a picture"
    if data[:256].isascii() and data[:256].decode().isprintable():
        return "markup" if data.lstrip()[:1] == b"<" else "text"
    return f"a file that begins with {data[:8].hex(' ')}"
