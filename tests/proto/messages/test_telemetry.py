"""Telemetry, with vectors from docs/protocol.md#telemetry."""

import json

from odyssey_proto.kernel.failures import Failure
from odyssey_proto.messages.telemetry import MAX_MESSAGE, TELEMETRY, TelemetryEvent
from odyssey_proto.seam.http import HttpReply, HttpRequest


def test_what_is_not_known_is_not_said() -> None:
    connected = TelemetryEvent(
        "0.1.0", platform_info="Linux 6", event="session_connected", connect_duration_ms=3
    )
    request = TELEMETRY.encode_request("https://api.odyssey.ml/", (connected,))
    assert request.url == "https://api.odyssey.ml/telemetry"
    assert json.loads(request.content()) == {
        "events": [
            {
                "sdk_version": "0.1.0",
                "sdk_platform": "python",
                "platform_info": "Linux 6",
                "event": "session_connected",
                "connect_duration_ms": 3,
            }
        ]
    }


def test_an_error_is_cut() -> None:
    failed = TelemetryEvent("0.1.0", error_type="auth", error_message="x" * 9000)
    (said,) = TELEMETRY.decode_request(TELEMETRY.encode_request("http://a", (failed,)))
    assert said.error_message == "x" * MAX_MESSAGE


def test_anything_is_accepted() -> None:
    body = b'{"events":[5,{"event":"session_disconnected","api_key_prefix":"ody_canar"}]}'
    (said,) = TELEMETRY.decode_request(HttpRequest("POST", "/telemetry", body=body))
    assert said == TelemetryEvent("", "", "", event="session_disconnected")
    assert TELEMETRY.decode_request(HttpRequest("POST", "/telemetry")) == ()


def test_the_reply_says_nothing() -> None:
    assert TELEMETRY.encode_reply(None).ok
    assert TELEMETRY.decode_reply(HttpReply(200, (), b"{}")) is None
    assert isinstance(TELEMETRY.decode_reply(HttpReply(500)), Failure)
