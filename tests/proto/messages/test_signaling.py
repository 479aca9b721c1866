"""Signaling messages and addresses, with vectors from docs/protocol.md#signaling."""

import json
from typing import Any

import pytest

from odyssey_proto.kernel.failures import RemoteProtocolError
from odyssey_proto.messages.signaling import (
    Answer,
    ClientDisconnecting,
    IceCandidate,
    InteractiveStreamStart,
    KeepAlive,
    Offer,
    SignalingError,
    SignalingMessage,
    Unknown,
    decode,
    encode,
    socket_url,
)


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (KeepAlive(), '{"type":"keepalive"}'),
        (Answer("v=0\r\n"), '{"type":"answer","sdp":"v=0\\r\\n"}'),
        (Offer("v=0\r\n"), '{"type":"offer","sdp":"v=0\\r\\n"}'),
        (ClientDisconnecting(), '{"type":"client_disconnecting"}'),
        (SignalingError("streamer_disconnected"), '{"type":"error","reason":"streamer_disconnected"}'),
        (
            IceCandidate("candidate:x", "0", 0),
            '{"type":"ice_candidate","candidate":"candidate:x","sdpMid":"0","sdpMLineIndex":0}',
        ),
        (
            IceCandidate(""),
            '{"type":"ice_candidate","candidate":"","sdpMid":null,"sdpMLineIndex":null}',
        ),
        (
            InteractiveStreamStart("A cat"),
            '{"type":"interactive_stream_start","prompt":"A cat","portrait":true,"broadcast":false}',
        ),
        (Unknown("pong"), '{"type":"pong"}'),
    ],
)
def test_each_message(message: SignalingMessage, text: str) -> None:
    assert encode(message) == text
    assert decode(text) == message


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"type": "error"}, SignalingError("unknown")),
        ({"type": "error", "reason": 5}, SignalingError("unknown")),
        ({"type": "error", "reason": ""}, SignalingError("unknown")),
        ({"type": "error", "reason": "x" * 500}, SignalingError("x" * 64)),
        ({"type": "ice_candidate"}, IceCandidate("")),
        ({"type": "ice_candidate", "candidate": None}, IceCandidate("")),
        ({"type": "stream_started", "stream_id": "s"}, Unknown("stream_started")),
        ({}, Unknown(None)),
    ],
)
def test_what_is_forgiven(values: Any, message: SignalingMessage) -> None:
    assert decode(json.dumps(values)) == message


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "5",
        '{"type":"offer"}',
        '{"type":"offer","sdp":5}',
        '{"type":"answer","sdp":null}',
        '{"type":"ice_candidate","candidate":5}',
        '{"type":"ice_candidate","candidate":"x","sdpMid":5}',
        '{"type":"ice_candidate","candidate":"x","sdpMLineIndex":"0"}',
    ],
)
def test_what_is_not(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        decode(text)


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("ws://host", "ws://host/client/s-1"),
        ("wss://host/", "wss://host/client/s-1"),
        ("http://host:1//", "ws://host:1/client/s-1"),
        ("https://host/base/", "wss://host/base/client/s-1"),
        ("host:8090", "ws://host:8090/client/s-1"),
        ("[::1]:8090", "ws://[::1]:8090/client/s-1"),
        ("HTTPS://Host", "wss://Host/client/s-1"),
    ],
)
def test_the_address_of_a_session(base: str, url: str) -> None:
    assert socket_url(base, "s-1") == url


def test_the_id_is_percent_encoded() -> None:
    assert socket_url("ws://host", "a/../b?c#d é") == "ws://host/client/a%2F..%2Fb%3Fc%23d%20%C3%A9"


@pytest.mark.parametrize(
    ("base", "session_id"), [("ftp://host", "s"), ("", "s"), ("ws://host", ""), ("ws://host", "..")]
)
def test_what_has_no_address(base: str, session_id: str) -> None:
    with pytest.raises(RemoteProtocolError):
        socket_url(base, session_id)


def test_nothing_private_is_seen() -> None:
    assert "canary" not in repr((Offer("canary"), Answer("canary"), IceCandidate("canary")))
