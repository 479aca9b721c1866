"""Words in the picture, from an atlas of glyphs (DejaVu Sans Mono Bold, see GLYPHS.md)."""

import textwrap
from functools import cache
from importlib.resources import files
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

WIDE, HIGH = 18, 36
"""The cell of a glyph, in pixels."""

COLUMNS = 16
MAX_LINES = 4
MARGIN_PIXELS = 24

_KNOWN = [chr(code) for code in (*range(32, 127), *range(160, 256))]
_PLACE = {char: index for index, char in enumerate(_KNOWN)}


def caption(text: str, width: int) -> NDArray[np.float32]:
    """Returns a text as coverage from 0 to 1, (height, width): up to four centred lines."""
    lines = textwrap.wrap(" ".join(text.split()), (width - 2 * MARGIN_PIXELS) // WIDE) or [""]
    if len(lines) > MAX_LINES:
        lines = [*lines[: MAX_LINES - 1], lines[MAX_LINES - 1][:-1] + "…"]
    picture = np.zeros((len(lines) * HIGH, width), np.float32)
    for row, line in enumerate(lines):
        left = (width - len(line) * WIDE) // 2
        for column, char in enumerate(line):
            at = left + column * WIDE
            picture[row * HIGH : (row + 1) * HIGH, at : at + WIDE] = _glyph(char)
    return picture


def _glyph(char: str) -> NDArray[np.float32]:
    index = _PLACE.get(char, _PLACE["·"])
    row, column = divmod(index, COLUMNS)
    return _atlas()[row * HIGH : (row + 1) * HIGH, column * WIDE : (column + 1) * WIDE]


@cache
def _atlas() -> NDArray[np.float32]:
    import av

    data = files("odyssey_anyio.local.video.scenes").joinpath("glyphs.png").read_bytes()
    with av.open(BytesIO(data), "r") as container:
        picture = next(container.decode(video=0)).to_ndarray(format="gray")
    return (picture / 255).astype(np.float32)
