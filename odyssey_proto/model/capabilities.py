"""What a streamer can do."""

from collections.abc import Mapping
from typing import Any, Self

from attrs import frozen


@frozen
class StreamerCapabilities:
    """What the streamer of a session can do (docs/protocol.md#reserving-a-streamer)."""

    image_to_video: bool = False
    """Whether a stream may start from an image."""

    def to_dict(self) -> dict[str, Any]:
        """Returns the form in which both official clients exchange it."""
        return {"image_to_video": self.image_to_video}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Takes that form, in either spelling; what is not said, or is no flag, counts as `False`."""
        return cls(data.get("image_to_video", data.get("imageToVideo")) is True)
