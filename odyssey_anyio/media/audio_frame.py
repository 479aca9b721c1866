"""A stretch of sound, as the application gets it."""

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING

from odyssey_proto.kernel.introspection import PIXELS, Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    type Samples = NDArray[np.int16]
else:
    # As the pixels of a picture.
    type Samples = import_module("numpy").ndarray


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class AudioFrame(Value):
    """
    A stretch of sound, mostly of 20 ms.

    A frame is equal to itself only.
    """

    data: Samples = field(metadata=PIXELS)
    """The samples, int16, (samples, channels)."""
    sample_rate: int
    """Samples a second, of each channel; 48000 for Opus."""
    timestamp_ms: int
    """When it is to be played, in milliseconds on the clock of `VideoFrame.timestamp_ms`."""

    @property
    def channels(self) -> int:
        """How many channels there are: 2 for stereo."""
        return int(self.data.shape[1])

    @property
    def duration_ms(self) -> float:
        """How long it is, in milliseconds."""
        return len(self.data) * 1000 / self.sample_rate

    def __repr__(self) -> str:
        return f"<AudioFrame {self.duration_ms:g} ms, {self.channels} channels, at {self.timestamp_ms} ms>"
