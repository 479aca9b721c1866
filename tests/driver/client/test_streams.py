"""Iterators and blocks: events, frames, and a stream that is ended on every way out."""

import gc
from collections.abc import Callable
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from inmemory import World, applied

from odyssey import (
    Bounded,
    EveryNth,
    InteractAcknowledged,
    Lossless,
    Odyssey,
    OdysseyStreamConnectionError,
    OdysseyStreamError,
    OdysseyValueError,
    StatusChanged,
    StreamDurationExceededError,
    StreamStarted,
    VideoFrame,
)
from odyssey_anyio.events.event_stream import EventStream
from odyssey_proto.messages import stream

pytestmark = pytest.mark.anyio


async def until(condition: Callable[[], bool]) -> None:
    """Waits for a condition, without a clock."""
    while not condition():
        await anyio.lowlevel.checkpoint()


# --- events -------------------------------------------------------------------------------------


async def test_several_readers_see_every_event_until_the_application_leaves(
    client: Odyssey, world: World
) -> None:
    seen: dict[int, list[Any]] = {0: [], 1: []}

    async def read(number: int) -> None:
        async for event in client.events():
            seen[number].append(event)

    async with anyio.create_task_group() as group:
        for number in seen:
            group.start_soon(read, number)
        await anyio.lowlevel.checkpoint()
        await anyio.lowlevel.checkpoint()
        await client.connect()
        await client.start_stream("a")
        await client.interact("b")
        await client.disconnect()
    assert seen[0] == seen[1]
    assert StreamStarted(world.stream_ids[0], applied("a")) in seen[0]
    assert InteractAcknowledged(applied("b")) in seen[0]
    names = [type(event).__name__ for event in seen[0]]
    assert names.count("Connected") == names.count("Disconnected") == 1


async def test_a_reader_that_falls_behind_loses_the_oldest_and_knows_it() -> None:
    reader = EventStream(size=2)
    for prompt in ("a", "b", "c"):
        reader.put(InteractAcknowledged(prompt))
    assert repr(reader) == "<EventStream 2 unread, 1 dropped>"
    reader.close()
    reader.put(InteractAcknowledged("too late"))
    assert [event async for event in reader] == [InteractAcknowledged("b"), InteractAcknowledged("c")]


@pytest.mark.parametrize("size", [0, -1, True, 1.5, "many"])
def test_a_reader_without_room_is_refused(size: Any) -> None:
    with pytest.raises(OdysseyValueError, match="size must be a whole number"):
        Odyssey("ody_key").events(size)


async def test_two_tasks_may_share_a_reader() -> None:
    reader = EventStream()
    seen: list[Any] = []

    async def read() -> None:
        seen.extend([event async for event in reader])

    async with anyio.create_task_group() as group:
        group.start_soon(read)
        group.start_soon(read)
        for prompt in ("a", "b"):
            await anyio.lowlevel.checkpoint()
            reader.put(InteractAcknowledged(prompt))
        reader.close()
    assert len(seen) == 2


async def test_a_reader_that_was_left_takes_no_more(client: Odyssey) -> None:
    async with client.events() as events:
        await client.connect()
        async for event in events:
            assert isinstance(event, StatusChanged)
            break
    await client.disconnect()
    rest = [event async for event in events]
    assert "Disconnected" not in [type(event).__name__ for event in rest]


# --- frames -------------------------------------------------------------------------------------


async def test_a_slow_reader_gets_the_newest_frame_and_the_account_adds_up(
    client: Odyssey, world: World
) -> None:
    await client.connect()
    reader = client.frames()
    world.shows(5)
    frame = await anext(reader)
    assert (frame.width, frame.height, frame.timestamp_ms) == (704, 1280, 4)
    world.shows(2)
    account = client.statistics().frames
    assert (account.received, account.delivered, account.pending) == (7, 1, 1)
    assert account.dropped == {"replaced": 5}
    reader.close()
    account = client.statistics().frames
    assert account == reader.account
    assert account.received == account.delivered + account.pending + sum(account.dropped.values())


async def test_policies(client: Odyssey, world: World) -> None:
    await client.connect()
    bounded, nth, lossless = client.frames(Bounded(2)), client.frames(EveryNth(2)), client.frames(Lossless(2))
    world.shows(3)
    assert [(await anext(bounded)).timestamp_ms for _ in range(2)] == [1, 2]
    assert (await anext(nth)).timestamp_ms == 2
    assert [(await anext(lossless)).timestamp_ms for _ in range(2)] == [0, 1]
    with pytest.raises(OdysseyStreamError) as caught:
        await anext(lossless)
    assert caught.value.trace is not None


