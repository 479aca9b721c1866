"""The tasks of a client: in sight of asyncio's own tools, no dearer in a large program, spared by its end."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import pytest
from inmemory import World

from odyssey import Odyssey, Timeouts
from odyssey_anyio.aio.tasks import spawn, start


async def until(condition: Callable[[], bool]) -> None:
    """Waits for a condition."""
    while not condition():
        await asyncio.sleep(0.001)


def names() -> set[str]:
    """Returns the names of all tasks that asyncio knows of in this loop."""
    return {task.get_name() for task in asyncio.all_tasks()}


# --- in sight -----------------------------------------------------------------------------------


def test_all_tasks_has_those_of_a_client(
    make: Callable[..., Odyssey], world: World, run: Callable[..., Any]
) -> None:
    async def main() -> None:
        async with make() as client:
            await client.connect()
            assert {"odyssey client", "odyssey handlers", "odyssey trace"} <= names()
            assert any(name.startswith("odyssey socket") for name in names())
            world.stalled.add("/stream-recordings")
            async with asyncio.TaskGroup() as group:
                call = group.create_task(client.list_stream_recordings())
                await until(lambda: world.asked["/stream-recordings"] == 1)
                assert any(name.startswith("odyssey request") for name in names())
                world.replies["/stream-recordings"] = world.listing
                world.stalled.clear()
                await call
        await until(lambda: not any(name.startswith("odyssey") for name in names()))

    run(main())


def test_the_task_factory_of_an_application_stays(
    make: Callable[..., Odyssey], run: Callable[..., Any]
) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        before = loop.get_task_factory()
        async with make() as client:
            await client.connect()
            assert loop.get_task_factory() is before
        with pytest.raises(RuntimeError):
            start(anyio.create_task_group(), anyio.sleep, 0, name="of a group that is not entered")
        assert loop.get_task_factory() is before

    run(main())


# --- no dearer ----------------------------------------------------------------------------------


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Counts who asks for all tasks of the program."""
    asked: list[str] = []

    def all_tasks(*_: object) -> set[Any]:
        asked.append(sys._getframe(1).f_code.co_qualname)
        return set()

    with monkeypatch.context() as patch:
        patch.setattr(asyncio, "all_tasks", all_tasks)
        patch.setattr(asyncio.tasks, "all_tasks", all_tasks)
        yield asked


def test_no_call_looks_at_the_tasks_of_the_program(
    make: Callable[..., Odyssey], world: World, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.replies["/stream-recordings"] = world.listing

    async def main() -> None:
        with counted(monkeypatch) as asked:
            async with make() as client:
                await client.list_stream_recordings()
                await client.connect()
                await client.start_stream("a")
                await client.interact("b")
            assert asked == []
            asyncio.all_tasks()
            assert len(asked) == 1

    run(main())


# --- spared -------------------------------------------------------------------------------------


async def _sweep() -> None:
    """Does what many applications do on SIGTERM."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _sweep_now() -> None:
    """Does the same in a callback, such as that of a signal."""
    for task in asyncio.all_tasks():
        task.cancel()


STALLS = ["/auth/token", "/sessions/request", "/sessions/token", "socket"]


def _sweep_and_say_why() -> None:
    """Does the same with a message."""
    for task in asyncio.all_tasks():
        task.cancel("shutting down")


SWEEPS = {"a callback cancels all": _sweep_now, "a callback cancels all and says why": _sweep_and_say_why}


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("end", ["the loop ends", "a task cancels all", *SWEEPS])
def test_a_session_that_is_being_asked_for_is_given_back(
    make: Callable[..., Odyssey], world: World, run: Callable[..., Any], end: str, stall: str
) -> None:
    """What hangs when everything is cancelled is answered only afterwards."""
    world.stalled.add(stall)
    client = make()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        connecting = loop.create_task(client.connect())
        await until(lambda: world.asked[stall] > 0 or world.open > 0)
        loop.call_later(0.05, world.stalled.clear)
        if end == "a task cancels all":
            await _sweep()
        if end in SWEEPS:
            loop.call_soon(SWEEPS[end])
            await asyncio.wait([connecting])
            await until(lambda: not any(name.startswith("odyssey") for name in names()))

    try:
        run(main())
    except asyncio.CancelledError:
        assert end in SWEEPS
    assert world.received.count("ClientDisconnecting") == world.granted == (stall != "/auth/token")
    assert world.open == 0


def test_a_task_that_has_not_begun_begins_although_everything_is_cancelled(run: Callable[..., Any]) -> None:
    done: list[str] = []

    async def goodbye(name: str) -> None:
        await asyncio.sleep(0)
        done.append(name)

    async def main() -> None:
        ends: list[str] = []

        async def first() -> None:
            async with anyio.create_task_group() as group:
                for name in ("b", "c"):
                    start(group, goodbye, name, name=name)
                _sweep_now()
                await goodbye("a")

        kept = spawn(first, "first", lambda: ends.append("called"))
        _sweep_now()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.sleep(0)
        await until(kept.done)
        assert len(ends) == 2

    run(main())
    assert sorted(done) == ["a", "b", "c"]


def test_closing_is_bounded_at_the_end_of_a_loop(make: Callable[..., Odyssey], world: World) -> None:
    world.silent.add("ClientDisconnecting")

    async def endless() -> None:
        await asyncio.sleep(1000)

    async def main() -> None:
        await make(timeouts=Timeouts(leave=0.05)).connect(on_connected=endless)

    asyncio.run(main())
    assert world.open == 0


@pytest.mark.parametrize("sweep", SWEEPS.values(), ids=SWEEPS)
def test_a_handler_that_cancels_everything_leaves_no_session_behind(
    make: Callable[..., Odyssey], world: World, run: Callable[..., Any], sweep: Callable[[], None]
) -> None:
    async def cancels_all() -> None:
        sweep()

    async def connected() -> None:
        await make().connect(on_connected=cancels_all)
        await asyncio.sleep(1000)

    async def main() -> None:
        with pytest.raises(asyncio.CancelledError):
            await connected()
        await until(lambda: not any(name.startswith("odyssey") for name in names()))

    run(main())
    assert world.received.count("ClientDisconnecting") == world.granted == 1
    assert world.open == 0
