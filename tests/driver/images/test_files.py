"""Image files of every kind and form: what becomes of them, and what is wrong with the rest."""

import base64
import random
import struct
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pictures import CORNERS, corners, exif, file, png_of, quarters, read
from PIL import Image, ImageFile

from odyssey_anyio.images import MAX_FILE_BYTES, Flaw, ImageError
from odyssey_anyio.images.fit import upright
from odyssey_anyio.images.formats import Format, recognise
from odyssey_anyio.images.jpeg import bare
from odyssey_anyio.images.prepare import decode, prepare

KINDS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "AVIF")


SECRET = exif(1)
SECRET[0x010E] = "a secret place"


def prepared(image: object, portrait: bool = True) -> np.ndarray:
    return read(prepare(image, portrait, lambda: None))


def sent(image: object) -> bytes:
    """Returns the file in what is sent for a portrait stream."""
    return base64.b64decode(prepare(image, True, lambda: None).partition(",")[2])


def segment(marker: int, body: bytes) -> bytes:
    """Returns a segment of a JPEG."""
    return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2) + body


def flaw(image: object) -> tuple[Flaw, str]:
    with pytest.raises(ImageError) as caught:
        prepare(image, True, lambda: None)
    assert "\n" not in str(caught.value)
    return caught.value.flaw, str(caught.value)


@pytest.mark.parametrize("portrait", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_becomes_a_jpeg_in_the_size_of_the_stream(kind: str, portrait: bool) -> None:
    pixels = prepared(file(quarters(), kind), portrait)
    assert pixels.shape == ((1280, 704, 3) if portrait else (704, 1280, 3))
    assert corners(pixels) == CORNERS


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("L", "JPEG"),
        ("CMYK", "JPEG"),
        ("L", "PNG"),
        ("LA", "PNG"),
        ("P", "PNG"),
        ("1", "PNG"),
        ("RGBA", "PNG"),
        ("RGBA", "WEBP"),
        ("RGBA", "GIF"),
        ("P", "BMP"),
        ("L", "BMP"),
        ("L", "AVIF"),
    ],
)
def test_every_form_of_pixels(mode: str, kind: str) -> None:
    seen = prepared(file(quarters().convert(mode), kind))
    wanted = np.asarray(quarters().convert(mode).convert("RGB").resize((704, 1280), Image.Resampling.NEAREST))
    for rows in (slice(0, 640), slice(640, 1280)):
        for columns in (slice(0, 352), slice(352, 704)):
            found, asked = (picture[rows, columns].mean((0, 1)) for picture in (seen, wanted))
            assert np.abs(found - asked).max() < 20


def test_sixteen_bits_are_cut_to_the_high_ones() -> None:
    grey = Image.fromarray(np.full((1280, 704), 0x8123, np.uint16))
    assert np.abs(prepared(file(grey, "PNG")).astype(int) - 0x81).max() < 3


@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("WEBP", {"lossless": True}), ("WEBP", {})])
def test_what_is_transparent_shows_white(kind: str, options: dict[str, bool]) -> None:
    glass = quarters().convert("RGBA")
    glass.putalpha(0)
    assert prepared(file(glass, kind, **options)).min() > 250
    glass.putalpha(128)
    red = prepared(file(glass, kind, **options))[100, 100]
    assert np.abs(red.astype(int) - (255, 127, 127)).max() < 12


def test_a_transparent_colour_of_a_palette_shows_white() -> None:
    image = quarters().quantize(4)
    red = image.getpixel((0, 0))
    assert prepared(file(image, "PNG", transparency=red))[100, 100].min() > 250
    assert prepared(file(image, "GIF", transparency=red))[100, 100].min() > 250


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF"])
def test_an_animation_gives_its_first_picture(kind: str) -> None:
    black = [Image.new("RGB", (88, 160))] * 2
    assert corners(prepared(file(quarters(), kind, save_all=True, append_images=black))) == CORNERS


@pytest.mark.parametrize("options", [{"progressive": True}, {"subsampling": 0}, {"restart_marker_blocks": 1}])
def test_every_form_of_jpeg(options: dict[str, int]) -> None:
    assert corners(prepared(file(quarters(), "JPEG", **options))) == CORNERS


