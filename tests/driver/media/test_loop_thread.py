"""A loop in a thread, for one or many: how it starts, serves, ends, dies, and ends when nobody is left."""

import asyncio
import gc
import threading
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

import anyio
import pytest

import odyssey_trio_compat.loop_thread as module
from odyssey_trio_compat import LoopThread, SharedThread

WITHIN = 10.0
"""More than anything here takes, in seconds."""


class Owner:
    """Has the lease of a thread, and notes what becomes of it."""

    def __init__(
        self,
        last: Callable[[], Coroutine[Any, Any, None]] | None = None,
        thread: LoopThread | SharedThread | None = None,
    ) -> None:
        self.steps: list[str] = []
        self._then = last
        self.lease = (thread or LoopThread("odyssey test")).lease(self._last, self._died)
        self.thread = self.lease._thread

    async def _last(self) -> None:
        self.steps.append("last")
        if self._then is not None:
            await self._then()

    def _died(self, error: BaseException) -> None:
        self.steps.append(f"died of {type(error).__name__}")

    async def ended(self) -> None:
        with anyio.fail_after(WITHIN):
            while self.lease.alive:
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
        owner.lease.outward(here)

    def here() -> None:
        threads.append(threading.current_thread())
        called.set()

    owner.lease.inward(there)
    with anyio.fail_after(WITHIN):
        await called.wait()
    assert [thread.name for thread in threads] == ["odyssey test", threading.current_thread().name]
    assert repr(owner.lease) == "<Lease of <LoopThread odyssey test alive>>"
    owner.lease.release()
    owner.lease.release()
    await owner.ended()
    assert owner.steps == ["last"]
    assert repr(owner.lease) == "<Lease of <LoopThread odyssey test not running>, ended>"
    assert not owner.lease.inward(there)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("blow", "cause"), [(leave, "SystemExit"), (stop_the_loop, "RuntimeError")], ids=["leave", "stop"]
)
async def test_however_it_dies_the_last_thing_runs_and_the_cause_is_reported(
    blow: Callable[[], None], cause: str
) -> None:
    owner = Owner()
    owner.lease.inward(blow)
    await owner.ended()
    assert owner.steps == ["last", f"died of {cause}"]
    owner.lease.release()


@pytest.mark.anyio
async def test_the_first_cause_is_reported_when_the_end_breaks_as_well() -> None:
    async def broken() -> None:
        raise LookupError

    owner = Owner(broken)
    owner.lease.inward(leave)
    await owner.ended()
    assert owner.steps == ["last", "died of SystemExit"]


@pytest.mark.anyio
async def test_an_end_that_breaks_is_reported_too() -> None:
    async def broken() -> None:
        raise LookupError

    owner = Owner(broken)
    owner.lease.release()
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
    owner.lease.inward(begin)
    owner.lease.release()
    await owner.ended()
    assert owner.steps == ["False", "last", "cancelled", "cancelled"]


@pytest.mark.anyio
async def test_a_thread_that_cannot_start_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    shared = SharedThread("odyssey test")
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        for _ in range(2):
            with pytest.raises(RuntimeError, match="new thread"):
                Owner(thread=shared)
            # An event loop that was not closed says so when it is collected, and warnings are errors.
            gc.collect()
    # The next one gets a new try.
    owner = Owner(thread=shared)
    owner.lease.release()
    await owner.ended()
    assert owner.steps == ["last"]


# --- many in one thread ---------------------------------------------------------------------------


async def forever() -> None:
    await asyncio.Event().wait()


@pytest.mark.anyio
async def test_a_shared_thread_begins_with_the_first_lease_and_ends_with_the_last() -> None:
    shared = SharedThread("odyssey test")
    one, two = Owner(thread=shared), Owner(thread=shared)
    assert one.thread is two.thread
    one.lease.release()
    await one.ended()
    assert (one.steps, two.steps) == (["last"], [])
    assert one.thread.alive
    assert two.lease.alive
    three = Owner(thread=shared)
    assert three.thread is two.thread
    for owner in (two, three):
        owner.lease.release()
        await owner.ended()
    assert not one.thread.alive
    # The one that ended has no place for anybody.
    with pytest.raises(RuntimeError):
        Owner(thread=one.thread)
    four = Owner(thread=shared)
    assert four.thread is not one.thread
    four.lease.release()
    await four.ended()
    assert repr(shared) == "<SharedThread odyssey test: <LoopThread odyssey test not running>>"


@pytest.mark.anyio
async def test_an_end_waits_for_nobody_else_and_cancels_nothing_of_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "CLOSING_SECONDS", 2.0)
    shared = SharedThread("odyssey test")
    slow, other, quick = Owner(forever, shared), Owner(thread=shared), Owner(thread=shared)
    tasks: dict[Owner, asyncio.Task[None]] = {}
    makers: list[asyncio.Task[None]] = []

    def begin(owner: Owner) -> None:
        # What a task makes is of the same lease.
        async def work() -> None:
            tasks[owner] = asyncio.get_running_loop().create_task(forever())
            await tasks[owner]

        makers.append(asyncio.get_running_loop().create_task(work()))

    for owner in (slow, other, quick):
        owner.lease.inward(partial(begin, owner))
    slow.lease.release()
    quick.lease.release()
    await quick.ended()
    assert slow.lease.alive
    assert tasks[quick].cancelled()
    assert not tasks[other].done()
    other.lease.release()
    await other.ended()
    # What is left is bounded as well.
    monkeypatch.setattr(module, "CLOSING_SECONDS", 0.05)
    bounded = Owner(forever, shared)
    bounded.lease.release()
    await bounded.ended()
    with anyio.fail_after(WITHIN):
        await slow.ended()
    assert [owner.steps for owner in (slow, other, quick, bounded)] == [["last"]] * 4


@pytest.mark.anyio
async def test_a_death_is_reported_to_all_who_share_the_thread() -> None:
    shared = SharedThread("odyssey test")
    owners = [Owner(thread=shared) for _ in range(3)]
    owners[0].lease.inward(leave)
    for owner in owners:
        await owner.ended()
        assert owner.steps == ["last", "died of SystemExit"]
    after = Owner(thread=shared)
    assert after.lease.alive
    after.lease.release()
    await after.ended()


@pytest.mark.anyio
async def test_an_end_that_breaks_is_of_one_lease_only() -> None:
    async def broken() -> None:
        raise LookupError

    shared = SharedThread("odyssey test")
    one, two = Owner(broken, shared), Owner(thread=shared)
    one.lease.release()
    await one.ended()
    assert one.steps == ["last", "died of LookupError"]
    assert two.lease.alive
    two.lease.release()
    await two.ended()
    assert two.steps == ["last"]


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
def test_a_lease_ends_by_itself_when_the_loop_that_it_serves_is_gone(
    monkeypatch: pytest.MonkeyPatch, run: Callable[[Callable[[], Awaitable[None]]], None], *, idle: bool
) -> None:
    if idle:
        monkeypatch.setattr(module, "LIVENESS_SECONDS", 0.01)
    owners: list[Owner] = []
    shared = SharedThread("odyssey test")

    async def main() -> None:
        owners.append(Owner(thread=shared))

    run(main)
    owner = owners[0]
    if not idle:
        assert not owner.lease.outward(lambda: owner.steps.append("called"))
    owner.thread._thread.join(WITHIN)
    assert not owner.lease.alive
    assert owner.steps == ["last"]
