"""The guards of the suite do see what they are there to see."""

import asyncio
import os
import socket
import threading
import time

import anyio
import pytest
from house import leaks, purity
from house.blocking import no_blocking
from house.leaks import Snapshot, tasks, tasks_left
from house.purity import Impure, pure


@pytest.fixture(autouse=True)
def without_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaks, "LEAK_GRACE_SECONDS", 0.05)


def as_core(source: str, where: str = purity.CORE) -> None:
    """Runs a statement as if it stood in the core."""
    exec(compile(source, where + "planted.py", "exec"), {})


@pytest.mark.parametrize(
    "statement",
    [
        "open('/dev/null')",
        "__import__('socket').socket()",
        "__import__('subprocess').run(['true'])",
        "__import__('os').listdir('/')",
        "__import__('os').urandom(4)",
        "__import__('time').time()",
        "__import__('time').monotonic()",
        "__import__('time').sleep(0)",
        "__import__('random').random()",
        "__import__('threading').Thread(target=print).start()",
    ],
)
def test_a_core_that_reaches_outside_is_seen(statement: str) -> None:
    for where in (purity.CORE, purity.INSPECT):
        with pure(), pytest.raises(Impure):
            as_core(statement, where)


def test_tests_and_their_libraries_may_reach_outside() -> None:
    with pure():
        with open(os.devnull) as nothing:
            assert nothing.read() == ""
        assert time.monotonic() > 0
        as_core("import odyssey_proto.kernel.machine")


def test_a_thread_and_a_socket_left_are_seen() -> None:
    before = Snapshot()
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait, name="forgotten")
    thread.start()
    left = socket.socket()
    try:
        assert [what.split(" ")[0] for what in before.left()] == ["thread", "descriptor"]
    finally:
        stop.set()
        thread.join()
        left.close()
    assert before.left() == []


@pytest.mark.anyio
async def test_a_task_left_is_seen() -> None:
    before = tasks()
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep_forever)
        await anyio.lowlevel.checkpoint()
        assert len(await tasks_left(before)) == 1
        group.cancel_scope.cancel()
    assert await tasks_left(before) == []


def test_a_blocking_call_of_ours_is_seen() -> None:
    blockbuster = pytest.importorskip("blockbuster")

    async def block() -> None:
        as_core("__import__('time').sleep(0.001)")

    with no_blocking(), pytest.raises(blockbuster.BlockingError):
        asyncio.run(block())