# --- orientation ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("value", range(1, 9))
def test_the_orientation_is_honoured(kind: str, value: int) -> None:
    # What has to be done to it, done backwards, is the picture as it is stored.
    stored = quarters()
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    if value in back:
        stored = stored.transpose(Image.Transpose(back[value]))
    data = file(stored, kind, exif=exif(value))
    assert corners(prepared(data)) == CORNERS
    picture = decode(data)
    assert upright(picture.image, picture.orientation).size == (88, 160)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"Exif\0\0",
        b"Exif\0\0II*\0" + b"\xff" * 40,
        b"Exif\0\0MM\0*\0\0\0\x08\xff\xff",
        b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\x09\0\0",
        b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\4\0\0\0\1\0\0\0\6",
        b"http://ns.adobe.com/xap/1.0/\0<x/>",
    ],
    ids=["empty", "no TIFF", "far away", "cut off", "value 9", "other type", "XMP"],
)
def test_broken_exif_data_turn_nothing(data: bytes) -> None:
    plain = file(quarters(), "JPEG")
    assert corners(prepared(plain[:2] + segment(0xE1, data) + plain[2:])) == CORNERS


# --- what fits already --------------------------------------------------------------------------------


def test_a_jpeg_that_fits_is_not_encoded_again_and_loses_its_metadata() -> None:
    data = file(quarters(704, 1280), "JPEG", exif=SECRET, comment=b"a secret name")
    assert b"secret" in data
    assert np.array_equal(prepared(data), np.asarray(Image.open(BytesIO(data))))
    assert b"secret" not in sent(data)
    assert len(sent(data)) < len(data)


FITS = file(quarters(704, 1280), "JPEG")


@pytest.mark.parametrize(
    "trailer",
    [
        file(quarters(), "JPEG", exif=SECRET),
        b"\0\0\0\x18ftypmp42 a secret film",
        b"a secret" * 1000,
        b"\xff\xe1\0\x0asecret!!",
    ],
    ids=["a second picture", "the film of a motion photo", "anything", "a segment"],
)
def test_what_follows_a_picture_is_left_behind(trailer: bytes) -> None:
    assert b"secret" in trailer
    assert sent(FITS + trailer) == sent(FITS)


def test_what_is_hidden_in_other_segments_is_left_behind() -> None:
    small = b"JFIF\0\1\2\0\0\1\0\1\x06\1" + b"secret" * 3
    hidden = (
        segment(0xE0, small)
        + segment(0xE2, b"MPF\0secret")
        + segment(0xEE, b"secret")
        + segment(0xED, b"secret")
    )
    assert sent(FITS[:2] + hidden + FITS[2:]) == sent(FITS)


def test_what_stands_between_scans_is_left_behind() -> None:
    data = file(quarters(704, 1280), "JPEG", progressive=True)
    scans = [at for at in range(len(data)) if data[at : at + 2] == b"\xff\xda"]
    assert len(scans) > 1
    hidden = segment(0xE1, b"Exif\0\0secret") + segment(0xFE, b"secret")
    assert sent(data[: scans[1]] + hidden + data[scans[1] :]) == sent(data)
    assert np.array_equal(prepared(data), np.asarray(Image.open(BytesIO(data))))


def test_restart_markers_and_a_profile_of_colours_are_kept() -> None:
    data = file(quarters(704, 1280), "JPEG", restart_marker_blocks=7, icc_profile=b"a profile")
    assert b"\xff\xd3" in sent(data)
    assert b"a profile" in sent(data)
    assert np.array_equal(prepared(data), np.asarray(Image.open(BytesIO(data))))


TABLE = FITS.index(b"\xff\xc4")


def test_a_jpeg_that_does_not_lead_to_its_end_is_encoded_again() -> None:
    odd = FITS[:TABLE] + b"a secret" + FITS[TABLE:]
    assert bare(odd) is None
    assert b"secret" not in sent(odd)
    assert corners(prepared(odd)) == CORNERS


