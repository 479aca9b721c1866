"""HTTP over real sockets: requests and replies, good and bad, and servers that misbehave."""

import anyio
import pytest
from anyio.abc import ByteStream
from house.exchanges import OK, broke, get, head, polite
from house.tcp_server import scripted

from odyssey_anyio.net import streams
from odyssey_anyio.net.http import HttpPool
from odyssey_anyio.net.transports import ExchangeError
from odyssey_proto.seam.inputs import TransportErrorKind

pytestmark = pytest.mark.anyio


# --- long requests ------------------------------------------------------------------------------

LONG = b"x" * 20_000_000
"""More than the buffers of both ends hold."""


async def test_a_server_that_never_reads_a_request_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "SEND_SECONDS", 0.2)

    async def deaf(stream: ByteStream, number: int) -> None:
        await head(stream)
        await anyio.sleep_forever()

    async with scripted(deaf) as port:
        how = await broke(HttpPool(), f"http://127.0.0.1:{port}/", method="POST", body=LONG)
    assert how is TransportErrorKind.SILENT


@pytest.mark.parametrize("closes", [True, False])
async def test_a_reply_to_a_request_that_was_not_read_counts(closes: bool) -> None:
    async def refusing(stream: ByteStream, number: int) -> None:
        await stream.receive()
        await stream.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 1\r\n\r\n%d" % number)
        if not closes:
            await anyio.sleep_forever()

    pool = HttpPool()
    async with scripted(refusing) as port:
        replies = [await get(pool, port, method="POST", body=LONG) for _ in range(2)]
        await pool.aclose()
    # What was not sent to its end leaves no connection for another request.
    assert [(reply.status, reply.body) for reply in replies] == [(413, b"0"), (413, b"1")]


# --- servers that misbehave ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "how"),
    [
        (b"", TransportErrorKind.CLOSED),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", TransportErrorKind.CLOSED),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + b"x" * 99, TransportErrorKind.TOO_LARGE),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 99, TransportErrorKind.TOO_LARGE),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000, TransportErrorKind.TOO_LARGE),
        (b"220 mail.example ESMTP\r\n\r\n", TransportErrorKind.MALFORMED),
    ],
)
async def test_what_is_no_reply_is_an_error(said: bytes, how: TransportErrorKind) -> None:
    pool = HttpPool()

    async def saying(stream: ByteStream, number: int) -> None:
        await head(stream)
        await stream.send(said) if said else None

    async with scripted(saying) as port:
        assert await broke(pool, f"http://127.0.0.1:{port}/", accepts=50) is how
    assert repr(pool) == "<HttpPool 0 idle>"


async def test_a_body_may_end_with_the_connection() -> None:
    pool = HttpPool()

    async def saying(stream: ByteStream, number: int) -> None:
        await head(stream)
        await stream.send(b"HTTP/1.0 200 OK\r\n\r\nhello")

    async with scripted(saying) as port:
        assert (await get(pool, port)).body == b"hello"
    assert repr(pool) == "<HttpPool 0 idle>"


@pytest.mark.parametrize("moment", ["connecting", "asking", "reading"])
async def test_a_cancelled_exchange_leaves_nothing(moment: str) -> None:
    pool = HttpPool()
    reached = anyio.Event()

    async def silent(stream: ByteStream, number: int) -> None:
        reached.set()
        await head(stream)
        if moment == "reading":
            await stream.send(OK[:-1])
        await anyio.sleep_forever()

    async with scripted(silent) as port, anyio.create_task_group() as group:
        # More than the buffers of a loopback socket take.
        body = b"x" * 30_000_000 if moment == "asking" else b""
        group.start_soon(lambda: get(pool, port, method="POST", body=body))
        if moment != "connecting":
            await reached.wait()
        group.cancel_scope.cancel()
    assert repr(pool) == "<HttpPool 0 idle>"


async def test_what_is_too_large_says_the_limit() -> None:
    async def saying(stream: ByteStream, number: int) -> None:
        await head(stream)
        await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + b"x" * 99)

    async with scripted(saying) as port:
        with pytest.raises(ExchangeError) as caught:
            await get(HttpPool(), port, accepts=50)
    assert caught.value.error.detail == "the body is over the limit of 50 bytes"


async def test_nobody_listens() -> None:
    async with scripted(polite) as port:
        pass
    assert await broke(HttpPool(), f"http://127.0.0.1:{port}/") is TransportErrorKind.REFUSED


async def test_a_name_that_nobody_has() -> None:
    assert await broke(HttpPool(), "http://nobody.invalid/") is TransportErrorKind.UNRESOLVED


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "http://a b/", "http://"])
async def test_an_address_that_is_none(url: str) -> None:
    assert await broke(HttpPool(), url) is TransportErrorKind.INVALID


async def test_a_field_that_cannot_be_sent_is_refused_at_once() -> None:
    pool = HttpPool()
    async with scripted(polite) as port:
        url = f"http://127.0.0.1:{port}/"
        assert await broke(pool, url, headers=(("x", "a\r\nb: c"),)) is TransportErrorKind.INVALID
