"""What refusals mean, in every documented form (docs/protocol.md#status-codes, #usage-limits)."""

import json
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given

from odyssey_proto.kernel.failures import Failure, FailureKind, RemoteProtocolError, UsageCode, UsageLimit
from odyssey_proto.kernel.machine import seconds
from odyssey_proto.messages import ENDPOINTS
from odyssey_proto.messages.refusals import detail_reply, malformed, refusal, usage_reply
from odyssey_proto.seam.http import HttpReply
from odyssey_proto.testing.strategies.messages import usage_limits

SUSPENDED = {
    "error": "ACCOUNT_SUSPENDED",
    "message": "Your account is suspended.",
    "action": "Contact support",
    "action_url": "https://portal.example/help",
    "details": {"reason": "billing"},
}

CONCURRENT = UsageLimit(
    "CONCURRENT_LIMIT_REACHED",
    "Too many streams.",
    "Wait",
    None,
    (("active_count", 5), ("limit", 5)),
)


def reply(status: int, body: Any, *headers: tuple[str, str]) -> HttpReply:
    return HttpReply(status, headers, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("status", "why", "code"),
    [
        (400, FailureKind.BAD_REQUEST, "request.bad"),
        (401, FailureKind.AUTH_REFUSED, "auth.unauthorized"),
        (403, FailureKind.AUTH_REFUSED, "auth.forbidden"),
        (404, FailureKind.NOT_FOUND, "request.not_found"),
        (408, FailureKind.SERVER_BROKE, "server.timeout"),
        (409, FailureKind.BAD_REQUEST, "request.conflict"),
        (410, FailureKind.NOT_FOUND, "request.gone"),
        (413, FailureKind.BAD_REQUEST, "request.too_large"),
        (418, FailureKind.BAD_REQUEST, "request.refused"),
        (422, FailureKind.BAD_REQUEST, "request.invalid"),
        (429, FailureKind.USAGE_LIMIT, "usage.unknown"),
        (500, FailureKind.SERVER_BROKE, "server.error"),
        (502, FailureKind.SERVER_BROKE, "server.bad_gateway"),
        (503, FailureKind.SERVER_BROKE, "server.unavailable"),
        (504, FailureKind.SERVER_BROKE, "server.gateway_timeout"),
        (599, FailureKind.SERVER_BROKE, "server.error"),
        (302, FailureKind.MALFORMED, "reply.unexpected_status"),
        (204, FailureKind.MALFORMED, "reply.unexpected_status"),
        (101, FailureKind.MALFORMED, "reply.unexpected_status"),
        (999, FailureKind.MALFORMED, "reply.unexpected_status"),
    ],
)
def test_what_a_status_means(status: int, why: FailureKind, code: str) -> None:
    failure = refusal(HttpReply(status), "the call")
    assert (failure.kind, failure.code, failure.status) == (why, code, status)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"detail": "Session  not\nfound"}, "Session not found"),
        ({"detail": {"why": "é"}}, '{"why":"é"}'),
        ({"detail": None}, ""),
        ({}, ""),
        ({"other": 1}, '{"other":1}'),
        ({"detail": ["one", {"x": 1}]}, 'one; {"x":1}'),
        ("plain", "plain"),
        ({"detail": "\ud800"}, "�"),
        ({"detail": "\x1b[31mred\u202e"}, "�[31mred�"),
        ({"detail": "Invalid API key: ody_canary-1"}, "Invalid API key: ***"),
        ({"detail": "token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.sig expired"}, "token *** expired"),
        ({"detail": {"x": "\ud800"}}, ""),
        ({"detail": "whole " + "a" * 5000}, "whole…"),
        (
            {
                "detail": [
                    {
                        "type": "missing",
                        "loc": ["body", "api_key"],
                        "msg": "Field required",
                        "input": "canary",
                    },
                    {"loc": ["query", 3], "msg": "Too long"},
                ]
            },
            "body.api_key: Field required; query.3: Too long",
        ),
    ],
)
def test_the_words_of_the_server_are_kept_beside_ours(body: Any, detail: str) -> None:
    failure = refusal(reply(400, body), "do it")
    assert failure.detail == detail
    assert failure.text == "could not do it: the request was refused (HTTP 400)"
    assert failure.message == (f"{failure.text}: {detail}" if detail else failure.text)
    assert failure == refusal(HttpReply(400), "do it"), "third-party wording does not compare"


