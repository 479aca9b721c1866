"""How a stored picture has to be turned to stand upright."""

from collections.abc import Mapping
from typing import Any

from attrs import evolve, frozen


@frozen
class Orientation:
    """First the axes are exchanged, then left and right (mirrored), then top and bottom (flipped)."""

    transposed: bool = False
    mirrored: bool = False
    flipped: bool = False

    @property
    def upright(self) -> bool:
        """Whether nothing has to be done."""
        return self == UPRIGHT

    def mirror(self) -> "Orientation":
        """Returns this orientation with left and right exchanged after it."""
        return evolve(self, mirrored=not self.mirrored)

    def flip(self) -> "Orientation":
        """Returns this orientation with top and bottom exchanged after it."""
        return evolve(self, flipped=not self.flipped)

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Returns width and height as they are upright."""
        return (height, width) if self.transposed else (width, height)

    def turn(self, pixels: Any) -> Any:
        """Returns an array (height, width, …) upright, as a view."""
        turned = pixels.swapaxes(0, 1) if self.transposed else pixels
        turned = turned[:, ::-1] if self.mirrored else turned
        return turned[::-1] if self.flipped else turned


UPRIGHT = Orientation()

EXIF: Mapping[int, Orientation] = {
    1: UPRIGHT,
    2: Orientation(mirrored=True),
    3: Orientation(mirrored=True, flipped=True),
    4: Orientation(flipped=True),
    5: Orientation(transposed=True),
    6: Orientation(transposed=True, mirrored=True),
    7: Orientation(transposed=True, mirrored=True, flipped=True),
    8: Orientation(transposed=True, flipped=True),
}
"""The values of the Exif tag (Exif 3.0 section 4.6.5, Orientation)."""

ANTICLOCKWISE = (EXIF[1], EXIF[8], EXIF[3], EXIF[6])
"""Turns by so many quarters."""
