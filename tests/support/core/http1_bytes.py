"""HTTP/1.1 whole or byte by byte: what the tests say, and how they put together what comes."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from attrs import evolve

from odyssey_proto.kernel.url import parse
from odyssey_proto.seam.http import HttpReply, HttpRequest
from odyssey_proto.wire.http1 import ClientConnection, ServerConnection

HERE = parse("http://host:8080/path")
GET = HttpRequest("GET", "http://host:8080/path")
UPGRADE = b"GET /ws?x=1 HTTP/1.1\r\nHost: h\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n\r\n"

type Cut = Callable[[bytes], Iterator[bytes]]


def whole(data: bytes) -> Iterator[bytes]:
    yield data


def bytewise(data: bytes) -> Iterator[bytes]:
    for number in range(len(data)):
        yield data[number : number + 1]


cuts = pytest.mark.parametrize("cut", [whole, bytewise])


class Client(ClientConnection):
    """Puts the pieces of a reply together, as whoever wants it whole does."""

    head: HttpReply | None = None
    body = b""

    def whole(self, data: bytes) -> HttpReply | None:
        piece = self.receive(data)
        self.head = piece.head or self.head
        self.body += piece.body
        if not piece.whole:
            return None
        assert self.head is not None
        reply = evolve(self.head, body=self.body)
        self.head, self.body = None, b""
        return reply


def fed(connection: Client | ServerConnection, data: bytes, cut: Cut) -> Any:
    """Returns what comes out of some bytes; nothing may come before the last of them."""
    result = None
    for piece in cut(data):
        assert result is None
        result = connection.whole(piece) if isinstance(connection, Client) else connection.receive(piece)
    return result


def asked(accepts: int = 1000, request: HttpRequest = GET) -> Client:
    """A client that has sent a request."""
    client = Client()
    client.send(HttpRequest(request.method, request.url, body=request.body, accepts=accepts), HERE)
    return client


LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

replies = {
    "length": LENGTH,
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nT: t\r\n\r\n",
    "interim": b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + LENGTH,
}
