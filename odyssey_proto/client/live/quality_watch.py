"""
What limits the video of a live stream is announced when what was announced has not been so for a while.

What it mostly was since then is announced: mostly that is one thing, but a link may alternate between two,
and who reads events must not think for that reason that nothing is wrong.

The media engine judges it from packets, and says it with each count of frames.
Where none come it says nothing, so the link and the streamer are named in the statistics only: what is
announced then is a stall (stall_watch.py).
At the end of a stream nothing limits it any more.
"""

from collections import Counter

from odyssey_proto.kernel.machine import Instant, seconds
from odyssey_proto.model.events import QualityChanged
from odyssey_proto.model.quality import LimitingFactor
from odyssey_proto.seam.outputs import Happened

STEADY = seconds(2)
"""How long what was announced has not been the case; longer without a judgment, that is not known."""


class QualityWatch:
    """Watches while a stream is live, and only then."""

    def __init__(self) -> None:
        self._live = False
        self._announced: LimitingFactor | None = None
        self._others: Counter[LimitingFactor | None] = Counter()
        self._since = Instant(0)
        self._judged: Instant | None = None

    def watch(self, live: bool) -> list[Happened]:
        """Begins or ends the watch; what is the case already may be repeated."""
        self._live = live
        if live:
            return []
        announced, self._announced, self._judged = self._announced, None, None
        return [] if announced is None else [Happened(QualityChanged(None))]

    def count(self, now: Instant, limited_by: LimitingFactor | None) -> list[Happened]:
        """Takes what limits the video now."""
        if not self._live:
            return []
        unknown = self._judged is None or now - self._judged > STEADY
        self._judged = now
        if unknown or limited_by is self._announced:
            self._others.clear()
        if limited_by is self._announced:
            return []
        if not self._others:
            self._since = now
        self._others[limited_by] += 1
        if now - self._since < STEADY:
            return []
        [(self._announced, _)] = self._others.most_common(1)
        self._others.clear()
        return [Happened(QualityChanged(self._announced))]
