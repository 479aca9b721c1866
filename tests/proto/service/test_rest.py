"""What the REST side answers (docs/protocol.md#rest, #a-compatible-server)."""

import json
from typing import Any

import pytest

from odyssey_proto.kernel.failures import Failure, FailureKind, UsageCode
from odyssey_proto.kernel.machine import Instant, Span, seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages.auth import AUTH_TOKEN
from odyssey_proto.messages.ice import ICE_CONFIG
from odyssey_proto.messages.regions import REGIONS
from odyssey_proto.messages.sessions import SESSION_REQUEST, SESSION_TOKEN
from odyssey_proto.model.address import Region
from odyssey_proto.model.credentials import StreamerCapabilities, claims
from odyssey_proto.model.ice import IceServer
from odyssey_proto.seam.http import HttpReply
from odyssey_proto.seam.inputs import Wake
from odyssey_proto.service.io.faults import Refuse, Silent, Slow
from odyssey_proto.service.io.seam import AskerGone
from odyssey_proto.service.rest.accounts import MAX_TOKENS
from tests.proto.service.service_by_hand import KEY, ServiceByHand, detail


def failure(result: Any) -> Failure:
    assert isinstance(result, Failure)
    return result


# --- keys and access tokens -------------------------------------------------------------------


def test_any_key_of_the_right_form_is_good() -> None:
    answered = AUTH_TOKEN.decode_reply(ServiceByHand().enter("ody_whatever"))
    assert not isinstance(answered, Failure)
    assert answered.lasts == seconds(3600)
    assert answered.token


@pytest.mark.parametrize(
    ("key", "status", "code"),
    [
        ("ody_good", 200, ""),
        ("of another form", 200, ""),
        ("ody_other", 401, "auth.invalid_key"),
        ("ody_bad", 403, "auth.denied"),
        ("nonsense", 422, "auth.malformed_key"),
        ("ody_" + "x" * 1000, 422, "auth.malformed_key"),
        ("", 422, "auth.malformed_key"),
    ],
)
def test_keys(key: str, status: int, code: str) -> None:
    guest = ServiceByHand(keys=("ody_good", Secret("of another form")), suspended_keys=("ody_bad",))
    reply = guest.enter(key)
    assert reply.status == status
    if status != 200:
        assert failure(AUTH_TOKEN.decode_reply(reply)).kind is FailureKind.AUTH_REFUSED
        assert failure(AUTH_TOKEN.decode_reply(reply)).code == code
        assert key not in reply.body.decode() or not key


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"{}", b'{"api_key": 1}', b'{"api_key": null}', b"\xff", b"[" * 100_000]
)
def test_malformed_bodies_are_refused_by_their_form(body: bytes) -> None:
    reply = ServiceByHand().reply("POST", "/auth/token", body)
    assert reply.status == 422
    complaint = detail(reply)[0]
    assert complaint["loc"] == ["body"]
    assert complaint["type"] == "value_error"
    assert isinstance(complaint["msg"], str)


@pytest.mark.parametrize("path", ["/regions", "/recordings/r1", "/simulation-jobs", "/stream-recordings"])
def test_calls_need_a_token(path: str) -> None:
    guest = ServiceByHand()
    assert detail(guest.reply("GET", path)) == "Not authenticated"
    guest.access = "made-up"
    reply = guest.reply("GET", path)
    assert (reply.status, detail(reply)) == (401, "Invalid or expired token")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/config"), ("POST", "/telemetry"), ("GET", "/ping"), ("POST", "/auth/token")],
)
def test_some_calls_need_no_token(method: str, path: str) -> None:
    body = {"events": [{"sdk_version": "1.3.0"}], "api_key": KEY}
    assert ServiceByHand().reply(method, path, body if method == "POST" else None).status == 200


def test_access_tokens_expire() -> None:
    guest = ServiceByHand(access_seconds=10)
    guest.enter()
    guest.wait(9.999)
    assert guest.reply("GET", "/regions").status == 200
    guest.wait(0.001)
    assert guest.reply("GET", "/regions").status == 401
    guest.enter()
    assert guest.reply("GET", "/regions").status == 200


def test_the_oldest_token_makes_room() -> None:
    guest = ServiceByHand()
    guest.enter()
    oldest = guest.access
    for _ in range(MAX_TOKENS - 1):
        guest.enter()
    newest, guest.access = guest.access, oldest
    assert guest.reply("GET", "/regions").status == 200
    guest.enter()
    guest.access = oldest
    assert guest.reply("GET", "/regions").status == 401
    guest.access = newest
    assert guest.reply("GET", "/regions").status == 200


# --- sessions ---------------------------------------------------------------------------------


