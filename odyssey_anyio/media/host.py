"""Where the engine's asyncio loop lives: in a thread of its own, or in the application's loop."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import anyio

from odyssey_anyio.errors.safe_text import class_and_line
from odyssey_trio_compat import POLL_SECONDS, CallSoon, LoopThread, call_soon

logger: logging.Logger = logging.getLogger("odyssey.media")

CLOSING_SECONDS = 1.0
"""How long closing is waited for, which takes some milliseconds unless something is stuck."""

type Close = Callable[[], Coroutine[Any, Any, None]]
"""What runs in the engine's loop at the end, however that comes."""

type Died = Callable[[BaseException], None]
"""Called in the application's loop with the exception that ended the engine's loop."""


class Host(Protocol):
    """A place for an asyncio loop."""

    @property
    def inward(self) -> CallSoon:
        """Has something called in the engine's loop."""
        ...

    @property
    def outward(self) -> CallSoon:
        """Has something called in the application's loop."""
        ...

    async def aclose(self) -> None:
        """Closes the engine and what this owns; protected from the caller's cancellation."""
        ...


class Importing:
    """
    Says, as a block, that libraries are being imported: nothing can be closed until they are.

    Python imports a module once for all threads, so this is one for all hosts.
    """

    under_way: int = 0

    def __enter__(self) -> None:
        Importing.under_way += 1

    def __exit__(self, *_: object) -> None:
        Importing.under_way -= 1


class ThreadHost:
    """
    A loop in a thread of its own: media and a blocked application do not disturb each other.

    `RuntimeError` if there can be no thread.
    """

    def __init__(self, close: Close, died: Died) -> None:
        self._died = died
        self._thread = LoopThread("odyssey media", close, self._report)
        self.inward: CallSoon = self._thread.inward
        self.outward: CallSoon = self._thread.outward
        self._thread.start()

    def _report(self, error: BaseException) -> None:
        logger.error("the media thread died of %s", class_and_line(error))
        self.outward(lambda: self._died(error))

    async def aclose(self) -> None:
        """Ends the thread; one that is stuck is left behind, and ends as soon as it can."""
        self._thread.stop()
        with anyio.move_on_after(CLOSING_SECONDS, shield=True):
            while self._thread.alive:
                await anyio.sleep(POLL_SECONDS)
        if self._thread.alive and not Importing.under_way:
            logger.warning("the media thread is stuck: it is left behind, and ends when it can")


class HereHost:
    """The application's own loop, which must be one of asyncio: `RuntimeError` under any other."""

    def __init__(self, close: Close, died: Died) -> None:
        try:
            asyncio.get_running_loop()
        except RuntimeError as error:
            text = "media can live in the application's loop only if that is one of asyncio"
            raise RuntimeError(text) from error
        self._close = close
        self.outward: CallSoon = call_soon()
        self.inward: CallSoon = self.outward

    async def aclose(self) -> None:
        """Closes the engine; what is stuck is cancelled."""
        closing = asyncio.ensure_future(self._close())
        with anyio.move_on_after(CLOSING_SECONDS, shield=True):
            await asyncio.wait([closing])
        if not closing.done():
            logger.warning("closing media is stuck: it is given up")
            closing.cancel()
            with anyio.move_on_after(CLOSING_SECONDS, shield=True):
                await asyncio.wait([closing])
