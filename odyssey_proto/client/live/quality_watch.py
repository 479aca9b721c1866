"""
What limits the video of a live stream is announced when it changes, and has stayed so for a while.

The media engine judges it from packets, and says it with each count of frames; where none come, that is a
stall (stall_watch.py).
"""

from odyssey_proto.kernel.machine import Instant, seconds
from odyssey_proto.model.events import QualityChanged
from odyssey_proto.model.quality import LimitingFactor
from odyssey_proto.seam.outputs import Happened

STEADY = seconds(2)
"""What has not been the case for so long is not announced."""


class QualityWatch:
    """Watches while a stream is live, and only then."""

    def __init__(self) -> None:
        self._live = False
        self._announced: LimitingFactor | None = None
        self._latest: LimitingFactor | None = None
        self._since: Instant | None = None

    def watch(self, live: bool) -> None:
        """Begins or ends the watch; what is the case already may be repeated."""
        if not live:
            self._announced = self._since = None
        self._live = live

    def count(self, now: Instant, limited_by: LimitingFactor | None) -> list[Happened]:
        """Takes what limits the video now."""
        if not self._live:
            return []
        if self._since is None or limited_by is not self._latest:
            self._latest, self._since = limited_by, now
        if limited_by is self._announced or now - self._since < STEADY:
            return []
        self._announced = limited_by
        return [Happened(QualityChanged(limited_by))]
