"""HEIC, HEIF and AVIF as telephones write them: tiled, turned, cropped, transparent; and what is refused."""

import random
from collections.abc import Callable

import numpy as np
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

from odyssey_anyio.images import Flaw, ImageError, coded
from odyssey_anyio.images.decode import decode, measure
from odyssey_anyio.images.flaw import check_pixels
from odyssey_anyio.images.kinds import Kind, recognise
from odyssey_anyio.images.prepare import prepare

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
    kind = recognise(data)
    header = measure(kind, data)
    pixels = header.orientation.turn(decode(kind, data, header))
    assert pixels.shape[:2] == header.upright[::-1]
    return pixels


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


@pytest.mark.parametrize(
    ("coding", "kind"), [(HEVC, Kind.HEIC), (AV1, Kind.AVIF), (AVC, Kind.HEIF), (JPEG, Kind.HEIF)]
)
@pytest.mark.parametrize("made", [in_one_piece, in_tiles])
def test_every_coding_becomes_a_jpeg(made: Callable[..., bytes], coding: Coding, kind: Kind) -> None:
    data = made(np.asarray(quarters(2 * TILE, 4 * TILE)), coding)
    assert recognise(data) is kind
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


def test_a_grid_may_tell_its_size_in_long_numbers() -> None:
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
        made(fading(*shape)[::small, ::small], coding, auxiliary(kind)),
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


def test_transparency_may_be_told_in_a_smaller_picture() -> None:
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
        writer.refer(b"auxl", writer.picture(black, HEVC, auxiliary(kind), (b"odd!", b"")), item)
    writer.essential.add(b"odd!")
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
        (tiled(lambda writer: writer.grid(smooth(64, 64), HEVC)), "of the kind 'grid'"),
        (
            tiled(lambda writer: writer.picture(smooth(64, 64), HEVC, rotation(1))),
            "tiles are cropped or turned",
        ),
        (
            tiled(lambda writer: writer.picture(smooth(64, 64), HEVC, crop(8, 8, 0, 0))),
            "tiles are cropped or turned",
        ),
        (in_one_piece(smooth(64, 64), HEVC, rotation(1), crop(8, 8, 0, 0)), "cropped after it is turned"),
        (with_essential(b"iscl"), "the property 'iscl'"),
        (placed(3, 2), "in another file or item"),
        (placed(5, 1), "in another file or item"),
    ],
)
def test_a_form_that_cannot_be_decoded_is_named(data: bytes, says: str) -> None:
    found, text = flaw(data)
    assert found is Flaw.UNDECODABLE
    assert says in text
    assert "save it as a JPEG" in text


