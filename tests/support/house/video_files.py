"""Video files, read back, and the encoded pictures that they are made of."""

from pathlib import Path

import av
from house.video_pair import encoded

from odyssey_anyio.recorder.timed_picture import TimedPicture

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


def read_back(path: Path) -> list[tuple[float, int, int]]:
    """Decodes a file; returns of each picture its time in seconds, and its size."""
    with av.open(str(path)) as container:
        pictures = container.decode(container.streams.video[0])
        return [(round(each.time, 3), each.width, each.height) for each in pictures]


def codec_of(path: Path) -> str:
    """Returns the coding of a file's video."""
    with av.open(str(path)) as container:
        return container.streams.video[0].codec_context.name
