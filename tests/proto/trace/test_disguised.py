"""Secrets where nobody expects them: in replies that are broken, in words of errors, under other names."""

import base64
import json
import re
from typing import Any
from urllib.parse import quote

import pytest
from core.traced_sessions import giving, recorded

from odyssey_proto.client.client import Client
from odyssey_proto.kernel.machine import Instant
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages.token import sign
from odyssey_proto.seam.commands import Call, Command, CommandId, Connect, EndStream, Interact, StartStream
from odyssey_proto.seam.http import HttpReply, json_reply
from odyssey_proto.seam.inputs import (
    ExchangeFailed,
    ExchangeId,
    Replied,
    SocketClosed,
    SocketId,
    SocketOpened,
    SocketText,
    TransportError,
    TransportErrorKind,
)
from odyssey_proto.seam.settings import Settings
from odyssey_proto.trace import Header, Recorder, Trace, TraceBuffer, difference, lines, read
from odyssey_proto.trace.machines import fresh
from odyssey_proto.trace.policy import Prompts, Redaction
from odyssey_proto.trace.redaction.redactor import redacted

KEY = "ody_0123456789/abcdef"
SETTINGS = Settings(api_url="https://api.example.com", api_key=Secret(KEY), seed=b"seed")

REPLIES: dict[str, HttpReply] = {
    "auth/token": json_reply({"access_token": "tok-1234567890", "expires_in": 3600}),
    "regions": json_reply({"regions": []}),
    "sessions/request": json_reply(
        {"session_id": "session-7", "signalling_url": "wss://sig.example.com", "capabilities": {}}
    ),
    "sessions/token": json_reply({"session_token": sign({"session_id": "session-7"}, b"k")}),
    "config": json_reply({"iceServers": []}),
}

ICE = '{"iceServers":[{"urls":"turn:t.example.com","username":"canary-user-1","credential":"canary-word-1"}]'


def session(replies: dict[str, HttpReply] | None = None, *words: str) -> Trace:
    """Returns the recording of a client that connects as far as the replies let it, and hears words."""
    buffer = TraceBuffer(Header(SETTINGS))
    client = Recorder(Client(SETTINGS), buffer.after, buffer.before)
    waiting: list[Any] = list(client.step(Instant(0), Command(CommandId(1), Connect())))
    while waiting:
        output = waiting.pop(0)
        if type(output).__name__ == "Request":
            path = next(path for path in REPLIES if output.request.url.endswith(path))
            reply = (REPLIES | (replies or {}))[path]
            waiting.extend(client.step(Instant(1000), Replied(output.exchange, reply)))
    for text in words:
        client.step(
            Instant(2000), ExchangeFailed(ExchangeId(99), TransportError(TransportErrorKind.REFUSED, text))
        )
    return buffer.trace()


def exported(trace: Trace, how: Redaction | None = None) -> str:
    """Returns a trace as it is exported, which replays and can be exported again."""
    shared = redacted(trace, fresh, how)
    assert difference(read(lines(shared)), fresh) is None
    assert redacted(shared, fresh, how) == shared
    return "\n".join(lines(shared))


BROKEN: dict[str, tuple[str, bytes]] = {
    "cut off": ("auth/token", b'{"access_token":"canary-token-1","expires_in":3600'),
    "cut off in the token": ("auth/token", b'{"access_token":"canary-token-1'),
    "no number": ("auth/token", b'{"access_token":"canary-token-1","expires_in":NaN}'),
    "twice": ("auth/token", b'{"access_token":"canary-token-1","access_token":"canary-token-1"}'),
    "blanks": ("auth/token", b'  {"access_token":"canary-token-1","expires_in":"soon"}'),
    "another spelling": ("auth/token", b'{"accessToken":"canary-token-1","expires_in":3600}'),
    "more tokens": (
        "auth/token",
        b'{"access_token":"canary-token-0","refresh_token":"canary-token-1","id_token":"canary-token-2"}',
    ),
    "an object": ("auth/token", b'{"access_token":{"value":"canary-token-1"}}'),
    "a number": ("auth/token", b'{"access_token":1234567890123}'),
    "an object, cut off": ("auth/token", b'{"access_token":{"value":"canary-token-1"'),
    "an array and no number": ("auth/token", b'{"access_token":["canary-token-1"],"expires_in":NaN}'),
    "a number and no number": ("auth/token", b'{"access_token":1234567890123,"expires_in":NaN}'),
    "a form": ("auth/token", b"token=canary-token-1&api_key=canary-key-1"),
    "an event": ("auth/token", b'data:{"token":"canary-token-1"}'),
    "JSON in JSON in JSON": ("auth/token", json.dumps(json.dumps('{"token":"canary-token-1"}')).encode()),
    "ICE, no number": ("config", ICE.encode() + b',"x":NaN}'),
    "ICE, cut off": ("config", ICE.encode()),
    "ICE, a mark": ("config", b"\xef\xbb\xbf" + ICE.encode() + b"}"),
    "ICE, blanks": ("config", b"\r\n" + ICE.encode() + b"}"),
    "ICE, a byte that is no text": ("config", ICE.encode() + b"}\xff"),
    "ICE, a byte in a name": ("config", ICE.replace("user-1", "user-1\xff").encode("latin-1") + b"}"),
    "a byte in the token": ("auth/token", b'{"access_token":"canary-token-1\xff"}'),
    "a bracket in an object in the token": ("auth/token", b'{"token":{"a":"}","b":"canary"},"x":NaN}'),
    "session token, cut off": ("sessions/token", b'{"session_token":"canary-token-1","expires_in":600'),
}


