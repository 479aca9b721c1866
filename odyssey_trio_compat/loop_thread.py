"""An asyncio loop in a thread of its own."""

import asyncio
import threading
from collections.abc import Callable

from odyssey_trio_compat.bell import Ring, asyncio_ring

PAUSE = 0.001
"""How often the end of the thread is looked for while it ends, in seconds."""


class LoopThread:
    """
    Owns a thread that runs an asyncio loop until it is told to stop.

    `died` is called in the thread when the loop ends without having been told to; the exception
    says why.
    The thread is a daemon: an application that ends without a goodbye is not held up.
    """

    def __init__(self, name: str, died: Callable[[BaseException], None]) -> None:
        self._died = died
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)
        self._stopping = False

    def __repr__(self) -> str:
        return f"<LoopThread {self._thread.name} {'alive' if self.alive else 'not running'}>"

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    @property
    def ring(self) -> Ring:
        """Has something called in the thread's loop; callable from any thread."""
        return asyncio_ring(self._loop)

    def start(self) -> None:
        """Starts the thread; what is rung for before the loop is up is not lost."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the loop; tasks that are left are cancelled first."""
        self._stopping = True
        self.ring(self._loop.stop)

    def _main(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            if not self._stopping:
                raise RuntimeError("the media loop was stopped from elsewhere")
        except BaseException as error:  # noqa: BLE001  # the thread ends with it, and its owner is told
            self._died(error)
        finally:
            self._end()

    def _end(self) -> None:
        try:
            left = asyncio.all_tasks(self._loop)
            for task in left:
                task.cancel()
            if left:
                self._loop.run_until_complete(asyncio.wait(left, timeout=1))
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
        finally:
            asyncio.set_event_loop(None)
            self._loop.close()
