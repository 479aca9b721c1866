"""HEIC, HEIF and AVIF as telephones write them: tiled, turned, cropped, transparent; and what is refused."""

import random
import sys
from collections.abc import Callable
from io import BytesIO

import numpy as np
import pillow_heif
import pytest
from numpy.typing import NDArray
from pictures import CORNERS, corners, file, quarters, read
from pictures.heif import (
    ALPHA,
    AV1,
    AVC,
    HEVC,
    HEVC_ALPHA,
    JPEG,
    TILE,
    Coding,
    Property,
    Writer,
    auxiliary,
    colours,
    crop,
    encoded,
    mirror,
    rotation,
    size,
    with_matrix,
    with_ten_bits,
)
from PIL import Image, UnidentifiedImageError
from PIL.AvifImagePlugin import AvifImageFile

from odyssey_anyio.images import Flaw, ImageError
from odyssey_anyio.images.fit import UPRIGHT
from odyssey_anyio.images.formats import Format, recognise
from odyssey_anyio.images.prepare import decode, prepare

type Pixels = NDArray[np.uint8]

ONE_PIECE = (112, 80)
TWO_BY_TWO = (2 * TILE, 2 * TILE)
CROPPED = (3 * TILE - 42, 2 * TILE - 28)
"""Three tiles across and two down, of which the last ones stand over the edge."""


def smooth(width: int, height: int) -> Pixels:
    """Returns a picture that is another everywhere, and has no edge that might hide a seam."""
    across, down = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    return (255 * np.stack((across, down, (1 - across) * (1 - down)), axis=2)).round().astype(np.uint8)


def shown(data: bytes) -> Pixels:
    """Returns a file's picture as it is looked at."""
    picture = decode(data)
    assert picture.orientation == UPRIGHT
    canvas = Image.new("RGB", picture.image.size, "white")
    canvas.paste(picture.image, mask=picture.image if picture.image.mode == "RGBA" else None)
    return np.asarray(canvas)


def assert_same(found: Pixels, wanted: Pixels) -> None:
    assert found.shape == wanted.shape
    difference = np.abs(found.astype(int) - wanted)
    assert difference.mean() < 3
    # Half of the colours of the last pixels are those of what was cut off.
    assert difference[2:-2, 2:-2].max() < 14
    assert difference.max() < 50


def flaw(data: bytes) -> tuple[Flaw, str]:
    with pytest.raises(ImageError) as caught:
        prepare(data, True, lambda: None)
    assert "\n" not in str(caught.value)
    return caught.value.flaw, str(caught.value)


def in_one_piece(pixels: Pixels, coding: Coding = HEVC, *properties: Property) -> bytes:
    writer = Writer(coding.brand)
    return writer.file(writer.picture(pixels, coding, *properties))


def in_tiles(pixels: Pixels, coding: Coding = HEVC, *properties: Property, wide: bool = False) -> bytes:
    writer = Writer(coding.brand)
    return writer.file(writer.grid(pixels, coding, *properties, wide=wide))


# --- the picture --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("coding", "found"), [(HEVC, Format.HEIC), (AV1, Format.AVIF)], ids=["HEIC", "AVIF"])
@pytest.mark.parametrize("made", [in_one_piece, in_tiles])
def test_every_coding_becomes_a_jpeg(made: Callable[..., bytes], coding: Coding, found: Format) -> None:
    data = made(np.asarray(quarters(2 * TILE, 4 * TILE)), coding)
    assert recognise(data) is found
    assert corners(read(prepare(data, True, lambda: None))) == CORNERS


