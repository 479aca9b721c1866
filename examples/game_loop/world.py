"""The world: a live stream in a thread of its own, for a main loop that never waits."""

from contextlib import ExitStack
from types import TracebackType
from typing import Self

import anyio
from anyio.from_thread import start_blocking_portal

from odyssey import LiveStream, Odyssey, OdysseyError, ReconnectPolicy, VideoFrame


class World:
    """
    A stream: it begins on the way in, and is ended on the way out.

    The main loop looks at `frame` and `message`, and calls `ask`; none of them waits.
    """

    def __init__(self, prompt: str) -> None:
        # Who plays is not to see a lost session, nor that one may last for so long only.
        self._client = Odyssey(reconnect=ReconnectPolicy(renew_before=15))
        self._first = prompt
        self._wanted: str | None = None
        self._asked = anyio.Event()
        self._blocks = ExitStack()
        self.message = "Connecting …"
        """What the world shows, or why it shows nothing."""

    def __enter__(self) -> Self:
        self._portal = self._blocks.enter_context(start_blocking_portal())
        life = self._portal.start_task_soon(self._live)
        self._blocks.callback(life.cancel)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._blocks.close()

    @property
    def frame(self) -> VideoFrame | None:
        """The newest picture; `None` before the first."""
        return self._client.latest_frame

    def ask(self, prompt: str) -> None:
        """Steers the world; of what is asked while a prompt is being applied, the newest counts."""
        self._portal.start_task_soon(self._ask, prompt)

    async def _ask(self, prompt: str) -> None:
        self._wanted = prompt
        self._asked.set()

    async def _live(self) -> None:
        try:
            async with self._client as client:
                await client.connect()
                async with (
                    client.stream(self._first, portrait=False) as stream,
                    anyio.create_task_group() as group,
                ):
                    self.message = self._first
                    group.start_soon(self._steer, stream)
                    await stream.ended()
                    self.message = "The stream has ended"
                    group.cancel_scope.cancel()
        except* OdysseyError as errors:
            self.message = str(errors.exceptions[0])

    async def _steer(self, stream: LiveStream) -> None:
        while not stream.over:
            await self._asked.wait()
            self._asked, prompt = anyio.Event(), self._wanted or ""
            try:
                self.message = await stream.interact(prompt)
            except OdysseyError as error:
                self.message = str(error)  # a prompt may be refused, and the stream goes on
