"""The handshake of a WebSocket in bytes: refused, malformed, or given up."""

from typing import Any

import pytest
from house.fuzz import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from odyssey_proto.kernel.machine import Instant
from odyssey_proto.seam.inputs import TransportErrorKind
from odyssey_proto.wire.http1 import ServerConnection, Upgrade
from odyssey_proto.wire.websocket import MAX_REFUSAL_BYTES, Effects, Refused, accept, connect

ZERO = Instant(0)
LIMIT = 1000


def test_a_close_before_the_handshake_ends_at_once() -> None:
    client, _ = connect("host", "/", accepts=LIMIT)
    assert client.send_text(ZERO, "early") == Effects()
    (closed,) = client.close(ZERO).events
    assert (closed.code, closed.error.kind) == (1006, TransportErrorKind.CLOSED)


@pytest.mark.parametrize("step", [1, 10_000])
@pytest.mark.parametrize(
    ("reply", "body"),
    [
        (b"HTTP/1.1 401 Unauthorized\r\nX: y\r\nContent-Length: 2\r\n\r\nno", b"no"),
        (b"HTTP/1.1 404 Not Found\r\nX: y\r\nContent-Length: 0\r\n\r\n", b""),
        (b"HTTP/1.1 503 Busy\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n", b"no"),
        (b"HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 2\r\n\r\nno", b"no"),
    ],
)
def test_a_refusal_is_given_with_its_body(reply: bytes, body: bytes, step: int) -> None:
    client, _ = connect("host", "/", accepts=LIMIT)
    received: list[Any] = []
    for start in range(0, len(reply), step):
        received += client.receive(ZERO, reply[start : start + step]).events
    (refused,) = received
    assert isinstance(refused, Refused)
    assert (refused.reply.status, refused.reply.body) == (int(reply[9:12]), body)
    assert refused.reply.header("x") == "y"
    assert client.closed


def test_of_a_huge_refusal_only_so_much_is_kept() -> None:
    client, _ = connect("host", "/", accepts=LIMIT)
    size = 3 * MAX_REFUSAL_BYTES
    client.receive(ZERO, b"HTTP/1.1 500 Oops\r\nContent-Length: %d\r\n\r\n" % size)
    received: list[Any] = []
    for _ in range(3):
        received += client.receive(ZERO, b"x" * MAX_REFUSAL_BYTES).events
    assert [len(event.reply.body) for event in received] == [MAX_REFUSAL_BYTES]


@pytest.mark.parametrize(
    "reply",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: wrong\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: \xff\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nX: " + b"y" * 200_000,
    ],
)
def test_a_handshake_that_makes_no_sense_is_malformed(reply: bytes) -> None:
    client, _ = connect("host", "/", accepts=LIMIT)
    (closed,) = client.receive(ZERO, reply).events
    assert (closed.code, closed.error.kind) == (1006, TransportErrorKind.MALFORMED)
    assert client.closed


@pytest.mark.parametrize("lacking", ["sec-websocket-key", "sec-websocket-version", "host"])
def test_a_wish_that_is_not_whole_is_not_accepted(lacking: str) -> None:
    _, hello = connect("host", "/", accepts=LIMIT)
    lines = [line for line in hello.split(b"\r\n") if not line.lower().startswith(lacking.encode())]
    headers = [tuple(line.split(b": ", 1)) for line in lines[1:] if line]
    assert accept(ZERO, headers, b"/", accepts=LIMIT) is None  # type: ignore[arg-type]  # pairs, by the split


def test_a_host_that_is_no_text_is_not_accepted() -> None:
    _, hello = connect("host", "/", accepts=LIMIT)
    asked = ServerConnection().receive(hello)
    assert isinstance(asked, Upgrade)
    headers = [(name, b"\xe0\x92" if name == b"host" else value) for name, value in asked.headers]
    assert accept(ZERO, headers, b"/", accepts=LIMIT) is None


@given(
    st.lists(st.binary(max_size=30) | st.sampled_from([b"HTTP/1.1 ", b"101 S\r\n", b"200 OK\r\n", b"\r\n"]))
)
@settings(max_examples=examples(300))
def test_whatever_comes_a_handshake_ends_once(pieces: list[bytes]) -> None:
    client, _ = connect("host", "/", accepts=LIMIT)
    received = [event for piece in pieces for event in client.receive(ZERO, piece).events]
    assert len(received) == client.closed
