"""Video files, read back, and the encoded pictures that they are made of."""

from pathlib import Path
from typing import Any

import av
import numpy as np
from house.video_pair import encoded

from odyssey_anyio.recorder.timed_picture import TimedPicture, TimedSound

CLOCK = 90_000
STEP = 3_750
"""24 pictures a second, in ticks of that clock."""

ENCODERS = {"vp8": "libvpx", "h264": "libx264"}


def timed(codec: str, count: int, begin: int = 0, width: int = 64, height: int = 48) -> list[TimedPicture]:
    """Returns the pictures of a video, the first of which is a keyframe, at an even pace."""
    return [
        TimedPicture(codec, bytes(packet), begin + number * STEP, number == 0)
        for number, packet in enumerate(encoded(ENCODERS[codec], width, height, count))
    ]


SOUND_STEP = 1_800
"""Twenty milliseconds, in ticks of that clock."""


def sounds(count: int, begin: int = 0) -> list[TimedSound]:
    """Returns Opus of a rising tone."""
    context: Any = av.CodecContext.create("libopus", "w")
    context.sample_rate, context.layout, context.format = 48_000, "stereo", "s16"
    packets: list[bytes] = []
    for number in range(count + 1):
        samples = np.sin(np.arange(960) * (0.02 + 0.001 * number)) * 8000
        frame = av.AudioFrame.from_ndarray(
            np.repeat(samples, 2).astype(np.int16)[None, :], format="s16", layout="stereo"
        )
        frame.sample_rate, frame.pts = 48_000, 960 * number
        packets += [bytes(packet) for packet in context.encode(frame)]
    return [TimedSound(data, begin + number * SOUND_STEP) for number, data in enumerate(packets[:count])]


def sound_of(path: Path) -> list[tuple[float, bytes]]:
    """Returns the packets of a file's sound, each with its time in seconds."""
    with av.open(str(path)) as container:
        packets = list(container.demux(container.streams.audio[0]))
        return [(round(float(each.pts * each.time_base), 3), bytes(each)) for each in packets if each.size]


def sound_seconds(path: Path) -> float:
    """Decodes the sound of a file; returns how long it is."""
    with av.open(str(path)) as container:
        return sum(frame.samples for frame in container.decode(audio=0)) / 48_000


def read_back(path: Path) -> list[tuple[float, int, int]]:
    """Decodes a file; returns of each picture its time in seconds, and its size."""
    with av.open(str(path)) as container:
        pictures = container.decode(container.streams.video[0])
        return [(round(each.time, 3), each.width, each.height) for each in pictures]


def codec_of(path: Path) -> str:
    """Returns the coding of a file's video."""
    with av.open(str(path)) as container:
        return container.streams.video[0].codec_context.name
