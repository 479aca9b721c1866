"""One page that looks on: how the session stands as JSON, and each picture as it is ready for it."""

import time
from contextlib import suppress

import anyio
from starlette.websockets import WebSocket, WebSocketDisconnect

from odyssey.view.live_session import LiveSession
from odyssey_anyio.aio.wakeup import Wakeup

FIGURES_INTERVAL_SECONDS = 0.25

NUMBER_BYTES = 4
"""A picture goes out as its number, big-endian, and the JPEG after it."""


class Viewer:
    """
    Sends to one page until it goes.

    The page answers each picture with its number when the picture is on the screen, and gets the newest one
    then: a slow page misses pictures and never falls behind.
    So it is also known how old a picture is in the page, without two clocks to compare.
    """

    def __init__(self, session: LiveSession, socket: WebSocket) -> None:
        self._session = session
        self._socket = socket
        self._answered = Wakeup()
        self._on_screen = 0
        self._shown = 0
        self._skipped = 0
        self._age: int | None = None

    def __repr__(self) -> str:
        return f"<Viewer {self._shown} shown, {self._skipped} skipped>"

    async def run(self) -> None:
        """Serves the page until it goes, or the server ends."""
        await self._socket.accept()
        # It may go while something is on its way to it.
        with suppress(WebSocketDisconnect):
            async with anyio.create_task_group() as group:
                group.start_soon(self._send_state)
                group.start_soon(self._send_figures)
                group.start_soon(self._send_pictures)
                await self._receive()
                group.cancel_scope.cancel()

    async def _receive(self) -> None:
        while (message := await self._socket.receive())["type"] == "websocket.receive":
            text = message.get("text") or ""
            if text.isascii() and text.isdigit():
                self._on_screen = int(text[:10])
                self._answered.set()

    async def _send_state(self) -> None:
        while True:
            # Asked for before, so that no change in between is missed.
            changed = self._session.changed.next
            await self._socket.send_json({"state": self._session.state()})
            await changed.wait()

    async def _send_figures(self) -> None:
        while True:
            seen = {"shown": self._shown, "skipped": self._skipped, "age": self._age}
            self._age = None
            await self._socket.send_json({"figures": self._session.figures() | seen})
            await anyio.sleep(FIGURES_INTERVAL_SECONDS)

    async def _send_pictures(self) -> None:
        began, number = time.monotonic(), 0
        while True:
            picture = await self._session.pictures.newer(number)
            before, number = number, picture.number
            head = (number % 256**NUMBER_BYTES).to_bytes(NUMBER_BYTES)
            await self._socket.send_bytes(head + picture.jpeg)
            await self._answered.until(lambda: self._on_screen == number)  # noqa: B023  # awaited at once
            self._shown += 1
            # The first one may be from long before this page.
            if picture.taken > began:
                self._age = max(self._age or 0, round((time.monotonic() - picture.taken) * 1000))
                self._skipped += number - before - 1
