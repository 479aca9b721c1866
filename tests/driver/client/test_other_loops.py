"""Calls of other loops and threads while a client is in use: carried to its own loop, and back."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
import trio
from house.loops import run
from inmemory import World, applied

from odyssey import (
    ConnectionStatus,
    Odyssey,
    OdysseyConnectionError,
    OdysseyRequestError,
    OdysseyStreamError,
    OdysseyValueError,
)
from odyssey.diagnosis.verdicts import verdict_of
from odyssey_anyio.local.service import serve
from odyssey_proto.service.io.config import ServiceConfig

CALLERS = pytest.mark.parametrize("caller", ["asyncio", "trio"])
OWNERS = pytest.mark.parametrize("owner", ["asyncio", "trio"])

WITHIN = 30.0
"""More than anything here takes, in seconds."""

SCRIPT = [{"timestamp_ms": 0, "start": {"prompt": "a"}}, {"timestamp_ms": 300, "end": {}}]


async def elsewhere(backend: str, main: Callable[[], Awaitable[Any]]) -> Any:
    """Runs something on a loop of its own, in a thread of its own, while this loop goes on."""
    with anyio.fail_after(WITHIN):
        return await anyio.to_thread.run_sync(lambda: anyio.run(main, backend=backend))


async def until(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(WITHIN):
        while not condition():
            await anyio.sleep(0.001)


@CALLERS
@pytest.mark.anyio
async def test_every_call_is_carried_and_handlers_stay_where_they_are(
    client: Odyssey, world: World, caller: str
) -> None:
    threads: list[int] = []
    await client.connect(on_stream_started=lambda _: threads.append(threading.get_ident()))

    async def use() -> None:
        await client.connect()
        assert (await client.list_stream_recordings()).total == 0
        assert await client.start_stream("a") == world.stream_ids[0]
        assert await client.interact("b") == applied("b")
        await client.end_stream()
        assert [line async for line in client.recordings()] == []

    world.replies["/stream-recordings"] = world.listing
    await elsewhere(caller, use)
    assert threads == [threading.get_ident()]
    assert client.is_connected


@CALLERS
@pytest.mark.anyio
async def test_errors_come_back_as_what_they_are(client: Odyssey, world: World, caller: str) -> None:
    await client.connect()

    async def use() -> None:
        with pytest.raises(OdysseyRequestError) as caught:
            await client.get_recording("nope")
        assert caught.value.status == 404
        assert caught.value.trace is not None
        with pytest.raises(OdysseyStreamError):
            await client.interact("a")
        with pytest.raises(OdysseyValueError):
            await client.get_recording("")

    await elsewhere(caller, use)


@CALLERS
@pytest.mark.anyio
async def test_a_cancelled_caller_cancels_its_call(client: Odyssey, world: World, caller: str) -> None:
    await client.connect()
    world.stalled.add("/stream-recordings")

    async def use() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(client.list_stream_recordings)
            await until(lambda: world.asked["/stream-recordings"] == 1)
            assert world.open == 1
            group.cancel_scope.cancel()
        assert len(client._supervisor.calls) <= 1  # type: ignore[union-attr]  # at work

    await elsewhere(caller, use)
    await until(lambda: not client._supervisor.calls)  # type: ignore[union-attr]  # at work
    assert client.is_connected
    world.stalled.clear()


@CALLERS
@pytest.mark.parametrize("leave", ["disconnect", "aclose"])
@pytest.mark.anyio
async def test_another_loop_may_end_the_session(
    client: Odyssey, world: World, caller: str, leave: str
) -> None:
    steps: list[str] = []
    await client.connect(on_disconnected=lambda: steps.append("disconnected"))
    await elsewhere(caller, getattr(client, leave))
    assert steps == ["disconnected"]
    assert client.current_status is ConnectionStatus.DISCONNECTED
    assert world.received.count("ClientDisconnecting") == 1
    await client.connect()


@CALLERS
@pytest.mark.anyio
async def test_a_handler_may_leave_by_another_loop(client: Odyssey, world: World, caller: str) -> None:
    async def leave(_: str) -> None:
        await elsewhere(caller, client.disconnect)

    await client.connect(on_stream_started=leave)
    await client.start_stream("a")
    await until(lambda: client.current_status is ConnectionStatus.DISCONNECTED)
    assert client.statistics().handler_errors == 0


@CALLERS
@pytest.mark.anyio
async def test_what_belongs_to_the_loop_says_so(client: Odyssey, world: World, caller: str) -> None:
    await client.connect()
    opened = (client.events(), client.frames())

    async def use() -> None:
        for make in (client.events, client.frames, client.stream):
            with pytest.raises(OdysseyConnectionError, match=r"queue\.Queue; calls may come") as caught:
                make()
            assert caught.value.code == "state.other_loop"
            assert "another loop" in verdict_of(caught.value.failure).meaning
        for reader in opened:
            with pytest.raises(OdysseyConnectionError) as caught:
                await anext(reader)
            assert caught.value.code == "state.other_loop"

    await elsewhere(caller, use)


@CALLERS
@pytest.mark.anyio
async def test_jobs_and_files_of_a_real_service(caller: str, tmp_path: Path) -> None:
    service_config = ServiceConfig()
    async with (
        serve(service_config) as service,
        Odyssey("ody_test", api_url=service.url) as client,
    ):
        await client.connect()

        async def use() -> None:
            job = client.simulation(await client.simulate(SCRIPT))
            seen = [state.status async for state in job.progress(every=0.05)]
            assert seen
            done = await job.wait(every=0.05)
            recording = client.recording(done.streams[0].stream_id)
            path = await recording.download(tmp_path)
            assert path.stat().st_size > 0
            assert (await recording.events()).events
            unfinished = client.simulation(await client.simulate(SCRIPT)).progress(every=0.05)
            assert await anext(unfinished)
            await unfinished.aclose()

        await elsewhere(caller, use)
        assert client.is_connected


@OWNERS
def test_views_that_each_have_a_loop_share_a_client_that_nobody_connected(
    owner: str, make: Callable[..., Odyssey], world: World
) -> None:
    """Whichever comes first has the client in its loop, which ends when that view has its answer."""
    client, totals = make(), []
    world.replies["/stream-recordings"] = world.listing

    async def view() -> None:
        totals.append((await client.list_stream_recordings()).total)

    threads = [threading.Thread(target=lambda: run(owner, view)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WITHIN)
    assert totals == [0] * 8


def by_itself(backend: str, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Runs something as a program does that knows nothing of anyio."""
    if backend == "asyncio":
        asyncio.run(main())
    else:
        trio.run(main)


@OWNERS
@CALLERS
def test_neither_loop_need_be_run_by_anyio(
    owner: str, caller: str, make: Callable[..., Odyssey], world: World
) -> None:
    client, totals = make(), []
    world.replies["/stream-recordings"] = world.listing

    async def view() -> None:
        totals.append((await client.list_stream_recordings()).total)
        world.stalled.add("/stream-recordings")
        async with anyio.create_task_group() as group:
            group.start_soon(client.list_stream_recordings)
            await until(lambda: world.asked["/stream-recordings"] == 2)
            group.cancel_scope.cancel()

    thread = threading.Thread(target=lambda: by_itself(caller, view))

    async def main() -> None:
        async with client:
            await client.connect()
            thread.start()
            await until(lambda: not thread.is_alive())
            assert client.is_connected

    by_itself(owner, main)
    assert totals == [0]
