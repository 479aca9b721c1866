"""WebSockets over real sockets: servers of another library, TLS, and servers that misbehave."""

import base64
import hashlib
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from aiohttp import WSMsgType, web
from anyio.abc import ByteStream
from house.server_thread import server_thread
from house.tcp_server import scripted

from odyssey_anyio.net import streams
from odyssey_anyio.net.transports import Outbox
from odyssey_anyio.net.websocket import WebSockets
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.seam.inputs import (
    SocketAnswered,
    SocketClosed,
    SocketId,
    SocketOpened,
    SocketRefused,
    SocketText,
    TransportErrorKind,
)
from odyssey_proto.seam.outputs import CloseSocket, OpenSocket, SendText

pytestmark = pytest.mark.anyio

NAME = SocketId(7)


class Socket:
    """A socket under test: its outbox, and what was delivered."""

    def __init__(self, sockets: WebSockets, limit: int = 1_000_000) -> None:
        self.sockets = sockets
        self.outbox = Outbox(limit)
        self.received: list[Any] = []
        self._stirred = anyio.Event()

    def deliver(self, inp: Any) -> None:
        self.received.append(inp)
        self._stirred.set()

    def say(self, text: str) -> None:
        self.outbox.put(SendText(NAME, text))

    def ping(self) -> None:
        self.sockets.ping(NAME)

    def close(self, code: int = 1000, reason: str = "") -> None:
        self.outbox.put(CloseSocket(NAME, code, reason))

    async def until(self, kind: type, count: int = 1) -> list[Any]:
        """Waits for so many of a kind."""
        with anyio.fail_after(20):
            while len(found := [each for each in self.received if isinstance(each, kind)]) < count:
                self._stirred = anyio.Event()
                await self._stirred.wait()
        return found