@pytest.mark.parametrize(("path", "body"), BROKEN.values(), ids=BROKEN)
def test_a_reply_that_is_no_clean_json_tells_nothing(path: str, body: bytes) -> None:
    text = exported(session({path: HttpReply(200, (), body)}))
    assert "canary" not in text
    assert "1234567890123" not in text
    packed = [base64.b64encode(b"x" * shift + b"canary-").decode()[2:-2] for shift in range(3)]
    assert [each for each in packed if each in text] == []
    assert "t.example.com" not in text


HEADERS: dict[str, tuple[str, str]] = {
    "via": ("via", "1.1 canary.cloudfront.example.net (CloudFront)"),
    "served by": ("x-served-by", "cache-canary-fra.example.net"),
    "a token": ("x-auth-token", "canary-0123456789"),
    "a token of a cloud": ("x-amz-security-token", "canary-0123456789"),
    "a token of a form": ("x-csrf-token", "canary"),
    "a proxy": ("proxy-authorization", "Basic canary"),
    "another service": ("alt-svc", 'h3="canary.example.com:443"'),
    "sources": ("content-security-policy", "connect-src canary.example.com *.canary.example.com"),
    "a place without a scheme": ("location", "//canary.example.com/path?x=y"),
    "a server": ("server", "nginx@ip-10-1-2-3-canary.ec2.internal"),
    "a cookie": ("Set-Cookie", "sid=canary; Domain=.canary.example.com"),
    "a token in capitals": ("Authorization", "Bearer canary"),
    "a host": ("host", "canary:8443"),
    **{
        f"what should be a {name}": (name, "canary-0123456789")
        for name in ("date", "retry-after", "content-length", "content-range", "content-encoding")
    },
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_a_header_field_tells_nothing(header: tuple[str, str]) -> None:
    text = exported(session({"regions": HttpReply(200, (header,), b'{"regions":[]}')}))
    assert "canary" not in text


WORDS: dict[str, str] = {
    "the zone of an address that is none": "::%canary",
    "the same in a URL": "turn:[::%canary]:3478",
    "the same in SDP": "v=0\r\nc=IN IP6 ::%canary\r\na=candidate:1 1 udp 1 ::%canary 9 typ host",
    "a scheme in capitals": "connect HTTPS://Canary-HOST.example.com/x failed",
    "a name as a candidate": "candidate:3 1 udp 1 canary.example.com 9 typ srflx raddr canary2.example.com",
    "the same in JSON": json.dumps({"candidate": {"candidate": "candidate:3 1 udp 1 canary 9 typ host"}}),
    "a local name in capitals": "CANARY-0000-1111.LOCAL said",
    "a stream": "rtsp://user:canary@canary-media.example.com/live",
    "files": "ftp://canary.example.com/x s3://canary-bucket/key",
    "an escaped address": quote("https://canary.example.com/x?ip=203.0.200.92", safe="").replace(".", "%2E"),
    "an address that is escaped twice": quote(quote("wss://canary.example.com/", safe=""), safe=""),
    "slashes escaped": '{"u":"https:\\/\\/canary.example.com\\/x" broken',
    "a host and a port": "no route to canary.streamer.zone:8443",
    "a host": "no route to canary-17.internal.example.com",
    "a host inside": "no route to canary.prod.internal",
    "a host of a country": "no route to www.canary.fr",
    "a machine of a cloud": "no route to ip-203-0-200-81",
    "a reverse name": "canary.89.in-addr.arpa",
    "an address with a token behind": "see https://ok.example.com/cb#access_token=canary-1",
    "a signed address": "see https://ok.example.com/cb?sig=canary1",
    "a session in a path": "see https://ok.example.com/cb;jsessionid=canary-1?x=1",
    "a short parameter with an address": f"see https://ok.example.com/?u={quote('//canary.io', safe='')}",
    "an unknown key": "rejected key ody_canary0123456 for you",
    "an unknown key, escaped": '"rejected key ody_canary\\/0123456',
    "an unknown token": "Authorization: Bearer canary1234",
    "a header in a line": "X-Api-Key: canary12345",
    "cookies in a line": "Cookie: a=canary; b=canary2\r\n",
    "XML": "<error><token>canary</token></error>",
    "another quote": "{'token': 'canary', 'x': 1}",
    "a prefix": 'prefix {"token": "canary", "password":"canary"}',
    "an escape that is cut off": '{"token":"canary\\u00',
    "a string that ends within another": '{"a":"{\\"token\\":\\"canary","b":NaN}',
    "an escaped quote": '{"token":"ca\\"canary","b":NaN}',
    "an object in a string that ends": '{"a":"{\\"token\\":{\\"x\\":[\\"canary","b":NaN}',
    "other spellings": json.dumps({"accessToken": "canary", "apiKey": "canary", "API_KEY": "canary"}),
    "ICE in other spellings": json.dumps({"icePwd": "canary", "iceUfrag": "canary", "pwd": "canary"}),
    "a presigned address under another name": json.dumps({"thumb": "https://f.example.com/t?v=canary"}),
    "a token in a presigned path": json.dumps(
        {"video_url": "https://f.example.com/CANARYcanary0123456/v.mp4"}
    ),
    "an address as a name": json.dumps({"https://canary.example.com": 1, "token": "canary"}),
    "digits": KEY.encode().hex() + " " + "canary1.example.com",
}


@pytest.mark.parametrize("words", WORDS.values(), ids=WORDS)
def test_words_tell_nothing(words: str) -> None:
    text = exported(session(None, words))
    assert "canary" not in text.lower()
    assert "203" not in text
    assert KEY.encode().hex() not in text


@pytest.mark.parametrize(
    "words", ["streamer_disconnected", "quota_exceeded", "token", "2026-02-03T04:05:06.789Z"]
)
def test_what_the_protocol_says_stays(words: str) -> None:
    trace = session(None, words)
    assert redacted(trace, fresh).steps[-1].inp.error.detail == words


def test_words_keep_their_shape() -> None:
    first, again, other = "No such token: 4711 (really)!", "no, 4711", "No, 4712"
    shared = redacted(session(None, first, again, other), fresh)
    said = [step.inp.error.detail for step in shared.steps[-3:]]
    assert [len(words) for words in said] == [len(first), len(again), len(other)]
    no, such, word, number, really = re.findall(r"\w+", said[0])
    assert word == "token"
    assert said[0] == f"{no} {such} token: {number} ({really})!"
    assert said[1].endswith(f", {number}")
    assert said[2].startswith(f"{no}, ")
    assert not said[2].endswith(number)


def test_a_host_is_the_same_in_any_case() -> None:
    reply = json_reply({"detail": "https://API.Example.COM/x", "error": "https://api.example.com/x"}, 400)
    text = exported(session({"auth/token": reply}))
    assert "example" not in text.lower()
    assert text.count("https://h1xxxxxxxx.test/") >= 4
    assert "h2x" not in text


PACKED = {
    "base64 twice": base64.b64encode(base64.b64encode(KEY.encode())).decode(),
    "base64 of percent-escapes": base64.b64encode(quote(KEY, safe="").encode()).decode(),
    "base64 of digits": base64.b64encode(KEY.encode().hex().encode()).decode(),
    "digits of base64": "x" + base64.b64encode(KEY.encode()).hex(),
    "backwards": KEY[::-1],
    "with blanks": " ".join(KEY),
}


@pytest.mark.parametrize("packed", PACKED.values(), ids=PACKED)
def test_what_is_packed_twice_is_closed_as_well(packed: str) -> None:
    text = exported(session({"auth/token": json_reply({"detail": packed, "x": [packed]}, 400)}, packed))
    assert packed not in text
    assert packed[4:14] not in text


JOB = {
    "job_id": "job-1",
    "status": "failed",
    "error_message": f"no access with {KEY}",
    "assigned_region": "canary",
}
FILES = {
    "stream_id": "s-1",
    "video_url": "https://me:canary@f.example.com/v.mp4",
    "preview_url": "https://canary@f.io",
}


def placed(*inputs: Any) -> str:
    """Returns the export of a client that calls for a job and for a recording, connects and hears of more."""
    buffer = TraceBuffer(Header(SETTINGS))
    client = Recorder(Client(SETTINGS), buffer.after, buffer.before)
    replies = {
        "regions": json_reply({"regions": [{"id": "canary-1", "ping_url": "https://p.example.com/canary"}]}),
        "simulation-jobs/job-1": json_reply(JOB),
        "recordings/s-1": json_reply(FILES),
        "canary": HttpReply(200),
    }
    asked = (Call("simulations.get", "job-1"), Call("recordings.get", "s-1"), Connect())
    waiting: list[Any] = []
    for number, what in enumerate(asked, 1):
        waiting += client.step(Instant(0), Command(CommandId(number), what))
        while waiting:
            output = waiting.pop(0)
            if type(output).__name__ == "Request":
                path = next(path for path in REPLIES | replies if output.request.url.endswith(path))
                reply = (REPLIES | replies)[path]
                waiting += client.step(Instant(1000), Replied(output.exchange, reply))
    for inp in (SocketOpened(SocketId(1)), *inputs):
        client.step(Instant(2000), inp)
    return exported(buffer.trace())


def test_no_place_in_replies_tells_anything() -> None:
    text = placed()
    assert "canary" not in text
    assert "ody_" not in text
    assert KEY[4:14] not in text
    assert text.count("simulation-jobs/job-1") == 1
    assert r"\"status\":\"failed\"" in text


def test_a_close_reason_tells_nothing() -> None:
    text = placed(SocketClosed(SocketId(1), 4001, f"canary says {KEY}"))
    assert "canary" not in text
    assert KEY[4:14] not in text
    assert '"code":4001' in text


def test_a_reason_of_the_protocol_is_reported() -> None:
    text = placed(SocketText(SocketId(1), '{"type":"error","reason":"duration_limit_reached"}'))
    assert "duration_limit_reached" in text
    assert "the connection reached its duration limit" in text


def test_a_secret_in_two_halves_is_shown_in_neither() -> None:
    first, second = KEY[: len(KEY) // 2], KEY[len(KEY) // 2 :]
    said = [json.dumps({"type": "news", "text": half, half: 1}) for half in (first, second)]
    text = placed(*(SocketText(SocketId(1), each) for each in said))
    assert text.count(r"\"type\":") == 2
    assert "news" not in text
    assert first not in text
    assert second not in text


ORDINARY = [
    "turn:left at the corner",
    "https://x",
    "http://localhost:3000",
    "A cat at https://example.com/page, token=canary12",
    "a server at 10.0.0.1 on fire",
    "fe80::1%eth0",
    "std::vector::iterator",
    "https%3A%2F%2Fexample.com%2F in a browser",
    "update",
    "connected",
    "streamer",
    "client",
    "offer",
    "answer",
    "session_id",
    "interactive_stream",
    "true",
    "GET",
    "application/json",
    "Connecting to the streamer",
    "1280",
    "A",
    "猫がソファに座っている",
]


@pytest.mark.parametrize("prompts", Prompts)
@pytest.mark.parametrize("prompt", ORDINARY)
def test_no_prompt_keeps_a_session_from_being_exported(prompt: str, prompts: Prompts) -> None:
    script = giving([Connect(), StartStream(prompt), Interact(prompt), EndStream()])
    text = exported(recorded(script), Redaction(prompts=prompts))
    said = [json.loads(line)["data"].get("what", {}) for line in text.split("\n")[1:]]
    started, steered = (what["prompt"] for what in said if what.get("$") in ("StartStream", "Interact"))
    assert started == steered
    assert (started == prompt) <= (prompts is Prompts.KEEP)
    assert "example.com" not in text
    assert "10.0.0.1" not in text


def test_a_prompt_is_replaced_wherever_it_is_said() -> None:
    prompt = "A canary on a sofa"
    script = giving([Connect(), StartStream(prompt), EndStream()])
    trace = recorded(script)
    assert "canary" in exported(trace)
    assert "canary" not in exported(trace, Redaction(prompts="hash"))


def test_no_pseudonym_is_an_address_of_another() -> None:
    reply = json_reply(
        {"detail": "203.0.200.17", "loc": ["192.0.2.1", "192.0.2.2"], "error": "192.0.2.1"}, 400
    )
    text = exported(session({"auth/token": reply}))
    assert r"\"detail\":\"192.0.2.1\",\"loc\":[\"192.0.2.2\",\"192.0.2.3\"],\"error\":\"192.0.2.2\"" in text


def test_one_address_in_two_spellings_stays_one() -> None:
    reply = json_reply({"detail": "2A02:8108:0:0:0:0:0:17", "error": "2a02:8108::17"}, 400)
    text = exported(session({"auth/token": reply}))
    assert r"\"detail\":\"2001:db8::1\",\"error\":\"2001:db8::1\"" in text
