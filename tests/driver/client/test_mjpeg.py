"""Motion JPEG: one encoding for many viewers, as an ASGI and as a WSGI application."""

import threading
from io import BytesIO
from typing import Any

import anyio
import anyio.to_thread
import numpy as np
import pytest
from flask import Flask
from inmemory import World
from PIL import Image
from starlette.applications import Starlette
from starlette.routing import Mount

from odyssey import Odyssey, OdysseyValueError, VideoFrame, mjpeg

pytestmark = pytest.mark.anyio


class Viewer:
    """A browser as an ASGI application sees it."""

    def __init__(self) -> None:
        self.status = 0
        self.parts: list[bytes] = []
        self.left = anyio.Event()
        self.stuck = False

    async def receive(self) -> dict[str, Any]:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self.parts.append(message["body"])
        while self.stuck:
            await anyio.sleep(0.001)

    async def view(self, application: Any) -> None:
        scope = {"type": "http", "method": "GET", "path": "/cat/", "headers": [], "query_string": b""}
        await application(scope, self.receive, self.send)

    async def shown(self, count: int) -> None:
        while len(self.parts) < count:
            await anyio.sleep(0.001)


class Counted(VideoFrame):
    """A frame that knows how often it was encoded."""

    encoded = 0

    def to_jpeg(self, quality: int = 85) -> bytes:
        Counted.encoded += 1
        return VideoFrame.to_jpeg(self, quality)


def show(world: World, number: int) -> None:
    assert world.engine is not None
    world.engine.fanout.offer(Counted(np.full((8, 16, 3), number, np.uint8), 16, 8, number))


async def streaming(client: Odyssey) -> None:
    await client.connect()
    await client.start_stream("A cat")


