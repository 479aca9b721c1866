"""Files that somebody else made: traces and images."""

import io
from contextlib import suppress

from odyssey_anyio.images.errors import ImageError
from odyssey_anyio.images.prepare import prepare
from odyssey_proto.trace import TraceError, lines, read, read_file


def trace(data: bytes) -> None:
    """A trace: what can be read can be written, and read again."""
    with suppress(TraceError):
        found = read_file(io.BytesIO(data))
        again = read(lines(found))
        assert len(again.steps) == len(found.steps)


def image(data: bytes) -> None:
    """An image file."""
    _prepared(data)


def image_url(data: bytes) -> None:
    """A data URL."""
    _prepared("data:" + data.decode("utf-8", "replace"))


def _prepared(image: bytes | str) -> None:
    with suppress(ImageError):
        assert prepare(image, True, lambda: None).startswith("data:image/jpeg;base64,")


TARGETS = {"trace": trace, "image": image, "image-url": image_url}
