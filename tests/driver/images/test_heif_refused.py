"""HEIC, HEIF and AVIF that are refused: in forms that cannot be decoded, contradictory, or too large."""

import random
import sys
from collections.abc import Callable
from io import BytesIO

import pillow_heif
import pytest
from pictures.heif import AV1, AVC, HEVC, JPEG, TILE, Coding, Writer, crop, encoded, rotation, size
from pictures.smooth import TWO_BY_TWO, assert_same, in_one_piece, in_tiles, shown, smooth, tiled
from PIL import Image, UnidentifiedImageError
from PIL.AvifImagePlugin import AvifImageFile

from odyssey_anyio.images import Flaw, ImageError
from odyssey_anyio.images.prepare import decode, prepare


def flaw(data: bytes) -> tuple[Flaw, str]:
    with pytest.raises(ImageError) as caught:
        prepare(data, True, lambda: None)
    assert "\n" not in str(caught.value)
    return caught.value.flaw, str(caught.value)


# --- forms and contradictions --------------------------------------------------------------------------


def derived(kind: bytes) -> bytes:
    writer = Writer(HEVC.brand)
    item = writer.add(kind, bytes(20), size(64, 64))
    writer.refer(b"dimg", item, writer.picture(smooth(64, 64), HEVC))
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