@pytest.mark.parametrize("cut", [1, 2])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
def test_a_jpeg_may_lack_its_end_but_nothing_else(options: dict[str, int], cut: int) -> None:
    noise = np.random.default_rng(5).integers(0, 256, (1280, 704, 3), dtype=np.uint8)
    whole = file(Image.fromarray(noise), "JPEG", **options)
    assert bare(whole[:-cut]) is None
    assert np.array_equal(prepared(whole[:-cut]), prepared(Image.open(BytesIO(whole))))
    for missing in (cut + 80, cut + 1000, len(whole) // 3, len(whole) // 2):
        assert flaw(whole[:-missing])[0] is Flaw.CORRUPT
    # A byte 255 is the first half of something.
    assert flaw(whole[: whole.rindex(b"\xff\0", 0, -1000) + 1])[0] is Flaw.CORRUPT


def test_a_comment_and_a_profile_do_not_outlive_the_encoding() -> None:
    data = file(quarters(), "JPEG", exif=SECRET, comment=b"a secret name", icc_profile=b"a secret profile")
    assert b"secret" not in sent(data)
    assert b"secret" not in sent(Image.open(BytesIO(data)))


@pytest.mark.parametrize(
    ("image", "options"),
    [
        (quarters(704, 1280).convert("CMYK"), {}),
        (quarters(704, 1280), {"exif": exif(3)}),
        (quarters(1280, 704), {}),
    ],
    ids=["CMYK", "turned", "landscape"],
)
def test_any_other_jpeg_is_encoded_again(image: Image.Image, options: dict[str, Image.Exif]) -> None:
    data = file(image, "JPEG", **options)
    assert prepared(data).shape == (1280, 704, 3)
    assert sent(data) != bare(data)


# --- what is wrong ------------------------------------------------------------------------------------

RANDOM = random.Random(7).randbytes(3000)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"II*\0" + bytes(20), "a TIFF image"),
        (b"MM\0*" + bytes(20), "a TIFF image"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"PK\3\4" + bytes(30), "a ZIP archive"),
        (b"\0\0\0\x20ftypisom" + bytes(20), "a video"),
        (b"\0\0\0\x20ftypqt  " + bytes(20), "a video"),
        (b"\0\0\0\x20ftypcrx " + bytes(20), "a raw photograph"),
        (b"\0\0\0\x0cJXL " + bytes(20), "a JPEG XL image"),
        (b"RIFF\0\0\0\0WAVEfmt ", "a RIFF file without a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "markup"),
        (b"hello", "text"),
        (b"\0", "begins with 00"),
        (RANDOM, "begins with"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_of_another_kind_is_named(data: bytes, says: str) -> None:
    found, text = flaw(data)
    assert found is Flaw.UNKNOWN_KIND
    assert says in text
    assert "JPEG, PNG, WebP, GIF, BMP, HEIC, HEIF, AVIF" in text


@pytest.mark.parametrize(
    ("brands", "found"),
    [
        (b"heic\0\0\0\0mif1", Format.HEIC),
        (b"heix\0\0\0\0", Format.HEIC),
        (b"mif1\0\0\0\0heic", Format.HEIC),
        (b"mif1\0\0\0\0avif", Format.AVIF),
        (b"mif1\0\0\0\0miaf", Format.HEIF),
        (b"msf1\0\0\0\0", Format.HEIF),
        (b"avis\0\0\0\0", Format.AVIF),
    ],
)
def test_the_kind_of_an_iso_file_is_by_its_brands(brands: bytes, found: Format) -> None:
    data = (8 + len(brands)).to_bytes(4) + b"ftyp" + brands
    assert recognise(data) is found
    assert flaw(data)[0] is Flaw.CORRUPT


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", [0.02, 0.3, 0.9])
def test_a_file_that_is_cut_off_is_refused(kind: str, part: float) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (120, 90, 3), dtype=np.uint8)
    data = file(Image.fromarray(noise), kind)
    found, text = flaw(data[: max(12, int(len(data) * part))])
    assert found is Flaw.CORRUPT
    assert "image" in text


@pytest.mark.parametrize("kind", KINDS)
def test_no_damage_is_anything_but_a_flaw(kind: str) -> None:
    chance = random.Random(kind)
    whole = file(quarters(44, 80), kind)
    outcomes = set()
    for _ in range(100):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 6)):
            data[chance.randrange(8, min(len(data), 400))] = chance.randrange(256)
        try:
            outcomes.add(decode(bytes(data)).image.mode)
        except ImageError as error:
            outcomes.add(error.flaw)
    flaws = {Flaw.CORRUPT, Flaw.TOO_MANY_PIXELS, Flaw.UNDECODABLE, Flaw.UNKNOWN_KIND}
    assert Flaw.CORRUPT in outcomes <= {"RGB", "RGBA", *flaws}


