"""When the frames of a trace came: between the times at which they were counted."""

from collections.abc import Iterable
from itertools import pairwise

from odyssey_proto.kernel.machine import Instant, Span, seconds
from odyssey_proto.playback.moves import Frames
from odyssey_proto.seam.inputs import MediaSeen, PeerId
from odyssey_proto.seam.outputs import DropPeer
from odyssey_proto.trace.values import Step

COUNT_INTERVAL = seconds(1)
"""Frames that come are counted about so often (`MediaSeen`)."""

MAX_COUNT_INTERVAL = seconds(1.5)
"""Where the next count comes later than this, no frames came for a while."""

type FramePacing = dict[tuple[Instant, PeerId], list[Frames]]
"""What begins at a count of the frames of a peer."""


def frame_pacing(steps: Iterable[Step]) -> FramePacing:
    """Returns what the frames do after each count: evenly until the next one, or nothing for a while."""
    counts: dict[PeerId, list[tuple[Instant, int]]] = {}
    ends: dict[PeerId, Instant] = {}
    last = Instant(0)
    for step in steps:
        last = step.at
        if isinstance(step.inp, MediaSeen):
            counts.setdefault(step.inp.peer, []).append((step.at, step.inp.received))
        for output in step.outputs:
            if isinstance(output, DropPeer):
                ends[output.peer] = step.at
    found: FramePacing = {}
    for peer, seen in counts.items():
        for (at, before), (then, received) in pairwise(seen):
            found.setdefault((at, peer), []).append(_between(at, peer, Span(then - at), received - before))
        at, _ = seen[-1]
        if ends.get(peer, last) - at > MAX_COUNT_INTERVAL:
            found.setdefault((at, peer), []).append(Frames(at, peer, Span(0), 0, COUNT_INTERVAL))
    return found


def _between(at: Instant, peer: PeerId, gap: Span, frames: int) -> Frames:
    still = Span(gap - COUNT_INTERVAL if gap > MAX_COUNT_INTERVAL else 0)
    return Frames(at, peer, still, max(frames, 0), Span(max(gap - still, 1)))
