"""How the media of a peer come: by which way, how many packets were lost, how much their arrival varies."""

from collections.abc import Callable
from typing import Any

from attrs import frozen

from odyssey_anyio.media.decoders import CLOCK_RATE
from odyssey_anyio.media.ice_internals import chosen_path


@frozen
class MediaReport:
    """What is known of the media of one peer at a moment."""

    path: tuple[str, str] | None = None
    """
    The kinds of the two candidates in use, ours first: `host`, `srflx`, `prflx` or `relay` (RFC 8445).

    `None` while there is no connection, or where aiortc does not say.
    """
    received: int = 0
    """How many packets of video came."""
    lost: int = 0
    """How many did not, and were missing when the next one came."""
    jitter_ms: float = 0.0
    """How much the arrival of packets varies, in milliseconds (RFC 3550 section 6.4.1)."""


async def measure(pc: Any, answer: Callable[[MediaReport], None]) -> None:
    """Calls `answer` with the report of an aiortc connection, in the media loop."""
    video = [each for each in (await pc.getStats()).values() if _is_video(each)]
    jitter = max((each.jitter for each in video), default=0)
    answer(
        MediaReport(
            chosen_path(pc),
            sum(each.packetsReceived for each in video),
            sum(max(each.packetsLost, 0) for each in video),
            round(jitter * 1000 / CLOCK_RATE, 1),
        )
    )


def _is_video(stats: Any) -> bool:
    return bool(stats.type == "inbound-rtp" and stats.kind == "video")
