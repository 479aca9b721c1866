"""The frames of a trace: how many came when, and where fewer came than usual."""

from collections.abc import Iterable

from attrs import frozen

from odyssey_proto.kernel.machine import Instant
from odyssey_proto.model.events import Disconnected, StreamEnded, StreamFailed, StreamStarted
from odyssey_proto.seam.inputs import MediaSeen, PeerId
from odyssey_proto.seam.outputs import Happened
from odyssey_proto.trace.values import Record

MIN_COUNT_GAP = 100_000
"""Counts that are nearer to each other than this, in microseconds, say nothing of a rate."""

USUAL_PART = 0.8
"""Below this part of the usual rate frames are missing."""


@frozen
class Count:
    """Frames that came between two reports of the media engine."""

    begins: Instant
    ends: Instant
    frames: int
    number: int
    """The record of the second report."""
    missing: int = 0
    """About how many fewer than usual, which is inferred from counts; 0 unless that is a notable part."""

    @property
    def rate(self) -> float:
        """Frames a second."""
        return self.frames * 1_000_000 / (self.ends - self.begins)


def counts(records: Iterable[Record]) -> tuple[Count, ...]:
    """
    Returns the frames between any two reports.

    What is usual is the median of the trace: a stream's rate is the streamer's choice and not on record.
    Frames are missing only where a stream ran all the time.
    """
    found = _counted(records)
    rates = sorted(count.rate for count, live in found if live)
    usual = rates[len(rates) // 2] if rates else 0.0
    return tuple(_judged(count, usual) if live else count for count, live in found)


def _counted(records: Iterable[Record]) -> list[tuple[Count, bool]]:
    """Returns what came between two reports, and whether a stream ran all the time."""
    found: list[tuple[Count, bool]] = []
    last: dict[PeerId, tuple[Instant, int]] = {}
    since: Instant | None = None
    for number, record in enumerate(records):
        match record.value:
            case Happened(StreamStarted()):
                since = record.at
            case Happened(StreamEnded() | StreamFailed(ends=True | None) | Disconnected()):
                since = None
            case MediaSeen(peer, received):
                begins, before = last.get(peer, (record.at, received))
                if record.at - begins >= MIN_COUNT_GAP:
                    live = since is not None and since <= begins
                    found.append((Count(begins, record.at, max(0, received - before), number), live))
                if peer not in last or record.at - begins >= MIN_COUNT_GAP:
                    last[peer] = record.at, received
            case _:
                pass
    return found


def _judged(count: Count, usual: float) -> Count:
    expected = usual * (count.ends - count.begins) / 1_000_000
    if count.frames >= USUAL_PART * expected:
        return count
    return Count(count.begins, count.ends, count.frames, count.number, round(expected - count.frames))