def test_a_decoder_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    data = in_one_piece(smooth(64, 64))
    monkeypatch.setattr(coded, "_DECODERS", {b"hvc1": ("nothing", b"hvcC")})
    found, text = flaw(data)
    assert found is Flaw.UNDECODABLE
    assert "no decoder 'nothing'" in text


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (tiled(plain_tile, 3), "2x2 tiles, but there are 3"),
        (tiled(plain_tile, 0), "2x2 tiles, but there are 0"),
        (tiled(plain_tile, shape=(129, 128)), "do not fill 129x128"),
        (tiled(plain_tile, shape=(128, 129)), "do not fill 128x129"),
        (tiled(lambda writer: 77), "the item 77 is missing"),
        (in_one_piece(smooth(64, 64)).replace(size(64, 64)[1], size(63, 64)[1]), "63x64 by its properties"),
        (in_tiles(smooth(*TWO_BY_TWO)).replace(size(128, 128)[1], size(96, 96)[1]), "128x128 by its grid"),
        (in_one_piece(smooth(64, 64), HEVC, crop(65, 64, 0, 0)), "cropped to what is not there"),
        (in_one_piece(smooth(64, 64), HEVC, crop(32, 32, 34, 0)), "cropped to what is not there"),
        (in_one_piece(smooth(64, 64), HEVC, crop(0, 32, 0, 0)), "cropped to what is not there"),
        (in_one_piece(smooth(64, 64), HEVC, (b"clap", bytes(32))), "cropped to nothing"),
        (in_one_piece(smooth(64, 64), HEVC, (b"irot", b"")), "cut short"),
        (placed(1, 9), "the place of the item 1 is missing"),
        (placed(8, 0x7F), "the data of the item 1 are missing"),
        (in_one_piece(smooth(64, 64))[:-9], "the data of the item 1 are missing"),
        (in_one_piece(smooth(64, 64)).replace(b"iinf", b"free"), "'iinf' is missing"),
        (in_one_piece(smooth(64, 64)).replace(b"ispe", b"free"), "no pixels"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(data: bytes, says: str) -> None:
    found, text = flaw(data)
    assert found is Flaw.CORRUPT
    assert says in text


def test_tiles_of_several_sizes_are_refused() -> None:
    writer = Writer(HEVC.brand)
    item = writer.add(b"grid", bytes([0, 0, 0, 1, 0, 128, 0, 64]), size(128, 64))
    tiles = [writer.picture(smooth(side, 64), HEVC) for side in (64, 96)]
    writer.refer(b"dimg", item, *tiles)
    found, text = flaw(writer.file(item))
    assert found is Flaw.CORRUPT
    assert "not all of one size" in text


def test_a_bomb_of_tiles_is_refused_before_any_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    data = tiled(lambda writer: writer.add(b"hvc1", b"", size(8000, 8000)))
    monkeypatch.setattr(coded, "pixels", lambda *_: pytest.fail("a tile was decoded"))
    found, text = flaw(data)
    assert found is Flaw.TOO_MANY_PIXELS
    assert "16000x16000" in text


@pytest.mark.parametrize("coding", [HEVC, AV1], ids=["HEIC", "AVIF"])
def test_a_picture_that_is_larger_than_it_is_said_to_be_is_refused(coding: Coding) -> None:
    writer = Writer(coding.brand)
    configuration, data = encoded(smooth(512, 512), coding)
    item = writer.add(coding.item, data, (coding.configuration, configuration), size(64, 64))
    found, text = flaw(writer.file(item))
    assert found is Flaw.CORRUPT
    assert "64x64 by its properties, 512x512 by its picture" in text


def test_of_many_pictures_in_one_item_only_the_first_is_decoded() -> None:
    writer = Writer(AV1.brand)
    configuration, data = encoded(smooth(64, 64), AV1)
    item = writer.add(AV1.item, data + b"\xff" * 50, (AV1.configuration, configuration), size(64, 64))
    assert_same(shown(writer.file(item)), smooth(64, 64))


def test_bytes_that_are_named_again_and_again_do_not_fill_the_memory() -> None:
    data = in_one_piece(smooth(64, 64))
    at = data.index(b"iloc") - 4
    whole = bytes(4) + len(data).to_bytes(4)
    place = b"\0\1\0\0\0\0" + (2000).to_bytes(2) + whole * 2000
    body = b"iloc\1\0\0\0\x44\0\0\1" + place
    # The place in front of the true one counts.
    again = data[:at] + (len(body) + 4).to_bytes(4) + body + data[at:]
    meta = data.index(b"meta") - 4
    longer = int.from_bytes(data[meta : meta + 4]) + len(body) + 4
    found, text = flaw(again[:meta] + longer.to_bytes(4) + again[meta + 4 :])
    assert (found, "the data of the item 1 are missing" in text) == (Flaw.CORRUPT, True)


@pytest.mark.parametrize("made", [in_one_piece, in_tiles])
def test_no_damage_is_anything_but_a_flaw(made: Callable[..., bytes]) -> None:
    chance = random.Random(made.__name__)
    whole = made(smooth(*TWO_BY_TWO), HEVC, crop(100, 100, 0, 0), rotation(1))
    head = whole.index(b"mdat")
    outcomes = set()
    for _ in range(200):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(8, head + 400)] = chance.randrange(256)
        try:
            header = measure(Kind.HEIC, bytes(data))
            check_pixels(header.width, header.height)
            found = decode(Kind.HEIC, bytes(data), header)
            outcomes.add(found.shape == (header.height, header.width, 3))
        except ImageError as error:
            outcomes.add(error.flaw)
    assert {True, Flaw.CORRUPT} <= outcomes <= {True, Flaw.CORRUPT, Flaw.TOO_MANY_PIXELS, Flaw.UNDECODABLE}
