"""What is handed from the media loop to the thread that writes: encoded, with its time."""

from attrs import frozen


@frozen
class TimedPicture:
    """An encoded picture, and when it is seen, in ticks of `CLOCK` by the clock of this machine."""

    codec: str
    """`vp8` or `h264`."""
    data: bytes
    ticks: int
    keyframe: bool


@frozen
class TimedSound:
    """An Opus packet, and when it is to be played, by the same clock."""

    data: bytes
    ticks: int