@pytest.mark.parametrize("coding", [HEVC, AV1], ids=["HEIC", "AVIF"])
@pytest.mark.parametrize(
    ("made", "shape"), [(in_one_piece, ONE_PIECE), (in_tiles, TWO_BY_TWO), (in_tiles, CROPPED)]
)
@pytest.mark.parametrize(
    ("properties", "turn"),
    [
        ((), lambda pixels: pixels),
        ((rotation(1),), np.rot90),
        ((rotation(2),), lambda pixels: np.rot90(pixels, 2)),
        ((rotation(3),), lambda pixels: np.rot90(pixels, 3)),
        ((mirror(0),), np.flipud),
        ((mirror(1),), np.fliplr),
        ((rotation(1), mirror(1)), lambda pixels: np.fliplr(np.rot90(pixels))),
        ((mirror(1), rotation(1)), lambda pixels: np.rot90(np.fliplr(pixels))),
        ((crop(80, 40, 0, 0), rotation(3)), lambda pixels: np.rot90(middle(pixels, 80, 40), 3)),
    ],
    ids=[
        "upright",
        "90",
        "180",
        "270",
        "top down",
        "left right",
        "90, left right",
        "left right, 90",
        "cropped, 270",
    ],
)
def test_every_pixel_is_in_its_place(
    coding: Coding,
    made: Callable[..., bytes],
    shape: tuple[int, int],
    properties: tuple[Property, ...],
    turn: Callable[[Pixels], Pixels],
) -> None:
    pixels = smooth(*shape)
    assert_same(shown(made(pixels, coding, *properties)), turn(pixels))


@pytest.mark.parametrize("coding", [HEVC, AV1], ids=["HEIC", "AVIF"])
@pytest.mark.parametrize("made", [in_one_piece, in_tiles])
def test_colours_of_ten_bits(made: Callable[..., bytes], coding: Coding) -> None:
    assert_same(shown(made(smooth(*TWO_BY_TWO), with_ten_bits(coding))), smooth(*TWO_BY_TWO))


def middle(pixels: Pixels, width: int, height: int) -> Pixels:
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    return pixels[top : top + height, left : left + width]


def test_a_grid_may_have_its_size_in_long_numbers() -> None:
    assert_same(shown(in_tiles(smooth(*CROPPED), wide=True)), smooth(*CROPPED))


def test_what_is_cropped_need_not_be_in_the_middle() -> None:
    pixels = smooth(*ONE_PIECE)
    # The middle lies 20 to the left and 10 below that of the picture; then once more, within that.
    once = in_one_piece(pixels, HEVC, crop(50, 30, -40, 20))
    assert_same(shown(once), pixels[35:65, 11:61])
    twice = in_one_piece(pixels, HEVC, crop(50, 30, -40, 20), crop(20, 20, 30, 10))
    assert_same(shown(twice), pixels[45:65, 41:61])


@pytest.mark.parametrize("made", [in_one_piece, in_tiles])
@pytest.mark.parametrize(("matrix", "full_range"), [(1, True), (1, False), (6, True), (9, True)])
def test_colours_are_as_the_file_says_not_the_picture_in_it(
    made: Callable[..., bytes], matrix: int, full_range: bool
) -> None:
    pixels = np.asarray(quarters(*TWO_BY_TWO))
    coding = with_matrix(HEVC, matrix, full_range=full_range)
    found = shown(made(pixels, coding, colours(matrix, full_range=full_range)))
    assert np.abs(found[32::64, 32::64].astype(int) - pixels[32::64, 32::64]).max() < 8
    otherwise = shown(made(pixels, coding, colours(6 if matrix != 6 else 1, full_range=full_range)))
    assert np.abs(otherwise[32::64, 32::64].astype(int) - pixels[32::64, 32::64]).max() > 8


# --- transparency ---------------------------------------------------------------------------------------


def seen_through(
    coding: Coding, shape: tuple[int, int], kind: bytes, *properties: Property, grid: bool, small: int = 1
) -> bytes:
    """Returns a red picture that fades from left to right."""
    writer = Writer(coding.brand)
    red = np.full((shape[1], shape[0], 3), (255, 0, 0), np.uint8)
    made = writer.grid if grid else writer.picture
    item, cover = (
        made(red, coding, *properties),
        # It is turned and cropped as its picture is (ISO/IEC 23000-22 section 7.3.5.2).
        made(fading(*shape)[::small, ::small], coding, auxiliary(kind), *properties),
    )
    writer.refer(b"auxl", cover, item)
    return writer.file(item)


