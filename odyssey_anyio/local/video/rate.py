"""
How fast a video is sent, by what its receiver reports: quickly down, slowly up, and never in bursts.

Two reports count.
An estimate of the receiver (REMB, draft-alvestrand-rmcat-remb-03) comes from the times at which packets
arrive, and falls when a line builds up on their way.
The share of packets that were lost (RFC 3550 section 6.4.2) says the same of a line that is full, unless as
many are lost when less is sent: then it is the way that loses them.
What is done with it is the loss-based controller of draft-ietf-rmcat-gcc-02 section 6.
"""

from collections import deque
from collections.abc import Callable

START_BITS = 500_000
"""Bits a second until more is known: what the encoder begins with."""
MIN_BITS, MAX_BITS = 100_000, 1_500_000
MIN_VIDEO_BITS = 50_000
"""What the encoder may produce in any case, however much else is sent."""
OTHER_SHARE = 0.2
"""What else is sent is taken off anew when it has changed by so much of the rate: that costs a keyframe."""

HIGH_LOSS, LOW_LOSS = 0.1, 0.02
"""With a greater share lost twice the rate falls, with less it may rise."""
SAME_LOSS = 0.85
"""If more than so much of a share is still lost at a lower rate, the rate was not the cause."""

ESTIMATE_SHARE = 0.75
"""
An estimate that falls below this share of what is sent says that it is too much.

It falls to 0.85 of what arrives; where nearly all of that arrives, it takes jitter for a line.
"""

RAISE = 1.2
RAISE_SECONDS = 5.0
"""The rate rises by so much at most so often."""
USED_SHARE = 0.7
"""It rises only while so much of it is used; what is not used tells nothing."""

RESENT_SHARE = 0.5
"""So much of the rate may be used for packets that are sent again: more would fill a full line for good."""

CAREFUL_SECONDS = 60.0
"""For so long after the rate fell, packets are kept to it."""
FREE_PACE_BITS = 8_000_000
"""Otherwise packets leave at this pace: those of a usual frame take a few milliseconds."""

FRAME_SECONDS = 0.05
"""By so much the first packet of a frame may be early: the next picture is drawn and encoded meanwhile."""

MIN_GAP_SECONDS = 1 / 30
"""So much is left of a gap in any case, if it was that long."""

WAY_SECONDS = 0.25
"""How long what is sent is mostly on its way, and its estimate on the way back."""


class RateController:
    """Decides by reports; `clock` has seconds, rates are in bits a second."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._bits = START_BITS
        self._sent = Amount()
        self._resent = Amount()
        self._other = Amount()
        self._other_bits = 0
        self._free_at = 0.0
        self._waited = self._left_out = 0.0
        """How long packets waited, and what of it an encoder knows: each is written in one thread only."""
        self._fell_at: float | None = None
        self._changed_at = clock()
        self._estimate = 0
        self._loss = self._usual_loss = 0.0
        self._tried: tuple[int, float] | None = None
        """The rate before it fell because of loss, and the share that was lost last."""
        self.encoder_bits: int = START_BITS
        """What an encoder is to produce; once a second at most it changes: each change costs a keyframe."""

    def __repr__(self) -> str:
        return f"<RateController {self._bits // 1000} kbit/s>"

    def sent(self, size: int, ends_frame: bool, *, paced: bool = True) -> float:
        """
        Takes that so many bytes were sent, and whether a frame ends with them.

        What is not `paced` is no new video: sound, reports, and what is sent again.
        Returns how long the next packet has to wait.
        """
        now = self._clock()
        self._sent.add(now, 8 * size)
        if not paced:
            self._other.add(now, 8 * size)
            return 0.0
        careful = self._fell_at is not None and now - self._fell_at < CAREFUL_SECONDS
        self._free_at = max(self._free_at, now) + 8 * size / (self._bits if careful else FREE_PACE_BITS)
        wait = self._free_at - now - (FRAME_SECONDS if ends_frame else 0.0)
        if careful:
            self._waited += max(0.0, wait)
        return wait

    def gap(self, seconds: float) -> float:
        """
        Returns how long after the one before a frame is to be encoded that was drawn so long after it.

        What was spent waiting for packets is left out: an encoder spends the bits of a long gap on one frame,
        which would take as long to send, and so would all that come after it.
        It may be called in the thread of the encoder.
        """
        waited = self._waited
        before, self._left_out = self._left_out, waited
        return max(min(seconds, MIN_GAP_SECONDS), seconds - (waited - before))

    def resend(self, size: int) -> bool:
        """Returns whether a packet of so many bytes may be sent again."""
        now = self._clock()
        if self._resent.rate(now) >= RESENT_SHARE * self._bits:
            return False
        self._resent.add(now, 8 * size)
        return True

    def lost(self, share: float) -> None:
        """Takes a receiver's report, one a second: so many of the packets since the last one were lost."""
        self._usual_loss = min(self._usual_loss, share)
        before, self._loss = self._loss, share
        if share <= HIGH_LOSS + self._usual_loss:
            self._tried = None
            if share < LOW_LOSS:
                self._raise()
        elif before <= HIGH_LOSS:
            # Once is a burst, or packets that overtook each other.
            pass
        elif self._tried is not None and share > SAME_LOSS * self._tried[1]:
            self._bits, self._fell_at = self._tried[0], None
            self._tried, self._usual_loss = None, share
        else:
            self._tried = (self._bits if self._tried is None else self._tried[0]), share
            self._lower(self._bits * (1 - share / 2))
        other = self._other.rate(self._clock())
        if abs(other - self._other_bits) > OTHER_SHARE * self._bits:
            self._other_bits = other
        self.encoder_bits = max(MIN_VIDEO_BITS, self._bits - self._other_bits)

    def estimated(self, bits: int) -> None:
        """
        Takes a receiver's estimate of what the way to it carries.

        It begins with what was sent and rises slowly from there: the rate rises no further, and falls only if
        the estimate does.
        """
        fell, self._estimate = bits < self._estimate, bits
        now = self._clock()
        # What has just been sent has not arrived yet, and what is sent again may be for nothing.
        sent = min(self._sent.rate(now), self._sent.rate(now - WAY_SECONDS)) - self._resent.rate(now)
        if fell and bits < ESTIMATE_SHARE * sent:
            self._tried, self._usual_loss = None, 0.0
            self._lower(bits)

    def _lower(self, bits: float) -> None:
        self._fell_at = self._changed_at = self._clock()
        self._bits = min(self._bits, max(MIN_BITS, round(bits)))

    def _raise(self) -> None:
        now = self._clock()
        used = self._sent.rate(now) >= USED_SHARE * self._bits
        if used and now - self._changed_at >= RAISE_SECONDS:
            self._changed_at = now
            most = min(MAX_BITS, self._estimate or MAX_BITS)
            self._bits = max(self._bits, min(most, round(self._bits * RAISE)))


class Amount:
    """What there was in the last two seconds."""

    def __init__(self) -> None:
        self._parts: deque[tuple[float, int]] = deque()

    def add(self, now: float, bits: int) -> None:
        """Takes a part of it."""
        self._parts.append((now, bits))
        while self._parts[0][0] <= now - 2:
            self._parts.popleft()

    def rate(self, until: float) -> int:
        """Returns how much it was in the second that ends then, in bits a second."""
        return sum(bits for at, bits in self._parts if until - 1 < at <= until)
