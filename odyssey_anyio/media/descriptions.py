"""Descriptions and candidates between our words and those of aiortc."""

import logging
import re
from typing import Any

from odyssey_proto.seam.outputs import AddCandidate, SetRemote

logger: logging.Logger = logging.getLogger("odyssey.media")

DEFAULT_MAX_MESSAGE = 65536
"""What a description allows that does not say so (RFC 8841 section 6.1)."""

MAX_MESSAGE = 262144
"""What is sent at most when the other side names no limit or a larger one."""


def max_message(sdp: str) -> int:
    """Returns how large a message the side that wrote this description takes (RFC 8841 section 6.1)."""
    found = re.search(r"^a=max-message-size:(\d{1,15})\s*$", sdp, re.MULTILINE)
    if found is None:
        return DEFAULT_MAX_MESSAGE
    return min(int(found[1]) or MAX_MESSAGE, MAX_MESSAGE)


async def add_candidate(pc: Any, order: AddCandidate) -> None:
    """Gives a connection one more candidate, or their end; one that aiortc cannot use is left out."""
    try:
        await pc.addIceCandidate(_candidate(order))
    except Exception as error:
        logger.debug("a candidate was left out", exc_info=error)


def _candidate(order: AddCandidate) -> Any:
    """Returns aiortc's candidate; `None` says that there are no more."""
    from aiortc.sdp import candidate_from_sdp

    if order.candidate is None:
        return None
    found = candidate_from_sdp(order.candidate.candidate)
    found.sdpMid = order.candidate.sdp_mid
    found.sdpMLineIndex = order.candidate.sdp_mline_index
    if found.sdpMid is None and found.sdpMLineIndex is None:
        found.sdpMLineIndex = 0
    return found


def description(order: SetRemote) -> Any:
    """Returns aiortc's description."""
    from aiortc import RTCSessionDescription

    return RTCSessionDescription(order.sdp, order.kind.value)
