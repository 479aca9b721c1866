"""Motion JPEG: one encoding for many viewers, as an ASGI and as a WSGI application."""

import socket
import threading
from email import message_from_bytes
from io import BytesIO
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

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
from odyssey_anyio.api.mjpeg import BEGIN

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
    await anyio.to_thread.run_sync(next, parts)
    first = await anyio.to_thread.run_sync(next, parts)
    with anyio.fail_after(5):
        again = await anyio.to_thread.run_sync(next, parts, abandon_on_cancel=True)
    assert again == BEGIN + first


async def test_wsgi_waits_for_the_first_picture_in_the_head_of_its_part(
    client: Odyssey, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is sent meanwhile shows nothing, and is valid MIME."""
    monkeypatch.setattr("odyssey_anyio.api.mjpeg.REPEAT_SECONDS", 0.01)
    await streaming(client)
    shown: list[tuple[str, Any]] = []
    parts = iter(mjpeg(client, fps=100).wsgi({}, lambda *head: shown.append(head)))
    with anyio.fail_after(5):
        sent = [await anyio.to_thread.run_sync(next, parts, abandon_on_cancel=True) for _ in range(4)]
        show(world, 1)
        while b"image/jpeg" not in sent[-1]:
            sent.append(await anyio.to_thread.run_sync(next, parts, abandon_on_cancel=True))
        await client.disconnect()
        sent += await anyio.to_thread.run_sync(list, parts, abandon_on_cancel=True)
    ((_, headers),) = shown
    head = "".join(f"{name}: {value}\r\n" for name, value in headers)
    message = message_from_bytes(head.encode() + b"\r\n" + b"".join(sent))
    assert not message.defects
    pictures = message.get_payload()
    assert {part.get_content_type() for part in pictures} == {"image/jpeg"}
    assert Image.open(BytesIO(pictures[0].get_payload(decode=True))).size == (16, 8)


@pytest.mark.parametrize("pictures", [0, 1])
async def test_wsgi_ends_with_the_session(client: Odyssey, world: World, pictures: int) -> None:
    await streaming(client)
    parts = iter(mjpeg(client, fps=100).wsgi({}, lambda *head: None))
    sent = [await anyio.to_thread.run_sync(next, parts)]
    if pictures:
        show(world, 1)
        sent.append(await anyio.to_thread.run_sync(next, parts))
    await client.disconnect()
    sent += await anyio.to_thread.run_sync(list, parts)
    head = b"Content-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n"
    message = message_from_bytes(head + b"".join(sent))
    assert not message.defects
    assert [part.get_content_type() for part in message.get_payload()][:pictures] == ["image/jpeg"] * pictures


@pytest.mark.parametrize("pictures", [0, 1])
async def test_a_viewer_who_leaves_holds_no_thread_of_a_wsgi_server(
    client: Odyssey, world: World, monkeypatch: pytest.MonkeyPatch, pictures: int
) -> None:
    monkeypatch.setattr("odyssey_anyio.api.mjpeg.REPEAT_SECONDS", 0.01)
    await streaming(client)
    if pictures:
        show(world, 1)

    class Quiet(WSGIRequestHandler):
        def log_message(self, *_: Any) -> None:
            """A viewer who leaves is none of its errors here."""

    def look() -> None:
        with make_server("127.0.0.1", 0, mjpeg(client, fps=100).wsgi, handler_class=Quiet) as server:
            viewer = socket.create_connection(server.server_address)
            viewer.sendall(b"GET /cat HTTP/1.0\r\n\r\n")
            viewer.close()
            server.handle_request()

    with anyio.fail_after(5):
        await anyio.to_thread.run_sync(look, abandon_on_cancel=True)


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