@asynccontextmanager
async def opened(url: str, tls: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[Socket]:
    """Runs a socket; at the end of the block it must end by itself."""
    limit = options.pop("limit", 1_000_000)
    order = OpenSocket(NAME, url, (("token", Secret("t&t")),), **options)
    socket = Socket(WebSockets(tls), limit)
    async with anyio.create_task_group() as group:
        group.start_soon(socket.sockets.run, order, socket.outbox, socket.deliver)
        with anyio.fail_after(20):
            yield socket
            await socket.until((SocketClosed, SocketRefused))  # type: ignore[arg-type]  # isinstance takes it


async def echo(request: web.Request) -> web.WebSocketResponse:
    """Says the token, then everything again; closes when asked to."""
    socket = web.WebSocketResponse(max_msg_size=0)
    await socket.prepare(request)
    await socket.send_str(request.query["token"])
    async for message in socket:
        if message.type is WSMsgType.TEXT and message.data == "close":
            await socket.close(code=1001, message=b"going away")
        elif message.type is WSMsgType.TEXT and message.data == "ping":
            await socket.ping(b"there?")
        elif message.type is WSMsgType.TEXT:
            await socket.send_str(message.data)
    return socket


def echoing() -> web.Application:
    application = web.Application()
    application.router.add_get("/ws", echo)
    return application


async def test_a_conversation_with_a_server_of_another_library() -> None:
    texts = ["", "a", "ü\N{PILE OF POO}" * 1000, "x" * 200_000]
    with server_thread(echoing) as stand:
        async with opened(f"ws{stand.url[4:]}/ws") as socket:
            await socket.until(SocketOpened)
            for text in [*texts, "ping"]:
                socket.say(text)
            echoed = await socket.until(SocketText, 1 + len(texts))
            assert [each.text for each in echoed] == ["t&t", *texts]
            socket.close(1000, "done")
    assert socket.received[0] == SocketOpened(NAME)
    # Whether the reason comes back is up to the server.
    assert (socket.received[-1].code, socket.received[-1].error) == (1000, None)


async def test_a_server_is_asked_whether_it_is_there() -> None:
    with server_thread(echoing) as stand:
        async with opened(f"ws{stand.url[4:]}/ws") as socket:
            # There is nothing yet to ask on.
            socket.ping()
            await socket.until(SocketOpened)
            socket.ping()
            await socket.until(SocketAnswered)
            socket.close()
        # Nor is there any more.
        socket.ping()
    assert socket.received.count(SocketAnswered(NAME)) == 1


async def test_who_is_busy_with_a_message_concludes_nothing() -> None:
    """A ping would wait behind the message, and so would its answer."""

    async def does_not_read(stream: ByteStream, number: int) -> None:
        await shaken(stream)
        await done.wait()

    done = anyio.Event()
    async with scripted(does_not_read) as port, opened(f"ws://127.0.0.1:{port}/", limit=1 << 30) as socket:
        await socket.until(SocketOpened)
        socket.say("x" * (32 << 20))
        # Also before the first byte of it is sent, and however often: nothing piles up.
        socket.ping()
        await anyio.wait_all_tasks_blocked()
        for _ in range(20_000):
            socket.ping()
        done.set()
    assert socket.received[:-1] == [SocketOpened(NAME), *[SocketAnswered(NAME)] * 20_001]


async def test_a_close_by_the_server() -> None:
    with server_thread(echoing) as stand:
        async with opened(f"ws{stand.url[4:]}/ws") as socket:
            await socket.until(SocketOpened)
            socket.say("close")
    assert socket.received[-1] == SocketClosed(NAME, 1001, "going away")


async def test_a_message_over_the_limit_ends_the_socket() -> None:
    with server_thread(echoing) as stand:
        async with opened(f"ws{stand.url[4:]}/ws", accepts=1000) as socket:
            await socket.until(SocketOpened)
            socket.say("x" * 1001)
    assert socket.received[-1].error.kind is TransportErrorKind.TOO_LARGE


async def test_a_refused_handshake() -> None:
    with server_thread(echoing) as stand:
        async with opened(f"ws{stand.url[4:]}/elsewhere") as socket:
            pass
    (refused,) = socket.received
    assert refused.reply.status == 404
    assert b"Not Found" in refused.reply.body


async def test_nobody_listens() -> None:
    async with scripted(silent) as port:
        pass
    async with opened(f"ws://127.0.0.1:{port}/ws") as socket:
        pass
    assert socket.received == [SocketClosed(NAME, 1006, error=socket.received[0].error)]
    assert socket.received[0].error.kind is TransportErrorKind.REFUSED


@pytest.mark.parametrize("url", ["http//x", "ftp://127.0.0.1/", "ws://a b/"])
async def test_an_address_that_is_none(url: str) -> None:
    async with opened(url) as socket:
        pass
    assert socket.received[0].error.kind is TransportErrorKind.INVALID


async def silent(stream: ByteStream, number: int) -> None:
    await anyio.sleep_forever()


async def shaken(stream: ByteStream) -> None:
    """Answers the handshake by hand."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += await stream.receive()
    fields = dict(line.lower().split(b": ", 1) for line in data.split(b"\r\n")[1:] if line)
    plain = dict(line.split(b": ", 1) for line in data.split(b"\r\n")[1:] if line)
    key = next(value for name, value in plain.items() if name.lower() == b"sec-websocket-key")
    assert fields[b"upgrade"] == b"websocket"
    accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    await stream.send(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("frames", "how"),
    [
        (b"", TransportErrorKind.CLOSED),
        (b"\x81", TransportErrorKind.CLOSED),
        (b"\x83\x00", TransportErrorKind.MALFORMED),
        (b"\x81\x02\xff\xfe", TransportErrorKind.MALFORMED),
        (b"\x81\x7f" + (1 << 40).to_bytes(8, "big") + b"x" * 2000, TransportErrorKind.TOO_LARGE),
    ],
)
async def test_what_breaks_the_rules_ends_the_socket(frames: bytes, how: TransportErrorKind) -> None:
    async def rude(stream: ByteStream, number: int) -> None:
        await shaken(stream)
        if frames:
            await stream.send(frames)

    async with scripted(rude) as port, opened(f"ws://127.0.0.1:{port}/", accepts=1000) as socket:
        pass
    assert (socket.received[-1].code, socket.received[-1].error.kind) == (1006, how)


async def test_frames_that_come_with_the_handshake_are_received() -> None:
    async def eager(stream: ByteStream, number: int) -> None:
        await shaken(stream)
        await stream.send(b"\x81\x02hi\x88\x02\x03\xe8")
        await stream.receive()

    async with scripted(eager) as port, opened(f"ws://127.0.0.1:{port}/") as socket:
        pass
    assert socket.received == [SocketOpened(NAME), SocketText(NAME, "hi"), SocketClosed(NAME, 1000)]


async def test_a_server_that_never_answers_the_close_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    hasty = _timing(monkeypatch, close_timeout=20_000)

    async def stubborn(stream: ByteStream, number: int) -> None:
        await shaken(stream)
        while True:
            await stream.receive()

    async with scripted(stubborn) as port, opened(f"ws://127.0.0.1:{port}/") as socket:
        await socket.until(SocketOpened)
        socket.close()
    assert hasty
    assert socket.received[-1].error.kind is TransportErrorKind.SILENT


async def test_a_server_that_answers_no_ping_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    hasty = _timing(monkeypatch, ping_interval=20_000, pong_timeout=20_000)

    async def deaf(stream: ByteStream, number: int) -> None:
        await shaken(stream)
        await anyio.sleep_forever()

    async with scripted(deaf) as port, opened(f"ws://127.0.0.1:{port}/") as socket:
        pass
    assert hasty
    assert socket.received[-1].error.kind is TransportErrorKind.SILENT


def _timing(monkeypatch: pytest.MonkeyPatch, **spans: int) -> bool:
    """Makes the clocks of a socket fast."""
    from odyssey_proto.kernel.machine import Span
    from odyssey_proto.wire import websocket as wire

    plain = wire.connect
    timing = wire.Timing(**{name: Span(span) for name, span in spans.items()})
    monkeypatch.setattr(wire, "connect", lambda *args, **options: plain(*args, **options, timing=timing))
    return True


async def test_more_than_fits_into_the_outbox_ends_the_socket() -> None:
    async def deaf(stream: ByteStream, number: int) -> None:
        await shaken(stream)
        await anyio.sleep_forever()

    async with scripted(deaf) as port, opened(f"ws://127.0.0.1:{port}/", limit=1000) as socket:
        await socket.until(SocketOpened)
        socket.say("x" * 1000)
    assert socket.received[-1].error.kind is TransportErrorKind.TOO_LARGE


FLOOD = b"\x89\x00" * 500_000
"""Pings, whose pongs fill the way back of a server that does not read."""


@pytest.mark.parametrize("flood", [b"", FLOOD], ids=["quiet", "with pings"])
@pytest.mark.parametrize("text", ["", "x" * 20_000_000], ids=["nothing to send", "much to send"])
async def test_a_server_that_stops_reading_is_read_and_then_given_up(
    monkeypatch: pytest.MonkeyPatch, flood: bytes, text: str
) -> None:
    monkeypatch.setattr(streams, "SEND_SECONDS", 0.5)
    _timing(monkeypatch, ping_interval=200_000, pong_timeout=200_000)

    async def deaf(stream: ByteStream, number: int) -> None:
        await shaken(stream)
        await stream.send(b"\x81\x01a" + flood + b"\x81\x01b")
        while True:
            await stream.send(b"\x81\x01c")
            await anyio.sleep(0.01)

    async with scripted(deaf) as port, opened(f"ws://127.0.0.1:{port}/", limit=200_000_000) as socket:
        await socket.until(SocketOpened)
        socket.say(text)
        if not flood:
            # Whatever waits to be sent, what comes is delivered.
            await socket.until(SocketText, 3)
    assert socket.received[1] == SocketText(NAME, "a")
    assert (socket.received[-1].code, socket.received[-1].error.kind) == (1006, TransportErrorKind.SILENT)


async def test_what_came_before_the_other_side_closed_is_delivered() -> None:
    async def leaving(stream: ByteStream, number: int) -> None:
        await shaken(stream)
        await stream.send(b"\x81\x02hi\x88\x05\x03\xe9bye")

    async with scripted(leaving) as port, opened(f"ws://127.0.0.1:{port}/", limit=200_000_000) as socket:
        await socket.until(SocketOpened)
        socket.say("x" * 20_000_000)
    assert socket.received[1:] == [SocketText(NAME, "hi"), SocketClosed(NAME, 1001, "bye")]


@pytest.mark.parametrize("moment", ["connecting", "shaking", "open", "sending"])
async def test_a_cancelled_socket_leaves_nothing(moment: str) -> None:
    reached = anyio.Event()

    async def slow(stream: ByteStream, number: int) -> None:
        if moment in ("open", "sending"):
            await shaken(stream)
        reached.set()
        await anyio.sleep_forever()

    async with scripted(slow) as port, anyio.create_task_group() as group:
        socket = Socket(WebSockets(), limit=200_000_000)
        order = OpenSocket(NAME, f"ws://127.0.0.1:{port}/", ())
        group.start_soon(socket.sockets.run, order, socket.outbox, socket.deliver)
        if moment != "connecting":
            await reached.wait()
        if moment == "sending":
            await socket.until(SocketOpened)
            socket.say("x" * 20_000_000)
            await anyio.sleep(0.02)
        group.cancel_scope.cancel()
    assert not [each for each in socket.received if isinstance(each, SocketClosed)]


type Certified = Callable[..., ssl.SSLContext]


async def test_over_tls(trusting: ssl.SSLContext, certified: Certified) -> None:
    async def polite(stream: ByteStream, number: int) -> None:
        await shaken(stream)
        await stream.send(b"\x81\x02hi\x88\x02\x03\xe8")
        await stream.receive()

    async with (
        scripted(polite, certified("localhost")) as port,
        opened(f"wss://localhost:{port}/", trusting) as socket,
    ):
        pass
    assert socket.received[1] == SocketText(NAME, "hi")


@pytest.mark.parametrize("trusts", [True, False], ids=["wrong name", "unknown authority"])
async def test_a_bad_certificate(trusting: ssl.SSLContext, certified: Certified, trusts: bool) -> None:
    asked = False

    async def curious(stream: ByteStream, number: int) -> None:
        nonlocal asked
        await stream.receive()
        asked = True

    server = certified("other.example" if trusts else "localhost")
    async with (
        scripted(curious, server) as port,
        opened(f"wss://localhost:{port}/", trusting if trusts else None) as socket,
    ):
        pass
    assert socket.received[0].error.kind is TransportErrorKind.CERTIFICATE
    assert not asked
