"""Stream messages, with vectors from docs/protocol.md#stream-messages."""

import json
from typing import Any

import pytest

from odyssey_proto.kernel.failures import (
    Failure,
    FailureKind,
    Fault,
    LocalProtocolError,
    RemoteProtocolError,
    UsageLimit,
)
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages.stream import (
    BroadcastReady,
    InteractiveStreamEnd,
    InteractiveStreamError,
    InteractiveStreamStart,
    StreamEnded,
    StreamMessage,
    StreamStarted,
    Unknown,
    Update,
    UpdateAcknowledged,
    decode,
    encode,
    stream_failure,
)


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (
            InteractiveStreamStart("A cat"),
            '{"type":"interactive_stream_start","prompt":"A cat","portrait":true,"broadcast":false}',
        ),
        (
            InteractiveStreamStart("", False, "data:image/png;base64,AA==", True, False),
            '{"type":"interactive_stream_start","prompt":"","portrait":false,"broadcast":true,'
            '"input_image_base64":"data:image/png;base64,AA==","bypass_vlm_expansion":false}',
        ),
        (Update("Pet the 😺"), '{"type":"update","prompt":"Pet the 😺"}'),
        (InteractiveStreamEnd(), '{"type":"interactive_stream_end"}'),
        (
            StreamStarted("s-1", "A fluffy cat"),
            '{"type":"stream_started","stream_id":"s-1","applied_prompt":"A fluffy cat"}',
        ),
        (StreamStarted("s-1"), '{"type":"stream_started","stream_id":"s-1"}'),
        (UpdateAcknowledged("Pet it"), '{"type":"update_acknowledged","prompt":"Pet it"}'),
        (StreamEnded(), '{"type":"stream_ended"}'),
        (
            InteractiveStreamError("lease_denied", "No lease"),
            '{"type":"interactive_stream_error","reason":"lease_denied","message":"No lease"}',
        ),
        (
            BroadcastReady("http://m/live/s", Secret("t"), None),
            '{"type":"broadcast_ready","broadcast_url":null,"webrtc_url":"http://m/live/s","spectator_token":"t"}',
        ),
        (Unknown("hello"), '{"type":"hello"}'),
        (Unknown(None), "{}"),
    ],
)
def test_each_message(message: StreamMessage, text: str) -> None:
    assert encode(message) == text
    assert decode(text) == message


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"type": "interactive_stream_start", "input_image_base64": None}, InteractiveStreamStart()),
        ({"type": "interactive_stream_error"}, InteractiveStreamError("unknown", "the stream failed")),
        ({"type": "interactive_stream_error", "reason": 5, "message": []}, InteractiveStreamError()),
        ({"type": "interactive_stream_error", "reason": "", "message": None}, InteractiveStreamError()),
        ({"type": "stream_started", "stream_id": "s", "applied_prompt": None}, StreamStarted("s")),
        ({"type": "broadcast_ready"}, BroadcastReady()),
        ({"type": "broadcast_ready", "webrtc_url": 5, "spectator_token": {}}, BroadcastReady()),
        ({"type": "stream_ended", "extra": {"a": [1]}}, StreamEnded()),
        ({"type": 5}, Unknown(None)),
        ({"type": None}, Unknown(None)),
        ({"type": "x" * 100}, Unknown("x" * 64)),
        ({"kind": "update"}, Unknown(None)),
    ],
)
def test_what_is_forgiven(values: Any, message: StreamMessage) -> None:
    assert decode(json.dumps(values)) == message


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '"update"',
        "null",
        '{"type":"stream_started"}',
        '{"type":"stream_started","stream_id":5}',
        '{"type":"stream_started","stream_id":"s","applied_prompt":[]}',
        '{"type":"update_acknowledged"}',
        '{"type":"update_acknowledged","prompt":null}',
        '{"type":"update"}',
        '{"type":"interactive_stream_start","prompt":5}',
        '{"type":"interactive_stream_start","portrait":"yes"}',
        '{"type":"update","type":"update","prompt":"x"}',
        '{"type":"update","prompt":"\\ud800"}',
        "[" * 100_000,
    ],
)
def test_what_is_not(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        decode(text)


def test_a_prompt_that_utf_8_cannot_say_is_our_own_fault() -> None:
    with pytest.raises(LocalProtocolError) as caught:
        encode(Update("\ud83d"))
    assert caught.value.failure.kind is FailureKind.INVALID


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("quota_exceeded", "MONTHLY_LIMIT_REACHED"),
        ("concurrent_limit_exceeded", "CONCURRENT_LIMIT_REACHED"),
        ("session_timeout", "STREAM_DURATION_EXCEEDED"),
    ],
)
def test_errors_that_are_limits(reason: str, code: str) -> None:
    failure = stream_failure(InteractiveStreamError(reason, "Credit lease\nexpired"))
    assert failure == Failure(
        FailureKind.USAGE_LIMIT,
        "Credit lease expired",
        code=f"usage.{code.lower()}",
        usage=UsageLimit(code, "Credit lease\nexpired"),
    )
    assert failure.detail == "Credit lease expired"


@pytest.mark.parametrize("reason", ["lease_denied", "moderation_failed", "unknown", "model crashed"])
def test_errors_that_are_none(reason: str) -> None:
    failure = stream_failure(InteractiveStreamError(reason, "Something\nbroke"))
    assert failure == Failure(FailureKind.STREAM_REFUSED, f"the streamer refused ({reason})", code=reason)
    assert failure.message == f"the streamer refused ({reason}): Something broke"
    assert failure.fault is Fault.SERVICE
    assert failure.detail == "Something broke"


def test_errors_that_say_nothing() -> None:
    failure = stream_failure(InteractiveStreamError(" ", "\n"))
    assert (failure.message, failure.code) == ("the streamer refused (unknown): the stream failed", "unknown")
    assert stream_failure(InteractiveStreamError("session_timeout", " ")).text == "a usage limit was reached"


def test_errors_without_end_are_cut() -> None:
    text = json.dumps({"type": "interactive_stream_error", "reason": "r" * 9000, "message": "m" * 9000})
    assert decode(text) == InteractiveStreamError("r" * 64, "m" * 2000)


def test_nothing_private_is_seen() -> None:
    seen = repr(
        (
            InteractiveStreamStart("canary", image="canary"),
            Update("canary"),
            StreamStarted("s", "canary"),
            UpdateAcknowledged("canary"),
            InteractiveStreamError("r", "canary"),
            BroadcastReady("http://m", Secret("canary")),
        )
    )
    assert "canary" not in seen
