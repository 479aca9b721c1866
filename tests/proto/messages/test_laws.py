"""What holds for every endpoint and every message."""

import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from house.fuzz import examples
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from odyssey_proto.kernel.failures import Failure, FailureKind, RemoteProtocolError
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages import ENDPOINTS, signaling, stream
from odyssey_proto.messages.endpoint import Endpoint
from odyssey_proto.messages.public import HEADERS, MEMBERS, WORDS
from odyssey_proto.seam.http import HttpReply, HttpRequest
from odyssey_proto.testing.strategies.messages import (
    PARAMS,
    RESULTS,
    json_values,
    signaling_messages,
    spoiled,
    stream_messages,
)

BASE = "http://127.0.0.1:8000"
TOKEN = Secret("an-access-token")

endpoints = pytest.mark.parametrize("name", ENDPOINTS)
quick = settings(max_examples=examples(60), suppress_health_check=[HealthCheck.too_slow], deadline=None)
for_each_endpoint = settings(quick, max_examples=examples(200))
"""For a law whose examples fit every endpoint: each is tried with all of them."""


def endpoint(name: str) -> Endpoint[Any, Any]:
    return ENDPOINTS[name]


@endpoints
@quick
@given(data=st.data())
def test_a_request_says_its_parameters(name: str, data: st.DataObject) -> None:
    params = data.draw(PARAMS[name])
    request = endpoint(name).encode_request(BASE, params, TOKEN)
    assert endpoint(name).decode_request(request) == params
    assert pickle.loads(pickle.dumps(params)) == params


@endpoints
@settings(quick, max_examples=1)
@given(data=st.data())
def test_a_reply_may_be_no_larger_than_the_largest_that_can_be_meant(name: str, data: st.DataObject) -> None:
    request = endpoint(name).encode_request(BASE, data.draw(PARAMS[name]), TOKEN)
    # Reading this much takes milliseconds; a page of a hundred recordings has 20 KiB.
    assert request.accepts <= 256 * 1024


@endpoints
@quick
@given(data=st.data())
def test_a_reply_says_its_result_and_none_that_is_nearly_right_raises(name: str, data: st.DataObject) -> None:
    result = data.draw(RESULTS[name])
    reply = endpoint(name).encode_reply(result)
    assert reply.ok
    assert endpoint(name).decode_reply(reply) == result
    assert pickle.loads(pickle.dumps(result)) == result
    honest = json.loads(reply.body) if reply.body[:1] == b"{" else {}
    judge(name, HttpReply(200, (), json.dumps(data.draw(spoiled(honest))).encode()))


@for_each_endpoint
@given(status=st.integers(100, 599), body=st.binary(max_size=50), wait=st.text(max_size=5))
def test_no_reply_raises(status: int, body: bytes, wait: str) -> None:
    for name in ENDPOINTS:
        judge(name, HttpReply(status, (("retry-after", wait),), body))


@for_each_endpoint
@given(status=st.sampled_from([200, 400, 401, 403, 404, 422, 429, 500, 503]), body=json_values)
def test_no_json_reply_raises(status: int, body: Any) -> None:
    for name in ENDPOINTS:
        judge(name, HttpReply(status, (), json.dumps(body).encode()))
        judge(name, HttpReply(status, (), json.dumps({"detail": body}).encode()))


def judge(name: str, reply: HttpReply) -> None:
    note(name)
    result = endpoint(name).decode_reply(reply)
    if isinstance(result, Failure):
        assert result.text.isprintable()
        assert result.detail.isprintable()
        assert result.name
        assert pickle.loads(pickle.dumps(result)) == result
        if reply.ok:
            assert result.kind is FailureKind.MALFORMED
    else:
        assert reply.ok or name == "whep.leave"


@for_each_endpoint
@given(body=st.binary(max_size=50) | json_values.map(lambda value: json.dumps(value).encode()))
def test_no_request_raises_anything_but_our_error(body: bytes) -> None:
    for name in ENDPOINTS:
        note(name)
        strange = HttpRequest(*SHAPES[name], (("limit", "x"), ("active", "x")), (), body)
        error = refused(endpoint(name).decode_request, strange)
        assert error is None or error.status in (400, 422)


