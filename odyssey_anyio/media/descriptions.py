"""Descriptions and candidates between our words and those of aiortc."""

import logging
import re
from typing import Any

from odyssey_anyio.media.ice_internals import check_late_candidates
from odyssey_proto.seam.outputs import AddCandidate, SetRemote

logger: logging.Logger = logging.getLogger("odyssey.media")

DEFAULT_MAX_MESSAGE = 65536
"""What a description allows that does not say so (RFC 8841 section 6.1)."""

MAX_MESSAGE = 262144
"""What is sent at most when the other side names no limit or a larger one."""

_DIRECTION = re.compile(r"(?m)^a=(?:sendrecv|sendonly|recvonly|inactive)\s*$")


def max_message(sdp: str) -> int:
    """Returns how large a message the side that wrote this description takes (RFC 8841 section 6.1)."""
    found = re.search(r"^a=max-message-size:(\d{1,15})\s*$", sdp, re.MULTILINE)
    if found is None:
        return DEFAULT_MAX_MESSAGE
    return min(int(found[1]) or MAX_MESSAGE, MAX_MESSAGE)


async def add_candidate(pc: Any, order: AddCandidate, *, further: bool = False) -> None:
    """
    Gives a connection one more candidate, or their end; one that aiortc cannot use is left out.

    One of a `further` description is for the transport in use, whatever section names it.
    """
    try:
        candidate = _candidate(order)
        if further:
            for transport in _transports(pc):
                await transport.addRemoteCandidate(candidate)
            check_late_candidates(pc)
        else:
            await pc.addIceCandidate(candidate)
    except Exception as error:
        logger.debug("a candidate was left out", exc_info=error)


def _transports(pc: Any) -> set[Any]:
    """Returns the ICE transports that are in use."""
    users = [transceiver.receiver for transceiver in pc.getTransceivers()]
    return {user.transport.transport for user in (*users, pc.sctp) if user is not None}


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

    return RTCSessionDescription(with_directions(order.sdp), order.kind.value)


def with_directions(sdp: str) -> str:
    """
    Returns a description each of whose sections says which way its media go.

    One that does not goes the way of the whole session, or both ways (RFC 8866 section 6.7); aiortc
    does not know that.
    """
    head, *sections = re.split(r"(?m)^(?=m=)", sdp)
    said = _DIRECTION.search(head)
    line = said[0].rstrip() if said else "a=sendrecv"
    return head + "".join(
        each if _DIRECTION.search(each) else f"{each.rstrip()}\r\n{line}\r\n" for each in sections
    )