@pytest.mark.parametrize("body", [b"", b"<html>Bad\n gateway</html>", b"\xff\xfe", b"[" * 100_000])
def test_a_body_that_is_no_json(body: bytes) -> None:
    failure = refusal(HttpReply(502, (), body), "the call")
    assert failure.kind is FailureKind.SERVER_BROKE
    assert "\n" not in failure.detail
    assert len(failure.detail) <= 2000


@pytest.mark.parametrize("name", ENDPOINTS)
@pytest.mark.parametrize("status", [402, 403, 429])
@pytest.mark.parametrize("form", ["detail", "bare"])
@pytest.mark.parametrize("key", ["error", "code"])
def test_a_usage_error_is_one_wherever_it_arises(name: str, status: int, form: str, key: str) -> None:
    values = {key if field == "error" else field: value for field, value in SUSPENDED.items()}
    body = {"detail": values} if form == "detail" else values
    failure = ENDPOINTS[name].decode_reply(reply(status, body))
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.USAGE_LIMIT
    assert failure.code == "usage.account_suspended"
    assert failure.usage == UsageLimit(
        "ACCOUNT_SUSPENDED",
        "Your account is suspended.",
        "Contact support",
        "https://portal.example/help",
        (("reason", "billing"),),
    )


@pytest.mark.parametrize("code", UsageCode)
@pytest.mark.parametrize("status", [400, 403, 429, 500])
def test_a_documented_code_needs_no_more(code: UsageCode, status: int) -> None:
    failure = refusal(reply(status, {"detail": {"error": code.value}}), "the call")
    assert failure.usage is not None
    assert failure.usage.code == code
    assert failure.usage.message == "a usage limit was reached"


def test_error_comes_before_code_unless_it_is_empty() -> None:
    both = SUSPENDED | {"code": "RATE_LIMITED"}
    assert refusal(reply(429, both), "x").code == "usage.account_suspended"
    assert refusal(reply(429, both | {"error": ""}), "x").code == "usage.rate_limited"


def test_one_limit_has_one_code() -> None:
    old = SUSPENDED | {"error": "CONCURRENT_LIMIT_EXCEEDED"}
    assert refusal(reply(429, old), "x").code == "usage.concurrent_limit_reached"


@pytest.mark.parametrize("code", ["", None, 5, "a\nb", "x" * 65, "a b"])
def test_a_limit_without_a_usable_code_is_unknown(code: Any) -> None:
    failure = refusal(reply(429, {"error": code, "message": "No more.", "action": "Wait"}), "x")
    assert failure.usage is not None
    assert (failure.usage.code, failure.usage.message) == ("UNKNOWN", "No more.")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"detail": "Maximum concurrent sessions reached"}, "Maximum concurrent sessions reached"),
        ({"detail": [1]}, "too many requests"),
        ([], "too many requests"),
        ("slow down", "too many requests"),
        ({"detail": {"nothing": 1}}, "too many requests"),
    ],
)
def test_any_429_is_a_usage_limit(body: Any, message: str) -> None:
    failure = refusal(reply(429, body), "x")
    assert failure.kind is FailureKind.USAGE_LIMIT
    assert failure.usage == UsageLimit("UNKNOWN", message)
    assert not failure.retryable


def test_a_new_code_counts_where_the_object_is_whole() -> None:
    new = SUSPENDED | {"error": "FREE_TIER_ENDED"}
    assert refusal(reply(403, new), "x").code == "usage.free_tier_ended"
    assert refusal(reply(503, new), "x").kind is FailureKind.SERVER_BROKE
    assert refusal(reply(400, {"error": "bad", "message": "no"}), "x").kind is FailureKind.BAD_REQUEST


