"""Calls into a loop that is closed, or stands still: given up, with an error that says so."""

import asyncio
import threading
import time
from collections.abc import Callable

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
from house.loops import run
from inmemory import World

from odyssey import Odyssey, OdysseyConnectionError, OdysseyError, Timeouts
from odyssey_anyio.aio import owner_loop

CALLERS = pytest.mark.parametrize("caller", ["asyncio", "trio"])
OWNERS = pytest.mark.parametrize("owner", ["asyncio", "trio"])

WITHIN = 30.0
"""More than anything here takes, in seconds."""


async def until(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(WITHIN):
        while not condition():
            await anyio.sleep(0.001)


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
