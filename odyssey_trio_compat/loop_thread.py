"""
An asyncio loop in a thread, for one or for many who live in other loops.

Each has a lease: a way in, a way back, and an end of its own.
The thread starts with the first lease and ends with the last.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import Context, ContextVar
from typing import Any

from odyssey_trio_compat.call_soon import call_soon

POLL_SECONDS = 0.001
"""How often the end of a lease is looked for while it ends."""

LIVENESS_SECONDS = 1.0
"""How often a lease looks whether the loop that it serves is still there."""

CLOSING_SECONDS = 5.0
"""How long `close` may take; then it is cancelled."""

CANCELLING_SECONDS = 1.0
"""How long tasks that were cancelled may take to end."""

type Close = Callable[[], Coroutine[Any, Any, None]]
"""What runs in the thread's loop at the end of a lease, however that comes."""

type Died = Callable[[BaseException], None]
"""Called in the thread with the exception that ended it, or that `close` raised."""

_LEASE: ContextVar["Lease | None"] = ContextVar("lease", default=None)
"""Whose a task is: it inherits this from what made it."""


class ThreadEndingError(RuntimeError):
    """A thread has no place for anybody any more."""


class Lease:
    """
    The use of a thread's loop in the service of the loop in which this is made.

    It ends when `release` is called, when the loop that it serves is closed, and when the thread dies.
    However it ends, `close` runs in the thread's loop before, in bounded time, and the tasks that are left
    of it are cancelled; those of others go on.
    """

    def __init__(self, thread: "LoopThread", close: Close, died: Died) -> None:
        self._thread = thread
        self._call_served = call_soon()
        self._close = close
        self.died = died
        self._context = Context()
        self._context.run(_LEASE.set, self)
        self._finishing: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Lease of {self._thread}{'' if self.alive else ', ended'}>"

    @property
    def alive(self) -> bool:
        """Whether it has not ended yet, or the thread has not that ends with it."""
        return self._thread.serves(self)

    def inward(self, call: Callable[[], object]) -> bool:
        """Has something called in the thread's loop; returns `False` if that is gone."""
        return self._thread.call(call, self._context)

    def outward(self, call: Callable[[], None]) -> bool:
        """Has something called in the loop that is served; if that is closed, the lease ends."""
        open_ = self._call_served(call)
        if not open_:
            self.release()
        return open_

    def release(self) -> None:
        """Ends it; `alive` tells when that is done."""
        self.inward(self.finish)

    # --- in the thread --------------------------------------------------------------------------

    def check_served(self) -> None:
        """Ends it when the loop that it serves is closed, which says so to nobody: somebody has to ask."""
        if self._finishing is None and self.outward(_nothing):
            asyncio.get_running_loop().call_later(LIVENESS_SECONDS, self.check_served)

    def finish(self) -> "asyncio.Task[None]":
        """Begins to end it."""
        if self._finishing is None:
            # In a context that is nobody's, or it would cancel itself.
            self._finishing = asyncio.get_running_loop().create_task(self._finish(), context=Context())
        return self._finishing

    async def _finish(self) -> None:
        loop = asyncio.get_running_loop()
        closing = loop.create_task(self._close(), context=self._context.copy())
        try:
            await asyncio.wait([closing], timeout=CLOSING_SECONDS)
            left = [task for task in asyncio.all_tasks() if task.get_context().get(_LEASE) is self]
            for task in left:
                task.cancel()
            if left:
                await asyncio.wait(left, timeout=CANCELLING_SECONDS)
            error = closing.exception() if closing.done() and not closing.cancelled() else None
            if error is not None and not self._thread.ending:
                # Otherwise the end of the thread is the cause.
                self.died(error)
        finally:
            self._thread.leave(self)


class LoopThread:
    """
    Owns a thread that runs an asyncio loop.

    The thread is a daemon: an application that ends without releasing it is not held up.
    """

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)
        self._lock = threading.Lock()
        self._leases: list[Lease] = []
        self._last: list[Lease] = []
        self._ending = False

    def __repr__(self) -> str:
        return f"<LoopThread {self._thread.name} {'alive' if self.alive else 'not running'}>"

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    @property
    def ending(self) -> bool:
        """Whether it has no place for anybody any more."""
        return self._ending or (self._thread.ident is not None and not self.alive)

    def lease(self, close: Close, died: Died) -> Lease:
        """
        Returns a lease for the loop that is running here, and starts the thread with the first.

        `RuntimeError` if there can be no thread, and then nothing is left open.
        `ThreadEndingError` if all leases have ended, or the thread died.
        """
        lease = Lease(self, close, died)
        with self._lock:
            if self.ending:
                raise ThreadEndingError
            self._leases.append(lease)
            if self._thread.ident is None:
                try:
                    self._thread.start()
                except BaseException:
                    self._ending = True
                    self._loop.close()
                    raise
        lease.inward(lease.check_served)
        return lease

    def serves(self, lease: Lease) -> bool:
        """Returns whether a lease has not ended, or nobody is left and the thread is about to end."""
        return self.alive and (not self._leases or lease in self._leases)

    def call(self, call: Callable[[], object], context: Context) -> bool:
        """Has something called in its loop; returns `False` if that is gone."""
        try:
            self._loop.call_soon_threadsafe(call, context=context)
        except RuntimeError:
            return False
        return True

    # --- in the thread --------------------------------------------------------------------------

    def leave(self, lease: Lease) -> None:
        """A lease has ended; with the last the thread ends."""
        with self._lock:
            self._leases.remove(lease)
            if not self._leases and not self._ending:
                self._last = [lease]
                self._ending = True
                self._loop.stop()

    def _main(self) -> None:
        leases: list[Lease] = []
        cause: BaseException | None = None
        for step in (self._run, lambda: self._finish(leases), self._wind_down, self._loop.close):
            try:
                step()
            except BaseException as error:  # noqa: BLE001  # whatever it is, the rest must be closed
                # What came first is the cause of what came after.
                cause = cause or error
        if cause is not None:
            for lease in leases or self._last:
                lease.died(cause)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        if not self._ending:
            raise RuntimeError("the loop was stopped by somebody else")

    def _finish(self, leases: list[Lease]) -> None:
        """Ends the leases that are left, because the loop ended under them."""
        with self._lock:
            self._ending = True
            leases += self._leases
        if leases:
            self._loop.run_until_complete(_all(leases))

    def _wind_down(self) -> None:
        try:
            self._loop.run_until_complete(_cancel_all())
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
        finally:
            asyncio.set_event_loop(None)


class SharedThread:
    """The thread that all who need one in a process share, made anew whenever it is needed again."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._thread: LoopThread | None = None

    def __repr__(self) -> str:
        return f"<SharedThread {self._name}: {self._thread}>"

    def lease(self, close: Close, died: Died) -> Lease:
        """Returns a lease for the loop that is running here; `RuntimeError` if there can be no thread."""
        with self._lock:
            if self._thread is not None:
                with suppress(ThreadEndingError):
                    return self._thread.lease(close, died)
            self._thread = LoopThread(self._name)
            return self._thread.lease(close, died)

    def forget(self) -> None:
        """Makes a thread anew when one is needed next: a forked child has none of its parent's."""
        self._lock = threading.Lock()
        self._thread = None


async def _all(leases: list[Lease]) -> None:
    await asyncio.gather(*(lease.finish() for lease in leases), return_exceptions=True)


async def _cancel_all() -> None:
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left, timeout=CANCELLING_SECONDS)


def _nothing() -> None:
    return