def fading(width: int, height: int) -> Pixels:
    return np.tile(np.linspace(255, 0, width).round().astype(np.uint8), (height, 1))


def pale(width: int, height: int) -> Pixels:
    """Returns what red that fades looks like on white."""
    clear = 255 - fading(width, height)
    return np.stack((np.full_like(clear, 255), clear, clear), axis=2)


@pytest.mark.parametrize("kind", [ALPHA, HEVC_ALPHA], ids=["MPEG-B", "HEVC"])
@pytest.mark.parametrize("coding", [HEVC, AV1], ids=["HEIC", "AVIF"])
@pytest.mark.parametrize(("grid", "shape"), [(False, ONE_PIECE), (True, CROPPED)], ids=["one piece", "tiles"])
def test_what_is_transparent_shows_white(
    coding: Coding, kind: bytes, shape: tuple[int, int], grid: bool
) -> None:
    assert_same(shown(seen_through(coding, shape, kind, grid=grid)), pale(*shape))


def test_transparency_is_turned_and_cropped_with_its_picture() -> None:
    data = seen_through(HEVC, TWO_BY_TWO, ALPHA, crop(100, 80, 0, 0), rotation(1), grid=True)
    assert_same(shown(data), np.rot90(middle(pale(*TWO_BY_TWO), 100, 80)))


@pytest.mark.parametrize("coding", [HEVC, AV1], ids=["HEIC", "AVIF"])
def test_transparency_of_ten_bits(coding: Coding) -> None:
    data = seen_through(with_ten_bits(coding), TWO_BY_TWO, ALPHA, grid=True)
    assert_same(shown(data), pale(*TWO_BY_TWO))


def test_transparency_may_be_a_smaller_picture() -> None:
    data = seen_through(HEVC, TWO_BY_TWO, ALPHA, grid=False, small=2)
    assert_same(shown(data), pale(*TWO_BY_TWO))


def test_colours_may_be_multiplied_already() -> None:
    writer = Writer(HEVC.brand)
    cover = fading(*TWO_BY_TWO)
    dark = np.stack((cover, cover * 0, cover * 0), axis=2)
    item, alpha = writer.picture(dark, HEVC), writer.picture(cover, HEVC, auxiliary(ALPHA))
    writer.refer(b"auxl", alpha, item)
    writer.refer(b"prem", item, alpha)
    assert_same(shown(writer.file(item)), pale(*TWO_BY_TWO))


def test_other_pictures_of_a_picture_are_left_alone() -> None:
    """Telephones add how far away everything is, how bright it may be, and a thumbnail."""
    writer = Writer(HEVC.brand)
    pixels = smooth(*ONE_PIECE)
    black = np.zeros((64, 64), np.uint8)
    item = writer.picture(pixels, HEVC)
    for kind in (b"urn:mpeg:hevc:2015:auxid:2", b"urn:com:apple:photo:2020:aux:hdrgainmap"):
        writer.refer(b"auxl", writer.picture(black, HEVC, auxiliary(kind)), item)
    writer.refer(b"thmb", writer.picture(black, HEVC), item)
    other = writer.picture(pixels[::-1], HEVC)
    writer.refer(b"auxl", writer.picture(black, HEVC, auxiliary(ALPHA)), other)
    assert_same(shown(writer.file(item)), pixels)


def test_transparency_as_others_write_it() -> None:
    glass = quarters().convert("RGBA")
    glass.putalpha(0)
    assert read(prepare(file(glass, "AVIF"), True, lambda: None)).min() > 250
    glass.putalpha(128)
    red = read(prepare(file(glass, "AVIF"), True, lambda: None))[100, 100]
    assert np.abs(red.astype(int) - (255, 127, 127)).max() < 12


