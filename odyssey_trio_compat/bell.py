"""Reaching a loop from another thread, on either backend."""

import asyncio
import sys
from collections.abc import Callable
from typing import Any

type Ring = Callable[[Callable[[], None]], None]
"""Has a function called soon in the loop it belongs to; a loop that is gone forgets it."""


def bell() -> Ring:
    """Gives the ring of the loop that is running here; callable from any thread."""
    trio: Any = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_run():
        return _trio_ring(trio)
    return asyncio_ring(asyncio.get_running_loop())


def asyncio_ring(loop: asyncio.AbstractEventLoop) -> Ring:
    """Gives the ring of an asyncio loop."""

    def ring(call: Callable[[], None]) -> None:
        try:
            loop.call_soon_threadsafe(call)
        except RuntimeError:
            # The loop is closed; what it would have been told is of no use to anybody.
            return

    return ring


def _trio_ring(trio: Any) -> Ring:
    token = trio.lowlevel.current_trio_token()

    def ring(call: Callable[[], None]) -> None:
        try:
            token.run_sync_soon(call)
        except trio.RunFinishedError:
            return

    return ring
