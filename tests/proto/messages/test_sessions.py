"""Key, token and session, with vectors from docs/protocol.md#access-token to 3.4."""

import json
from typing import Any

import pytest

from odyssey_proto.kernel.failures import Failure, FailureKind, RemoteProtocolError
from odyssey_proto.kernel.machine import Span, seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages.auth import AUTH_TOKEN, AccessToken
from odyssey_proto.messages.fields import in_seconds
from odyssey_proto.messages.regions import PING, PING_ACCEPTS, REGIONS
from odyssey_proto.messages.sessions import (
    SESSION_REQUEST,
    SESSION_TOKEN,
    Grant,
    SessionRequest,
    SessionToken,
)
from odyssey_proto.model.address import Region
from odyssey_proto.model.credentials import StreamerCapabilities
from odyssey_proto.seam.http import HttpReply, HttpRequest

API = "https://api.odyssey.ml"


def ok(body: Any, status: int = 200) -> HttpReply:
    return HttpReply(status, (), json.dumps(body).encode())


# --- the key ----------------------------------------------------------------------------------


def test_the_key_is_sent_in_the_body_only() -> None:
    request = AUTH_TOKEN.encode_request(API, Secret("ody_canary"))
    assert (request.method, request.url) == ("POST", API + "/auth/token")
    assert request.content() == b'{"api_key":"ody_canary"}'
    assert "canary" not in repr(request)


@pytest.mark.parametrize(
    ("body", "lasts"),
    [
        ({"access_token": "t", "expires_in": 1800}, seconds(1800)),
        ({"access_token": "t", "expires_in": 0.5}, seconds(0.5)),
        ({"access_token": "t", "expires_in": None}, seconds(3600)),
        ({"access_token": "t", "extra": [1]}, seconds(3600)),
    ],
)
def test_a_token_and_how_long_it_lasts(body: Any, lasts: Span) -> None:
    assert AUTH_TOKEN.decode_reply(ok(body)) == AccessToken(Secret("t"), lasts)


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "auth.invalid_key"), (403, "auth.denied"), (422, "auth.malformed_key")],
)
def test_each_refusal_of_the_key_is_one(status: int, code: str) -> None:
    failure = AUTH_TOKEN.decode_reply(ok({"detail": "Access denied"}, status))
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.code, failure.detail) == (FailureKind.AUTH_REFUSED, code, "Access denied")


@pytest.mark.parametrize("status", [400, 404, 500, 502, 503])
def test_other_failures_are_not_the_keys(status: int) -> None:
    failure = AUTH_TOKEN.decode_reply(ok({"detail": "invalid 401 403"}, status))
    assert isinstance(failure, Failure)
    assert failure.kind in (FailureKind.BAD_REQUEST, FailureKind.NOT_FOUND, FailureKind.SERVER_BROKE)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"access_token": ""},
        {"access_token": 5},
        {"access_token": "a\r\nb"},
        {"access_token": "t", "expires_in": "soon"},
        {"access_token": "t", "expires_in": -1},
        {"access_token": "t", "expires_in": True},
        [],
        "invalid",
    ],
)
def test_a_malformed_token_reply_is_never_an_auth_failure(body: Any) -> None:
    failure = AUTH_TOKEN.decode_reply(ok(body))
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.code, failure.status) == (FailureKind.MALFORMED, "reply.malformed", 200)


@pytest.mark.parametrize("body", [b"{}", b'{"api_key":5}', b'{"api_key":null}'])
def test_a_request_without_a_key_is_unprocessable(body: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        AUTH_TOKEN.decode_request(HttpRequest("POST", "/auth/token", body=body))
    assert caught.value.status == 422


def test_seconds_on_the_wire() -> None:
    assert in_seconds(Span(3_000_000)) == 3
    assert isinstance(in_seconds(Span(3_000_000)), int)
    assert in_seconds(Span(500_000)) == 0.5


# --- the session ------------------------------------------------------------------------------

GRANT = {
    "session_id": "s-1",
    "signalling_url": "wss://signalling-aws-us.odyssey.ml",
    "capabilities": {"image_to_video": True},
    "streamer_id": "streamer-7",
    "model": "odyssey-2-pro",
    "region": "us-east",
}


def test_latencies_are_sent_if_there_are_any() -> None:
    assert SESSION_REQUEST.encode_request(API, SessionRequest()).content() == b"{}"
    measured = SESSION_REQUEST.encode_request(API, SessionRequest((("us", 21), ("eu", 9999))))
    assert measured.content() == b'{"region_latencies":{"us":21,"eu":9999}}'


def test_a_grant() -> None:
    assert SESSION_REQUEST.decode_reply(ok(GRANT)) == Grant(
        "s-1",
        "wss://signalling-aws-us.odyssey.ml",
        StreamerCapabilities(True),
        "streamer-7",
        "odyssey-2-pro",
        "us-east",
    )


@pytest.mark.parametrize(
    "capabilities", [None, [], "x", {}, {"image_to_video": 1}, {"image_to_video": "yes"}]
)
def test_capabilities_that_are_not_said_are_none(capabilities: Any) -> None:
    grant = SESSION_REQUEST.decode_reply(ok(GRANT | {"capabilities": capabilities}))
    assert isinstance(grant, Grant)
    assert grant.capabilities == StreamerCapabilities(False)


def test_what_only_informs_cannot_break_a_grant() -> None:
    grant = SESSION_REQUEST.decode_reply(ok(GRANT | {"streamer_id": 5, "model": None, "region": []}))
    assert isinstance(grant, Grant)
    assert (grant.streamer_id, grant.model, grant.region) == (None, None, None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"session_id": None},
        {"session_id": ""},
        {"session_id": ".."},
        {"session_id": 5},
        {"signalling_url": None},
        {"signalling_url": ""},
        {"signalling_url": "javascript://alert"},
        {"signalling_url": "file:///etc/passwd"},
        {"signalling_url": "wss:// host"},
        {"signalling_url": "wss://host\r\nx: y"},
        {"signalling_url": "wss://user:word@host"},
        {"signalling_url": "wss://host:65536"},
    ],
)
def test_a_grant_that_cannot_be_used_is_malformed(wrong: dict[str, Any]) -> None:
    failure = SESSION_REQUEST.decode_reply(ok(GRANT | wrong))
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.MALFORMED
    assert next(iter(wrong)) in failure.text