# --- what is refused ------------------------------------------------------------------------------------


def derived(kind: bytes) -> bytes:
    writer = Writer(HEVC.brand)
    item = writer.add(kind, bytes(20), size(64, 64))
    writer.refer(b"dimg", item, writer.picture(smooth(64, 64), HEVC))
    return writer.file(item)


def tiled(tile: Callable[[Writer], int], count: int = 4, shape: tuple[int, int] = TWO_BY_TWO) -> bytes:
    """Returns a grid of two by two whose tiles are all the same item."""
    writer = Writer(HEVC.brand)
    head = bytes([0, 0, 1, 1]) + b"".join(side.to_bytes(2) for side in shape)
    item = writer.add(b"grid", head, size(*shape))
    writer.refer(b"dimg", item, *[tile(writer)] * count)
    return writer.file(item)


def plain_tile(writer: Writer) -> int:
    return writer.picture(smooth(TILE, TILE), HEVC)


def with_essential(name: bytes) -> bytes:
    writer = Writer(HEVC.brand)
    writer.essential.add(name)
    return writer.file(writer.picture(smooth(64, 64), HEVC, (name, b"\0")))


def placed(at: int, value: int) -> bytes:
    """Returns a file in which a byte of the place of its only item is another."""
    data = bytearray(in_one_piece(smooth(64, 64)))
    entry = data.index(b"iloc") + 12
    data[entry + at] = value
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (derived(b"iovl"), "of the kind 'iovl'"),
        (derived(b"\n\xff\0 "), r"of the kind '\n\xff\x00 '"),
        (in_one_piece(smooth(64, 64), AVC), "of the kind 'avc1'"),
        (in_tiles(smooth(*TWO_BY_TWO), AVC), "of the kind 'avc1'"),
        (in_one_piece(smooth(64, 64), JPEG), "of the kind 'jpeg'"),
        (in_tiles(smooth(*TWO_BY_TWO), JPEG), "of the kind 'jpeg'"),
        (placed(3, 2), "construction method"),
        (with_essential(b"odd!"), "item property 'odd!'"),
    ],
)
def test_a_form_that_cannot_be_decoded_is_named(data: bytes, says: str) -> None:
    found, text = flaw(data)
    assert found is Flaw.UNDECODABLE
    assert says in text
    assert "save it as a JPEG" in text


def test_without_pillow_heif_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    # What stands as nothing in the list of modules cannot be imported.
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    for data in (in_one_piece(smooth(64, 64)), in_tiles(smooth(*TWO_BY_TWO), AVC)):
        found, text = flaw(data)
        assert found is Flaw.UNDECODABLE
        assert "pip install 'odyssey-client[heif]'" in text
    # AVIF is in Pillow itself.
    assert_same(shown(in_one_piece(smooth(64, 64), AV1)), smooth(64, 64))


def test_pillow_heif_is_not_registered_for_the_application() -> None:
    data = in_one_piece(smooth(64, 64))
    assert_same(shown(data), smooth(64, 64))
    with pytest.raises(UnidentifiedImageError):
        Image.open(BytesIO(data))


