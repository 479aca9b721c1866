"""The video as motion JPEG: an application for ASGI and WSGI that any page shows by an `img`."""

import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from typing import Any, Protocol

import anyio
import anyio.to_thread

from odyssey_anyio.errors.mapping import Calling, refused
from odyssey_anyio.media.frame import JPEG_QUALITY, VideoFrame
from odyssey_proto.model.events import ConnectionStatus

BOUNDARY = "frame"
HEADERS = (
    ("content-type", f"multipart/x-mixed-replace; boundary={BOUNDARY}"),
    ("cache-control", "no-store"),
)
BEGIN, END = f"--{BOUNDARY}\r\n".encode(), f"--{BOUNDARY}--\r\n".encode()
WAITING = b"X-Waiting: 1\r\n"
"""A line in the head of a part that means nothing to anybody (RFC 2046 section 5.1)."""
MAX_FPS = 120
REPEAT_SECONDS = 1.0
"""
How often WSGI repeats a picture, or says that there is none yet.

Only by sending does its server learn that a viewer has left: the first bytes are refused by whoever has
gone, and the next ones fail.
"""

type Message = MutableMapping[str, Any]


class Shown(Protocol):
    """What has a picture to show: a client, or a spectator."""

    @property
    def latest_frame(self) -> VideoFrame | None:
        """The newest frame; any thread may ask."""
        ...

    @property
    def is_connected(self) -> bool:
        """Whether video can come."""
        ...


class MotionJpeg:
    """
    Shows the newest frame to any number of viewers, each as fast as it takes them; see `mjpeg`.

    It is an ASGI application, and `wsgi` is a WSGI application.
    """

    def __init__(self, shown: Shown, fps: float, quality: int) -> None:
        self._shown = shown
        self._pause = 1 / fps
        self._quality = quality
        self._lock = threading.Lock()
        self._encoded: tuple[VideoFrame, bytes] | None = None
        self._encoding = False

    def __repr__(self) -> str:
        return f"<MotionJpeg {1 / self._pause:g} fps quality={self._quality}>"

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """
        Answers a request as an ASGI application does.

        `scope`, `receive` and `send` are those of ASGI 3.
        Raises `OdysseyValueError` for what is no HTTP request.
        """
        if scope["type"] != "http":
            raise refused(f"motion JPEG answers http, not {scope['type']}", Calling.REST)
        headers = [(name.encode(), value.encode()) for name, value in HEADERS]
        if not self._on:
            await send({"type": "http.response.start", "status": 503, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        async with anyio.create_task_group() as group:

            async def watch() -> None:
                while (await receive())["type"] != "http.disconnect":
                    pass
                group.cancel_scope.cancel()

            group.start_soon(watch)
            await self._send(send)
            group.cancel_scope.cancel()

    async def _send(self, send: Callable[[Message], Awaitable[None]]) -> None:
        """Sends pictures until the session is over, or its viewer has left."""
        seen: VideoFrame | None = None
        while self._on:
            frame = self._shown.latest_frame
            if frame is not None and frame is not seen:
                # Most viewers find the picture encoded for another, or the one before it.
                await self._encode(frame)
                if self._encoded is not None and self._encoded[0] is not seen:
                    seen, part = self._encoded
                    if not await _sent(send, part, more=True):
                        return
            await anyio.sleep(self._pause)
        await _sent(send, END, more=False)

    def wsgi(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """
        Answers a request as a WSGI application does, in the thread of its server.

        `environ` and `start_response` are those of PEP 3333.
        Something is sent at least every second, or as often as `fps` says if that is rarer, also before
        there is a picture: a server learns by that when a viewer has left, and has its thread back at the
        second time.
        """
        if not self._on:
            start_response("503 Service Unavailable", [])
            return ()
        start_response("200 OK", list(HEADERS))
        return self._parts()

    def _parts(self) -> Iterator[bytes]:
        seen: VideoFrame | None = None
        again = time.monotonic() + REPEAT_SECONDS
        yield BEGIN
        while self._on:
            frame = self._shown.latest_frame or seen
            if frame is not seen or time.monotonic() >= again:
                part = WAITING if frame is None else self._part(frame)
                yield part.removeprefix(BEGIN) if seen is None else part
                seen, again = frame, time.monotonic() + REPEAT_SECONDS
            time.sleep(self._pause)
        yield END if seen is not None else b"\r\n" + END

    @property
    def _on(self) -> bool:
        reconnecting = getattr(self._shown, "current_status", None) is ConnectionStatus.RECONNECTING
        return self._shown.is_connected or reconnecting

    def _ready(self, frame: VideoFrame) -> bytes | None:
        encoded = self._encoded
        return encoded[1] if encoded is not None and encoded[0] is frame else None

    async def _encode(self, frame: VideoFrame) -> None:
        """Encodes a frame in a thread, unless one is encoded just now: viewers who wait for it hold none."""
        if self._encoding or self._ready(frame) is not None:
            return
        self._encoding = True
        try:
            await anyio.to_thread.run_sync(self._part, frame)
        finally:
            self._encoding = False

    def _part(self, frame: VideoFrame) -> bytes:
        """Returns a frame as a part of the response, encoded once for all viewers."""
        with self._lock:
            part = self._ready(frame)
            if part is None:
                jpeg = frame.to_jpeg(self._quality)
                head = f"Content-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                part = BEGIN + head.encode() + jpeg + b"\r\n"
                self._encoded = frame, part
            return part


async def _sent(send: Callable[[Message], Awaitable[None]], body: bytes, *, more: bool) -> bool:
    """Returns whether a viewer is still there: a server may raise `OSError` when it has left (ASGI 2.4)."""
    try:
        await send({"type": "http.response.body", "body": body, "more_body": more})
    except OSError:
        return False
    return True


def mjpeg(shown: Shown, *, fps: float = 15, quality: int = JPEG_QUALITY) -> MotionJpeg:
    """
    Returns the video of `shown`, a client or a spectator, as motion JPEG, which an `img` of any page shows.

    The result is an ASGI application, and its `wsgi` a WSGI application: mount it, or return it from a
    view, without any further package.
    A frame is encoded once for all viewers, off the loop; a viewer that is slow misses frames, and nothing
    waits for it.
    The response ends with the session; without one it is 503.

    `fps` is how many frames a second a viewer gets at most, `quality` that of the JPEGs, from 1 to 95.
    Raises `OdysseyValueError` for numbers that make no sense.

    Example:
        ```python
        app.mount("/cat.mjpg", mjpeg(client, fps=10))  # Starlette, FastAPI; then <img src="/cat.mjpg/">
        ```
    """
    if isinstance(fps, bool) or not isinstance(fps, int | float) or not 0 < fps <= MAX_FPS:
        raise refused(f"fps must be a number above 0 and at most {MAX_FPS}, not {fps!r:.100}", Calling.REST)
    if isinstance(quality, bool) or not isinstance(quality, int) or not 1 <= quality <= 95:
        raise refused(f"quality must be from 1 to 95, not {quality!r:.100}", Calling.REST)
    return MotionJpeg(shown, fps, quality)
