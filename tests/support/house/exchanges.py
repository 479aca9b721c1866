"""Requests over a pool, and servers that answer them, for tests of HTTP."""

from typing import Any

import pytest
from anyio.abc import ByteStream

from odyssey_anyio.net.http import HttpPool
from odyssey_anyio.net.transports import ExchangeError
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.seam.http import HttpReply, HttpRequest
from odyssey_proto.seam.inputs import TransportErrorKind

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
TOKEN = (("authorization", Secret("Bearer token")),)


async def head(stream: ByteStream) -> bytes:
    """Reads one request without a body."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += await stream.receive()
    return data


async def polite(stream: ByteStream, number: int) -> None:
    """Answers everything, for ever, with the number of the connection."""
    while True:
        await head(stream)
        await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % number)


async def get(pool: HttpPool, port: int, path: str = "/", **options: Any) -> HttpReply:
    options = {"method": "GET", **options}
    return await pool.exchange(HttpRequest(url=f"http://127.0.0.1:{port}{path}", **options))


async def broke(pool: HttpPool, url: str, **options: Any) -> TransportErrorKind:
    """Returns how an exchange breaks."""
    with pytest.raises(ExchangeError) as caught:
        await pool.exchange(HttpRequest(**{"method": "GET", "url": url, **options}))
    return caught.value.error.kind
