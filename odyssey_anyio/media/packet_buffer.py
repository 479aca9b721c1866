"""
Packets of a video, in any order, become whole frames in order; each says whether one is missing before it.

A frame is whole when its packet with the marker is there and all before it (RFC 3550 section 5.1; RFC 7741
section 4.1 and RFC 6184 section 5.1 set it on the last one), so it need not wait for the frame after it.
A sender without markers, or with one in the middle of a frame, is followed by timestamps alone.

**What is missing** is asked for again by the receiver (NACK), so those behind a gap wait.
They do not wait for ever:

- a whole keyframe behind the gap is where the video goes on, and what lies before it is given up; the packet
  before it has to be there, for it shows that the keyframe begins there;
- a keyframe is asked for when a gap is `GAP_PATIENCE` old, or at once when it is larger than a sender keeps,
  and again after `GAP_PATIENCE`;
- when `MAX_PACKETS` wait, the oldest gap is given up, and the first frame behind it says so.

Who decodes may then keep to one rule (media/encoded_queue.py): after a frame that does not follow the one
before it, nothing is decoded until a keyframe has come.
"""

from collections.abc import Callable
from typing import Any

from attrs import define

from odyssey_anyio.media.encoded_picture import begins_keyframe

MAX_PACKETS = 1024
"""How many packets wait for those that are missing; four seconds of the service's video."""

GAP_PATIENCE = 0.5
"""For how long a gap may wait for what is sent again before a keyframe is asked for, in seconds."""

MAX_REPAIRED_PACKETS = 100
"""A larger gap is not filled by sending again: senders keep about so many (aiortc: 128)."""

MAX_BACKWARD_PACKETS = 3000
"""A packet that lies further back is no late one: the sender counts anew (RFC 3550 appendix A.1)."""


def distance_of(number: int, other: int) -> int:
    """Returns how far a sequence number is ahead of another; after 65,535 comes 0 (RFC 3550 section 5.1)."""
    return (number - other + 0x8000) % 0x10000 - 0x8000


@define
class ReceivedFrame:
    """A whole frame."""

    data: bytes
    timestamp: int
    number: int
    """In the order in which frames began to arrive."""
    follows: bool
    """Whether nothing is missing between it and the frame before."""


class FrameRun:
    """The frames that became whole by one packet, in order; at least one."""

    def __init__(self, frames: list[ReceivedFrame]) -> None:
        self.frames = frames

    @property
    def timestamp(self) -> int:
        """That of the first; setting it moves all of them."""
        return self.frames[0].timestamp

    @timestamp.setter
    def timestamp(self, value: int) -> None:
        first = self.frames[0].timestamp
        for frame in self.frames:
            frame.timestamp = value + (frame.timestamp - first) % 2**32


