"""
One clock for the video and the audio of a peer.

The timestamps of each begin anywhere, and only the sender's reports say how they lie to each other: each
gives one moment on a clock that both share (RFC 3550 section 6.4.1).
Until the reports of both have come, a second or two, the arrival of the first frames has to do.
The clock of the video never changes once it runs; the audio is set right by the reports, little by little.
"""

from collections import deque
from collections.abc import Callable

from attrs import define, field

TOLERANCE_SECONDS = 0.02
"""What the audio may be off before it is set right: less than that nobody notices."""

PACE_SHARE = 0.25
"""Timestamps that are set right run faster or slower by so much meanwhile."""

MAX_CORRECTION_SECONDS = 10.0
"""Tracks of one peer are never further apart than this: a report that says so has a clock of its own."""

REPORTS = 32
"""How many reports of each are kept: half a minute."""


@define
class _Track:
    clock_rate: int = 1
    origin: int = 0
    """The timestamp of its first frame, as it was sent."""
    arrived: float | None = None
    """When that came."""
    reported: int = 0
    """How far after `origin` the last report was: timestamps wrap within hours, and this does not."""
    sent: deque[float] = field(factory=lambda: deque(maxlen=REPORTS))
    """When that was sent, by the sender's own clock and the reports that came last."""


class MediaClock:
    """Says how much later than the clock's zero each track began; `clock` has seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._video = _Track()
        self._audio = _Track()
        self._correction = 0.0

    def __repr__(self) -> str:
        return f"<MediaClock video {self.video_offset_ms:.0f} ms, audio {self.audio_offset_ms:.0f} ms>"

    def video_began(self, origin: int, clock_rate: int) -> None:
        """The first picture has come; its timestamp was `origin`."""
        self._began(self._video, origin, clock_rate)

    def audio_began(self, origin: int, clock_rate: int) -> None:
        """The first sound has come; its timestamp was `origin`."""
        self._began(self._audio, origin, clock_rate)

    def video_reported(self, ntp: int, timestamp: int) -> None:
        """A sender's report has come: what has this timestamp was sent at this time (RFC 3550 section 4)."""
        self._reported(self._video, ntp, timestamp)

    def audio_reported(self, ntp: int, timestamp: int) -> None:
        """The same of the audio."""
        self._reported(self._audio, ntp, timestamp)

    @property
    def video_offset_ms(self) -> float:
        """What is to be added to the time since the first picture, in milliseconds."""
        return 1000 * self._since_start(self._video)

    @property
    def audio_offset_ms(self) -> float:
        """What is to be added to the time since the first sound, in milliseconds."""
        return 1000 * (self._since_start(self._audio) + self._correction)

    def _since_start(self, track: _Track) -> float:
        arrived = [each.arrived for each in (self._video, self._audio) if each.arrived is not None]
        return 0.0 if track.arrived is None else track.arrived - min(arrived)

    def _began(self, track: _Track, origin: int, clock_rate: int) -> None:
        if track.arrived is None:
            track.arrived, track.origin, track.clock_rate = self._clock(), origin, clock_rate

    def _reported(self, track: _Track, ntp: int, timestamp: int) -> None:
        # A sender without a clock says zero (RFC 3550 section 6.4.1).
        if track.arrived is None or ntp == 0:
            return
        track.reported += (timestamp - track.origin - track.reported + 2**31) % 2**32 - 2**31
        track.sent.append(ntp / 2**32 - track.reported / track.clock_rate)
        video, audio = self._video, self._audio
        if video.arrived is None or audio.arrived is None or not video.sent or not audio.sent:
            return
        # Some senders write down when a packet left, which may be late, but never early.
        correction = (min(audio.sent) - min(video.sent)) - (audio.arrived - video.arrived)
        believable = abs(correction) <= MAX_CORRECTION_SECONDS
        if believable and abs(correction - self._correction) > TOLERANCE_SECONDS:
            self._correction = correction


class SteadyOffset:
    """Follows an offset that changes at once, so that timestamps with it neither jump nor run backwards."""

    def __init__(self) -> None:
        self._last: tuple[float, float] | None = None

    def __repr__(self) -> str:
        return f"<SteadyOffset {self._last}>"

    def toward(self, target_ms: float, at_ms: float) -> float:
        """Returns the offset for what was sent then; the first is what it is to be."""
        offset = target_ms
        if self._last is not None:
            last_at, last = self._last
            most = PACE_SHARE * max(0.0, at_ms - last_at)
            offset = min(max(target_ms, last - most), last + most)
        self._last = at_ms, offset
        return offset
