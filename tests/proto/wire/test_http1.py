"""HTTP/1.1 in bytes: both ends against each other and what a client reads, whole and byte by byte."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from core.http1_bytes import GET, HERE, Client, Cut, asked, cuts, fed, replies

from odyssey_proto.kernel.failures import LocalProtocolError, RemoteProtocolError
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.seam.http import HttpReply, HttpRequest, JsonBody
from odyssey_proto.wire.http1 import (
    MAX_HEAD_BYTES,
    MAX_INTERIM_REPLIES,
    MAX_SMALL_CHUNKS,
    SMALL_CHUNK_BYTES,
    ClientConnection,
    ClosedEarlyError,
    ServerConnection,
    TooLargeError,
)


@cuts
@pytest.mark.parametrize(
    "request_",
    [
        GET,
        HttpRequest("POST", "http://host:8080/path", body=b"x" * 3000),
        HttpRequest("POST", "http://host:8080/path"),
        HttpRequest("POST", "http://host:8080/path", body="v=0 ü"),
        HttpRequest("POST", "http://host:8080/path", body=JsonBody({"key": Secret("ü&")})),
        HttpRequest("DELETE", "http://host:8080/path", headers=(("authorization", Secret("Bearer t")),)),
        HttpRequest("GET", "http://host:8080/path", query=(("a", "b c"), ("t", Secret("ü&")))),
    ],
)
def test_a_request_and_its_reply_again_and_again(request_: HttpRequest, cut: Cut) -> None:
    client, server = Client(), ServerConnection()
    for status, body in ((200, b"{}"), (204, b""), (304, b""), (500, b"no" * 500)):
        assert client.reusable
        assert server.idle
        got = fed(server, client.send(request_, HERE), cut)
        assert (got.method, got.url, got.body) == (request_.method, "/path", request_.content())
        assert dict(got.query) == {
            name: value.reveal() if isinstance(value, Secret) else value for name, value in request_.query
        }
        assert got.header("host") == "host:8080"
        if request_.headers:
            assert got.header("authorization") == "Bearer t"
        assert not client.reusable
        assert not client.reply_begun
        back = fed(client, server.send(HttpReply(status, (("x-thing", "ü"),), body)), cut)
        assert (back.status, back.header("x-thing"), back.body) == (status, "ü", body)
        assert client.reply_begun
    assert not server.must_close


@cuts
@pytest.mark.parametrize("framing", replies)
def test_every_framing_of_a_body_is_read(framing: str, cut: Cut) -> None:
    client = asked()
    reply = fed(client, replies[framing], cut)
    assert (reply.status, reply.body) == (200, b"hello")
    assert client.reusable


@cuts
def test_a_body_may_end_with_the_connection(cut: Cut) -> None:
    client = asked()
    assert fed(client, b"HTTP/1.1 200 OK\r\n\r\nhello", cut) is None
    reply = client.whole(b"")
    assert reply is not None
    assert reply.body == b"hello"
    assert not client.reusable


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        b"HTTP/1.1 200",
    ],
)
def test_a_connection_that_closes_early_is_an_error(data: bytes) -> None:
    client = asked()
    if data:
        assert client.whole(data) is None
    with pytest.raises(ClosedEarlyError):
        client.receive(b"")
    assert client.reply_begun is bool(data)
    assert not client.reusable


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 2 * MAX_HEAD_BYTES,
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * (MAX_INTERIM_REPLIES + 1),
    ],
)
def test_what_is_no_reply_is_an_error(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        asked().receive(data)


@pytest.mark.parametrize(
    "head", [b"Content-Length: 11\r\n\r\n", b"\r\n", b"Transfer-Encoding: chunked\r\n\r\nb\r\n"]
)
def test_a_reply_over_its_limit_is_refused(head: bytes) -> None:
    client = asked(accepts=10)
    with pytest.raises(TooLargeError, match="over the limit of 10 bytes") as caught:
        client.receive(b"HTTP/1.1 200 OK\r\n" + head + b"x" * 11)
    assert caught.value.status == 413


@pytest.mark.parametrize("piece", [1000, 10**6])
@pytest.mark.parametrize("field", [b"a: b\r\n", b"a: " + b"b" * 1000 + b"\r\n"])
@pytest.mark.parametrize("first", [b"HTTP/1.1 204 No Content\r\n", b"GET / HTTP/1.1\r\nhost: h\r\n"])
def test_a_head_has_a_bound_however_it_comes(first: bytes, field: bytes, piece: int) -> None:
    """Also one that is whole when it arrives."""

    def read(fields: int) -> object:
        receive = asked().receive if first.startswith(b"HTTP") else ServerConnection().receive
        data = first + field * fields + b"\r\n"
        return [receive(data[at : at + piece]) for at in range(0, len(data), piece)][-1]

    most = (MAX_HEAD_BYTES - len(first) - 2) // len(field)
    assert read(most) is not None
    with pytest.raises(TooLargeError, match="head is over the limit of 32768 bytes") as caught:
        read(most + 1)
    assert caught.value.status == 431


COOKIES = b"; ".join(b"session-%d=" % number + b"c" * 4000 for number in range(5))
"""What a browser keeps of five services of one machine: 4096 bytes each at most (RFC 6265 section 6.1)."""
POLICY = b"Content-Security-Policy: default-src 'self'; img-src " + b"https://cdn.example.com/ " * 300
PRESIGNED = b"https://files.example.com/film.mp4?X-Amz-Security-Token=" + b"s" * 4000


@pytest.mark.parametrize(
    ("first", "fields"),
    [
        (b"HTTP/1.1 302 Found\r\n", [b"Location: " + PRESIGNED, POLICY, b"Set-Cookie: a=" + b"c" * 4000]),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n",
            [b"Set-Cookie: %d=" % n + b"c" * 4000 for n in range(6)],
        ),
        (b"GET /" + PRESIGNED[8:] + b" HTTP/1.1\r\nHost: h\r\n", [b"Cookie: " + COOKIES]),
    ],
    ids=["redirect", "cookies", "browser"],
)
def test_heads_that_occur_are_taken(first: bytes, fields: list[bytes]) -> None:
    receive = asked().receive if first.startswith(b"HTTP") else ServerConnection().receive
    assert receive(first + b"\r\n".join(fields) + b"\r\n\r\n") is not None


def test_a_connection_that_closes_before_it_was_used_is_an_error() -> None:
    with pytest.raises(ClosedEarlyError, match="closed before the reply"):
        ClientConnection().receive(b"")


def test_the_error_of_a_limit_survives_a_copy() -> None:
    error = copy.copy(TooLargeError("the body is over"))
    assert (type(error), str(error), error.status) == (TooLargeError, "the body is over", 413)
    assert type(copy.copy(ClosedEarlyError("closed"))) is ClosedEarlyError


def test_a_reply_of_just_its_limit_is_taken() -> None:
    reply = asked(accepts=5).whole(replies["length"])
    assert reply is not None
    assert reply.body == b"hello"


@pytest.mark.parametrize("more", [b"HTTP/1.1 200 OK\r\n", b"x"])
def test_bytes_after_a_reply_end_the_trust(more: bytes) -> None:
    client = asked()
    reply = client.whole(replies["length"] + more)
    assert reply is not None
    assert reply.body == b"hello"
    assert not client.reusable


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nConnection: close\r\n", b"HTTP/1.0 200 OK\r\n"])
def test_a_connection_that_is_announced_to_close_is_not_reused(head: bytes) -> None:
    client = asked()
    assert client.whole(head + b"Content-Length: 0\r\n\r\n") is not None
    assert not client.reusable


def test_a_reply_to_head_has_no_body() -> None:
    client = asked(request=HttpRequest("HEAD", "http://host:8080/path"))
    reply = client.whole(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
    assert reply is not None
    assert reply.body == b""
    assert client.reusable


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\nb", "a\0b", " ab", "ab ", "a\x7fb", "日本"])
def test_a_field_that_would_split_the_head_is_never_sent(value: str) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        ClientConnection().send(HttpRequest("GET", GET.url, headers=(("x", Secret(value)),)), HERE)
    assert value not in str(caught.value)


CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
ENDS = pytest.mark.parametrize(
    ("end", "head"),
    [
        (lambda: asked(1_000_000), b"HTTP/1.1 200 OK\r\n" + CHUNKED),
        (ServerConnection, b"POST / HTTP/1.1\r\nHost: h\r\n" + CHUNKED),
    ],
    ids=["client", "server"],
)


@ENDS
def test_a_body_in_crumbs_is_refused_before_it_takes_long(end: Callable[[], Any], head: bytes) -> None:
    crumbs = b"1\r\nx\r\n" * MAX_SMALL_CHUNKS
    end().receive(head + crumbs)
    with pytest.raises(TooLargeError, match="small chunks"):
        end().receive(head + crumbs + b"1\r\nx\r\n")


@ENDS
def test_chunks_of_a_fair_size_are_not_counted_wherever_they_are_cut(
    end: Callable[[], Any], head: bytes
) -> None:
    one = end()
    one.receive(head)
    for _ in range(2 * MAX_SMALL_CHUNKS):
        one.receive(b"40\r\nx")
        one.receive(b"x" * (SMALL_CHUNK_BYTES - 1) + b"\r\n")