def test_details_that_are_not_plain_are_left_out() -> None:
    details = {"a": 1, "b": [1], "c": {"d": 1}, "e": None, "f": 2.5, "g": True, "h": "\ud800", "i": 10**30}
    failure = refusal(reply(429, SUSPENDED | {"details": details}), "x")
    assert failure.usage is not None
    kept = (("a", 1), ("e", None), ("f", 2.5), ("g", True), ("h", "'\\ud800'"))
    assert failure.usage.details == kept
    many = {str(n): n for n in range(100)}
    long = refusal(reply(429, SUSPENDED | {"details": many}), "x")
    assert long.usage is not None
    assert len(long.usage.details) == 32
    none = refusal(reply(429, SUSPENDED | {"details": [1]}), "x")
    assert none.usage is not None
    assert none.usage.details == ()


def test_a_limit_that_says_nothing_is_still_reported() -> None:
    failure = refusal(reply(429, SUSPENDED | {"message": " \n"}), "x")
    assert failure.text == "a usage limit was reached"
    escaped = refusal(reply(429, SUSPENDED | {"message": "no\n\x1b[2Jmore"}), "x")
    assert escaped.text == "no �[2Jmore"


@given(usage_limits)
def test_a_limit_that_is_reported_reads_back(limit: UsageLimit) -> None:
    failure = refusal(usage_reply(limit), "x")
    assert failure.usage == limit
    assert failure.kind is FailureKind.USAGE_LIMIT


def test_the_form_of_a_usage_reply() -> None:
    written = usage_reply(CONCURRENT)
    assert written.status == 429
    assert json.loads(written.body) == {
        "detail": {
            "error": "CONCURRENT_LIMIT_REACHED",
            "message": "Too many streams.",
            "action": "Wait",
            "details": {"active_count": 5, "limit": 5},
        }
    }
    assert refusal(written, "x").retryable
    assert usage_reply(CONCURRENT, status=403).status == 403


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("7", seconds(7)),
        (" 0 ", seconds(0)),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("-1", None),
        ("1.5", None),
        ("٣", None),
        ("9" * 10, None),
        ("", None),
    ],
)
def test_the_wait_that_the_server_asks_for(header: str, wait: int | None) -> None:
    assert refusal(HttpReply(503, (("retry-after", header),)), "x").retry_after == wait


@pytest.mark.parametrize(
    ("written", "wait"),
    [(2.5, seconds(2.5)), (0, 0), (-1, None), (True, None), ("3", None), (1e12, None), (None, None)],
)
def test_a_rate_limit_says_its_wait_itself(written: Any, wait: int | None) -> None:
    body = SUSPENDED | {"error": "RATE_LIMITED", "details": {"retry_after_seconds": written}}
    assert refusal(reply(429, body), "x").retry_after == wait
    assert refusal(reply(429, body, ("retry-after", "9")), "x").retry_after == seconds(9)


def test_the_reply_of_a_server_that_refuses() -> None:
    written = detail_reply(404, "no such session")
    assert (written.status, written.body) == (404, b'{"detail":"no such session"}')
    assert written.header("content-type") == "application/json"


@pytest.mark.parametrize("coding", ["gzip", "GZIP, br"])
def test_a_body_in_a_coding_that_nobody_asked_for_is_named(coding: str) -> None:
    encoded = HttpReply(200, (("content-encoding", coding),), b"\x1f\x8b\x08\x00")
    failure = ENDPOINTS["recordings.get"].decode_reply(encoded)
    assert (failure.kind, failure.status) == (FailureKind.MALFORMED, 200)
    assert failure.text.endswith(f"the reply is malformed: the body is encoded as {coding.lower()}")
    assert refusal(evolve(encoded, status=500), "a call").detail == f"the body is encoded as {coding.lower()}"


def test_a_body_that_is_encoded_as_it_is_is_plain() -> None:
    plain = HttpReply(500, (("content-encoding", "identity"),), b'{"detail": "broken"}')
    assert refusal(plain, "a call").detail == "broken"


def test_a_malformed_success_is_no_auth_failure() -> None:
    failure = malformed(HttpReply(200), "do it", RemoteProtocolError("access_token is missing"))
    assert (failure.kind, failure.status) == (FailureKind.MALFORMED, 200)
    assert failure.text == "could not do it: the reply is malformed: access_token is missing"