async def test_a_reader_ends_with_the_client_not_with_a_connection(client: Odyssey, world: World) -> None:
    seen: list[VideoFrame] = []
    note = seen.append

    async def read() -> None:
        async for frame in client.frames():
            note(frame)

    async with anyio.create_task_group() as group:
        group.start_soon(read)
        for number in range(2):
            await anyio.lowlevel.checkpoint()
            await client.connect()
            world.shows()
            await until(lambda number=number: len(seen) > number)  # type: ignore[misc]  # the present number
            world.hangs_up()
            await until(lambda: not client.is_connected)
        await client.disconnect()
    assert len(seen) == 2


async def test_a_reader_that_nobody_holds_is_let_go(client: Odyssey, world: World) -> None:
    await client.connect()
    world.engine.fanout.offer(VideoFrame(None, 1, 1))  # type: ignore[arg-type,union-attr]  # no pixels

    async def first() -> None:
        async for _ in client.frames(Bounded(100)):
            break

    async with anyio.create_task_group() as group:
        group.start_soon(first)
        await anyio.lowlevel.checkpoint()
        await anyio.lowlevel.checkpoint()
        world.shows(3)
    gc.collect()
    world.shows(3)
    assert client.statistics().frames.received == 3


async def test_frames_go_to_a_handler_the_newest_first_and_a_slow_one_blocks_nothing(
    client: Odyssey, world: World
) -> None:
    seen: list[int] = []
    may_go = anyio.Event()

    async def show(frame: VideoFrame) -> None:
        seen.append(frame.timestamp_ms)
        await may_go.wait()
        if len(seen) == 2:
            raise LookupError("mine")

    await client.connect(on_video_frame=show)
    await until(lambda: world.engine is not None)
    await anyio.lowlevel.checkpoint()
    world.shows(1)
    await until(lambda: bool(seen))
    # The handler waits, and so nothing else does.
    await client.start_stream()
    world.shows(10)
    assert await client.interact("a") == applied("a")
    may_go.set()
    await until(lambda: len(seen) == 2)
    world.shows(1)
    await until(lambda: len(seen) == 3)
    assert seen == [0, 9, 0]
    assert client.statistics().handler_errors == 1


# --- a stream as a block ------------------------------------------------------------------------


async def test_a_block_starts_and_ends_its_stream(client: Odyssey, world: World) -> None:
    await client.connect()
    async with client.stream("A cat", portrait=False) as live:
        assert live.stream_id == world.stream_ids[0]
        assert await live.interact("Pet it") == applied("Pet it")
        frames = live.frames()
        world.shows()
        assert (await anext(frames)).timestamp_ms == 0
    assert live.over
    assert [frame async for frame in frames] == []
    assert [frame async for frame in live.frames()] == []
    assert world.received[-3:] == ["InteractiveStreamStart", "Update", "InteractiveStreamEnd"]
    assert world.stream_ids[0] in repr(live)


async def test_a_block_may_end_its_stream_early(client: Odyssey, world: World) -> None:
    await client.connect()
    async with client.stream() as live:
        await live.end()
        await live.end()
    assert world.received.count("InteractiveStreamEnd") == 1


async def test_a_stream_that_ends_by_itself_ends_its_frames(client: Odyssey, world: World) -> None:
    await client.connect()
    async with client.stream() as live:
        world.says(stream.StreamEnded())
        assert [frame async for frame in live.frames()] == []
    assert "InteractiveStreamEnd" not in world.received


async def test_a_stream_that_fails_says_why(client: Odyssey, world: World) -> None:
    await client.connect()
    async with client.stream() as live:
        world.says(stream.InteractiveStreamError("session_timeout", "too long"))
        with pytest.raises(StreamDurationExceededError):
            async for _ in live.frames():
                pass
    assert client.is_connected
    async with client.stream() as live:
        assert live.stream_id == world.stream_ids[-1]