@pytest.mark.parametrize(
    "data",
    [
        tiled(plain_tile, 3),
        tiled(plain_tile, 0),
        tiled(plain_tile, shape=(129, 128)),
        tiled(plain_tile, shape=(128, 129)),
        tiled(lambda writer: 77),
        tiled(lambda writer: writer.picture(smooth(64, 64), HEVC, crop(8, 8, 0, 0))),
        in_one_piece(smooth(64, 64)).replace(size(64, 64)[1], size(63, 64)[1]),
        in_tiles(smooth(*TWO_BY_TWO)).replace(size(128, 128)[1], size(96, 96)[1]),
        in_one_piece(smooth(64, 64), HEVC, crop(0, 32, 0, 0)),
        in_one_piece(smooth(64, 64), HEVC, (b"clap", bytes(32))),
        in_one_piece(smooth(64, 64), HEVC, (b"irot", b"")),
        placed(1, 9),
        placed(8, 0x7F),
        in_one_piece(smooth(64, 64))[:-9],
        in_one_piece(smooth(64, 64)).replace(b"iinf", b"free"),
        in_one_piece(smooth(64, 64)).replace(b"ispe", b"free"),
        in_one_piece(smooth(64, 64)).replace(b"infe", b"free"),
        in_one_piece(smooth(64, 64), AV1, crop(65, 64, 0, 0)),
        in_one_piece(smooth(64, 64), AV1, crop(32, 32, 34, 0)),
        in_one_piece(smooth(64, 64), AV1, crop(0, 32, 0, 0)),
        in_one_piece(smooth(64, 64), AV1, (b"clap", bytes(32))),
        in_one_piece(smooth(64, 64), AV1, (b"clap", bytes(3))),
        in_one_piece(smooth(64, 64), AV1)[:-9],
        in_one_piece(smooth(64, 64), AV1).replace(b"ispe", b"free"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(data: bytes) -> None:
    found, text = flaw(data)
    assert found is Flaw.CORRUPT
    assert "broken or cut off" in text


def test_where_the_main_picture_is_broken_no_other_is_shown() -> None:
    """pillow-heif leaves a broken picture out, and takes what comes first for the main one."""
    writer = Writer(HEVC.brand)
    other = writer.picture(smooth(64, 64), HEVC)
    head = bytes([0, 0, 1, 1]) + b"".join(side.to_bytes(2) for side in TWO_BY_TWO)
    item = writer.add(b"grid", head, size(*TWO_BY_TWO))
    writer.refer(b"dimg", item, writer.picture(smooth(TILE, TILE), HEVC))
    assert_same(shown(writer.file(other)), smooth(64, 64))
    found, text = flaw(writer.file(item))
    assert (found, "its main picture is missing" in text) == (Flaw.CORRUPT, True)


TURNED_THEN_CROPPED = middle(np.rot90(smooth(64, 64)), 32, 16)


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (tiled(lambda writer: writer.grid(smooth(64, 64), HEVC)), np.tile(smooth(64, 64), (2, 2, 1))),
        (in_one_piece(smooth(64, 64), HEVC, rotation(1), crop(32, 16, 0, 0)), TURNED_THEN_CROPPED),
        (in_one_piece(smooth(64, 64), AV1, rotation(1), crop(32, 16, 0, 0)), TURNED_THEN_CROPPED),
    ],
    ids=["a grid of grids", "HEIC cropped after it is turned", "AVIF cropped after it is turned"],
)
def test_rare_forms_that_can_be_decoded(data: bytes, wanted: Pixels) -> None:
    found = shown(data)
    assert found.shape == wanted.shape
    assert np.abs(found.astype(int) - wanted).mean() < 3


# --- bombs --------------------------------------------------------------------------------------------


def of_size(coding: Coding, width: int, height: int) -> Callable[[Writer], int]:
    """Returns what adds a picture that claims a size."""
    settings, data = encoded(smooth(TILE, TILE), coding)
    return lambda writer: writer.add(coding.item, data, (coding.configuration, settings), size(width, height))


def with_bomb(coding: Coding, *, belongs: bool) -> bytes:
    """Returns a picture that claims to be large, or a small one whose transparency does."""
    writer = Writer(coding.brand)
    item = writer.picture(smooth(TILE, TILE), coding)
    bomb = of_size(coding, 60_000, 60_000)(writer)
    if belongs:
        writer.refer(b"auxl", bomb, item)
    return writer.file(item if belongs else bomb)


@pytest.mark.parametrize("coding", [HEVC, AV1], ids=["HEIC", "AVIF"])
@pytest.mark.parametrize("belongs", [False, True], ids=["the picture", "its transparency"])
def test_a_bomb_is_refused_before_it_is_decoded(
    monkeypatch: pytest.MonkeyPatch, coding: Coding, belongs: bool
) -> None:
    monkeypatch.setattr(pillow_heif, "open_heif", lambda *_: pytest.fail("it was opened"))
    monkeypatch.setattr(AvifImageFile, "load", lambda *_: pytest.fail("it was decoded"))
    found, text = flaw(with_bomb(coding, belongs=belongs))
    assert found is Flaw.TOO_MANY_PIXELS
    assert "60000x60000" in text


def test_a_bomb_of_tiles_is_refused_before_any_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pillow_heif.HeifImage, "to_pillow", lambda *_: pytest.fail("a tile was decoded"))
    found, text = flaw(tiled(of_size(HEVC, 8000, 8000)))
    assert found is Flaw.TOO_MANY_PIXELS
    assert "16000x16000" in text


