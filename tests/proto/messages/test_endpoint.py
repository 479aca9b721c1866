"""What every REST call has in common."""

import json

import pytest

from odyssey_proto.kernel.failures import FailureKind, LocalProtocolError, RemoteProtocolError
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages import ENDPOINTS
from odyssey_proto.messages.auth import AUTH_TOKEN
from odyssey_proto.messages.endpoint import ACCEPTS, bearer, path_of
from odyssey_proto.messages.recordings import GET_RECORDING, LIST_STREAM_RECORDINGS
from odyssey_proto.messages.sessions import SESSION_REQUEST, SESSION_TOKEN, SessionRequest
from odyssey_proto.seam.http import HttpReply, HttpRequest, JsonBody
from odyssey_proto.trace import CODEC

API = "https://api.odyssey.ml"
TOKEN = Secret("canary")


def test_the_names_are_the_keys() -> None:
    assert all(endpoint.name == name for name, endpoint in ENDPOINTS.items())


def test_a_call_carries_the_token_if_it_needs_one() -> None:
    request = SESSION_TOKEN.encode_request(API, "s-1", TOKEN)
    assert request.header("authorization") == Secret("Bearer canary")
    assert bearer(request) == TOKEN
    assert AUTH_TOKEN.encode_request(API, Secret("ody_x"), TOKEN).header("authorization") is None
    assert bearer(AUTH_TOKEN.encode_request(API, Secret("ody_x"))) is None


@pytest.mark.parametrize(
    ("value", "token"),
    [
        ("Bearer abc", Secret("abc")),
        ("bearer  abc ", Secret("abc")),
        ("Basic abc", None),
        ("Bearer", None),
        ("Bearer ", None),
        ("", None),
    ],
)
def test_the_token_of_a_request(value: str, token: Secret | None) -> None:
    assert bearer(HttpRequest("GET", "/", headers=(("authorization", value),))) == token


def test_a_body_is_announced() -> None:
    with_body = SESSION_REQUEST.encode_request(API, SessionRequest())
    assert with_body.header("content-type") == "application/json"
    assert with_body.content() == b"{}"
    without = GET_RECORDING.encode_request(API, "s-1")
    assert without.header("content-type") is None
    assert without.content() == b""
    assert without.accepts == ACCEPTS


@pytest.mark.parametrize("base", [API, API + "/", API + "//"])
def test_the_base_may_end_in_slashes(base: str) -> None:
    assert GET_RECORDING.encode_request(base, "s-1").url == API + "/recordings/s-1"


@pytest.mark.parametrize(
    ("identifier", "path"),
    [
        ("a/b", "/recordings/a%2Fb"),
        ("../x", "/recordings/..%2Fx"),
        ("a?b#c", "/recordings/a%3Fb%23c"),
        ("a%2Fb", "/recordings/a%252Fb"),
        ("é \n", "/recordings/%C3%A9%20%0A"),
    ],
)
def test_ids_are_percent_encoded(identifier: str, path: str) -> None:
    request = GET_RECORDING.encode_request(API, identifier)
    assert request.url == API + path
    assert GET_RECORDING.decode_request(HttpRequest("GET", path)) == identifier


@pytest.mark.parametrize("identifier", ["", ".", "..", "a" * 513, "\ud800"])
def test_ids_that_no_path_can_carry_are_our_own_fault(identifier: str) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        GET_RECORDING.encode_request(API, identifier)
    assert caught.value.failure.kind is FailureKind.INVALID


def test_text_that_utf_8_cannot_say_is_our_own_fault() -> None:
    with pytest.raises(LocalProtocolError) as caught:
        AUTH_TOKEN.encode_request(API, Secret("\ud800"))
    assert caught.value.failure.kind is FailureKind.INVALID


