"""Where the local service's films are drawn and kept: one at a time, off the loop, in a folder that goes."""

import logging
import shutil
import tempfile
from collections import deque
from collections.abc import Callable
from pathlib import Path

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup
from attrs import evolve

from odyssey_anyio.aio.wakeup import Wakeup
from odyssey_anyio.errors.safe_text import class_and_line
from odyssey_anyio.net.http import HttpPool
from odyssey_anyio.net.transports import ExchangeError
from odyssey_proto.seam.http import HttpRequest
from odyssey_proto.service.io.film import Film
from odyssey_proto.service.io.seam import (
    Answer,
    Discard,
    FetchScript,
    FilmInput,
    FilmOutput,
    Render,
    Rendered,
    RenderFailed,
    ScriptFetched,
    SendFile,
)

logger: logging.Logger = logging.getLogger("odyssey.service")

MAX_SCRIPT_BYTES = 64 * 1024 * 1024
"""How large a script at an address may be."""

FETCH_SECONDS = 20.0
"""How long loading a script may take."""


class FilmRenderer:
    """
    Carries out the orders about films.

    `deliver` takes what became of them, `answer` what is to be sent to whoever asked for a file.
    """

    def __init__(self, deliver: Callable[[FilmInput], None], answer: Callable[[Answer], None]) -> None:
        self._deliver = deliver
        self._answer = answer
        self._films: deque[Film] = deque()
        self._wanted: set[str] = set()
        self._ordered = Wakeup()
        self._folder = Path()
        self._group: TaskGroup

    def __repr__(self) -> str:
        return f"<FilmRenderer {len(self._films)} films to draw>"

    def order(self, order: FilmOutput) -> None:
        """Has something done."""
        match order:
            case Render(film):
                self._films.append(film)
                self._wanted.add(film.stream_id)
                self._ordered.set()
            case Discard(stream_id):
                self._wanted.discard(stream_id)
                self._group.start_soon(self._clear, stream_id, name="odyssey file")
            case SendFile():
                self._group.start_soon(self._send, order, name="odyssey file")
            case FetchScript():
                self._group.start_soon(self._fetch, order, name="odyssey script")

    async def run(self) -> None:
        """Works until it is cancelled; then the folder goes."""
        self._folder = Path(await anyio.to_thread.run_sync(tempfile.mkdtemp, None, "odyssey-"))
        try:
            async with anyio.create_task_group() as self._group:
                self._group.start_soon(self._watch)
                while True:
                    await self._next()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(shutil.rmtree, self._folder, True)

    async def _next(self) -> None:
        await self._ordered.until(lambda: bool(self._films))
        film = self._films.popleft()
        try:
            sizes = await anyio.to_thread.run_sync(self._draw, film)
        except Exception as error:  # noqa: BLE001  # whatever it was, whoever waits gets an answer
            logger.warning("drawing a film failed: %s", class_and_line(error))
            self._deliver(RenderFailed(film.stream_id))
        else:
            self._deliver(Rendered(film.stream_id, sizes))

    def _draw(self, film: Film) -> tuple[tuple[str, int], ...]:
        from odyssey_anyio.local.films.encoder import draw

        place = self._folder / film.stream_id
        place.mkdir()
        return tuple(draw(film, place, lambda: film.stream_id not in self._wanted).items())

    async def _watch(self) -> None:
        """At the end nothing is wanted: a thread that draws is waited for, and must see it."""
        try:
            await anyio.sleep_forever()
        finally:
            self._wanted.clear()

    async def _clear(self, stream_id: str) -> None:
        await anyio.to_thread.run_sync(shutil.rmtree, self._folder / stream_id, True)

    async def _send(self, order: SendFile) -> None:
        def read() -> bytes:
            with (self._folder / order.stream_id / order.name).open("rb") as file:
                file.seek(order.start)
                return file.read(order.length)

        try:
            body = await anyio.to_thread.run_sync(read)
        except OSError:
            body = b""
        self._answer(Answer(order.exchange, evolve(order.reply, body=body)))

    async def _fetch(self, order: FetchScript) -> None:
        body: bytes | None = None
        # Where it may be fetched from was said of this address, and of none that it redirects to.
        pool = HttpPool(max_redirects=0)
        try:
            with anyio.move_on_after(FETCH_SECONDS):
                request = HttpRequest("GET", order.url.reveal(), accepts=MAX_SCRIPT_BYTES)
                reply = await pool.exchange(request)
                body = reply.body if reply.ok else None
        except ExchangeError:
            body = None
        finally:
            await pool.aclose()
        self._deliver(ScriptFetched(order.job_id, body))