def test_a_grant_says_where_and_what() -> None:
    guest = ServiceByHand(image_to_video=False)
    guest.enter()
    reply = guest.reply("POST", "/sessions/request", {}, headers={"host": "127.0.0.1:8000"})
    grant = SESSION_REQUEST.decode_reply(reply)
    assert not isinstance(grant, Failure)
    assert grant.signaling_url == "ws://127.0.0.1:8000"
    assert grant.capabilities == StreamerCapabilities(image_to_video=False)
    assert "signalling_url" in json.loads(reply.body)


def test_a_configured_address_comes_first() -> None:
    guest = ServiceByHand(signaling_url="wss://sig.example")
    guest.enter()
    assert guest.grant()["signalling_url"] == "wss://sig.example"


def test_without_a_host_it_is_this_machine() -> None:
    guest = ServiceByHand()
    guest.enter()
    assert guest.grant()["signalling_url"] == "ws://localhost"


@pytest.mark.parametrize("host", ["a b", "/", "x?y", "x#y", "é"])
def test_an_unusable_host_costs_no_streamer(host: str) -> None:
    guest = ServiceByHand(capacity=1)
    guest.enter()
    assert guest.reply("POST", "/sessions/request", {}, headers={"host": host}).status == 400
    assert guest.grant()


def test_no_streamer_is_left() -> None:
    guest = ServiceByHand(capacity=2)
    guest.enter()
    guest.grant()
    guest.grant()
    reply = guest.reply("POST", "/sessions/request", {"region_latencies": {"eu": 12}})
    assert failure(SESSION_REQUEST.decode_reply(reply)).kind is FailureKind.NO_CAPACITY


def test_one_key_has_too_many() -> None:
    guest = ServiceByHand(concurrent=1)
    guest.enter()
    guest.grant()
    reply = guest.reply("POST", "/sessions/request", {})
    assert reply.status == 429
    refused = failure(SESSION_REQUEST.decode_reply(reply))
    assert refused.kind is FailureKind.USAGE_LIMIT
    assert refused.usage is not None
    assert refused.usage.code == UsageCode.CONCURRENT_LIMIT_REACHED
    assert refused.usage.detail == {"active_count": 1, "limit": 1}
    guest.enter("ody_another")
    assert guest.grant()


def test_an_unclaimed_session_is_given_up() -> None:
    guest = ServiceByHand(capacity=1, unclaimed_seconds=30)
    guest.enter()
    name = guest.grant()["session_id"]
    guest.wait(29)
    token = guest.token(name)
    guest.wait(29)
    assert guest.reply("POST", "/sessions/request", {}).status == 503
    guest.wait(1)
    assert f"session {name}: nobody came" in guest.notes
    assert guest.grant()["session_id"] != name
    assert guest.reply("POST", "/sessions/token", {"session_id": name}).status == 404
    assert guest.knock(name, token)[1][0].reply.status == 404


def test_a_session_token_says_whose_and_how_long() -> None:
    guest = ServiceByHand(b"seed", 1_000_000 * 10**6, token_seconds=100)
    guest.enter()
    name = guest.grant()["session_id"]
    guest.wait(5)
    token = SESSION_TOKEN.decode_reply(guest.reply("POST", "/sessions/token", {"session_id": name}))
    assert not isinstance(token, Failure)
    assert token.lasts == Span(100_000_000)
    assert dict(claims(token.token.reveal())) == {"session_id": name, "exp": 1_000_105}


@pytest.mark.parametrize(
    ("body", "status"), [({"session_id": "x"}, 404), ({}, 422), ({"session_id": 3}, 422)]
)
def test_session_tokens_are_for_known_sessions(body: dict[str, Any], status: int) -> None:
    guest = ServiceByHand()
    guest.enter()
    assert guest.reply("POST", "/sessions/token", body).status == status


def test_a_session_belongs_to_its_key() -> None:
    guest = ServiceByHand()
    guest.enter()
    name = guest.grant()["session_id"]
    guest.enter("ody_another")
    assert guest.reply("POST", "/sessions/token", {"session_id": name}).status == 404


# --- the rest ---------------------------------------------------------------------------------


