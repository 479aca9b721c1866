"""Bytes from the network: HTTP/1.1 and WebSocket, at both ends."""

from contextlib import suppress

from odyssey_proto.kernel.failures import RemoteProtocolError
from odyssey_proto.kernel.machine import Instant
from odyssey_proto.kernel.url import parse_http
from odyssey_proto.seam.http import HttpReply, HttpRequest
from odyssey_proto.wire.http1 import ClientConnection, ServerConnection, Upgrade
from odyssey_proto.wire.websocket import Text, WebSocket, accept, connect

NOW = Instant(0)
URL = "http://host.example/path"
MAX_TEXT_BYTES = 1000
MAX_REQUESTS = 100


def pieces(data: bytes) -> list[bytes]:
    """Returns what follows the first byte, which says in pieces of how many bytes."""
    size = data[0] if data and data[0] else len(data) or 1
    return [data[at : at + size] for at in range(1, len(data), size)]


def http_client(data: bytes) -> None:
    """A reply comes, of which nothing is known."""
    connection = ClientConnection()
    connection.send(HttpRequest("GET", URL), parse_http(URL))
    with suppress(RemoteProtocolError):
        for piece in (*pieces(data), b""):
            if connection.receive(piece).whole:
                return


def http_server(data: bytes) -> None:
    """Requests come, one after another; each gets a reply."""
    connection = ServerConnection()
    try:
        for piece in pieces(data):
            request = connection.receive(piece)
            for _ in range(MAX_REQUESTS):
                if request is None or isinstance(request, Upgrade):
                    break
                connection.send(HttpReply(200, (), b"yes"))
                request = connection.next_request()
            if isinstance(request, Upgrade):
                accept(NOW, request.headers, request.target, accepts=MAX_TEXT_BYTES)
                return
    except RemoteProtocolError as error:
        connection.send(HttpReply(error.status))


def socket_client(data: bytes) -> None:
    """A server says something on an open WebSocket."""
    client, _, answer = _opened()
    client.receive(NOW, answer)
    _take(client, data)


def socket_server(data: bytes) -> None:
    """A client says something on an open WebSocket."""
    _, server, _ = _opened()
    _take(server, data)


def handshake(data: bytes) -> None:
    """A server answers the handshake of a WebSocket with anything."""
    client, _, _ = _opened()
    _take(client, data)


def _opened() -> tuple[WebSocket, WebSocket, bytes]:
    client, hello = connect("host.example", "/ws", accepts=MAX_TEXT_BYTES)
    asked = ServerConnection().receive(hello)
    assert isinstance(asked, Upgrade)
    made = accept(NOW, asked.headers, asked.target, accepts=MAX_TEXT_BYTES)
    assert made is not None
    server, answer = made
    return client, server, answer


def _take(end: WebSocket, data: bytes) -> None:
    for piece in (*pieces(data), b""):
        was_closed = end.closed
        effects = end.receive(NOW, piece)
        assert not (was_closed and (effects.events or effects.data)), "silence after the end"
        for event in effects.events:
            assert not isinstance(event, Text) or len(event.text.encode()) <= MAX_TEXT_BYTES
    assert end.closed


TARGETS = {
    "http-client": http_client,
    "http-server": http_server,
    "socket-client": socket_client,
    "socket-server": socket_server,
    "socket-handshake": handshake,
}
