"""HTTP/1.1 in bytes: what a server reads and refuses, and when its connection ends."""

import pytest
from core.http1_bytes import UPGRADE, Cut, cuts, fed, whole

from odyssey_proto.kernel.failures import RemoteProtocolError
from odyssey_proto.seam.http import HttpReply, HttpRequest
from odyssey_proto.wire.http1 import MAX_HEAD_BYTES, MAX_PARAMETERS, ServerConnection, TooLargeError, Upgrade


@cuts
def test_a_body_in_chunks_is_put_together(cut: Cut) -> None:
    head = b"POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    request = fed(ServerConnection(), head + b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", cut)
    assert request.body == b"abc"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02\x00\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET /\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"y" * 2 * MAX_HEAD_BYTES, 431),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n" + b"x" * 11, 413),
        (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n" + b"x" * 11, 413),
    ],
)
def test_what_is_no_request_is_refused_with_a_status(data: bytes, status: int) -> None:
    server = ServerConnection(lambda head: 10)
    with pytest.raises(RemoteProtocolError) as caught:
        server.receive(data)
    assert (caught.value.status or 400) == status
    assert b"connection: close" in server.send(HttpReply(status)).lower()
    assert server.must_close


def test_a_body_is_refused_by_the_length_that_its_head_names() -> None:
    server = ServerConnection(lambda head: 10)
    with pytest.raises(TooLargeError):
        server.receive(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n")
    assert server.interim_reply == b""


def test_each_request_is_judged_by_its_head() -> None:
    def admit(head: HttpRequest) -> int:
        if head.url == "/no":
            raise RemoteProtocolError("not here", status=403)
        return 2

    server = ServerConnection(admit)
    server.receive(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n")
    assert server.max_body == 2
    assert isinstance(server.receive(b"ab"), HttpRequest)
    server.send(HttpReply(200))
    assert server.max_body == 0
    for head in (b"GET /no HTTP/1.1\r\nHost: h\r\n\r\n", UPGRADE.replace(b"/ws", b"/no")):
        server = ServerConnection(admit)
        with pytest.raises(RemoteProtocolError) as caught:
            server.receive(head)
        assert (caught.value.status, server.must_close) == (403, True)


def test_a_head_that_has_begun_is_not_idle() -> None:
    server = ServerConnection()
    assert server.idle
    assert server.receive(b"GET") is None
    assert not server.idle


def test_too_many_parameters_cost_one_request_and_not_the_connection() -> None:
    server = ServerConnection()
    with pytest.raises(RemoteProtocolError):
        server.receive(b"GET /?" + b"a&" * (MAX_PARAMETERS + 1) + b" HTTP/1.1\r\nHost: h\r\n\r\n")
    assert server.send(HttpReply(400)).startswith(b"HTTP/1.1 400")
    assert isinstance(server.receive(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"), HttpRequest)


def test_requests_that_come_together_are_answered_in_order() -> None:
    server = ServerConnection()
    one = b"POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab"
    two = b"GET /2 HTTP/1.1\r\nHost: h\r\n\r\n"
    first = server.receive(one + two + b"BAD\r\n\r\n")
    assert isinstance(first, HttpRequest)
    assert (first.url, first.body) == ("/1", b"ab")
    assert not server.idle
    assert server.send(HttpReply(200)).startswith(b"HTTP/1.1 200")
    second = server.next_request()
    assert isinstance(second, HttpRequest)
    assert second.url == "/2"
    server.send(HttpReply(200))
    with pytest.raises(RemoteProtocolError):
        server.next_request()
    assert server.must_close


def test_a_client_that_waits_for_continue_is_reported() -> None:
    server = ServerConnection()
    assert server.interim_reply == b""
    head = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    assert server.receive(head) is None
    assert server.interim_reply.startswith(b"HTTP/1.1 100")
    request = server.receive(b"ab")
    assert isinstance(request, HttpRequest)
    assert request.body == b"ab"


def test_a_client_that_leaves_ends_the_connection() -> None:
    server = ServerConnection()
    assert server.receive(b"") is None
    assert server.must_close


def test_a_client_that_asks_to_close_is_obeyed() -> None:
    server = ServerConnection()
    assert server.receive(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n") is not None
    assert b"connection: close" in server.send(HttpReply(200)).lower()
    assert server.must_close


def test_nothing_is_sent_after_the_end() -> None:
    server = ServerConnection()
    with pytest.raises(RemoteProtocolError):
        server.receive(b"nonsense\r\n\r\n")
    server.send(HttpReply(400))
    assert server.send(HttpReply(200)) == b""


@cuts
@pytest.mark.parametrize("trailing", [b"", b"\x81\x80early"])
def test_a_websocket_is_handed_over_with_what_follows(trailing: bytes, cut: Cut) -> None:
    server, found = ServerConnection(), None
    for piece in cut(UPGRADE):
        found = server.receive(piece if piece != UPGRADE else UPGRADE + trailing)
    assert isinstance(found, Upgrade)
    assert (found.request.url, found.request.query, found.target) == ("/ws", (("x", "1"),), b"/ws?x=1")
    assert found.trailing == (trailing if cut is whole else b"")
    assert dict(found.headers)[b"upgrade"] == b"WebSocket"
    assert server.must_close
    assert server.send(HttpReply(401)).startswith(b"HTTP/1.1 401")


@pytest.mark.parametrize("lacking", [b"Upgrade: WebSocket\r\n", b"Connection: keep-alive, Upgrade\r\n"])
def test_half_a_wish_for_a_websocket_is_a_request(lacking: bytes) -> None:
    assert isinstance(ServerConnection().receive(UPGRADE.replace(lacking, b"")), HttpRequest)


def test_the_reply_to_head_is_a_head() -> None:
    server = ServerConnection()
    assert isinstance(server.receive(b"HEAD /a HTTP/1.1\r\nhost: h\r\n\r\n"), HttpRequest)
    data = server.send(HttpReply(200, (), b"four"))
    assert b"content-length: 4" in data.lower()
    assert data.endswith(b"\r\n\r\n")
    assert not server.must_close