def test_what_is_configured_is_reported() -> None:
    region = Region("local", "http://127.0.0.1:1/ping")
    server = IceServer(("stun:127.0.0.1:3478",))
    guest = ServiceByHand(regions=[region], ice_servers=[server])
    guest.enter()
    assert REGIONS.decode_reply(guest.reply("GET", "/regions")) == (region,)
    assert ICE_CONFIG.decode_reply(guest.reply("GET", "/config")) == (server,)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1:8080", "stun:127.0.0.1:3478"),
        ("here", "stun:here:3478"),
        ("[::1]:8080", "stun:[::1]:3478"),
        ("[::1]", "stun:[::1]:3478"),
    ],
)
def test_where_nothing_is_configured_its_own_stun_is_named(host: str, url: str) -> None:
    guest = ServiceByHand(stun_port=3478)
    reply = guest.reply("GET", "/config", headers={"host": host})
    assert ICE_CONFIG.decode_reply(reply) == (IceServer((url,)),)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/", 404),
        ("GET", "/auth/token", 405),
        ("DELETE", "/sessions/request", 405),
        ("HEAD", "/config", 405),
        ("GET", "/recordings/stream-1", 404),
        ("GET", "/stream-recordings", 200),
        ("POST", "/simulation-jobs", 400),
        ("GET", "/simulation-jobs", 200),
        ("GET", "/simulation-jobs/job-1", 404),
        ("DELETE", "/simulation-jobs/job-1", 404),
        ("GET", "/recordings/%ff", 404),
    ],
)
def test_routes(method: str, path: str, status: int) -> None:
    guest = ServiceByHand()
    guest.enter()
    assert guest.reply(method, path).status == status


def test_a_wrong_method_is_answered_with_the_right_ones() -> None:
    guest = ServiceByHand()
    assert guest.reply("PATCH", "/simulation-jobs").header("allow") == "POST, GET"


def test_absolute_targets_are_understood() -> None:
    assert ServiceByHand().reply("GET", "http://127.0.0.1:80/config").status == 200


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/config"), ("GET", "/nowhere"), ("POST", "/auth/token")]
)
def test_pages_of_any_origin_may_read_every_reply(method: str, path: str) -> None:
    reply = ServiceByHand().reply(method, path)
    assert reply.header("access-control-allow-origin") == "*"
    assert "Location" in (reply.header("access-control-expose-headers") or "")
    assert reply.header("content-type") == "application/json"


@pytest.mark.parametrize("path", ["/sessions/request", "/nowhere"])
def test_preflights(path: str) -> None:
    reply = ServiceByHand().reply("OPTIONS", path)
    assert reply.status == 204
    assert reply.body == b""
    assert reply.header("access-control-allow-origin") == "*"
    assert "Authorization" in (reply.header("access-control-allow-headers") or "")
    assert "DELETE" in (reply.header("access-control-allow-methods") or "")


def test_planned_refusals() -> None:
    guest = ServiceByHand(
        faults=[Refuse("/config", HttpReply(500), times=2), Refuse("/config", HttpReply(418))]
    )
    statuses = [guest.reply("GET", "/config").status for _ in range(4)]
    assert statuses == [500, 500, 418, 200]


def test_planned_silence() -> None:
    guest = ServiceByHand(faults=[Silent("/config", times=1)])
    assert guest.ask("GET", "/config") is None
    assert guest.notes == ["GET /config: silent on purpose"]
    assert guest.reply("GET", "/config").status == 200


def test_a_slow_answer_is_given_later() -> None:
    guest = ServiceByHand(faults=[Slow("/config", 3), Slow("/ping", 2)])
    assert guest.ask("GET", "/config") is None
    assert guest.ask("GET", "/ping") is None
    assert guest.ask("GET", "/regions") is not None
    assert guest.notes[0] == "GET /config: 200, late on purpose"
    assert guest.wait(1.9) == []
    (pong,) = guest.wait(0.2)
    assert pong.reply.body == b"{}"
    (config,) = guest.wait(1)
    assert config.reply.body == b'{"iceServers":[]}'
    assert guest.answered == guest.asked
    assert guest.reply("GET", "/config").status == 200


def test_late_answers_come_in_the_order_in_which_they_are_due() -> None:
    guest = ServiceByHand(faults=[Slow("/config", 3), Slow("/ping", 2)])
    guest.ask("GET", "/config")
    guest.ask("GET", "/ping")
    guest.now = Instant(10_000_000)
    pong, config = guest.step(Wake())
    assert (pong.reply.body, config.reply.body) == (b"{}", b'{"iceServers":[]}')


def test_a_late_answer_is_not_given_to_who_is_gone() -> None:
    guest = ServiceByHand(faults=[Slow("/config", 3, times=2)])
    guest.ask("GET", "/config")
    gone = max(guest.asked)
    guest.ask("GET", "/config")
    guest.step(AskerGone(gone))
    (answer,) = guest.wait(5)
    assert answer.exchange > gone
    assert guest.service.deadline is None


def test_notes_are_plain() -> None:
    guest = ServiceByHand()
    guest.reply("GET", "/" + "x" * 5000)
    assert len(guest.notes[-1]) < 300