SHAPES = {
    "auth.token": ("POST", "/auth/token"),
    "regions.list": ("GET", "/regions"),
    "sessions.request": ("POST", "/sessions/request"),
    "sessions.token": ("POST", "/sessions/token"),
    "ice.config": ("GET", "/config"),
    "recordings.get": ("GET", "/recordings/stream-1"),
    "recordings.list": ("GET", "/stream-recordings"),
    "simulations.create": ("POST", "/simulation-jobs"),
    "simulations.get": ("GET", "/simulation-jobs/job-1"),
    "simulations.list": ("GET", "/simulation-jobs"),
    "simulations.cancel": ("DELETE", "/simulation-jobs/job-1"),
    "simulations.watch": ("GET", "/simulation-jobs/job-1"),
    "telemetry.send": ("POST", "/telemetry"),
    "whep.config": ("GET", "/config"),
    "whep.offer": ("POST", "/live/stream-1/whep"),
    "whep.leave": ("DELETE", "/live/stream-1/whep/viewer-1"),
}
"""Method and path of each endpoint, from docs/protocol.md#rest, #broadcast."""


ALIKE = (("ice.config", "whep.config"), ("simulations.get", "simulations.watch"))
"""A spectator's configuration is asked for as a session's is, and a job is watched by asking for it."""


@endpoints
def test_each_request_is_for_one_endpoint(name: str) -> None:
    found = [other for other in ENDPOINTS if endpoint(other).matches(HttpRequest(*SHAPES[name]))]
    assert found == next((list(pair) for pair in ALIKE if name in pair), [name])


@quick
@given(stream_messages)
def test_a_stream_message_says_itself(message: stream.StreamMessage) -> None:
    assert stream.decode(stream.encode(message)) == message


@quick
@given(signaling_messages)
def test_a_signaling_message_says_itself(message: signaling.SignalingMessage) -> None:
    assert signaling.decode(signaling.encode(message)) == message


@quick
@given(st.one_of(st.text(max_size=50), json_values.map(json.dumps), st.data()))
def test_no_text_raises_anything_but_our_error(text: Any) -> None:
    if not isinstance(text, str):
        text = json.dumps(text.draw(spoiled(said(text.draw(stream_messages | signaling_messages)))))
    for decode in (stream.decode, signaling.decode):
        error = refused(decode, text)
        assert error is None or "\n" not in str(error)


def refused[T](call: Callable[[T], Any], value: T) -> RemoteProtocolError | None:
    try:
        call(value)
    except RemoteProtocolError as error:
        return error
    return None


def said(message: Any) -> dict[str, Any]:
    try:
        text = stream.encode(message)
    except KeyError:
        text = signaling.encode(message)
    values: dict[str, Any] = json.loads(text)
    return values


def members(value: Any) -> set[str]:
    """Returns the names in a JSON value, but for those that are data themselves."""
    match value:
        case dict():
            own = {name for name in value if isinstance(name, str)}
            return own.union(*(members(item) for name, item in value.items() if name != "region_latencies"))
        case list():
            return set().union(*map(members, value))
        case _:
            return set()


@endpoints
@quick
@given(data=st.data())
def test_every_member_of_a_call_is_in_the_table_of_what_may_be_shown(name: str, data: st.DataObject) -> None:
    request = endpoint(name).encode_request(BASE, data.draw(PARAMS[name]), TOKEN)
    reply = endpoint(name).encode_reply(data.draw(RESULTS[name]))
    for body in (request.content(), reply.body):
        if body.startswith(b"{"):
            assert members(json.loads(body)) <= set(MEMBERS)
    assert {field for field, _ in reply.headers} <= set(HEADERS)
    assert {field for field, _ in request.query} - {"token"} <= set(MEMBERS)
    assert name in WORDS


@quick
@given(signaling_messages, stream_messages)
def test_every_member_and_type_of_a_message_is_in_that_table(one: Any, other: Any) -> None:
    for text in (signaling.encode(one), stream.encode(other)):
        message = json.loads(text)
        assert set(message) <= set(MEMBERS)
        if not isinstance(one if text == signaling.encode(one) else other, signaling.Unknown):
            assert message["type"] in WORDS
