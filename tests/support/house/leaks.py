"""What a test must not leave behind: threads, open sockets and pipes, tasks."""

import asyncio
import gc
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import anyio

LEAK_GRACE_SECONDS = 2.0
"""How long what is on its way out may take."""

POOLED = ("Trio thread", "asyncio_", "ThreadPoolExecutor", "AnyIO worker thread")
"""Threads that a loop keeps for later use and that end with the loop or the process."""


class Snapshot:
    """The threads and the descriptors of this process at one moment."""

    def __init__(self) -> None:
        self.threads = {thread for thread in threading.enumerate() if not thread.name.startswith(POOLED)}
        self.descriptors = dict(_descriptors())

    def left(self) -> list[str]:
        """Returns what is there now and was not there then, after a time of grace."""
        found = self._left()
        if found:
            gc.collect()
        until = time.monotonic() + LEAK_GRACE_SECONDS
        while (found := self._left()) and time.monotonic() < until:
            time.sleep(0.02)
        return found

    def _left(self) -> list[str]:
        now = Snapshot()
        threads = [f"thread {thread.name!r}" for thread in now.threads - self.threads if thread.is_alive()]
        opened = now.descriptors.items() - self.descriptors.items()
        return threads + [f"descriptor {number}: {what}" for number, what in sorted(opened)]


async def tasks_left(before: set[Any]) -> list[str]:
    """Returns the tasks of the running loop that were not there before, after a time of grace."""
    with anyio.move_on_after(LEAK_GRACE_SECONDS):
        while tasks() - before:
            await anyio.sleep(0.01)
    return [f"task {task!r}" for task in tasks() - before]


def tasks() -> set[Any]:
    """Returns the tasks of the running loop that are not done."""
    return _here()()


def _here() -> Callable[[], set[Any]]:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _trio_tasks
    return _asyncio_tasks


def _asyncio_tasks() -> set[Any]:
    # anyio's runner makes a task for each fixture and each test.
    return {
        task
        for task in asyncio.all_tasks()
        if not getattr(task.get_coro(), "__qualname__", "").startswith("TestRunner.")
    }


def _trio_tasks() -> set[Any]:
    import trio

    root = trio.lowlevel.current_root_task()
    found: set[Any] = set()
    waiting = [root]
    while waiting:
        task = waiting.pop()
        if task is not None and task not in found:
            found.add(task)
            waiting += [child for nursery in task.child_nurseries for child in nursery.child_tasks]
    return found


def _descriptors() -> Iterator[tuple[int, str]]:
    try:
        numbers = os.listdir("/proc/self/fd")
    except FileNotFoundError:
        return
    for number in numbers:
        try:
            what = os.readlink(f"/proc/self/fd/{number}")
        except FileNotFoundError:
            continue
        if what.startswith(("socket:", "pipe:", "anon_inode:")):
            yield int(number), what
