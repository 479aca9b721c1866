"""The viewers: one session for each browser, for as long as one of its pages is open."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from anyio.abc import TaskGroup

from odyssey import ConcurrencyLimit, Odyssey, OdysseyError, mjpeg

FIRST_PROMPT = "A lighthouse by the sea"
GRACE_SECONDS = 3.0
"""How long a browser may be away before its session is given back: a reload of the page takes less."""


class Viewer:
    """One browser: its client, its video, and where it stands."""

    def __init__(self, limit: ConcurrencyLimit) -> None:
        self.client = Odyssey(limit=limit)
        self.video = mjpeg(self.client)
        self.state = "waiting"
        self.error = ""
        self.pages = 0
        self.scope = anyio.CancelScope()

    async def play(self) -> None:
        """Waits for a place, and has a session until its stream ends or the scope is cancelled."""
        with self.scope:
            try:
                async with self.client as client:
                    await client.connect()
                    async with client.stream(FIRST_PROMPT, portrait=False) as stream:
                        self.state = "live"
                        await stream.ended()
            except OdysseyError as error:
                self.error = str(error)  # one line, and never a secret
            finally:
                self.state = "ended"


class Viewers:
    """All of them, by the cookies of their browsers."""

    def __init__(self, places: int, tasks: TaskGroup) -> None:
        self._limit = ConcurrencyLimit(places)
        self._tasks = tasks
        self._viewers: dict[str, Viewer] = {}

    def get(self, browser: str | None) -> Viewer | None:
        """Returns the viewer in that browser, if a page of it is open."""
        return self._viewers.get(browser or "")

    def status(self, viewer: Viewer) -> dict[str, object]:
        """Returns what a page shows of its viewer."""
        line = [each for each in self._viewers.values() if each.state == "waiting"]
        return {
            "state": viewer.state,
            "ahead": line.index(viewer) if viewer in line else 0,
            "prompt": viewer.client.last_applied_prompt,
            "error": viewer.error,
        }

    @asynccontextmanager
    async def page(self, browser: str) -> AsyncIterator[Viewer]:
        """Keeps the viewer of a browser while one of its pages is open; the first one begins its session."""
        viewer = self._viewers.get(browser)
        if viewer is None or viewer.state == "ended":
            viewer = self._viewers[browser] = Viewer(self._limit)
            self._tasks.start_soon(viewer.play)
        viewer.pages += 1
        try:
            yield viewer
        finally:
            viewer.pages -= 1
            if not viewer.pages:
                self._tasks.start_soon(self._leave, browser, viewer)

    async def _leave(self, browser: str, viewer: Viewer) -> None:
        await anyio.sleep(GRACE_SECONDS)
        if not viewer.pages:
            viewer.scope.cancel()
            if self._viewers.get(browser) is viewer:
                del self._viewers[browser]
