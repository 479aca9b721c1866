"""
Packets of video that are lost in a row, again and again, and the first repeat of each as well.

Of a packet only the head can be read (RFC 3711 section 3.1), so the repeats that are lost are the next ones.
"""

import time

VIDEO, REPEAT = 97, 98
"""The payload types of aiortc for VP8 and for what is sent again (RFC 4588)."""

RTP_OR_RTCP = range(128, 192)
"""The first byte of a packet of media (RFC 7983 section 7)."""


class Bursts:
    """Loses so many packets in a row, every so many seconds, and as many repeats."""

    def __init__(self, size: int, every_seconds: float) -> None:
        self._size = size
        self._every = every_seconds
        self._next = time.monotonic() + every_seconds
        self._left = {VIDEO: 0, REPEAT: 0}

    def loses(self, data: bytes) -> bool:
        """Tells whether a datagram is lost."""
        if len(data) < 2 or data[0] not in RTP_OR_RTCP:
            return False
        now = time.monotonic()
        if now >= self._next:
            self._next = now + self._every
            self._left = {VIDEO: self._size, REPEAT: self._size}
        kind = data[1] & 0x7F
        if not self._left.get(kind):
            return False
        self._left[kind] -= 1
        return True
