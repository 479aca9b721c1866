"""Calls of other loops and threads while a client is in use: carried to its own loop, and back."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
import trio
from inmemory import World, applied

from odyssey import (
    ConnectionStatus,
    Odyssey,
    OdysseyConnectionError,
    OdysseyError,
    OdysseyRequestError,
    OdysseyStreamError,
    OdysseyValueError,
    Timeouts,
)
from odyssey_anyio.aio import owner_loop
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


def run(backend: str, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Runs a program as those do that know nothing of anyio."""
    if backend == "trio":
        trio.run(main)
    else:
        asyncio.run(main())


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
@CALLERS
def test_the_loop_ends_while_another_one_waits(
    owner: str, caller: str, make: Callable[..., Odyssey], world: World
) -> None:
    """What is on its way has the time of leaving, and then ends with an error that says so."""
    client, errors = make(timeouts=Timeouts(leave=0.3)), []

    async def use() -> None:
        try:
            await client.list_stream_recordings()
        except OdysseyError as error:
            errors.append(error)
        world.stalled.clear()
        world.replies["/stream-recordings"] = world.listing
        # What comes after it begins where it is called.
        assert (await client.list_stream_recordings()).total == 0

    thread = threading.Thread(target=lambda: run(caller, use))

    async def main() -> None:
        await client.connect()
        world.stalled.add("/stream-recordings")
        thread.start()
        await until(lambda: world.asked["/stream-recordings"] == 1)

    run(owner, main)
    assert world.received.count("ClientDisconnecting") == 1
    thread.join(WITHIN)
    assert not thread.is_alive()
    [error] = errors
    assert isinstance(error, OdysseyConnectionError)
    assert "while the call was waiting" in str(error)


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


@CALLERS
@pytest.mark.parametrize("closes", [True, False])
def test_a_loop_that_is_closed_or_stands_still_under_a_call_is_seen(
    caller: str, closes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner_loop, "LIVENESS_SECONDS", 0.01)
    monkeypatch.setattr(owner_loop, "MAX_STANDSTILL", 0.1)
    loop = asyncio.new_event_loop()

    async def made() -> owner_loop.OwnerLoop:
        return owner_loop.OwnerLoop()

    owner = loop.run_until_complete(made())
    lost: list[owner_loop.LoopLostError] = []

    async def call() -> None:
        with pytest.raises(owner_loop.LoopLostError) as caught:
            await owner.run(made)
        lost.append(caught.value)

    async def use() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(call)
            await anyio.sleep(0.03)
            if closes:
                loop.close()

    run(caller, use)
    loop.close()
    assert [(each.begun, each.blocked) for each in lost] == [(False, not closes)]


@OWNERS
@CALLERS
def test_a_loop_that_waits_for_the_very_thread_that_calls_is_given_up(
    owner: str, caller: str, make: Callable[..., Odyssey], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner_loop, "LIVENESS_SECONDS", 0.01)
    monkeypatch.setattr(owner_loop, "MAX_STANDSTILL", 0.1)
    client, codes = make(), []

    async def use() -> None:
        try:
            await client.list_stream_recordings()
        except OdysseyError as error:
            codes.append(error.code)

    async def main() -> None:
        async with client:
            await client.connect()
            thread = threading.Thread(target=lambda: run(caller, use))
            thread.start()
            thread.join(WITHIN)
            for _ in range(20):
                await anyio.lowlevel.checkpoint()
            # What was not begun never is.
            assert world.asked["/stream-recordings"] == 0
            assert client.is_connected

    run(owner, main)
    assert codes == ["state.loop_blocked"]


async def an_owner() -> owner_loop.OwnerLoop:
    return owner_loop.OwnerLoop()


@CALLERS
def test_what_is_waited_for_in_a_loop_that_stands_still_is_given_up(
    caller: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner_loop, "LIVENESS_SECONDS", 0.02)
    monkeypatch.setattr(owner_loop, "MAX_STANDSTILL", 0.1)
    loop = asyncio.new_event_loop()
    owner = loop.run_until_complete(an_owner())

    async def wait() -> None:
        with pytest.raises(owner_loop.LoopLostError) as caught:
            await owner.until(lambda: False, 0.01)
        assert caught.value.blocked

    run(caller, wait)
    loop.close()


@CALLERS
def test_the_standstill_of_a_caller_is_not_that_of_the_other_loop(
    caller: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner_loop, "LIVENESS_SECONDS", 0.02)
    monkeypatch.setattr(owner_loop, "MAX_STANDSTILL", 0.2)
    loop = asyncio.new_event_loop()
    owner = loop.run_until_complete(an_owner())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    moved = threading.Event()
    results: list[str] = []

    async def work() -> str:
        while not moved.is_set():
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        return "done"

    async def stand_still() -> None:
        await anyio.sleep(0.05)
        until = time.perf_counter() + 0.5
        while time.perf_counter() < until:
            pass
        moved.set()

    async def use() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(stand_still)
            results.append(await owner.run(work))

    try:
        run(caller, use)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
    assert results == ["done"]
