"""
One picture of a video, as the application gets it: for numpy, Pillow, OpenCV, a page, a notebook, as a file.

What is made of it is made at each call, in the thread that calls: a JPEG of 1280x704 takes some milliseconds.
A program that has to keep its loop free lets a thread do it: `await anyio.to_thread.run_sync(frame.to_jpeg)`.
"""

import os
from dataclasses import dataclass, field
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from odyssey_proto.kernel.introspection import PIXELS, Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    type Pixels = NDArray[np.uint8]
else:
    # Evaluated for who looks up the class of `data`, as pydantic does: numpy is loaded then, not before.
    type Pixels = import_module("numpy").ndarray

type PillowImage = "Image"

JPEG_QUALITY = 85
"""Of 1 to 95."""


class _Decoded:
    """Holds what a frame was decoded as, beside the documented fields."""

    __slots__ = ("_source",)

    _source: Any


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class VideoFrame(_Decoded, Value):
    """
    One picture.

    `data` is converted when it is first touched, and kept.
    Everything else costs nothing.
    A frame is equal to itself only.
    """

    data: Pixels = field(metadata=PIXELS)
    """The picture as RGB, uint8, (height, width, 3)."""
    width: int
    """In pixels."""
    height: int
    """In pixels."""
    timestamp_ms: int = 0
    """When it is to be seen, in milliseconds; 0 if that is unknown."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "_source", None)

    @classmethod
    def decoded(cls, source: Any, offset_ms: float = 0) -> Self:
        """Returns a frame that was decoded by PyAV, not yet converted, `offset_ms` later than it says."""
        frame = cls.__new__(cls)
        pts, base = source.pts, source.time_base
        known = {
            "_source": source,
            "width": source.width,
            "height": source.height,
            "timestamp_ms": 0 if pts is None or base is None else int(pts * base * 1000 + offset_ms),
        }
        for name, value in known.items():
            object.__setattr__(frame, name, value)
        return frame

    if not TYPE_CHECKING:
        # Asked for what is not set yet: a checker knows the names of all fields without it.
        def __getattr__(self, name: str) -> Any:
            if name != "data":
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            # One thread: more of them cost more than they bring at this size.
            data = self._source.to_ndarray(format="rgb24", threads=1)
            object.__setattr__(self, "data", data)
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

    @property
    def bgr(self) -> Pixels:
        """The picture as OpenCV takes it: BGR, uint8, (height, width, 3), in memory of its own."""
        return self.data[:, :, ::-1].copy()

    def to_image(self) -> PillowImage:
        """Returns the picture for Pillow, in the mode "RGB"."""
        from PIL import Image

        return Image.fromarray(self.data)

    def to_jpeg(self, quality: int = JPEG_QUALITY) -> bytes:
        """
        Returns the picture as a JPEG file.

        `quality` is from 1 to 95; `ValueError` is raised for another.
        """
        if not 1 <= quality <= 95:
            raise ValueError(f"quality must be from 1 to 95, not {quality}")
        return self._file("JPEG", quality=quality)

    def save(self, path: "str | os.PathLike[str]") -> Path:
        """
        Writes the picture to the file `path`, and returns that; the ending of the name says in which format.

        Raises `ValueError` for an ending that Pillow does not know, and `OSError` if the file cannot be
        written.

        Example:
            ```python
            frame.save("cat.png")
            ```
        """
        written = Path(path).expanduser()
        self.to_image().save(written)
        return written

    def _repr_png_(self) -> bytes:
        """Shows the picture in a notebook."""
        return self._file("PNG")

    def _repr_html_(self) -> None:
        """Leaves it at the picture, where other values show a table."""

    def _file(self, kind: str, **options: int) -> bytes:
        written = BytesIO()
        self.to_image().save(written, kind, **options)
        return written.getvalue()

    def __repr__(self) -> str:
        return f"<VideoFrame {self.width}x{self.height} at {self.timestamp_ms} ms>"

    def __reduce__(self) -> tuple[Any, ...]:
        return (VideoFrame, (self.data, self.width, self.height, self.timestamp_ms))
