"""Waking the tasks that wait for something, however many there are."""

import anyio


class Wakeup:
    """
    Lets tasks wait until something has changed; each looks for itself what it was.

    Tasks of a loop that was closed under them are forgotten: they harm nobody who lives on.
    """

    def __init__(self) -> None:
        self._event: anyio.Event | None = None

    def __repr__(self) -> str:
        return f"<Wakeup{' awaited' if self._event is not None else ''}>"

    async def wait(self) -> None:
        """Waits for the next change."""
        event = self._event = self._event or anyio.Event()
        await event.wait()

    def set(self) -> None:
        """Something has changed."""
        event, self._event = self._event, None
        if event is None:
            return
        try:
            event.set()
        except RuntimeError:
            # The loop of those who wait is closed.
            return
