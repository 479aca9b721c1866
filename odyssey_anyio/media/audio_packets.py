"""
Packets of an audio, in any order, become frames in order; each is a frame by itself (RFC 7587 section 4.2).

Sound that comes late is of no use, so a missing packet is neither asked for nor waited for long: when
`MAX_WAITING_PACKETS` wait behind it, they go on without it.
"""

from collections.abc import Callable
from typing import Any

from odyssey_anyio.media.packet_buffer import MAX_BACKWARD_PACKETS, FrameRun, ReceivedFrame, distance_of

MAX_WAITING_PACKETS = 4
"""So many packets wait for one that is missing; with the fifth, after 100 ms of Opus, they go on."""


class AudioPackets:
    """
    Stands where a receiver has its jitter buffer.

    `begin` numbers a frame that arrived.
    """

    def __init__(self, begin: Callable[[], int]) -> None:
        self._begin = begin
        self._source: int | None = None
        self._next = 0
        self._waiting: dict[int, ReceivedFrame] = {}
        self.origin: int | None = None
        """The timestamp of the first frame, as it was sent."""

    def __repr__(self) -> str:
        return f"<AudioPackets {len(self._waiting)} waiting>"

    def add(self, packet: Any) -> tuple[bool, FrameRun | None]:
        """Takes a packet; returns that no keyframe is to be asked for, and what is in order by it."""
        ahead = distance_of(packet.sequence_number, self._next)
        if packet.ssrc != self._source or ahead < -MAX_BACKWARD_PACKETS:
            # Another sender, or one that counts anew.
            self._source = packet.ssrc
            self._waiting.clear()
            self._next, ahead = packet.sequence_number, 0
        at = self._next + ahead
        if ahead < 0 or at in self._waiting or not packet._data:
            return False, None
        self._waiting[at] = ReceivedFrame(packet._data, packet.timestamp, self._begin(), ahead == 0)
        if len(self._waiting) > MAX_WAITING_PACKETS:
            self._next = min(self._waiting)
        frames: list[ReceivedFrame] = []
        while (frame := self._waiting.pop(self._next, None)) is not None:
            frames.append(frame)
            self._next += 1
        if frames and self.origin is None:
            self.origin = frames[0].timestamp
        return False, FrameRun(frames) if frames else None
