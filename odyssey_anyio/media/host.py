"""Where the engine's asyncio loop lives: in a thread that clients share, or in the application's loop."""

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import anyio

from odyssey_anyio.errors.safe_text import class_and_line
from odyssey_trio_compat import POLL_SECONDS, CallSoon, LoopThread, SharedThread, call_soon

logger: logging.Logger = logging.getLogger("odyssey.media")

CLOSING_SECONDS = 1.0
"""How long closing is waited for, which takes some milliseconds unless something is stuck."""

IMPORT_PATIENCE = 5
"""So many times as long it is waited for while libraries are being imported, which ends by itself."""

THREAD_NAME = "odyssey media"

type Close = Callable[[], Coroutine[Any, Any, None]]
"""What runs in the engine's loop at the end, however that comes."""

type Died = Callable[[BaseException], None]
"""Called in the application's loop with the exception that ended the engine's loop."""


_shared = SharedThread(THREAD_NAME)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_shared.forget)


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
    A loop in a thread: media and a blocked application do not disturb each other.

    All clients of a process share one, which starts with the first of them and ends with the last; another
    `thread` is one of its own.
    `RuntimeError` if there can be no thread.
    """

    def __init__(self, close: Close, died: Died, thread: LoopThread | SharedThread | None = None) -> None:
        self._died = died
        self._lease = (thread or _shared).lease(close, self._report)
        self.inward: CallSoon = self._lease.inward
        self.outward: CallSoon = self._lease.outward

    def _report(self, error: BaseException) -> None:
        logger.error("the media thread died of %s", class_and_line(error))
        self.outward(lambda: self._died(error))

    async def aclose(self) -> None:
        """Ends its use of the thread; one that is stuck is left behind, and ends as soon as it can."""
        self._lease.release()
        patience = CLOSING_SECONDS
        with anyio.CancelScope(shield=True):
            # Counted in rounds of this loop: where all are slow, so is the one that is waited for.
            while self._lease.alive and patience > 0:
                await anyio.sleep(POLL_SECONDS)
                patience -= POLL_SECONDS if not Importing.under_way else POLL_SECONDS / IMPORT_PATIENCE
        if self._lease.alive and not Importing.under_way:
            logger.warning("the media thread is stuck: it is left behind, and ends when it can")


def own_thread(close: Close, died: Died) -> ThreadHost:
    """Returns a loop in a thread that nobody else uses."""
    return ThreadHost(close, died, LoopThread(THREAD_NAME))


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
