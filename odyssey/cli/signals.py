"""SIGTERM ends a command in order, as Ctrl-C does: what was begun is finished first."""

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

TERMINATED = 128 + signal.SIGTERM
"""The exit status of a command that SIGTERM ended, as shells report it."""


@asynccontextmanager
async def until(*wanted: signal.Signals) -> AsyncIterator[list[signal.Signals]]:
    """Runs the block until one of these signals cancels it; then the list has the signal."""
    received: list[signal.Signals] = []
    failed: Exception | None = None
    with anyio.open_signal_receiver(*wanted) as signals:
        async with anyio.create_task_group() as group:

            async def watch() -> None:
                received.append(await anext(aiter(signals)))
                group.cancel_scope.cancel()

            group.start_soon(watch)
            # What the block raises comes out as it is, not as part of a group.
            try:
                yield received
            except Exception as error:  # noqa: BLE001  # raised again below
                failed = error
            group.cancel_scope.cancel()
    if failed is not None:
        raise failed
