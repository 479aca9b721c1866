"""Handlers that do what handlers should not: nothing of it stops the client or what it owes the service."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from inmemory import World, applied

from odyssey import Odyssey, OdysseyError
from odyssey_anyio.local.service import serve

NAMES = [
    "on_connected",
    "on_status_change",
    "on_stream_started",
    "on_interact_acknowledged",
    "on_video_frame",
]

pytestmark = pytest.mark.anyio


async def until(condition: Callable[[], bool]) -> None:
    """Waits for a condition, without a clock."""
    while not condition():
        await anyio.lowlevel.checkpoint()


async def a_cancelled_task(*_: object) -> None:
    """Awaits a task of the application that somebody cancelled."""
    task = asyncio.get_running_loop().create_task(asyncio.sleep(100))
    task.cancel()
    await task


def a_cancellation(*_: object) -> None:
    """Raises what awaiting a cancelled task raises."""
    raise asyncio.CancelledError


@pytest.mark.parametrize("handler", [a_cancelled_task, a_cancellation])
@pytest.mark.parametrize("name", NAMES)
async def test_awaiting_what_was_cancelled_is_an_error_of_the_handler(
    make: Callable[..., Odyssey], world: World, name: str, handler: Any, anyio_backend_name: str
) -> None:
    if anyio_backend_name != "asyncio":
        pytest.skip("on trio nothing that is awaited raises a cancellation of somebody else")
    reported: list[Any] = []
    gone: list[bool] = []
    async with make() as client:
        handlers = {
            "on_error": lambda error, fatal: reported.append((type(error.__cause__), fatal)),
            "on_disconnected": lambda: gone.append(True),
            name: handler,
        }
        await client.connect(**handlers)
        await client.start_stream("a")
        assert await client.interact("b") == applied("b")
        world.shows()
        await until(lambda: bool(reported))
        world.shows()
        assert client.is_connected
    assert set(reported) == {(asyncio.CancelledError, False)}
    assert client.statistics().handler_errors == len(reported)
    assert gone == [True]
    assert world.received.count("ClientDisconnecting") == 1


async def test_a_task_that_a_handler_starts_is_not_waited_for(
    make: Callable[..., Odyssey], anyio_backend_name: str, world: World
) -> None:
    if anyio_backend_name != "asyncio":
        pytest.skip("trio has no tasks that can be awaited")
    tasks: list[asyncio.Task[None]] = []
    seen: list[str] = []
    async with make() as client:

        async def application() -> None:
            seen.append(await client.start_stream("a"))
            seen.append(await client.interact("b"))
            await client.disconnect()
            seen.append(client.current_status.value)
            await client.connect()
            seen.append(client.current_status.value)

        def begin() -> asyncio.Task[None]:
            tasks.append(asyncio.get_running_loop().create_task(application()))
            return tasks[-1]

        await client.connect(on_connected=begin)
        await tasks[0]
    assert seen == [world.stream_ids[0], applied("b"), "disconnected", "connected"]


async def test_a_handler_that_connects_while_the_client_closes_is_refused(
    make: Callable[..., Odyssey], world: World
) -> None:
    codes: list[str] = []
    client = make()

    async def again() -> None:
        try:
            await client.connect()
        except OdysseyError as error:
            codes.append(error.code)

    async with client:
        await client.connect(on_disconnected=again)
    assert codes == ["state.closing"]
    assert world.received.count("ClientDisconnecting") == world.granted == 1
    await client.connect()
    await client.aclose()
    assert world.received.count("ClientDisconnecting") == world.granted == 2


async def test_a_handler_that_leaves_while_the_client_closes_holds_up_nothing(
    make: Callable[..., Odyssey],
) -> None:
    client = make()
    left: list[bool] = []

    async def leave() -> None:
        await client.disconnect()
        await client.aclose()
        left.append(True)

    async with client:
        await client.connect(on_disconnected=leave)
    assert left == [True]


PROGRAM = """
import sys
import anyio
from odyssey import Odyssey

def leave():
    raise SystemExit(3)

async def main():
    async with Odyssey(api_key="ody_test", api_url=sys.argv[2]) as client:
        await client.connect(on_connected=leave)
        await anyio.sleep_forever()

anyio.run(main, backend=sys.argv[1])
"""


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
async def test_a_handler_that_ends_the_program_ends_it_with_a_goodbye(
    backend: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "odyssey.service")
    async with serve() as service:
        command = [
            sys.executable,
            "-W",
            "error",
            "-c",
            PROGRAM,
            backend,
            service.url,
        ]
        with anyio.fail_after(30):
            done = await anyio.run_process(command, check=False, stderr=subprocess.PIPE)
        assert "the client leaves" in caplog.text
    # Trio has no other way to the program than an interrupt.
    assert done.returncode == (3 if backend == "asyncio" else -2)
    assert b"TrioInternalError" not in done.stderr
    assert b"never retrieved" not in done.stderr
