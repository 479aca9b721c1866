"""When what a sender counts is seen or played, by the clock of this machine."""

from collections.abc import Callable

from odyssey_anyio.media.decoders import CLOCK

MAX_APART_TICKS = round(10 / CLOCK)
"""A timestamp further from the one before and from the clock of this machine: the sender counts anew."""


class SenderClock:
    """
    The timestamps of one sender, in ticks of `CLOCK`.

    The first one is the moment at which it came, each further one is by the clock of its sender (RFC 3550
    section 5.1): a network that delays frames moves none of them, and a pause takes as long as it took.
    A sender that counts anew, as a new source does (section 5.1), begins again when its frame came.
    `clock` has seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._offset: int | None = None
        """What the timestamps lack to the clock, once that is known."""
        self._latest = 0

    def __repr__(self) -> str:
        return f"<SenderClock {self._offset}>"

    @property
    def begun(self) -> bool:
        """Whether there was a first one."""
        return self._offset is not None

    def another(self) -> "SenderClock":
        """Returns a clock that begins as this one stands; each may count anew without the other."""
        clock = SenderClock(self._clock)
        clock._offset, clock._latest = self._offset, self._latest
        return clock

    def at(self, timestamp: int) -> int:
        """
        Returns when a frame is seen that comes now.

        Frames that were held up are far from the clock, and near to each other.
        """
        now = round(self._clock() / CLOCK)
        if self._offset is None:
            self._offset = now - timestamp
        if min(abs(timestamp - self._latest), abs(timestamp + self._offset - now)) > MAX_APART_TICKS:
            self._offset = now - timestamp
        self._latest = timestamp
        return timestamp + self._offset
