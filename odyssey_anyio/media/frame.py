"""One picture of a video, as the application gets it."""

from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

type Pixels = "NDArray[np.uint8]"


class VideoFrame:
    """
    One picture.

    `data` is RGB, uint8, (height, width, 3); it is converted when it is first touched, and kept.
    Everything else costs nothing.
    """

    __slots__ = ("_data", "_source", "height", "timestamp_ms", "width")

    def __init__(self, data: Pixels, width: int, height: int, timestamp_ms: int = 0) -> None:
        self._data: Pixels | None = data
        self._source: Any = None
        self.width: int = width
        self.height: int = height
        self.timestamp_ms: int = timestamp_ms

    @classmethod
    def decoded(cls, source: Any) -> Self:
        """Returns a frame that was decoded by PyAV, not yet converted."""
        frame = cls.__new__(cls)
        frame._data = None
        frame._source = source
        frame.width = source.width
        frame.height = source.height
        pts, base = source.pts, source.time_base
        frame.timestamp_ms = 0 if pts is None or base is None else int(pts * base * 1000)
        return frame

    @property
    def data(self) -> Pixels:
        """The picture as RGB, uint8, (height, width, 3)."""
        data = self._data
        if data is None:
            # One thread: more of them cost more than they bring at this size.
            data = self._data = self._source.to_ndarray(format="rgb24", threads=1)
        return data

    @property
    def planes(self) -> "tuple[Pixels, ...] | None":
        """
        The picture as it was decoded, without a copy: Y, U and V (yuv420p), each (height, width).

        `None` if it was not decoded in that form.
        """
        if self._source is None or self._source.format.name not in ("yuv420p", "yuvj420p"):
            return None
        import numpy as np

        return tuple(
            np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
            for plane in self._source.planes
        )

    def __repr__(self) -> str:
        return f"<VideoFrame {self.width}x{self.height} at {self.timestamp_ms} ms>"

    def __reduce__(self) -> tuple[Any, ...]:
        return (VideoFrame, (self.data, self.width, self.height, self.timestamp_ms))
