"""How a stored picture has to be turned to stand upright."""

from collections.abc import Mapping
from typing import Any

from attrs import frozen


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

    def then(self, other: "Orientation") -> "Orientation":
        """Returns this orientation with another after it."""
        # What was left and right is top and bottom after the axes are exchanged.
        across, down = (self.flipped, self.mirrored) if other.transposed else (self.mirrored, self.flipped)
        return Orientation(
            self.transposed != other.transposed, across != other.mirrored, down != other.flipped
        )

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

AXES = (EXIF[4], EXIF[2])
"""What the two values of the property `imir` exchange: top and bottom, left and right."""
