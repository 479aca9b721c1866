"""Where the engine's asyncio loop lives: in a thread of its own, or in the application's loop."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import anyio

from odyssey_trio_compat import PAUSE, LoopThread, Ring, bell

CLOSE = 5.0
"""How long closing may take before the thread is left to itself, in seconds."""


class Host(Protocol):
    """A place for an asyncio loop."""

    @property
    def inward(self) -> Ring:
        """Has something called in the engine's loop."""
        ...

    @property
    def outward(self) -> Ring:
        """Has something called in the application's loop."""
        ...

    async def aclose(self, last: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Runs the last thing in the engine's loop, then ends what it owns."""
        ...


class ThreadHost:
    """A loop in a thread of its own: media and a blocked application do not disturb each other."""

    def __init__(self, died: Callable[[BaseException], None]) -> None:
        self.outward = bell()
        self._died = died
        self._thread = LoopThread("odyssey media", self._report)
        self.inward = self._thread.ring
        self._thread.start()

    def _report(self, error: BaseException) -> None:
        self.outward(lambda: self._died(error))

    async def aclose(self, last: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Runs the last thing in the thread, and ends it."""

        def begin() -> None:
            task = asyncio.ensure_future(last())
            task.add_done_callback(lambda _: self._thread.stop())

        with anyio.move_on_after(CLOSE, shield=True):
            self.inward(begin)
            while self._thread.alive:
                await anyio.sleep(PAUSE)


class HereHost:
    """The application's own loop, which must be one of asyncio: `RuntimeError` under any other."""

    def __init__(self, died: Callable[[BaseException], None]) -> None:
        try:
            asyncio.get_running_loop()
        except RuntimeError as error:
            text = "media can live in the application's loop only if that is one of asyncio"
            raise RuntimeError(text) from error
        self.outward = self.inward = bell()

    async def aclose(self, last: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Runs the last thing, protected from the caller's cancellation."""
        task = asyncio.ensure_future(last())
        with anyio.move_on_after(CLOSE, shield=True):
            await asyncio.wait([task])
