"""An encoded picture with its time: what is handed from the media loop to the thread that writes."""

from attrs import frozen


@frozen
class TimedPicture:
    """An encoded picture, and when it is seen, in ticks of `CLOCK` by the clock of this machine."""

    codec: str
    """`vp8` or `h264`."""
    data: bytes
    ticks: int
    keyframe: bool