def test_a_picture_that_is_larger_than_it_is_said_to_be_is_refused() -> None:
    writer = Writer(HEVC.brand)
    configuration, data = encoded(smooth(512, 512), HEVC)
    item = writer.add(HEVC.item, data, (HEVC.configuration, configuration), size(64, 64))
    assert flaw(writer.file(item))[0] is Flaw.CORRUPT


def test_an_avif_picture_that_is_larger_than_it_is_said_to_be_is_made_smaller() -> None:
    writer = Writer(AV1.brand)
    configuration, data = encoded(smooth(512, 512), AV1)
    item = writer.add(AV1.item, data, (AV1.configuration, configuration), size(64, 64))
    assert shown(writer.file(item)).shape == (64, 64, 3)


def test_properties_without_end_are_refused_at_once() -> None:
    data = in_one_piece(smooth(64, 64))
    count = data.index(b"ipma") + 8
    assert flaw(data[:count] + b"\xff" * 4 + data[count + 4 :])[0] is Flaw.CORRUPT


def test_bytes_that_are_named_again_and_again_do_not_fill_the_memory() -> None:
    data = in_one_piece(smooth(64, 64))
    at = data.index(b"iloc") - 4
    whole = bytes(4) + len(data).to_bytes(4)
    place = b"\0\1\0\0\0\0" + (60_000).to_bytes(2) + whole * 60_000
    body = b"iloc\1\0\0\0\x44\0\0\1" + place
    # In place of the true one, so that the file is right but for that.
    old = int.from_bytes(data[at : at + 4])
    again = data[:at] + (len(body) + 4).to_bytes(4) + body + data[at + old :]
    meta = data.index(b"meta") - 4
    longer = int.from_bytes(data[meta : meta + 4]) + len(body) + 4 - old
    assert flaw(again[:meta] + longer.to_bytes(4) + again[meta + 4 :])[0] is Flaw.CORRUPT


@pytest.mark.parametrize("coding", [HEVC, AV1], ids=["HEIC", "AVIF"])
@pytest.mark.parametrize("made", [in_one_piece, in_tiles])
def test_no_damage_is_anything_but_a_flaw(made: Callable[..., bytes], coding: Coding) -> None:
    chance = random.Random(made.__name__)
    whole = made(smooth(*TWO_BY_TWO), coding, crop(100, 100, 0, 0), rotation(1))
    head = whole.index(b"mdat")
    outcomes = set()
    for _ in range(200):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(8, head + 400)] = chance.randrange(256)
        try:
            outcomes.add(decode(bytes(data)).image.mode)
        except ImageError as error:
            outcomes.add(error.flaw)
    flaws = {Flaw.CORRUPT, Flaw.TOO_MANY_PIXELS, Flaw.UNDECODABLE, Flaw.UNKNOWN_KIND}
    assert {"RGB", Flaw.CORRUPT} <= outcomes <= {"RGB", "RGBA", *flaws}
