"""A loop in a thread of its own: how it starts, serves, ends, dies, and ends when nobody is left."""

import asyncio
import gc
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import anyio
import pytest

import odyssey_trio_compat.loop_thread as module
from odyssey_trio_compat import LoopThread

WITHIN = 10.0
"""More than anything here takes, in seconds."""


class Owner:
    """Makes a thread, and notes what becomes of it."""

    def __init__(self, last: Callable[[], Coroutine[Any, Any, None]] | None = None) -> None:
        self.steps: list[str] = []
        self._then = last
        self.thread = LoopThread("odyssey test", self._last, self._died)

    async def _last(self) -> None:
        self.steps.append("last")
        if self._then is not None:
            await self._then()

    def _died(self, error: BaseException) -> None:
        self.steps.append(f"died of {type(error).__name__}")

    async def ended(self) -> None:
        with anyio.fail_after(WITHIN):
            while self.thread.alive:
                await anyio.sleep(0.001)


def leave() -> None:
    raise SystemExit


def stop_the_loop() -> None:
    asyncio.get_running_loop().stop()


@pytest.mark.anyio
async def test_each_loop_is_called_in_its_own_thread() -> None:
    owner = Owner()
    threads: list[threading.Thread] = []
    called = anyio.Event()

    def there() -> None:
        threads.append(threading.current_thread())
        owner.thread.outward(here)

    def here() -> None:
        threads.append(threading.current_thread())
        called.set()

    # What is rung for before it starts is not lost.
    owner.thread.inward(there)
    owner.thread.start()
    with anyio.fail_after(WITHIN):
        await called.wait()
    assert [thread.name for thread in threads] == ["odyssey test", threading.current_thread().name]
    assert repr(owner.thread) == "<LoopThread odyssey test alive>"
    owner.thread.stop()
    owner.thread.stop()
    await owner.ended()
    assert owner.steps == ["last"]
    assert repr(owner.thread) == "<LoopThread odyssey test not running>"
    assert not owner.thread.inward(there)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("blow", "cause"), [(leave, "SystemExit"), (stop_the_loop, "RuntimeError")], ids=["leave", "stop"]
)
async def test_however_it_dies_the_last_thing_runs_and_the_cause_is_reported(
    blow: Callable[[], None], cause: str
) -> None:
    owner = Owner()
    owner.thread.start()
    owner.thread.inward(blow)
    await owner.ended()
    assert owner.steps == ["last", f"died of {cause}"]
    owner.thread.stop()


@pytest.mark.anyio
async def test_the_first_cause_is_reported_when_the_end_breaks_as_well() -> None:
    async def broken() -> None:
        raise LookupError

    owner = Owner(broken)
    owner.thread.start()
    owner.thread.inward(leave)
    await owner.ended()
    assert owner.steps == ["last", "died of SystemExit"]


@pytest.mark.anyio
async def test_an_end_that_breaks_is_reported_too() -> None:
    async def broken() -> None:
        raise LookupError

    owner = Owner(broken)
    owner.thread.start()
    owner.thread.stop()
    await owner.ended()
    assert owner.steps == ["last", "died of LookupError"]


@pytest.mark.anyio
async def test_what_is_done_last_is_bounded_and_tasks_that_are_left_are_cancelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "CLOSING_SECONDS", 0.05)
    owner = Owner()

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            owner.steps.append("cancelled")

    # Held, since asyncio holds no task that only waits for what it made itself.
    begun: list[asyncio.Task[None]] = []

    def begin() -> None:
        begun.append(asyncio.get_running_loop().create_task(endless()))
        owner.steps.append(str(begun[0].done()))

    owner._then = endless
    owner.thread.start()
    owner.thread.inward(begin)
    owner.thread.stop()
    await owner.ended()
    assert owner.steps == ["False", "last", "cancelled", "cancelled"]


@pytest.mark.anyio
async def test_a_thread_that_cannot_start_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    owner = Owner()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="new thread"):
            owner.thread.start()
    assert not owner.thread.inward(leave)
    del owner
    # An event loop that was not closed says so when it is collected, and warnings are errors.
    gc.collect()


# --- loops that are gone ------------------------------------------------------------------------


def on_asyncio(main: Callable[[], Awaitable[None]]) -> None:
    """Runs a program, and closes its loop without a word to anybody."""
    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    loop.close()


def on_trio(main: Callable[[], Awaitable[None]]) -> None:
    anyio.run(main, backend="trio")


@pytest.mark.parametrize("run", [on_asyncio, on_trio])
@pytest.mark.parametrize("idle", [True, False], ids=["idle", "talking"])
def test_a_thread_ends_by_itself_when_the_loop_that_it_serves_is_gone(
    monkeypatch: pytest.MonkeyPatch, run: Callable[[Callable[[], Awaitable[None]]], None], *, idle: bool
) -> None:
    if idle:
        monkeypatch.setattr(module, "LIVENESS_SECONDS", 0.01)
    owners: list[Owner] = []

    async def main() -> None:
        owners.append(Owner())
        owners[0].thread.start()

    run(main)
    owner = owners[0]
    if not idle:
        assert not owner.thread.outward(lambda: owner.steps.append("called"))
    owner.thread._thread.join(WITHIN)
    assert not owner.thread.alive
    assert owner.steps == ["last"]
