"""
Ctrl-C, SIGTERM and SIGHUP: they ask politely, and what was begun is finished before the end.

Before anything is begun, and when all is done, there is nothing to finish: the process ends at once then,
quietly and with the same status.
"""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import FrameType

INTERRUPTED = 128 + signal.SIGINT
"""The exit status of a command that Ctrl-C ended, as shells report it."""

TERMINATED = 128 + signal.SIGTERM
"""The exit status of a command that SIGTERM ended."""

ENDING = (
    signal.SIGINT,
    signal.SIGTERM,
    *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []),
)
"""What asks a command to end: Ctrl-C, SIGTERM, and where there is SIGHUP the window that was closed."""


def leave_at_once(interrupted: int = INTERRUPTED) -> None:
    """
    Has either signal end the process at once; `interrupted` is the status that Ctrl-C gives it.

    A signal that whoever started this process has it ignore stays ignored.
    """
    _leave_at_once(signal.SIGINT, interrupted)
    _leave_at_once(signal.SIGTERM, TERMINATED)


def interrupt_again() -> None:
    """Has Ctrl-C raise `KeyboardInterrupt` again."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


class Arrived:
    """Which signals came, in a block of `arriving`."""

    def __init__(self) -> None:
        import anyio

        self.signals: list[signal.Signals] = []
        self._first = anyio.Event()

    def add(self, number: signal.Signals) -> None:
        """One came."""
        self.signals.append(number)
        self._first.set()

    async def wait(self) -> None:
        """Waits for the first."""
        await self._first.wait()

    @property
    def status(self) -> int:
        """The exit status of a command that these ended, as shells report it; 0 if there was none."""
        return 128 + max(self.signals) if self.signals else 0

    @asynccontextmanager
    async def cancels(self) -> AsyncIterator[None]:
        """Runs the block until the first signal cancels it, also if that came before."""
        import anyio

        failed: Exception | None = None
        async with anyio.create_task_group() as group:

            async def watch() -> None:
                await self.wait()
                group.cancel_scope.cancel()

            group.start_soon(watch)
            # What the block raises comes out as it is, not as part of a group.
            try:
                yield
            except Exception as error:  # noqa: BLE001  # raised again below
                failed = error
            group.cancel_scope.cancel()
        if failed is not None:
            raise failed


@asynccontextmanager
async def arriving(*wanted: signal.Signals) -> AsyncIterator[Arrived]:
    """
    Takes these signals for the length of the block; nothing is cancelled, so that it can end in order.

    A signal that is ignored, as nohup has it, stays ignored.
    """
    import anyio

    arrived = Arrived()
    before = {number: signal.getsignal(number) for number in wanted}
    taken = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    failed: Exception | None = None
    try:
        with anyio.open_signal_receiver(*taken) as signals:
            async with anyio.create_task_group() as group:

                async def watch() -> None:
                    async for number in signals:
                        arrived.add(number)

                group.start_soon(watch)
                try:
                    yield arrived
                except Exception as error:  # noqa: BLE001  # raised again below
                    failed = error
                group.cancel_scope.cancel()
    finally:
        # asyncio leaves the default in their place.
        for number, handler in before.items():
            signal.signal(number, handler)
    if failed is not None:
        raise failed


def _leave_at_once(number: signal.Signals, status: int) -> None:
    def leave(_: int, __: FrameType | None) -> None:
        os._exit(status)

    if signal.getsignal(number) is not signal.SIG_IGN:
        signal.signal(number, leave)