class PacketBuffer:
    """
    Stands where a receiver has its jitter buffer.

    `begin` numbers a frame of which something arrived for the first time; `clock` has seconds.
    """

    def __init__(self, begin: Callable[[], int], clock: Callable[[], float]) -> None:
        self._begin = begin
        self._clock = clock
        self.origin: int | None = None
        """The timestamp of the first frame, as it was sent."""
        self._start()

    def _start(self) -> None:
        """Forgets what came before."""
        self._source: int | None = None
        self._packets: dict[int, Any] = {}
        self._numbers: dict[int, int] = {}
        self._keyframes: list[int] = []
        self._next = self._highest = 0
        self._released: int | None = None
        self._follows = False
        self._marked = True
        self._gap = (-1, 0.0)

    def __repr__(self) -> str:
        return f"<PacketBuffer {len(self._packets)} waiting for {self._missing}>"

    @property
    def _missing(self) -> int:
        """How many packets are missing before the newest."""
        return self._highest + 1 - self._next - len(self._packets)

    def add(self, packet: Any) -> tuple[bool, FrameRun | None]:
        """Takes a packet; returns whether a keyframe is to be asked for, and what is whole by it."""
        if packet.ssrc != self._source:
            self._start()
            self._source = packet.ssrc
            self._next = packet.sequence_number
            self._highest = self._next - 1
        distance = distance_of(packet.sequence_number, self._highest)
        at = self._highest + distance
        if distance < -MAX_BACKWARD_PACKETS:
            self._start()
            return self.add(packet)
        if at < self._next or at in self._packets:
            return False, None
        self._highest = max(self._highest, at)
        self._packets[at] = packet
        if begins_keyframe(packet._data):
            self._keyframes.append(at)
        if packet.timestamp not in self._numbers:
            self._numbers[packet.timestamp] = self._begin()
        frames = self._whole()
        if (start := self._keyframe_behind()) is not None:
            self._skip(start)
            frames += self._whole()
        while len(self._packets) >= MAX_PACKETS:
            self._skip(self._behind_gap())
            frames += self._whole()
        if frames and self.origin is None:
            self.origin = frames[0].timestamp
        return self._impatient(), FrameRun(frames) if frames else None

    # --- frames ---------------------------------------------------------------------------------

    def _whole(self) -> list[ReceivedFrame]:
        """Takes out the frames at the front that are whole."""
        frames: list[ReceivedFrame] = []
        while (end := self._end(self._next)) is not None:
            packets = [self._packets.pop(at) for at in range(self._next, end)]
            self._next = end
            timestamp = packets[0].timestamp
            data = b"".join(packet._data for packet in packets)
            number = self._numbers.pop(timestamp, None)
            if not data:
                # Nothing but padding, which belongs to no frame.
                continue
            if timestamp == self._released:
                # The marker stood in the middle of a frame, so what was released was a part of it.
                self._marked = self._follows = False
            number = self._begin() if number is None else number
            frames.append(ReceivedFrame(data, timestamp, number, self._follows))
            self._released, self._follows = timestamp, True
        return frames

    def _end(self, start: int) -> int | None:
        """Returns where the frame that begins there ends; `None` if it is not whole."""
        first = self._packets.get(start)
        at = start
        while first is not None and (packet := self._packets.get(at)) is not None:
            if packet.timestamp != first.timestamp:
                return at
            at += 1
            if self._marked and packet.marker:
                return at
        return None

    # --- gaps -----------------------------------------------------------------------------------

    def _keyframe_behind(self) -> int | None:
        """Returns where a whole keyframe begins behind a frame that is not whole."""
        self._keyframes = [at for at in self._keyframes if at > self._next]
        whole = (at for at in self._keyframes if self._begins(at) and self._end(at) is not None)
        return max(whole, default=None)

    def _begins(self, at: int) -> bool:
        """Tells whether a frame is known to begin there: the end of the one before it is there."""
        before = self._packets.get(at - 1)
        return before is not None and (
            before.timestamp != self._packets[at].timestamp or bool(self._marked and before.marker)
        )

    def _behind_gap(self) -> int:
        """Returns where the first frame behind the oldest gap is known to begin, or the end of all."""
        waiting = sorted(at for at in self._packets if at > self._next)
        return next((at for at in waiting if self._begins(at)), self._highest + 1)

    def _skip(self, start: int) -> None:
        """Gives up what lies before a packet."""
        for at in [at for at in self._packets if at < start]:
            self._numbers.pop(self._packets.pop(at).timestamp, None)
        self._next = start
        self._follows = False

    def _impatient(self) -> bool:
        """Tells whether a keyframe is to be asked for, because a gap is not being filled."""
        missing, now = self._missing, self._clock()
        at, since = self._gap
        if not missing:
            self._gap = (-1, now)
            return False
        if at != self._next:
            self._gap = (self._next, now)
            return missing > MAX_REPAIRED_PACKETS
        if now - since < GAP_PATIENCE:
            return False
        self._gap = (at, now)
        return True
