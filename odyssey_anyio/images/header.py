"""What the head of an image file says about the picture, before anything is decoded."""

from attrs import frozen

from odyssey_anyio.images.orientation import UPRIGHT, Orientation


@frozen
class Header:
    """Width and height as they are stored, and how the picture has to be turned."""

    width: int
    height: int
    orientation: Orientation = UPRIGHT
    plain: bool = False
    """Whether every decoder shows it in the same way: eight bits, grey or YCbCr, opaque."""

    @property
    def upright(self) -> tuple[int, int]:
        """Width and height as they are looked at."""
        return self.orientation.size(self.width, self.height)
