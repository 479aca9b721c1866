"""How work of a thread is done in the loop behind it: interrupted, abandoned, and bounded."""

import threading
from concurrent.futures import CancelledError
from contextlib import nullcontext
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from anyio.from_thread import BlockingPortal

from odyssey.sync import fail_after
from odyssey.sync.portal import Portal, _Call, _Loop, in_place


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_work_that_is_interrupted_as_it_is_handed_over_ends(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    portal, began, ended = Portal(backend), threading.Event(), threading.Event()

    async def work() -> None:
        began.set()
        try:
            await anyio.sleep_forever()
        finally:
            ended.set()

    portal.call(anyio.lowlevel.checkpoint)
    real = BlockingPortal.start_task_soon

    def interrupted(*arguments: Any) -> Any:
        real(*arguments)
        assert began.wait(10)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(BlockingPortal, "start_task_soon", interrupted)
        with pytest.raises(KeyboardInterrupt):
            portal.call(work)
    assert ended.wait(10)
    portal.close()


def test_work_that_is_abandoned_before_it_begins_never_does() -> None:
    async def main() -> None:
        call = _Call(work)
        call.abandon()
        await call.run()

    done = []

    async def work() -> None:
        done.append(1)

    with pytest.raises(CancelledError):
        anyio.run(main)
    assert done == []


@pytest.mark.parametrize(
    ("interrupted", "raised"), [(TimeoutError(), None), (KeyboardInterrupt(), KeyboardInterrupt)]
)
def test_an_outcome_that_comes_just_then_is_returned_but_for_ctrl_c(
    interrupted: BaseException, raised: type[BaseException] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    portal = Portal("asyncio")

    async def work() -> int:
        return 7

    real = _Loop._wait

    def late(self: _Loop, ended: threading.Event) -> None:
        real(self, ended)
        # The outcome is set in the same turn of the loop, so before another call is.
        self._portal.call(anyio.lowlevel.checkpoint)
        raise interrupted

    monkeypatch.setattr(_Loop, "_wait", late)
    with pytest.raises(raised) if raised is not None else nullcontext():
        assert portal.call(work) == 7
    monkeypatch.undo()
    portal.close()


def test_what_needs_no_loop_is_bounded_as_well() -> None:
    with pytest.raises(TimeoutError), fail_after(0.01):
        in_place("asyncio", anyio.sleep_forever)