async def test_a_prompt_that_is_refused_ends_neither_the_frames_nor_the_stream(
    client: Odyssey, world: World
) -> None:
    await client.connect()
    world.silent.add("Update")
    async with client.stream() as live:
        frames = live.frames()
        async with anyio.create_task_group() as group:

            async def steer() -> None:
                with pytest.raises(OdysseyStreamError, match="moderation_failed"):
                    await live.interact("a volcano")

            group.start_soon(steer)
            await until(lambda: "Update" in world.received)
            world.says(stream.InteractiveStreamError("moderation_failed", "no"))
        assert not live.over
        world.shows()
        assert (await anext(frames)).timestamp_ms == 0
    assert world.received[-1] == "InteractiveStreamEnd"
    assert await client.start_stream() == world.stream_ids[-1]


async def test_a_stream_that_may_go_on_after_an_error_is_ended_on_the_way_out(
    client: Odyssey, world: World
) -> None:
    await client.connect()
    async with client.stream() as live:
        world.says(stream.InteractiveStreamError("model_crashed", "sorry"))
        with pytest.raises(OdysseyStreamError, match="model_crashed"):
            async for _ in live.frames():
                pass
        assert live.over
    assert world.received[-1] == "InteractiveStreamEnd"


async def test_an_end_after_an_error_that_nobody_answers_is_no_second_error(
    client: Odyssey, world: World
) -> None:
    await client.connect()
    world.silent.add("InteractiveStreamEnd")

    async def hang_up() -> None:
        await until(lambda: "InteractiveStreamEnd" in world.received)
        world.hangs_up()

    async with anyio.create_task_group() as group:
        group.start_soon(hang_up)
        async with client.stream() as live:
            world.says(stream.InteractiveStreamError("model_crashed", "sorry"))
            await until(lambda: live.over)
    assert not client.is_connected


async def test_a_limit_that_is_reached_while_a_prompt_waits_ends_both(client: Odyssey, world: World) -> None:
    await client.connect()
    world.silent.add("Update")
    async with client.stream() as live, anyio.create_task_group() as group:

        async def prompt() -> None:
            with pytest.raises(StreamDurationExceededError):
                await live.interact("a volcano")

        group.start_soon(prompt)
        await until(lambda: "Update" in world.received)
        world.says(stream.InteractiveStreamError("session_timeout", "too long"))
        with pytest.raises(StreamDurationExceededError):
            async for _ in live.frames():
                pass
    assert "InteractiveStreamEnd" not in world.received


async def test_an_error_after_a_prompt_that_was_given_up_ends_the_frames(
    client: Odyssey, world: World
) -> None:
    await client.connect()
    world.silent.add("Update")
    async with client.stream() as live:
        with anyio.move_on_after(0.05):
            await live.interact("a volcano")
        world.says(stream.InteractiveStreamError("moderation_failed", "no"))
        with pytest.raises(OdysseyStreamError, match="moderation_failed"):
            async for _ in live.frames():
                pass
    assert world.received[-1] == "InteractiveStreamEnd"


async def test_a_broadcast_that_fails_ends_no_stream(client: Odyssey, world: World) -> None:
    reasons: list[str] = []
    await client.connect(on_stream_error=lambda reason, message: reasons.append(reason))
    async with client.stream(broadcast=True) as live:
        world.says(stream.BroadcastReady())
        await until(lambda: bool(reasons))
        assert not live.over
    assert reasons == ["broadcast_error"]


async def test_a_connection_that_breaks_ends_the_frames_with_an_error(client: Odyssey, world: World) -> None:
    await client.connect()
    async with client.stream() as live:
        world.hangs_up()
        with pytest.raises(OdysseyStreamConnectionError):
            async for _ in live.frames():
                pass


async def test_an_error_inside_a_block_ends_the_stream_and_comes_through(
    client: Odyssey, world: World
) -> None:
    await client.connect()
    with pytest.raises(LookupError):
        async with client.stream():
            raise LookupError("mine")
    assert world.received[-1] == "InteractiveStreamEnd"


async def test_a_cancelled_block_tells_the_streamer(client: Odyssey, world: World) -> None:
    await client.connect()
    with anyio.CancelScope() as scope:
        async with client.stream():
            scope.cancel()
            await anyio.lowlevel.checkpoint()
    assert scope.cancelled_caught
    await until(lambda: "InteractiveStreamEnd" in world.received)
    assert await client.start_stream() == world.stream_ids[-1]


async def test_a_block_whose_start_fails_is_left_at_once(client: Odyssey) -> None:
    with pytest.raises(OdysseyStreamError, match="not connected"):
        async with client.stream():
            raise AssertionError("never entered")
