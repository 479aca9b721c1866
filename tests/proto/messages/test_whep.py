"""Watching a broadcast, with vectors from docs/protocol.md#whep."""

from typing import Any

import pytest

from odyssey_proto.kernel.failures import Failure, FailureKind, LocalProtocolError, RemoteProtocolError
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages.whep import (
    WHEP_CONFIG,
    WHEP_LEAVE,
    WHEP_OFFER,
    WhepAnswer,
    WhepOffer,
    redirected_offer,
    resource,
)
from odyssey_proto.seam.http import HttpReply, HttpRequest
from odyssey_proto.testing.strategies.messages import SDP

BROADCAST = "http://localhost:8889/live/s-1"
OFFER = WhepOffer(SDP, Secret("token"))
TOKEN = Secret("can/ary")


def test_an_offer() -> None:
    request = WHEP_OFFER.encode_request(BROADCAST, WhepOffer(SDP, TOKEN))
    assert (request.method, request.url) == ("POST", BROADCAST + "/whep")
    assert request.query == (("token", TOKEN),)
    assert request.header("content-type") == "application/sdp"
    assert request.content() == SDP.encode()
    assert "ary" not in repr(request) + repr(WhepOffer(SDP, TOKEN))


@pytest.mark.parametrize("base", [BROADCAST + "/", BROADCAST + "?a=1&b=", BROADCAST + "/?a=1&b="])
def test_the_address_may_have_a_slash_or_a_query(base: str) -> None:
    request = WHEP_OFFER.encode_request(base, WhepOffer(SDP, TOKEN))
    assert request.url == BROADCAST + "/whep"
    assert request.query[-1] == ("token", TOKEN)
    assert request.query[:-1] == ((("a", Secret("1")), ("b", Secret(""))) if "?" in base else ())


@pytest.mark.parametrize("base", ["", "ftp://x", "http://", "http://x?" + "a=1&" * 100])
def test_what_is_no_address(base: str) -> None:
    with pytest.raises(LocalProtocolError) as offering:
        WHEP_OFFER.encode_request(base, WhepOffer(SDP, TOKEN))
    with pytest.raises(LocalProtocolError) as leaving:
        WHEP_LEAVE.encode_request(base, None)
    assert offering.value.failure.kind is leaving.value.failure.kind is FailureKind.INVALID


@pytest.mark.parametrize("body", [b"", b"\xff", b"hello", SDP[:20].encode()])
def test_an_offer_that_is_none(body: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        WHEP_OFFER.decode_request(HttpRequest("POST", "/live/s-1/whep", body=body))
    assert caught.value.status == 400


def test_an_offer_without_a_token() -> None:
    request = HttpRequest("POST", "/live/s-1/whep", body=SDP.encode())
    assert WHEP_OFFER.decode_request(request) == WhepOffer(SDP, Secret(""))


def test_an_answer() -> None:
    reply = WHEP_OFFER.encode_reply(WhepAnswer(SDP, "/live/s-1/whep/v-1"))
    assert reply.status == 201
    assert reply.header("location") == "/live/s-1/whep/v-1"
    assert reply.header("access-control-expose-headers") == "Location"
    assert WHEP_OFFER.decode_reply(HttpReply(200, (), SDP.encode())) == WhepAnswer(SDP)


@pytest.mark.parametrize("body", [b"", b"\xff", b"hello"])
def test_an_answer_that_is_none(body: bytes) -> None:
    failure = WHEP_OFFER.decode_reply(HttpReply(201, (), body))
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.MALFORMED


@pytest.mark.parametrize(
    ("status", "why", "code"),
    [
        (401, FailureKind.AUTH_REFUSED, "whep.invalid_token"),
        (403, FailureKind.AUTH_REFUSED, "whep.invalid_token"),
        (404, FailureKind.NOT_FOUND, "whep.no_stream"),
        (500, FailureKind.SERVER_BROKE, "server.error"),
    ],
)
def test_who_may_not_watch(status: int, why: FailureKind, code: str) -> None:
    failure = WHEP_OFFER.decode_reply(HttpReply(status, (), b"no"))
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.code) == (why, code)


@pytest.mark.parametrize(
    ("location", "address"),
    [
        ("/live/s-1/whep/v-1", "http://localhost:8889/live/s-1/whep/v-1"),
        ("whep/v-1", BROADCAST + "/whep/v-1"),
        ("http://LOCALHOST:8889/x?y=1", "http://LOCALHOST:8889/x?y=1"),
        ("https://localhost:8889/x", None),
        ("http://localhost:8890/x", None),
        ("http://127.0.0.1:8889/x", None),
        ("https://other.example/x?y=1", None),
        ("//other.example/x", None),
        ("http://a@localhost:8889/x", None),
        ("", None),
        (None, None),
        ("file:///etc/passwd", None),
        ("javascript:alert(1)", None),
        ("http://[", None),
        ("http:///x", "http://localhost:8889/x"),
        ("wss://other.example/x", None),
        ("/x?" + "a=1&" * 100, None),
        ("/a b", None),
        ("/x#y", None),
    ],
)
def test_where_to_leave(location: str | None, address: str | None) -> None:
    asked = WHEP_OFFER.encode_request(BROADCAST + "?a=1", OFFER)
    assert resource(asked, WHEP_OFFER.encode_reply(WhepAnswer(SDP, location))) == address


@pytest.mark.parametrize(
    ("status", "location", "url", "query"),
    [
        (307, "/whep?k=1", "http://localhost:8889/whep", (("k", Secret("1")),)),
        (307, "https://edge.example/whep?k=1", None, ()),
        (307, "http://localhost:1/whep", None, ()),
        (308, "/other", "http://localhost:8889/other", ()),
        (302, "/other", None, ()),
        (307, None, None, ()),
        (307, "file:///etc/passwd", None, ()),
        (307, "/x?" + "a=1&" * 100, None, ()),
    ],
)
def test_where_an_offer_is_sent(status: int, location: str | None, url: str | None, query: Any) -> None:
    asked = WHEP_OFFER.encode_request(BROADCAST, OFFER)
    headers = () if location is None else (("location", location),)
    found = redirected_offer(asked, HttpReply(status, headers))
    assert (found is None) == (url is None)
    if found is not None:
        assert (found.method, found.url, found.query) == ("POST", url, query)
        assert (found.body, found.headers) == (asked.body, asked.headers)


def test_leaving() -> None:
    request = WHEP_LEAVE.encode_request(BROADCAST + "/whep/v-1?y=1", None)
    assert (request.method, request.url) == ("DELETE", BROADCAST + "/whep/v-1")
    assert request.query == (("y", "1"),)
    for status in (200, 204, 404, 410):
        assert WHEP_LEAVE.decode_reply(HttpReply(status)) is None
    assert isinstance(WHEP_LEAVE.decode_reply(HttpReply(500)), Failure)


@pytest.mark.parametrize(
    ("base", "url"),
    [
        (BROADCAST, "http://localhost:8889/config"),
        ("https://media.example/a/b/?c=d", "https://media.example/config"),
    ],
)
def test_the_configuration_is_at_the_origin(base: str, url: str) -> None:
    assert WHEP_CONFIG.encode_request(base, None).url == url


def test_a_configuration_of_nowhere() -> None:
    with pytest.raises(LocalProtocolError):
        WHEP_CONFIG.encode_request("ftp://x", None)
