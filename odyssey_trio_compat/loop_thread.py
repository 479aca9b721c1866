"""An asyncio loop in a thread of its own."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from odyssey_trio_compat.call_soon import CallSoon, asyncio_call_soon, call_soon

POLL_SECONDS = 0.001
"""How often the end of the thread is looked for while it ends."""

LIVENESS_SECONDS = 1.0
"""How often the thread looks whether the loop that it serves is still there."""

CLOSING_SECONDS = 5.0
"""How long `close` may take; then it is cancelled."""

CANCELLING_SECONDS = 1.0
"""How long tasks that were cancelled may take to end."""


class LoopThread:
    """
    Owns a thread that runs an asyncio loop in the service of the loop in which this is made.

    It ends when `stop` is called, and by itself when the loop that it serves is closed.
    However it ends, `close` runs in its loop before, in bounded time.
    If it died of an exception, `died` is called with that at the very end of the thread.
    The thread is a daemon: an application that ends without stopping it is not held up.
    """

    def __init__(
        self,
        name: str,
        close: Callable[[], Coroutine[Any, Any, None]],
        died: Callable[[BaseException], None],
    ) -> None:
        self._call_served = call_soon()
        self._close = close
        self._died = died
        self._loop = asyncio.new_event_loop()
        self.inward: CallSoon = asyncio_call_soon(self._loop)
        """Has something called in the thread's loop; what comes before the loop is up is not lost."""
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)
        self._ending = False

    def __repr__(self) -> str:
        return f"<LoopThread {self._thread.name} {'alive' if self.alive else 'not running'}>"

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def outward(self, call: Callable[[], None]) -> bool:
        """Has something called in the loop that is served; if that is closed, the thread ends."""
        open_ = self._call_served(call)
        if not open_:
            self.stop()
        return open_

    def start(self) -> None:
        """Starts the thread; `RuntimeError` if there can be none, and then nothing is left open."""
        try:
            self._thread.start()
        except BaseException:
            self._loop.close()
            raise

    def stop(self) -> None:
        """Ends the loop; tasks that are left are cancelled first."""
        self.inward(self._halt)

    # --- in the thread --------------------------------------------------------------------------

    def _main(self) -> None:
        cause: BaseException | None = None
        for step in (self._run, self._wind_down, self._loop.close):
            try:
                step()
            except BaseException as error:  # noqa: BLE001  # whatever it is, the rest must be closed
                # What came first is the cause of what came after.
                cause = cause or error
        if cause is not None:
            self._died(cause)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.call_soon(self._check_served)
        self._loop.run_forever()
        if not self._ending:
            raise RuntimeError("the loop was stopped by somebody else")

    def _check_served(self) -> None:
        # A loop that is closed says so to nobody: an idle thread has to ask.
        if self.outward(_nothing):
            self._loop.call_later(LIVENESS_SECONDS, self._check_served)

    def _halt(self) -> None:
        if not self._ending:
            self._ending = True
            self._loop.stop()

    def _wind_down(self) -> None:
        self._ending = True
        try:
            self._loop.run_until_complete(self._finish())
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
        finally:
            asyncio.set_event_loop(None)

    async def _finish(self) -> None:
        closing = asyncio.ensure_future(self._close())
        await asyncio.wait([closing], timeout=CLOSING_SECONDS)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=CANCELLING_SECONDS)
        if closing.done() and not closing.cancelled():
            closing.result()


def _nothing() -> None:
    return
