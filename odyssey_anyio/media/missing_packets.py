"""
Which packets of a video are missing, and when to ask for each again (RFC 4585 section 6.2.1).

A packet is asked for as soon as a later one shows that it is missing, and again each time that the answer
could have been there, because a request or its answer may be lost as well.
How long an answer takes is measured by those that come.
The packets themselves are the clock: nothing is asked for while none comes, which keeps this without a timer.
"""

from collections.abc import Callable
from typing import Any

from attrs import define

from odyssey_anyio.media.packet_buffer import MAX_BACKWARD_PACKETS, distance_of

FIRST_REPEAT_SECONDS = 0.05
"""After so long a packet is asked for again while nobody knows how long an answer takes."""

MIN_REPEAT_SECONDS, MAX_REPEAT_SECONDS = 0.02, 0.2

REPEAT_ROUND_TRIPS = 1.5
"""So many round trips an answer may take before it counts as lost."""

SMOOTHING = 1 / 8
"""The weight of each new round trip in their average, as in RFC 6298 section 2."""

GIVE_UP_SECONDS = 0.5
"""Senders do not keep what they sent for longer, and a keyframe is asked for (media/packet_buffer.py)."""

MAX_MISSING_PACKETS = 128
"""More at once are a break in the connection; senders keep about so many (aiortc: 128)."""


@define
class _Missing:
    since: float
    asked: float | None = None
    once: bool = False
    """Whether it was asked for one time, so that its arrival answers that."""


class MissingPackets:
    """Stands where a receiver has its NACK generator; `clock` has seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._waiting: dict[int, _Missing] = {}
        self._source: int | None = None
        self._highest = 0
        self._round_trip: float | None = None
        self.missing: list[int] = []
        """The numbers to ask for now, each modulo 2^16."""

    def __repr__(self) -> str:
        return f"<MissingPackets {len(self._waiting)}>"

    @property
    def repeat_seconds(self) -> float:
        """After how long a packet is asked for again."""
        if self._round_trip is None:
            return FIRST_REPEAT_SECONDS
        return min(max(REPEAT_ROUND_TRIPS * self._round_trip, MIN_REPEAT_SECONDS), MAX_REPEAT_SECONDS)

    def add(self, packet: Any) -> bool:
        """Takes a packet; returns whether some are to be asked for now."""
        now = self._clock()
        ahead = distance_of(packet.sequence_number, self._highest)
        if packet.ssrc != self._source or ahead < -MAX_BACKWARD_PACKETS:
            self._source = packet.ssrc
            self._highest, ahead = packet.sequence_number, 0
            self._waiting.clear()
        self._arrived(self._highest + ahead, now)
        if ahead > 0:
            if ahead + len(self._waiting) > MAX_MISSING_PACKETS:
                self._waiting.clear()
            else:
                for number in range(self._highest + 1, self._highest + ahead):
                    self._waiting[number] = _Missing(now)
            self._highest += ahead
        self.missing = self._due(now) if self._waiting else []
        return bool(self.missing)

    def _arrived(self, number: int, now: float) -> None:
        missing = self._waiting.pop(number, None)
        if missing is not None and missing.asked is not None and missing.once:
            took = now - missing.asked
            before = took if self._round_trip is None else self._round_trip
            self._round_trip = before + SMOOTHING * (took - before)

    def _due(self, now: float) -> list[int]:
        """Returns what is to be asked for, and gives up what has been missing for too long."""
        repeat = self.repeat_seconds
        due: list[int] = []
        for number, each in list(self._waiting.items()):
            if now >= each.since + GIVE_UP_SECONDS:
                del self._waiting[number]
            elif each.asked is None or now >= each.asked + repeat:
                each.once = each.asked is None
                each.asked = now
                due.append(number % 0x10000)
        return due
