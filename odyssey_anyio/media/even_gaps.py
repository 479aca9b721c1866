"""An encoder of video that does not learn of the time for which packets waited to be sent."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

VIDEO_CLOCK = 90_000
"""Ticks a second of the timestamps of a video (RFC 3551 section 5)."""

type Encode = Callable[..., tuple[list[bytes], int]]
"""Takes a frame, and whether it has to be a keyframe; returns payloads and the timestamp of their packets."""


def even_gaps(encode: Encode, gap: Callable[[float], float]) -> Encode:
    """Returns what encodes a frame as long after the one before as `gap` says; its own time is sent."""
    drawn: float | None = None
    behind = 0.0

    def encode_evenly(frame: Any, force_keyframe: bool = False) -> tuple[list[bytes], int]:
        nonlocal drawn, behind
        # Whoever else encodes the same frame may have changed the base of its time.
        before, drawn = drawn, float(frame.pts * frame.time_base)
        if before is not None:
            behind += drawn - before - gap(drawn - before)
        if not behind:
            return encode(frame, force_keyframe)
        picture = type(frame).from_ndarray(frame.to_ndarray(format="yuv420p"), format="yuv420p")
        picture.pts, picture.time_base = round((drawn - behind) * VIDEO_CLOCK), Fraction(1, VIDEO_CLOCK)
        payloads, _ = encode(picture, force_keyframe)
        return payloads, round(drawn * VIDEO_CLOCK)

    return encode_evenly
