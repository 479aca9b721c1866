"""Contact sheets: where the pictures stand, and what is refused."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from odyssey import ContactSheet, OdysseyValueError, VideoFrame

RED, GREEN, BLUE = (200, 0, 0), (0, 200, 0), (0, 0, 200)


def plain(colour: tuple[int, int, int], width: int = 64, height: int = 32) -> VideoFrame:
    return VideoFrame(np.full((height, width, 3), colour, np.uint8), width, height)


def test_pictures_stand_in_rows() -> None:
    sheet = ContactSheet(map(plain, (RED, GREEN, BLUE)), columns=2, width=None).to_image()
    assert sheet.size == (2 * 64 + 16, 2 * 32 + 16)
    assert [sheet.getpixel(at) for at in ((0, 0), (80, 31), (63, 48))] == [RED, GREEN, BLUE]
    assert sheet.getpixel((80, 48)) == sheet.getpixel((70, 5))


def test_pictures_of_any_size_are_made_as_wide() -> None:
    sheet = ContactSheet([plain(RED, 128, 64), plain(GREEN, 32, 64)], width=64).to_image()
    assert sheet.size == (2 * 64 + 16, 128)
    assert sheet.getpixel((63, 31)) == RED
    assert sheet.getpixel((63, 32)) != RED
    assert sheet.getpixel((80, 127)) == GREEN


def test_captions_stand_below_and_are_cut() -> None:
    bare, short, long = (
        np.asarray(ContactSheet([plain(RED)], captions).to_image())
        for captions in ([], ["A cat"], ["A cat that walks to the door, and on and on " * 9])
    )
    assert bare.shape[0] < short.shape[0] < long.shape[0] < 400
    assert short[bare.shape[0] :].max() > 200


def test_a_sheet_shows_itself_and_is_saved(tmp_path: Path) -> None:
    sheet = ContactSheet([plain(RED)], ["A cat"])
    assert repr(sheet) == "<ContactSheet 1 frames>"
    with (
        Image.open(BytesIO(sheet._repr_png_())) as shown,
        Image.open(sheet.save(tmp_path / "it.png")) as kept,
    ):
        assert shown.tobytes() == kept.tobytes() == sheet.to_image().tobytes()


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        (([],), {}, "needs a frame"),
        (([plain(RED)], ["A cat", "A dog"]), {}, "2 captions for 1 frames"),
        (([plain(RED)],), {"columns": 0}, "columns must be a whole number"),
        (([plain(RED)],), {"width": 0}, "width must be a whole number"),
        (([plain(RED)],), {"width": True}, "width must be a whole number"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: Any, options: Any, words: str) -> None:
    with pytest.raises(OdysseyValueError, match=words):
        ContactSheet(*arguments, **options)