async def test_viewers_share_the_encoding_and_a_slow_one_misses_frames(client: Odyssey, world: World) -> None:
    await streaming(client)
    application = Starlette(routes=[Mount("/cat", app=mjpeg(client, fps=100))])
    Counted.encoded = 0
    first, second, slow = Viewer(), Viewer(), Viewer()
    slow.stuck = True
    async with anyio.create_task_group() as group:
        for viewer in (first, second, slow):
            group.start_soon(viewer.view, application)
        for number in range(1, 4):
            show(world, number)
            await first.shown(number)
            await second.shown(number)
        assert slow.parts == []
        slow.stuck = False
        await slow.shown(1)
        await client.disconnect()
    assert Counted.encoded == 3
    assert first.status == 200
    assert first.parts == second.parts
    assert slow.parts == first.parts[2:], "the newest frame, and the end"
    head, _, jpeg = first.parts[0].partition(b"\r\n\r\n")
    assert head.startswith(b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: ")
    assert Image.open(BytesIO(jpeg)).size == (16, 8)
    assert first.parts[-1] == b"--frame--\r\n"


async def test_a_viewer_that_leaves_is_let_go(client: Odyssey, world: World) -> None:
    await streaming(client)
    viewer = Viewer()
    async with anyio.create_task_group() as group:
        group.start_soon(viewer.view, mjpeg(client, fps=100))
        show(world, 1)
        await viewer.shown(1)
        viewer.left.set()


async def test_without_a_session_there_is_no_picture(client: Odyssey) -> None:
    viewer = Viewer()
    await viewer.view(mjpeg(client))
    assert (viewer.status, viewer.parts) == (503, [b""])
    with pytest.raises(OdysseyValueError, match="websocket"):
        await mjpeg(client)({"type": "websocket"}, viewer.receive, viewer.send)


async def test_a_flask_view_returns_it(client: Odyssey, world: World) -> None:
    application = Flask("pictures")
    application.add_url_rule("/cat", view_func=lambda: mjpeg(client, fps=100).wsgi)

    def view() -> tuple[int, bytes]:
        reply = application.test_client().get("/cat", buffered=False)
        return reply.status_code, b"".join(reply.response)

    assert (await anyio.to_thread.run_sync(view))[0] == 503
    await streaming(client)
    show(world, 1)
    found: list[tuple[int, bytes]] = []

    async def look() -> None:
        found.append(await anyio.to_thread.run_sync(view))

    Counted.encoded = 0
    async with anyio.create_task_group() as group:
        group.start_soon(look)
        while not Counted.encoded:
            await anyio.sleep(0.001)
        await client.disconnect()
    ((status, body),) = found
    assert status == 200
    assert Counted.encoded == 1
    assert body.count(b"Content-Type: image/jpeg") >= 1
    assert body.endswith(b"--frame--\r\n")


@pytest.mark.parametrize(
    "wrong", [{"fps": 0}, {"fps": True}, {"fps": 1000}, {"quality": 0}, {"quality": 9.5}]
)
async def test_numbers_that_make_no_sense_are_refused(client: Odyssey, wrong: dict[str, Any]) -> None:
    with pytest.raises(OdysseyValueError):
        mjpeg(client, **wrong)


async def test_wsgi_repeats_a_picture_so_that_a_viewer_who_left_is_found(
    client: Odyssey, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("odyssey_anyio.api.mjpeg.REPEAT_SECONDS", 0.01, raising=False)
    await streaming(client)
    show(world, 1)
    parts = iter(mjpeg(client, fps=100).wsgi({}, lambda status, headers: None))
    first = await anyio.to_thread.run_sync(next, parts)
    with anyio.fail_after(5):
        assert await anyio.to_thread.run_sync(next, parts, abandon_on_cancel=True) == first


class SlowFrame(VideoFrame):
    """A frame whose encoding takes until it is let go."""

    begun = threading.Event()
    go_on = threading.Event()

    def to_jpeg(self, quality: int = 85) -> bytes:
        self.begun.set()
        assert self.go_on.wait(10)
        return VideoFrame.to_jpeg(self, quality)


async def test_viewers_who_wait_for_one_picture_hold_one_thread(client: Odyssey, world: World) -> None:
    await streaming(client)
    assert world.engine is not None
    SlowFrame.begun.clear()
    SlowFrame.go_on.clear()
    application, viewers = mjpeg(client, fps=100), [Viewer() for _ in range(5)]
    world.engine.fanout.offer(SlowFrame(np.zeros((8, 16, 3), np.uint8), 16, 8, 1))
    async with anyio.create_task_group() as group:
        for viewer in viewers:
            group.start_soon(viewer.view, application)
        try:
            while not SlowFrame.begun.is_set():
                await anyio.sleep(0.001)
            await anyio.sleep(0.02)
            assert anyio.to_thread.current_default_thread_limiter().borrowed_tokens == 1
        finally:
            SlowFrame.go_on.set()
        for viewer in viewers:
            await viewer.shown(1)
        await client.disconnect()
    assert len({viewer.parts[0] for viewer in viewers}) == 1


async def test_one_video_does_not_wait_for_the_encoding_of_another(client: Odyssey, world: World) -> None:
    await streaming(client)
    assert world.engine is not None
    SlowFrame.begun.clear()
    SlowFrame.go_on.clear()
    slow, quick = Viewer(), Viewer()
    async with anyio.create_task_group() as group:
        world.engine.fanout.offer(SlowFrame(np.zeros((8, 16, 3), np.uint8), 16, 8, 1))
        group.start_soon(slow.view, mjpeg(client, fps=100))
        try:
            while not SlowFrame.begun.is_set():
                await anyio.sleep(0.001)
            show(world, 2)
            group.start_soon(quick.view, mjpeg(client, fps=100))
            with anyio.fail_after(5):
                await quick.shown(1)
            assert not slow.parts
        finally:
            SlowFrame.go_on.set()
        await slow.shown(1)
        await client.disconnect()


async def test_a_viewer_whose_connection_is_gone_ends_quietly(client: Odyssey, world: World) -> None:
    class Gone(Viewer):
        async def send(self, message: Any) -> None:
            await super().send(message)
            if message["type"] == "http.response.body":
                raise OSError("the connection is closed")

    await streaming(client)
    show(world, 1)
    viewer = Gone()
    with anyio.fail_after(5):
        await viewer.view(mjpeg(client, fps=100))
    assert len(viewer.parts) == 1
