"""Readers of events and frames: shared by tasks, ended together, and no trouble after their loop."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from inmemory import World

from odyssey import Bounded, InteractAcknowledged, Newest, Odyssey, VideoFrame
from odyssey_anyio.aio.wakeup import Wakeup
from odyssey_anyio.events.event_stream import EventPublisher, EventStream
from odyssey_anyio.media.delivery import FrameFanout
from odyssey_anyio.media.frame_reader import FrameReader, Frames
from odyssey_trio_compat import call_soon

WITHIN = 10.0
"""More than anything here takes, in seconds."""

SHARERS = 3


def picture(number: int) -> VideoFrame:
    return VideoFrame(None, 1, 1, number)  # type: ignore[arg-type]  # no pixels


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await anyio.lowlevel.checkpoint()


class Sharers:
    """Tasks that share one reader."""

    def __init__(self, reader: AsyncIterator[Any]) -> None:
        self._reader = reader
        self.seen: list[Any] = []
        self.ended = 0

    async def read(self) -> None:
        async for one in self._reader:
            self.seen.append(one)
        self.ended += 1


# --- shared by tasks ----------------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.parametrize("how", ["closed", "ended"])
async def test_all_tasks_that_share_the_frames_of_a_peer_hear_of_the_end(how: str) -> None:
    fanout = FrameFanout()
    stream = fanout.open(Bounded(10), call_soon())
    sharers = Sharers(stream)
    with anyio.fail_after(WITHIN):
        async with anyio.create_task_group() as group:
            for _ in range(SHARERS):
                group.start_soon(sharers.read)
            await turns()
            for number in range(6):
                fanout.offer(picture(number))
                await turns()
            if how == "closed":
                stream.close()
            else:
                fanout.end()
    assert [frame.timestamp_ms for frame in sharers.seen] == list(range(6))
    assert sharers.ended == SHARERS
    assert stream.account.delivered == 6


@pytest.mark.anyio
async def test_all_tasks_that_share_a_reader_of_frames_go_on_with_the_next_peer_and_end_with_the_client(
    client: Odyssey, world: World
) -> None:
    sharers = Sharers(client.frames(Bounded(10)))
    with anyio.fail_after(WITHIN):
        async with anyio.create_task_group() as group:
            for _ in range(SHARERS):
                group.start_soon(sharers.read)
            for number in (1, 2):
                await turns()
                await client.connect()
                world.shows(3)
                while len(sharers.seen) < 3 * number:
                    await anyio.lowlevel.checkpoint()
                world.hangs_up()
                while client.is_connected:
                    await anyio.lowlevel.checkpoint()
            await client.aclose()
    assert sharers.ended == SHARERS


@pytest.mark.anyio
async def test_all_tasks_that_share_a_reader_of_events_reach_its_end() -> None:
    publisher = EventPublisher()
    reader = EventStream()
    publisher.add(reader)
    sharers = Sharers(reader)
    with anyio.fail_after(WITHIN):
        async with anyio.create_task_group() as group:
            for _ in range(SHARERS):
                group.start_soon(sharers.read)
            await turns()
            publisher.put(InteractAcknowledged("a"))
            await turns()
            publisher.close()
    assert sharers.seen == [InteractAcknowledged("a")]
    assert sharers.ended == SHARERS


# --- a stream's frames are its own --------------------------------------------------------------


@pytest.mark.anyio
async def test_nothing_of_before_a_stream_is_shown_in_it(client: Odyssey, world: World) -> None:
    """A picture that waits for a handler or for a reader of the newest shows what was before."""
    shown: list[int | str] = []
    busy, seen = anyio.Event(), anyio.Event()

    async def show(frame: VideoFrame) -> None:
        shown.append(frame.timestamp_ms)
        seen.set()
        await busy.wait()

    newest, all_of_them = client.frames(), client.frames(Bounded(10))
    await client.connect(on_video_frame=show, on_stream_started=shown.append)
    world.shows()
    with anyio.fail_after(WITHIN):
        await seen.wait()
    # While the handler is busy with 0 these come: 0, 1, 2.
    world.shows(3)
    assert await client.start_stream("A cat")
    busy.set()
    await turns()
    assert shown[0] == 0
    assert isinstance(shown[1], str)
    assert len(shown) == 2
    world.shows(1)
    with anyio.fail_after(WITHIN):
        assert (await anext(newest)).timestamp_ms == 0
        while len(shown) < 3:
            await anyio.lowlevel.checkpoint()
    # Who asks for several frames asks for all that come, whatever they show.
    assert [(await anext(all_of_them)).timestamp_ms for _ in range(5)] == [0, 0, 1, 2, 0]
    assert newest.account.received == 5
    assert newest.account.delivered == 1
    assert newest.account.dropped == {"replaced": 3, "closed": 1}


# --- closed, and used again ---------------------------------------------------------------------


@pytest.mark.anyio
async def test_a_fanout_ends_its_readers_and_serves_those_that_come_later() -> None:
    publisher = EventPublisher()
    for prompt in ("a", "b"):
        reader = EventStream()
        publisher.add(reader)
        publisher.put(InteractAcknowledged(prompt))
        publisher.close()
        publisher.close()
        publisher.put(InteractAcknowledged("too late"))
        assert [event async for event in reader] == [InteractAcknowledged(prompt)]


@pytest.mark.anyio
async def test_frames_end_their_readers_and_serve_those_that_come_later() -> None:
    frames = Frames()
    for number in (1, 2):
        # One that waits for a peer, one that has seen a picture, one that comes too late for it.
        waiting = frames.read(Newest())
        fanout, crossing = FrameFanout(), call_soon()
        frames.attach(lambda policy, fanout=fanout, crossing=crossing: fanout.open(policy, crossing))  # type: ignore[misc]  # these two
        reading = frames.read(Bounded(5))
        fanout.offer(picture(number))
        assert (await anext(reading)).timestamp_ms == number
        frames.close()
        frames.close()
        fanout.offer(picture(number))
        for reader in (waiting, reading):
            with anyio.fail_after(WITHIN):
                assert [frame async for frame in reader] == []
    assert frames.account.received == 4
    assert frames.account.delivered == 2


# --- loops that are closed under them -----------------------------------------------------------


@pytest.mark.anyio
async def test_a_wakeup_wakes_all_who_wait_and_nobody_who_comes_later() -> None:
    wakeup = Wakeup()
    woken: list[int] = []

    async def wait(number: int) -> None:
        await wakeup.wait()
        woken.append(number)

    async with anyio.create_task_group() as group:
        wakeup.set()
        for number in (1, 2):
            group.start_soon(wait, number)
        await turns()
        assert repr(wakeup) == "<Wakeup awaited>"
        assert woken == []
        wakeup.set()
        group.start_soon(wait, 3)
        await turns()
        assert sorted(woken) == [1, 2]
        wakeup.set()


def silence(tasks: set[asyncio.Task[Any]]) -> None:
    """What was cut off with its loop is thrown away unfinished, which asyncio tells of."""
    for task in tasks:
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # asyncio's own way to be silent


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_readers_of_a_loop_that_was_closed_do_the_client_no_harm(
    backend: str, world: World, make: Callable[..., Odyssey]
) -> None:
    client = make()
    readers: list[EventStream | FrameReader] = [client.events(), client.frames()]

    async def session() -> None:
        await client.connect()
        tasks.update(asyncio.ensure_future(Sharers(reader).read()) for reader in readers)
        await turns()

    tasks: set[asyncio.Task[Any]] = set()
    loop = asyncio.new_event_loop()
    loop.run_until_complete(session())
    silence(asyncio.all_tasks(loop))
    loop.close()

    async def another() -> None:
        with anyio.fail_after(WITHIN):
            await client.connect()
            world.shows()
            await client.aclose()

    anyio.run(another, backend=backend)
    tasks.clear()
    gc.collect()