@pytest.mark.parametrize(
    "body", [{}, {"detail": "busy"}, {"detail": {"error": "X", "message": "m", "action": "a"}}]
)
def test_no_capacity_whatever_the_body_says(body: Any) -> None:
    reply = HttpReply(503, (("retry-after", "4"),), json.dumps(body).encode())
    failure = SESSION_REQUEST.decode_reply(reply)
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.status, failure.retry_after) == (FailureKind.NO_CAPACITY, 503, seconds(4))
    assert failure.retryable


@pytest.mark.parametrize("latencies", [[], {"us": "fast"}, {"us": 1.5}, {"us": None}, 5])
def test_latencies_that_are_wrong(latencies: Any) -> None:
    body = json.dumps({"region_latencies": latencies}).encode()
    with pytest.raises(RemoteProtocolError) as caught:
        SESSION_REQUEST.decode_request(HttpRequest("POST", "/sessions/request", body=body))
    assert caught.value.status == 422


def test_a_session_token() -> None:
    assert SESSION_TOKEN.encode_request(API, "s-1").content() == b'{"session_id":"s-1"}'
    token = SESSION_TOKEN.decode_reply(ok({"session_token": "a.b.c"}))
    assert token == SessionToken(Secret("a.b.c"), seconds(600))
    unknown = SESSION_TOKEN.decode_reply(ok({"detail": "Session not found"}, 404))
    assert isinstance(unknown, Failure)
    assert unknown.kind is FailureKind.NOT_FOUND


# --- regions ----------------------------------------------------------------------------------


def test_regions_and_pings() -> None:
    body = {"regions": [{"id": "us", "ping_url": "https://us.example/ping?x=1"}]}
    assert REGIONS.decode_reply(ok(body)) == (Region("us", "https://us.example/ping?x=1"),)
    request = PING.encode_request("https://api.example", Region("us", "https://us.example/ping?x=1"))
    assert request == HttpRequest("GET", "https://us.example/ping?x=1", accepts=PING_ACCEPTS)


def test_a_ping_needs_a_success_and_nothing_else() -> None:
    assert PING.decode_reply(HttpReply(204)) is None
    assert PING.decode_reply(HttpReply(200, (), b"\xff not json")) is None
    for status in (302, 401, 404, 503):
        failure = PING.decode_reply(HttpReply(status, (), b"\xff not json"))
        assert failure is not None
        assert failure.status == status
    assert (PING.authed, PING.safe) == (False, False)


@pytest.mark.parametrize("body", [{}, {"regions": None}, {"regions": []}])
def test_no_regions(body: Any) -> None:
    assert REGIONS.decode_reply(ok(body)) == ()


@pytest.mark.parametrize(
    "odd",
    [
        5,
        {},
        {"id": "x"},
        {"id": "", "ping_url": "https://a"},
        {"id": "x" * 600, "ping_url": "https://a"},
        {"id": 5, "ping_url": "https://a"},
        {"id": "x", "ping_url": "file:///etc/passwd"},
        {"id": "x", "ping_url": "https://a b"},
        {"id": "x", "ping_url": "https://a\r\nb"},
        {"id": "x", "ping_url": "https://é"},
        {"id": "x", "ping_url": "https://" + "a" * 5000},
    ],
)
def test_one_odd_region_does_not_cost_the_others(odd: Any) -> None:
    body = {"regions": [odd, {"id": "eu", "ping_url": "http://eu"}]}
    assert REGIONS.decode_reply(ok(body)) == (Region("eu", "http://eu"),)


def test_regions_have_an_end() -> None:
    body = {"regions": [{"id": str(n), "ping_url": "http://eu"} for n in range(1000)]}
    regions = REGIONS.decode_reply(ok(body))
    assert isinstance(regions, tuple)
    assert len(regions) == 64


def test_a_list_of_regions_that_is_none_is_malformed() -> None:
    failure = REGIONS.decode_reply(ok({"regions": {}}))
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.MALFORMED
