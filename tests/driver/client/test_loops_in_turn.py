"""A client and the loops that it is used in, one after the other: each may end, or be closed under it."""

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from types import ModuleType
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from inmemory import World

from odyssey import ConnectionStatus, Odyssey

S = ConnectionStatus


def run(backend: str, main: Callable[[], Awaitable[Any]]) -> Any:
    """Runs a program on a loop of its own."""
    return anyio.run(main, backend=backend)


BACKENDS = pytest.mark.parametrize("backend", ["asyncio", "trio"])


@BACKENDS
def test_a_loop_that_ends_without_a_disconnect_says_goodbye(
    backend: str, world: World, make: Callable[..., Odyssey]
) -> None:
    client = make()
    steps: list[str] = []
    run(backend, lambda: client.connect(on_disconnected=lambda: steps.append("disconnected")))
    assert steps == ["disconnected"]
    assert client.current_status is S.DISCONNECTED
    assert world.closed == {"exchanges": 1, "media": 1}
    assert world.open == 0
    if backend == "trio":
        assert "ClientDisconnecting" in world.received


@BACKENDS
def test_a_loop_that_ends_at_any_moment_of_a_connect_says_nothing(
    backend: str, world: World, make: Callable[..., Odyssey]
) -> None:
    """A coroutine that nobody awaits, or a task that nobody ends, would be a warning, and so an error."""

    async def main(moment: int) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(make().connect)
            for _ in range(moment):
                await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()

    for moment in range(40):
        run(backend, partial(main, moment))
        gc.collect()
    assert world.open == 0


@BACKENDS
def test_an_object_lives_through_several_loops(
    backend: str, world: World, make: Callable[..., Odyssey]
) -> None:
    client = make()

    async def session() -> None:
        await client.connect()
        assert await client.start_stream()

    async def orderly() -> None:
        await session()
        await client.disconnect()

    for main in (session, orderly, session, orderly):
        run(backend, main)
    assert world.closed["media"] == 4


def test_an_object_goes_from_one_backend_to_the_other(make: Callable[..., Odyssey]) -> None:
    client = make()
    for backend in ("asyncio", "trio", "asyncio"):
        run(backend, client.connect)


def test_a_loop_that_is_closed_under_a_client_is_survived(make: Callable[..., Odyssey]) -> None:
    client = make()
    loop = asyncio.new_event_loop()
    loop.run_until_complete(client.connect())
    assert client.is_connected
    task = asyncio.all_tasks(loop)
    loop.close()
    assert client.current_status is S.DISCONNECTED
    run("asyncio", client.connect)
    # What was cut off is thrown away unfinished, which asyncio tells of.
    for each in task:
        each._log_destroy_pending = False  # type: ignore[attr-defined]  # asyncio's own way to be silent
    del task
    gc.collect()


@BACKENDS
def test_an_error_of_the_program_comes_through(backend: str, make: Callable[..., Odyssey]) -> None:
    async def main() -> None:
        async with make() as client:
            await client.connect()
            raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        run(backend, main)


def test_another_thread_may_be_loading_trio(
    make: Callable[..., Odyssey], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then it is among the loaded modules, with nothing in it yet."""
    monkeypatch.setitem(sys.modules, "trio", ModuleType("trio"))

    async def session() -> None:
        async with make() as client:
            await client.connect()
            assert await client.start_stream()

    asyncio.run(session())
