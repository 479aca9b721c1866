"""When frames are due: evenly, or as somebody orders."""

import anyio
from anyio.from_thread import start_blocking_portal

from odyssey_anyio.local.video.pacing import Pacing
from odyssey_anyio.local.video.track import SceneSource
from odyssey_proto.kernel.machine import Span, seconds
from odyssey_proto.seam.inputs import PeerId
from odyssey_proto.service.io.seam import Pace

PEER = PeerId(1)


def due(pacing: Pacing, now: float, ends: float) -> list[float]:
    """Returns when frames come until then, if each is taken when it is due."""
    found = []
    while (wait := pacing.wait(now)) is not None and now + wait <= ends:
        now += max(0.0, wait)
        pacing.take(now)
        found.append(round(now, 3))
    return found


def test_frames_come_evenly_and_late_ones_are_skipped() -> None:
    pacing = Pacing(10)
    assert due(pacing, 5.0, 5.35) == [5.0, 5.1, 5.2, 5.3]
    assert pacing.take(5.95) == (9, 0.9)
    assert repr(pacing) == "<Pacing at frame 9>"


def test_ordered_frames_come_after_a_pause_and_all_of_them() -> None:
    pacing = Pacing(10)
    assert due(pacing, 0.0, 0.1) == [0.0, 0.1]
    pacing.follow(1.0, Pace(PEER, seconds(2), 4, seconds(1)))
    assert due(pacing, 1.0, 4.3) == [3.25, 3.5, 3.75, 4.0, 4.25]
    number, at = pacing.take(9.0)
    assert (number, round(at, 3)) == (7, 4.5)
    pacing.follow(9.0, Pace(PEER, Span(0), 0, seconds(1)))
    assert pacing.wait(9.0) is None
    assert repr(pacing) == "<Pacing at frame 7, ordered>"


def test_a_video_stands_still_and_goes_on() -> None:
    source = SceneSource()

    async def look() -> None:
        video = source.track(PEER)
        await video.recv()
        source.show(Pace(PEER, Span(0), 0, seconds(1)))
        came = anyio.Event()

        async def watch() -> None:
            for _ in range(4):
                await video.recv()
            came.set()

        async with anyio.create_task_group() as group:
            group.start_soon(watch)
            await anyio.sleep(0.3)
            assert not came.is_set()
            source.show(Pace(PEER, Span(0), 100, seconds(1)))
            with anyio.fail_after(10):
                await came.wait()
        video.stop()
        source.drop(PEER)

    # The media engine has a loop in a thread of its own.
    with start_blocking_portal("asyncio") as portal:
        portal.call(look)
