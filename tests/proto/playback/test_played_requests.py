"""What a trace replies to requests, whose addresses lead to the playback now."""

import json
from typing import Any

from attrs import evolve
from core.played_traces import API, SECOND, SOCKET, URL, Table, asks, trace_of

from odyssey_proto.kernel.machine import Instant
from odyssey_proto.playback.machine import PlaybackTimer
from odyssey_proto.seam import inputs as i
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.http import ExchangeId, HttpReply, json_reply
from odyssey_proto.seam.inputs import SocketId, TransportError, TransportErrorKind, Wake
from odyssey_proto.service.io import seam as s

# --- addresses --------------------------------------------------------------------------------


def test_every_recorded_host_is_this_server() -> None:
    granted = {
        "signalling_url": "sig.example/",
        "docs": "https://elsewhere.example/v1/help",
        "self": f"see {API}/sessions",
        "iceServers": [{"urls": ["turns:turn.example:5349?transport=tcp"], "url": "stun:stun.example"}],
    }
    reply = evolve(
        json_reply(granted),
        headers=(("content-length", "9"), ("location", f"{API}/x"), ("retry-after", "1")),
    )
    table = Table(
        trace_of(
            (0, Wake(), asks(1, "POST", f"{API}/sessions")),
            (0, i.Replied(ExchangeId(1), reply), o.OpenSocket(SocketId(1), URL)),
            (0, i.SocketText(SocketId(1), "hello wss://sig.example/x and ws://other.example")),
        ),
        stun=3478,
    )
    (answer,) = table.asked(4, "POST", "/sessions")
    assert answer.exchange == 4
    assert answer.reply.headers == (("location", "http://localhost:8080/x"), ("retry-after", "1"))
    assert json.loads(answer.reply.body) == {
        "signalling_url": "localhost:8080/",
        "docs": "https://elsewhere.example/v1/help",
        "self": "see http://localhost:8080/sessions",
        "iceServers": [{"urls": ["stun:localhost:3478"], "url": "stun:localhost:3478"}],
    }
    assert table.joins() == [o.SendText(SOCKET, "hello ws://localhost:8080/x and ws://other.example")]


def test_hosts_that_were_asked_for_the_same_path_are_kept_apart() -> None:
    regions = {"regions": [{"ping_url": f"https://{name}.example/ping?a=1"} for name in "ab"]}
    table = Table(
        trace_of(
            (0, Wake(), asks(1, "GET", "https://api.example/regions")),
            (
                0,
                i.Replied(ExchangeId(1), json_reply(regions)),
                asks(2, "GET", "https://a.example/ping?a=1"),
                asks(3, "GET", "https://b.example/ping?a=1"),
            ),
            (0, i.Replied(ExchangeId(3), HttpReply(204))),
            (0, i.ExchangeFailed(ExchangeId(2), TransportError(TransportErrorKind.REFUSED))),
        ),
    )
    (answer,) = table.asked(1, "GET", "/regions")
    first, second = (each["ping_url"] for each in json.loads(answer.reply.body)["regions"])
    assert first == "http://localhost:8080/ping?a=1"
    path = second.removeprefix("http://localhost:8080").removesuffix("?a=1")
    assert path != "/ping"
    assert table.asked(2, "GET", "/ping", query=(("a", "1"),)) == []
    assert table.asked(3, "GET", path, query=(("a", "2"),)) == [
        s.Answer(ExchangeId(3), HttpReply(204)),
        s.HangUp(ExchangeId(2)),
    ]
    (reported,) = table.reported
    assert reported == f"HTTP: GET {path}: not as recorded"
    assert "-a = 1" in table.playback.divergences[0].text


def test_a_body_that_is_no_text_stays_and_an_address_that_is_nested_too_deep_as_well() -> None:
    deep = b"[" * 500 + b'"https://api.example/v1/x"' + b"]" * 500
    half = b'{"a":"\\ud800 https://api.example/v1/x"}'
    for body, expected in (
        (b"\xff\x00", b"\xff\x00"),
        *((text, text.replace(b"https://api.example/v1", b"http://localhost:8080")) for text in (deep, half)),
    ):
        table = Table(
            trace_of(
                (0, Wake(), asks(1, "GET", f"{API}/x")),
                (0, i.Replied(ExchangeId(1), HttpReply(200, (), body))),
            )
        )
        (answer,) = table.asked(1, "GET", "/x")
        assert answer.reply.body == expected


# --- requests ---------------------------------------------------------------------------------


def test_what_was_measured_and_what_is_secret_is_not_compared() -> None:
    def request(latency: int, token: str, name: str) -> dict[str, Any]:
        body = json.dumps({"region_latencies": {name: latency}, "api_key": f"ody_{token}"}).encode()
        return {"body": body, "query": (("token", token), ("page", "2"))}

    trace = trace_of((0, Wake(), asks(1, "POST", f"{API}/x", **request(20, "one", "a"))))
    table = Table(trace)
    table.asked(1, "POST", "/x", **request(70, "two", "a"))
    assert table.reported == []
    assert table.playback.complete
    table = Table(trace)
    table.asked(1, "POST", "/x", **request(20, "one", "b"))
    assert table.reported == ["HTTP: POST /x: not as recorded"]
    assert "token = <secret>" in "\n".join(table.playback.divergences[0].expected.lines)  # type: ignore[union-attr]  # just seen


def test_a_silent_server_stays_silent_and_browsers_may_ask_ahead() -> None:
    table = Table(
        trace_of(
            (0, Wake(), asks(1, "GET", f"{API}/x")),
            (0, i.ExchangeFailed(ExchangeId(1), TransportError(TransportErrorKind.SILENT))),
        )
    )
    (preflight,) = table.asked(1, "OPTIONS", "/x")
    assert preflight.reply.status == 204
    assert table.asked(2, "GET", "/x") == []
    assert table.hears(s.AskerGone(ExchangeId(2))) == []
    assert table.reported == []
    table.playback.check()


def test_a_reply_that_nobody_waits_for_is_passed_over() -> None:
    """A trace may have replies to requests that it does not have."""
    table = Table(
        trace_of((0, i.Replied(ExchangeId(9), HttpReply(200))), (0, Wake(), asks(1, "GET", f"{API}/x")))
    )
    assert table.asked(1, "GET", "/x") == []
    assert table.playback.complete


def test_replies_wait_for_what_came_before_them_in_the_recording() -> None:
    table = Table(
        trace_of(
            (0, Wake(), asks(1, "GET", f"{API}/a")),
            (0, Wake(), asks(2, "GET", f"{API}/b")),
            (SECOND, i.Replied(ExchangeId(1), HttpReply(200))),
            (3 * SECOND, i.Replied(ExchangeId(2), HttpReply(201))),
        )
    )
    assert table.asked(1, "GET", "/b") == []
    assert table.playback.deadline is None
    table.now = Instant(5 * SECOND)
    assert table.asked(2, "GET", "/a") == []
    deadline = table.playback.deadline
    assert deadline is not None
    assert (deadline.at, deadline.reason) == (6 * SECOND, PlaybackTimer.MOVE)
    table.now = deadline.at
    assert table.hears(Wake()) == [s.Answer(ExchangeId(2), HttpReply(200))]
    table.now = Instant(8 * SECOND)
    assert table.hears(Wake()) == [s.Answer(ExchangeId(1), HttpReply(201))]
    assert table.playback.complete