def test_a_bomb_is_refused_by_its_head() -> None:
    found, text = flaw(png_of(60_000, 60_000))
    assert found is Flaw.TOO_MANY_PIXELS
    assert "60000x60000" in text
    assert flaw(png_of(0, 5))[0] is Flaw.CORRUPT


def bombs() -> Iterator[tuple[str, bytes]]:
    """Returns small files that claim to be large, of every kind that has its size at its head."""
    jpeg = bytearray(file(quarters(), "JPEG"))
    frame = jpeg.index(b"\xff\xc0") + 5
    jpeg[frame : frame + 4] = struct.pack(">HH", 20_000, 20_000)
    yield "JPEG", bytes(jpeg)
    yield "PNG", png_of(20_000, 20_000)
    bmp = bytearray(file(quarters(), "BMP"))
    bmp[18:26] = struct.pack("<ii", 20_000, 20_000)
    yield "BMP", bytes(bmp)
    gif = bytearray(file(quarters(), "GIF"))
    gif[6:10] = struct.pack("<HH", 20_000, 20_000)
    yield "GIF", bytes(gif)
    # Its first picture reaches over the edge of the screen, where Pillow would warn.
    gif = bytearray(file(quarters(), "GIF", comment=b"why"))
    first = gif.rindex(b",\0\0\0\0") + 1
    gif[first : first + 8] = struct.pack("<4H", 1_000, 1_000, 10_000, 9_000)
    yield "GIF over the edge", bytes(gif)
    webp = bytearray(file(quarters(), "WEBP", lossless=True))
    webp[21:25] = struct.pack("<I", 9_999 | 9_999 << 14)
    yield "WebP", bytes(webp)


@pytest.mark.parametrize(("kind", "data"), [*bombs()], ids=[kind for kind, _ in bombs()])
def test_no_bomb_is_decoded(monkeypatch: pytest.MonkeyPatch, kind: str, data: bytes) -> None:
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda *_: pytest.fail("it was decoded"))
    limit = Image.MAX_IMAGE_PIXELS
    assert flaw(data)[0] is Flaw.TOO_MANY_PIXELS
    assert limit == Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize("kind", KINDS)
def test_the_limit_that_pillow_has_for_the_application_is_left_to_it(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    # Pillow would warn from here on, and warnings are errors.
    data = file(quarters(), kind)
    with monkeypatch.context() as patched:
        patched.setattr(Image, "MAX_IMAGE_PIXELS", 88 * 160 - 1)
        url = prepare(data, True, lambda: None)
    assert corners(read(url)) == CORNERS


def test_a_picture_that_is_larger_than_its_head_says_is_refused() -> None:
    data = file(quarters(), "JPEG")
    head = b"\xff\xc0\0\x0b\x08\0\1\0\1\1\1\x11\0"
    assert flaw(data[:2] + head + data[2:])[0] is Flaw.CORRUPT


def test_too_many_bytes_are_refused_before_they_are_looked_at(tmp_path: Path) -> None:
    assert flaw(b"\xff\xd8\xff" + bytes(MAX_FILE_BYTES))[0] is Flaw.TOO_LARGE
    path = tmp_path / "large.jpg"
    with path.open("wb") as out:
        out.truncate(MAX_FILE_BYTES * 40)
    assert flaw(path)[0] is Flaw.TOO_LARGE
