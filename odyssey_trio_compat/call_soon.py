"""Reaching a loop from another thread, on either backend."""

import asyncio
import sys
from collections.abc import Callable
from typing import Any

type CallSoon = Callable[[Callable[[], None]], bool]
"""Has a function called soon in the loop it belongs to; returns `False` if that loop is gone."""


def call_soon() -> CallSoon:
    """Returns the ring of the loop that is running here; callable from any thread."""
    trio: Any = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_run():
        return _trio_ring(trio)
    return asyncio_ring(asyncio.get_running_loop())


def asyncio_ring(loop: asyncio.AbstractEventLoop) -> CallSoon:
    """Returns the ring of an asyncio loop."""

    def ring(call: Callable[[], None]) -> bool:
        try:
            loop.call_soon_threadsafe(call)
        except RuntimeError:
            # The loop is closed.
            return False
        return True

    return ring


def _trio_ring(trio: Any) -> CallSoon:
    token = trio.lowlevel.current_trio_token()

    def ring(call: Callable[[], None]) -> bool:
        try:
            token.run_sync_soon(call)
        except trio.RunFinishedError:
            return False
        return True

    return ring
