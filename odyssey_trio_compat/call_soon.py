"""Reaching a loop from another thread, on either backend."""

import asyncio
import sys
from collections.abc import Callable
from typing import Any

type CallSoon = Callable[[Callable[[], None]], bool]
"""Has a function called soon in the loop it belongs to; returns `False` if that loop is gone."""


def call_soon() -> CallSoon:
    """Returns the `CallSoon` of the loop that is running here; any thread may call it."""
    trio = trio_here()
    return asyncio_call_soon(asyncio.get_running_loop()) if trio is None else _trio_call_soon(trio)


def trio_here() -> Any:
    """
    Returns the module `trio` where a run of it is running, and `None` elsewhere; it is never loaded.

    Another thread may be loading it just now: then it is in `sys.modules`, and lacks what comes later.
    """
    trio: Any = sys.modules.get("trio")
    lowlevel: Any = getattr(trio, "lowlevel", None)
    return trio if lowlevel is not None and lowlevel.in_trio_run() else None


def asyncio_call_soon(loop: asyncio.AbstractEventLoop) -> CallSoon:
    """Returns the `CallSoon` of an asyncio loop."""

    def call_soon(call: Callable[[], None]) -> bool:
        try:
            loop.call_soon_threadsafe(call)
        except RuntimeError:
            # The loop is closed.
            return False
        return True

    return call_soon


def _trio_call_soon(trio: Any) -> CallSoon:
    token = trio.lowlevel.current_trio_token()

    def call_soon(call: Callable[[], None]) -> bool:
        try:
            token.run_sync_soon(call)
        except trio.RunFinishedError:
            return False
        return True

    return call_soon
