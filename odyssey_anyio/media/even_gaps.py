"""An encoder of video that does not learn of the time for which packets waited to be sent."""

from collections.abc import Callable
from typing import Any

from odyssey_anyio.media.decoders import CLOCK, CLOCK_RATE

CATCH_UP_SHARE = 0.05
"""
So much longer the gaps are made until the time that was left out is caught up with.

All at once, also before a keyframe, it would bring a frame with the bits of all that time.
"""

type Encode = Callable[..., tuple[list[bytes], int]]
"""Takes a frame, and whether it has to be a keyframe; returns payloads and the timestamp of their packets."""


def even_gaps(encode: Encode, gap: Callable[[float], float]) -> Encode:
    """
    Returns what encodes a frame as long after the one before as `gap` says; its own time is sent.

    Frames are copied only while the encoder is behind: whoever shares a frame finds it as it was.
    """
    before: int | None = None
    behind = 0

    def encode_evenly(frame: Any, force_keyframe: bool = False) -> tuple[list[bytes], int]:
        nonlocal before, behind
        # Whoever else encodes the same frame may have changed the base of its time.
        drawn = round(frame.pts * frame.time_base * CLOCK_RATE)
        apart = None if before is None else drawn - before
        before = drawn
        if apart is not None:
            left_out = apart - round(gap(apart / CLOCK_RATE) * CLOCK_RATE)
            behind += left_out or -min(behind, max(0, round(apart * CATCH_UP_SHARE)))
        if not behind:
            return encode(frame, force_keyframe)
        picture = type(frame).from_ndarray(frame.to_ndarray(format="yuv420p"), format="yuv420p")
        picture.pts, picture.time_base = drawn - behind, CLOCK
        payloads, _ = encode(picture, force_keyframe)
        return payloads, drawn

    return encode_evenly
