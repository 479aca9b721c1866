"""One page that looks on: it gets the newest picture when it has shown the one before, and never a queue."""

import json
from io import BytesIO
from typing import Any

import anyio
import numpy as np
import pytest
from inmemory import World
from PIL import Image
from starlette.websockets import WebSocket, WebSocketDisconnect

from odyssey import VideoFrame
from odyssey.view.live_session import LiveSession
from odyssey.view.viewer import Viewer

pytestmark = pytest.mark.anyio


class Counted(VideoFrame):
    """A frame that knows how often one was encoded."""

    encoded = 0

    def to_jpeg(self, quality: int = 85) -> bytes:
        Counted.encoded += 1
        return VideoFrame.to_jpeg(self, quality)


class Page:
    """A page as the server sees it."""

    def __init__(self) -> None:
        self.pictures: list[tuple[int, Image.Image]] = []
        self.said: list[dict[str, Any]] = []
        self.changed = anyio.Event()
        self.gone = False
        send, self._incoming = anyio.create_memory_object_stream[Any](10)
        self._send = send
        send.send_nowait({"type": "websocket.connect"})

    async def receive(self) -> Any:
        return await self._incoming.receive()

    async def send(self, message: Any) -> None:
        if self.gone:
            raise WebSocketDisconnect(1001)
        if message.get("bytes") is not None:
            number = int.from_bytes(message["bytes"][:4])
            self.pictures.append((number, Image.open(BytesIO(message["bytes"][4:]))))
        elif message.get("text") is not None:
            self.said.append(json.loads(message["text"]))
        self.changed.set()
        self.changed = anyio.Event()

    def answer(self, text: str | None) -> None:
        self._send.send_nowait({"type": "websocket.receive", "text": text, "bytes": None})

    def leave(self) -> None:
        self._send.send_nowait({"type": "websocket.disconnect", "code": 1001})

    def close(self) -> None:
        self._send.close()
        self._incoming.close()

    async def view(self, session: LiveSession) -> None:
        scope = {"type": "websocket", "path": "/live", "headers": [], "query_string": b""}
        await Viewer(session, WebSocket(scope, self.receive, self.send)).run()

    async def shown(self, count: int) -> None:
        with anyio.fail_after(10):
            while len(self.pictures) < count:
                await self.changed.wait()

    async def figures(self, name: str, value: Any) -> None:
        with anyio.fail_after(10):
            while not any(each.get("figures", {}).get(name) == value for each in self.said):
                await self.changed.wait()


async def offer(world: World, session: LiveSession, number: int) -> None:
    """Lets a picture arrive, and waits until the session has it."""
    assert world.engine is not None
    world.engine.fanout.offer(Counted(np.full((8, 16, 3), number, np.uint8), 16, 8, number))
    with anyio.fail_after(10):
        await session.pictures.newer(number - 1)


async def test_a_slow_page_misses_pictures_and_two_share_the_encoding(
    session: LiveSession, world: World
) -> None:
    await session.start("A cat", portrait=False, image=None)
    Counted.encoded = 0
    quick, slow = Page(), Page()
    async with anyio.create_task_group() as group:
        for page in (quick, slow):
            group.start_soon(page.view, session)
        for number in (1, 2, 3):
            await offer(world, session, number)
            await quick.shown(number)
            quick.answer(f"{number}")
        assert [number for number, _ in quick.pictures] == [1, 2, 3]
        assert quick.pictures[0][1].size == (16, 8)
        assert [number for number, _ in slow.pictures] == [1]
        # What is no answer to this picture is none.
        for nonsense in ("0", "2", "one", "", None, "9" * 5000):
            slow.answer(nonsense)
        slow.answer("1")
        await slow.shown(2)
        slow.answer("3")
        assert [number for number, _ in slow.pictures] == [1, 3]
        assert Counted.encoded == 3
        await slow.figures("skipped", 1)
        await slow.figures("shown", 2)
        ages = [each["figures"]["age"] for each in slow.said if "figures" in each]
        assert any(age is not None and age >= 0 for age in ages)
        quick.leave()
        slow.gone = True
    assert quick.said[0].keys() | quick.said[1].keys() == {"state", "figures"}
    quick.close()
    slow.close()


async def test_each_change_of_the_state_reaches_the_page(session: LiveSession) -> None:
    page = Page()
    async with anyio.create_task_group() as group:
        group.start_soon(page.view, session)
        await session.start("A cat", portrait=True, image=None)
        with anyio.fail_after(10):
            while not any(each.get("state", {}).get("streaming") for each in page.said):
                await page.changed.wait()
        page.leave()
    page.close()
