"""A clip in one call, the wait for a recording, and the frames that programs look at in passing."""

import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import numpy as np
import pytest
from inmemory import World, applied

from odyssey import (
    Bounded,
    Event,
    Limits,
    Odyssey,
    OdysseyAuthError,
    OdysseyError,
    OdysseyRequestError,
    OdysseyStreamConnectionError,
    OdysseyStreamError,
    OdysseyStreamValueError,
    OdysseyTimeoutError,
    OdysseyValueError,
    StreamStarted,
    VideoFrame,
)
from odyssey_proto.messages import stream
from odyssey_proto.seam.http import json_reply
from odyssey_proto.trace import check
from odyssey_proto.trace.machines import fresh

pytestmark = pytest.mark.anyio


def ended_streams(world: World) -> int:
    return world.received.count("InteractiveStreamEnd")


# --- clips --------------------------------------------------------------------------------------


async def test_a_clip_is_started_held_steered_ended_and_its_recording_is_ready(
    client: Odyssey, world: World
) -> None:
    recording = await client.clip(
        "A cat", 0.2, prompts={0.1: "It yawns", 0.05: "It stretches"}, portrait=False
    )
    assert recording.stream_id == world.stream_ids[0]
    assert recording.ready
    assert recording.duration_seconds is not None
    assert recording.duration_seconds >= 0.15
    said = [word for word in world.received if word in ("InteractiveStreamStart", "Update")]
    assert said == ["InteractiveStreamStart", "Update", "Update"]
    assert ended_streams(world) == 1
    assert not client.is_connected
    assert client.trace is not None
    check(client.trace.raw, fresh)


async def test_a_clip_leaves_a_connection_as_it_was(client: Odyssey, world: World) -> None:
    await client.connect()
    await client.clip("A cat", 0.01)
    await client.clip("A dog", seconds=0.01)
    assert client.is_connected
    assert (world.opened, ended_streams(world), len(world.stream_ids)) == (1, 2, 2)


async def test_prompts_are_applied_in_the_order_of_time(client: Odyssey, world: World) -> None:
    await client.connect()
    seen = []
    events = client.events()
    await client.clip("A cat", 0.1, prompts={0.06: "second", 0.02: "first"})
    await client.disconnect()
    async for event in events:
        seen += [getattr(event, "prompt", None)] if type(event).__name__ == "InteractAcknowledged" else []
    assert seen == [applied("first"), applied("second")]


async def runs(events: AsyncIterator[Event]) -> None:
    """Waits until a stream has started, and whoever started it waits for what it brings."""
    async for event in events:
        if isinstance(event, StreamStarted):
            break
    await anyio.wait_all_tasks_blocked()


async def failed_clip(
    client: Odyssey, happens: Callable[[], None], prompts: dict[float, str] | None = None
) -> OdysseyError:
    """Returns the error of a clip during whose stream something happens."""
    caught: list[OdysseyError] = []

    async def clip() -> None:
        try:
            await client.clip("A cat", 60, prompts=prompts)
        except OdysseyError as error:
            caught.append(error)

    events = client.events()
    async with anyio.create_task_group() as group:
        group.start_soon(clip)
        await runs(events)
        happens()
    (error,) = caught
    return error


async def test_a_stream_that_ends_before_its_time_is_an_error_that_names_it(
    client: Odyssey, world: World
) -> None:
    error = await failed_clip(client, lambda: world.says(stream.StreamEnded()))
    assert isinstance(error, OdysseyStreamError)
    assert error.code == "clip.cut_short"
    assert str(error).startswith(f"the stream {world.stream_ids[0]} ended after 0.")
    assert not client.is_connected


async def test_a_stream_that_ends_before_a_prompt_cuts_the_clip_short_as_well(
    client: Odyssey, world: World
) -> None:
    error = await failed_clip(client, lambda: world.says(stream.StreamEnded()), {30: "It yawns"})
    assert error.code == "clip.cut_short"
    assert "Update" not in world.received


async def test_a_stream_that_fails_ends_the_clip_as_it_failed(client: Odyssey, world: World) -> None:
    limit = stream.InteractiveStreamError("stream_duration_exceeded", "Too long")
    error = await failed_clip(client, lambda: world.says(limit))
    assert isinstance(error, OdysseyStreamError)
    assert error.code == "stream_duration_exceeded"
    assert error.trace is not None
    assert not client.is_connected


async def test_a_connection_that_is_lost_ends_the_clip(client: Odyssey, world: World) -> None:
    assert isinstance(await failed_clip(client, world.hangs_up), OdysseyStreamConnectionError)


async def cancelled_clip(client: Odyssey, seconds: float) -> None:
    """Begins a clip and cancels it when its stream runs."""
    events = client.events()
    async with anyio.create_task_group() as group:
        group.start_soon(client.clip, "A cat", seconds)
        await runs(events)
        group.cancel_scope.cancel()


async def test_a_clip_that_is_cancelled_ends_its_stream_and_gives_its_session_back(
    client: Odyssey, world: World
) -> None:
    await cancelled_clip(client, 60)
    await client.aclose()
    assert ended_streams(world) == 1
    assert world.received[-1] == "ClientDisconnecting"


