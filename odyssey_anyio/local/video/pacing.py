"""When the frames of a video are due: evenly, or as somebody orders."""

from odyssey_proto.service.io.seam import Pace


class Pacing:
    """
    Says when the next frame is due, in seconds on one clock.

    At the usual pace, numbers are skipped when drawing is late, not time; ordered frames are
    all sent.
    Of the usual frames only every `stride`th is sent, such as for a picture that nobody waits for.
    """

    stride = 1

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._began: float | None = None
        self._number = -1
        self._gap: float | None = None
        self._next: float | None = None
        self._ordered = False

    def __repr__(self) -> str:
        return f"<Pacing at frame {self._number}{', ordered' if self._ordered else ''}>"

    def follow(self, now: float, pace: Pace) -> None:
        """Takes an order, which holds until the next one."""
        self._ordered = True
        self._gap = pace.span / 1_000_000 / pace.frames if pace.frames else None
        self._next = None if self._gap is None else now + pace.still / 1_000_000 + self._gap

    def wait(self, now: float) -> float | None:
        """Returns how long the next frame takes from now; `None`: nothing comes before another order."""
        if self._ordered:
            return None if self._next is None else self._next - now
        began = self._begun(now)
        return began + self._due(now) / self._rate - now

    def take(self, now: float) -> tuple[int, float]:
        """Returns the number of the frame that is due, and its time since the first one."""
        began = self._begun(now)
        if not self._ordered or self._next is None or self._gap is None:
            self._number = self._due(now)
            return self._number, self._number / self._rate
        self._number += 1
        at, self._next = self._next, self._next + self._gap
        return self._number, max(0.0, at - began)

    def _begun(self, now: float) -> float:
        if self._began is None:
            self._began = now
        return self._began

    def _due(self, now: float) -> int:
        return max(self._number + self.stride, int((now - self._begun(now)) * self._rate))
