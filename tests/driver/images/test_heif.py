"""HEIC, HEIF and AVIF as telephones write them: tiled, turned, cropped and transparent."""

from collections.abc import Callable

import numpy as np
import pytest
from pictures import CORNERS, Pixels, corners, file, quarters, read
from pictures.heif import (
    ALPHA,
    AV1,
    HEVC,
    HEVC_ALPHA,
    TILE,
    Coding,
    Property,
    Writer,
    auxiliary,
    colours,
    crop,
    mirror,
    rotation,
    with_matrix,
    with_ten_bits,
)
from pictures.smooth import (
    CROPPED,
    ONE_PIECE,
    TWO_BY_TWO,
    assert_same,
    in_one_piece,
    in_tiles,
    shown,
    smooth,
    tiled,
)

from odyssey_anyio.images.formats import Format, recognise
from odyssey_anyio.images.prepare import prepare

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