@pytest.mark.parametrize(
    ("arguments", "kind", "code"),
    [
        ({"seconds": 0}, OdysseyValueError, "invalid"),
        ({"seconds": "ten"}, OdysseyValueError, "invalid"),
        ({"seconds": 151}, OdysseyValueError, "clip.too_long"),
        ({"prompts": {2: "late"}}, OdysseyValueError, "invalid"),
        ({"prompts": {0.5: ""}}, OdysseyStreamValueError, "invalid"),
        ({"prompts": {-1: "early"}}, OdysseyValueError, "invalid"),
        ({"prompt": 7}, OdysseyStreamValueError, "invalid"),
        ({"image": b"no picture"}, OdysseyStreamValueError, "image.unknown_kind"),
        ({"timeout": 0}, OdysseyValueError, "invalid"),
    ],
)
async def test_a_clip_that_cannot_be_is_refused_before_anything_is_sent(
    client: Odyssey, world: World, arguments: dict[str, Any], kind: type[OdysseyError], code: str
) -> None:
    with pytest.raises(kind) as caught:
        await client.clip(**{"prompt": "A cat", "seconds": 1, **arguments})
    assert caught.value.code == code
    assert not world.asked


async def test_a_clip_needs_a_key_and_no_limit_that_is_not_there(make: Any, world: World) -> None:
    async with make(api_key="") as client:
        with pytest.raises(OdysseyAuthError) as caught:
            await client.clip("A cat", 1)
        assert caught.value.code == "auth.no_key"
    assert not world.asked
    async with make(limits=Limits(stream=None)) as client:
        await cancelled_clip(client, 10_000)
    assert ended_streams(world) == 1


# --- recordings ---------------------------------------------------------------------------------


async def test_a_recording_is_waited_for_until_it_is_ready(client: Odyssey, world: World) -> None:
    path = "/recordings/s-1"
    world.replies[path] = json_reply({"detail": "no such recording"}, 404)
    ready = json_reply({"stream_id": "s-1", "video_url": "https://files.example/v.mp4"})
    results = []

    async def wait() -> None:
        results.append(await client.recording("s-1").wait(every=0.01))

    async with anyio.create_task_group() as group:
        group.start_soon(wait)
        for reply in (json_reply({"stream_id": "s-1"}), ready):
            before = world.asked[path]
            while world.asked[path] < before + 2:
                await anyio.sleep(0.001)
            assert not results
            world.replies[path] = reply
    assert results[0].video_url == "https://files.example/v.mp4"


async def test_a_recording_that_does_not_come_in_time(client: Odyssey, world: World) -> None:
    world.replies["/recordings/s-1"] = json_reply({"detail": "no such recording"}, 404)
    with pytest.raises(OdysseyTimeoutError) as caught:
        await client.recording("s-1").wait(0.05, every=0.01)
    error = caught.value
    assert (error.code, error.phase, error.missing) == ("timeout.recording", "recording", ("video",))
    assert isinstance(error.__cause__, OdysseyRequestError)
    assert error.hint is not None


# --- frames -------------------------------------------------------------------------------------


async def test_the_latest_frame_can_be_had_from_any_thread(client: Odyssey, world: World) -> None:
    assert client.latest_frame is None
    await client.connect()
    await client.start_stream("A cat")
    assert client.latest_frame is None
    world.shows(3)
    found: list[VideoFrame | None] = []
    thread = threading.Thread(target=lambda: found.append(client.latest_frame))
    thread.start()
    thread.join()
    assert found[0] is not None
    assert found[0].timestamp_ms == 2
    assert client.latest_frame is found[0], "looking takes nothing"
    assert client.statistics().frames.received == 0, "nobody reads"
    await client.end_stream()
    assert client.latest_frame is found[0], "it stays when the stream has ended"
    await client.start_stream("A dog")
    assert client.latest_frame is None, "the next stream has its own"


async def test_the_first_frame_after_a_call(client: Odyssey, world: World) -> None:
    await client.connect()
    async with client.stream("A cat") as live:
        frames = live.frames(Bounded(8))
        world.shows(2)
        found: list[VideoFrame] = []

        async def fresh() -> None:
            found.append(await frames.fresh())

        async with anyio.create_task_group() as group:
            group.start_soon(fresh)
            await anyio.wait_all_tasks_blocked()
            assert not found, "those that waited are no news"
            world.shows(1)
        assert len(found) == 1
        assert frames.account.dropped == {"closed": 2}
        world.shows(1)
        assert (await anext(frames)) is not found[0]
    with pytest.raises(OdysseyStreamError) as caught:
        await frames.fresh()
    assert caught.value.code == "frames.ended"


async def test_a_stream_begins_with_the_last_frame_of_another(client: Odyssey, world: World) -> None:
    await client.connect()
    assert world.engine is not None
    async with client.stream("A cat") as first:
        assert first.last_frame is None
        pixels = np.full((1280, 704, 3), 200, np.uint8)
        world.engine.fanout.offer(VideoFrame(pixels, 704, 1280, 1))
        assert first.last_frame is not None
    world.shows(1)
    assert first.last_frame is not None
    assert first.last_frame.timestamp_ms == 1, "what comes after it is not its own"
    await client.start_stream("A dog", image=first.last_frame)
    assert world.image is not None
    assert world.image.startswith("data:image/jpeg")


async def test_the_end_of_a_stream_can_be_waited_for(client: Odyssey, world: World) -> None:
    await client.connect()
    async with client.stream("A cat") as live, anyio.create_task_group() as group:
        group.start_soon(live.ended)
        await anyio.wait_all_tasks_blocked()
        world.says(stream.StreamEnded())
    await live.ended()
    async with client.stream("A cat") as live:
        world.says(stream.InteractiveStreamError("stream_duration_exceeded", "Too long"))
        with pytest.raises(OdysseyStreamError, match="Too long"):
            await live.ended()