@pytest.mark.parametrize("url", ["/recordings/%ff", "/recordings/%C3"])
def test_an_id_that_is_not_utf_8_is_not_found(url: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        GET_RECORDING.decode_request(HttpRequest("GET", url))
    assert caught.value.status == 404


@pytest.mark.parametrize(
    ("method", "url", "found"),
    [
        ("GET", "/recordings/x", True),
        ("GET", "http://host:1/recordings/x", True),
        ("GET", "/recordings/x?y=1", True),
        ("POST", "/recordings/x", False),
        ("GET", "/recordings/", False),
        ("GET", "/recordings", False),
        ("GET", "/recordings/x/", False),
        ("GET", "/recordings/x/y", False),
        ("GET", "//recordings/x", False),
        ("GET", "/Recordings/x", False),
        ("GET", "http://host", False),
        ("GET", "", False),
    ],
)
def test_routing(method: str, url: str, found: bool) -> None:
    assert GET_RECORDING.matches(HttpRequest(method, url)) is found


def test_a_request_for_something_else_is_not_found() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        GET_RECORDING.decode_request(HttpRequest("GET", "/elsewhere"))
    assert caught.value.status == 404


@pytest.mark.parametrize(
    ("url", "path"),
    [("/a/b?c", "/a/b"), ("http://h/a", "/a"), ("https://h:1", "/"), ("*", "*"), ("http://h/a?b=://c", "/a")],
)
def test_the_path_of_a_request(url: str, path: str) -> None:
    assert path_of(HttpRequest("GET", url)) == path


@pytest.mark.parametrize("body", [b"[]", b"{", b"\xff", b'{"session_id":1}', b"{}"])
def test_a_body_that_breaks_the_rules_is_unprocessable(body: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        SESSION_TOKEN.decode_request(HttpRequest("POST", "/sessions/token", body=body))
    assert caught.value.status == 422


def test_an_absent_body_reads_as_empty() -> None:
    assert SESSION_REQUEST.decode_request(HttpRequest("POST", "/sessions/request")) == SessionRequest()


def test_the_first_of_a_query_parameter_counts() -> None:
    request = HttpRequest("GET", "/stream-recordings", (("limit", Secret("3")), ("limit", "x")))
    assert LIST_STREAM_RECORDINGS.decode_request(request).limit == 3


@pytest.mark.parametrize("status", [200, 201, 202, 299])
def test_each_success_is_one(status: int) -> None:
    reply = HttpReply(status, (), json.dumps({"stream_id": "s-1"}).encode())
    assert GET_RECORDING.decode_reply(reply).__class__.__name__ == "Recording"


def test_no_secret_is_seen() -> None:
    request = AUTH_TOKEN.encode_request(API, TOKEN)
    seen = repr(request) + repr(SESSION_TOKEN.encode_request(API, "s-1", TOKEN)) + repr(AUTH_TOKEN)
    assert "canary" not in seen
    assert b"canary" in request.content()


def test_a_secret_in_a_body_is_one_until_it_is_written() -> None:
    request = AUTH_TOKEN.encode_request(API, TOKEN)
    assert request.body == JsonBody({"api_key": TOKEN})
    assert CODEC.encode(request)["body"]["value"] == {"$map": [["api_key", {"$secret": TOKEN.reveal()}]]}
    assert CODEC.decode(CODEC.encode(request)) == request
    assert request.content() == b'{"api_key":"canary"}'


def test_a_body_opens_its_secrets_wherever_they_are() -> None:
    body = JsonBody({"a": [Secret("1"), (Secret("2"), None)], "b": {"c": Secret("3")}, "d": 4})
    assert body.content() == b'{"a":["1",["2",null]],"b":{"c":"3"},"d":4}'
    assert HttpRequest("POST", "/", body="ü").content() == "ü".encode()


def test_a_body_that_cannot_be_written_is_refused_when_the_request_is_made() -> None:
    with pytest.raises(LocalProtocolError):
        SESSION_TOKEN.encode_request(API, "\ud800")
