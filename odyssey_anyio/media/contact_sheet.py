"""Many pictures in one, each with its words below: how a video went, at one look."""

import os
import textwrap
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

from odyssey_anyio.errors.mapping import Calling, positive, refused
from odyssey_anyio.media.frame import PillowImage, VideoFrame

GAP_PIXELS = 16
PAPER, INK = (18, 18, 18), (235, 235, 235)
MAX_CAPTION_LINES = 3


class ContactSheet:
    """
    Shows frames side by side, with a caption below each; a notebook shows it by itself.

    `frames` are the pictures, and `captions`, if there are any, are as many texts.
    `columns` is how many stand in a row, and `width` how wide each is drawn, in pixels; `None` leaves them
    as they are.
    Raises `OdysseyValueError` without a frame, for another number of captions, and for numbers that make
    no sense.

    Example:
        ```python
        ContactSheet([before, after], ["A cat", "Pet the cat"]).save("cat.png")
        ```
    """

    def __init__(
        self,
        frames: Iterable[VideoFrame],
        captions: Iterable[str] = (),
        *,
        columns: int = 4,
        width: int | None = 320,
    ) -> None:
        self._frames = tuple(frames)
        self._captions = tuple(captions) or ("",) * len(self._frames)
        self._columns = positive(columns, "columns")
        self._width = None if width is None else positive(width, "width")
        if not self._frames:
            raise refused("a contact sheet needs a frame", Calling.REST)
        if len(self._captions) != len(self._frames):
            text = f"there are {len(self._captions)} captions for {len(self._frames)} frames"
            raise refused(text, Calling.REST)

    def __repr__(self) -> str:
        return f"<ContactSheet {len(self._frames)} frames>"

    def to_image(self) -> PillowImage:
        """Returns the sheet for Pillow, in the mode "RGB"."""
        from PIL import Image

        cells = [self._cell(*each) for each in zip(self._frames, self._captions, strict=True)]
        wide = max(cell.width for cell in cells) + GAP_PIXELS
        tall = max(cell.height for cell in cells) + GAP_PIXELS
        columns = min(self._columns, len(cells))
        rows = -(-len(cells) // columns)
        sheet = Image.new("RGB", (columns * wide - GAP_PIXELS, rows * tall - GAP_PIXELS), PAPER)
        for number, cell in enumerate(cells):
            row, column = divmod(number, columns)
            sheet.paste(cell, (column * wide, row * tall))
        return sheet

    def save(self, path: "str | os.PathLike[str]") -> Path:
        """
        Writes the sheet to the file `path`, and returns that; the ending of the name says in which format.

        Raises `ValueError` for an ending that Pillow does not know, and `OSError` if the file cannot be
        written.
        """
        written = Path(path).expanduser()
        self.to_image().save(written)
        return written

    def _repr_png_(self) -> bytes:
        """Shows the sheet in a notebook."""
        written = BytesIO()
        self.to_image().save(written, "PNG")
        return written.getvalue()

    def _cell(self, frame: VideoFrame, caption: str) -> PillowImage:
        """Returns a picture with its caption below, in up to three lines."""
        from PIL import Image, ImageDraw, ImageFont

        picture = frame.to_image()
        if self._width is not None:
            picture = picture.resize((self._width, max(1, frame.height * self._width // frame.width)))
        size = max(12, picture.width // 24)
        font = ImageFont.load_default(size)
        lines = textwrap.wrap(caption, max(1, 2 * picture.width // size), max_lines=MAX_CAPTION_LINES)
        below = GAP_PIXELS + len(lines) * 3 * size // 2 if lines else 0
        cell = Image.new("RGB", (picture.width, picture.height + below), PAPER)
        cell.paste(picture, (0, 0))
        at = picture.width // 2, picture.height + GAP_PIXELS // 2
        ImageDraw.Draw(cell).multiline_text(at, "\n".join(lines), INK, font, anchor="ma", align="center")
        return cell
