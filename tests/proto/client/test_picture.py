"""What is reported of the picture: that it freezes or goes on, and what limits it."""

import pytest

from odyssey_proto.kernel.machine import seconds
from odyssey_proto.messages import stream
from odyssey_proto.model import events as e
from odyssey_proto.model.quality import LimitingFactor
from odyssey_proto.seam import inputs as i
from odyssey_proto.seam import outputs as o
from odyssey_proto.testing.by_hand import PEER
from odyssey_proto.testing.situations import streaming


def test_a_freeze_is_reported_once_and_its_end_too() -> None:
    world = streaming()
    world.media(i.MediaSeen(PEER, 24))
    world.wait(seconds(30))
    assert world.events_of(e.FramesStalled) == [e.FramesStalled(24)]
    assert o.AskKeyframe(PEER) in world.outputs(o.AskKeyframe)
    world.media(i.MediaSeen(PEER, 48))
    assert world.events[-1] == e.FramesResumed(48)
    world.finish()


def test_frames_that_come_and_are_not_decoded_are_a_freeze_with_a_reason_of_its_own() -> None:
    world = streaming()
    for undecoded in range(4):
        world.media(i.MediaSeen(PEER, 24, undecoded))
        world.wait(seconds(1))
    assert world.events_of(e.FramesStalled) == [e.FramesStalled(24, e.StallReason.NOT_DECODED)]
    world.media(i.MediaSeen(PEER, 25, 4))
    assert world.events[-1] == e.FramesResumed(25)
    # What was not decoded before the last good frame explains nothing.
    world.wait(seconds(3))
    assert world.events_of(e.FramesStalled)[1:] == [e.FramesStalled(25, e.StallReason.NO_FRAMES)]
    world.finish()


def test_what_limits_the_video_is_announced_when_it_has_stayed_so_and_once() -> None:
    world = streaming()

    def seen(limited_by: LimitingFactor | None, wait: float) -> None:
        world.media(i.MediaSeen(PEER, len(world.steps), 0, limited_by))
        world.wait(seconds(wait))

    for factor in (None, LimitingFactor.LOSS, None, LimitingFactor.BANDWIDTH, LimitingFactor.BANDWIDTH):
        seen(factor, 1)
    assert world.events_of(e.QualityChanged) == []
    for factor in (LimitingFactor.BANDWIDTH, LimitingFactor.BANDWIDTH, None, None, None, None):
        seen(factor, 1)
    changes = [e.QualityChanged(LimitingFactor.BANDWIDTH), e.QualityChanged(None)]
    assert world.events_of(e.QualityChanged) == changes
    # Without a stream there is nothing to be said.
    world.streamer_says(stream.StreamEnded())
    for _ in range(4):
        seen(LimitingFactor.LOSS, 1)
    assert world.events_of(e.QualityChanged) == changes
    world.finish()


@pytest.mark.parametrize(
    ("judged", "announced"),
    [
        ("ljljl", "l"),
        ("ljljj", "j"),
        # It is announced until it has not been the case for so long.
        ("ljljlllljljjjjjj", "lj"),
        ("ljljljnlnlnl", "l"),
        ("lljllnnjnnn", "l-"),
        # A moment that is good begins anew.
        ("ljnljnlj", ""),
    ],
)
def test_what_alternates_is_announced_as_what_it_mostly_was(judged: str, announced: str) -> None:
    """Twice a second; nobody who reads events only is left to think that nothing limits the video."""
    world = streaming()
    factors = {"l": LimitingFactor.LOSS, "j": LimitingFactor.JITTER, "n": None, "-": None}
    for each in judged:
        for _ in range(2):
            world.media(i.MediaSeen(PEER, len(world.steps), 0, factors[each]))
            world.wait(seconds(0.25))
    assert world.events_of(e.QualityChanged) == [e.QualityChanged(factors[each]) for each in announced]
    world.finish()


def test_time_in_which_nothing_was_judged_does_not_count() -> None:
    world = streaming()
    for wait in (30, 1, 1, 0):
        assert world.events_of(e.QualityChanged) == []
        world.media(i.MediaSeen(PEER, len(world.steps), 0, LimitingFactor.LOSS))
        world.wait(seconds(wait))
    assert world.events_of(e.QualityChanged) == [e.QualityChanged(LimitingFactor.LOSS)]
    world.finish()


@pytest.mark.parametrize("how", ["the stream ends", "left", "lost"])
def test_at_the_end_nothing_limits_the_video_any_more(how: str) -> None:
    world = streaming()
    for _ in range(4):
        world.media(i.MediaSeen(PEER, len(world.steps), 0, LimitingFactor.LOSS))
        world.wait(seconds(1))
    changes = [e.QualityChanged(LimitingFactor.LOSS)]
    assert world.events_of(e.QualityChanged) == changes
    if how == "left":
        world.finish()
    elif how == "lost":
        world.socket_closes(1011)
        assert isinstance(world.events[-1], e.Disconnected), "it is announced before the end"
    else:
        world.streamer_says(stream.StreamEnded())
    changes.append(e.QualityChanged(None))
    assert world.events_of(e.QualityChanged) == changes
    world.finish()
