"""
Waking the tasks that wait for something, however many there are.

An event of anyio is set once and for ever, and a condition wants a lock.
What is needed again and again is less: a queue or a flag that belongs to one loop, which tasks look at,
and a way to wait for the next change of it.
A task that is cancelled while it waits has taken nothing, so nothing is lost with it.
"""

from collections.abc import Callable

import anyio


class Wakeup:
    """
    Lets tasks wait for the next change of something; each looks for itself what it was.

    It belongs to one loop; an event is made only when somebody waits.
    Tasks of a loop that was closed under them are forgotten: they harm nobody who lives on.
    """

    def __init__(self) -> None:
        self._next: anyio.Event | None = None

    def __repr__(self) -> str:
        return f"<Wakeup{' awaited' if self.awaited else ''}>"

    @property
    def awaited(self) -> bool:
        """Whether a task waits; any thread may ask."""
        return self._next is not None

    @property
    def next(self) -> anyio.Event:
        """What the next `set` sets, for who must ask for it under a lock and wait without."""
        self._next = self._next or anyio.Event()
        return self._next

    async def wait(self) -> None:
        """Waits for the next change."""
        await self.next.wait()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits until something holds; if it holds already, this is no checkpoint."""
        while not condition():
            await self.wait()

    def set(self) -> None:
        """Something has changed."""
        event, self._next = self._next, None
        if event is None:
            return
        try:
            event.set()
        except RuntimeError:
            # The loop of those who wait is closed.
            return
