"""Every text of a trace is closed: what it says goes, what the core reads of it stays."""

import json
import re

import pytest
from core.closed_texts import closed, texts

from odyssey_proto.kernel.failures import Failure, FailureKind
from odyssey_proto.kernel.machine import Instant
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages.ice import usable_server
from odyssey_proto.messages.public import HEADERS, MEMBERS, WORDS, MemberKind
from odyssey_proto.messages.sdp import check_candidate, check_sdp
from odyssey_proto.messages.token import sign
from odyssey_proto.model.address import http_url, websocket_url
from odyssey_proto.model.credentials import claims
from odyssey_proto.model.ice import IceCandidate
from odyssey_proto.trace.blobs import condense, condensed, expand, expanded, stood_for
from odyssey_proto.trace.describe import described
from odyssey_proto.trace.policy import Images, Prompts
from odyssey_proto.trace.recorder import weight
from odyssey_proto.trace.redaction.prompts import digest, is_digest
from odyssey_proto.trace.redaction.pseudonyms import CONSONANTS
from odyssey_proto.trace.redaction.texts import is_public
from odyssey_proto.trace.values import Step

CANARY = "c4nary"


def shape(text: str) -> str:
    """Returns a text with `#` for its pseudonyms."""
    text = re.sub(r"\bh([0-9]+)x*\.test", r"h\1.test", text)
    pseudonym = rf"^[a-z]=(?!\S*:)|(?<![A-Za-z0-9])[{CONSONANTS}]+(?![A-Za-z0-9])"
    kept = {*WORDS, "http", "https", "ws", "wss", "fmtp", "rtcp", "pwd"}
    return re.sub(
        pseudonym,
        lambda found: found[0] if found[0] in kept or found[0].endswith("=") else "#",
        text,
        flags=re.MULTILINE,
    )


SHAPES: dict[str, tuple[str, str, str]] = {
    "words": ("No such thing: 17 (really)!", "", "# # #: # (#)!"),
    "a word of ours": ("streamer_disconnected", "reason", "streamer_disconnected"),
    "a word that holds one of ours": ("streamer_disconnected_by_me", "reason", "#_#_#_#"),
    "a word of ours that is a secret": ("token", "credential", "#"),
    "a media type": ("application/json; charset=utf-8", "", "application/json; charset=utf-8"),
    "an id": ("session-7", "session_id", "session-7"),
    "an id in another place": ("session-7", "region", "#-#"),
    "an id that is a key": ("ody_1234", "session_id", "#_#"),
    "no id": ("7/../8", "session_id", "#/../#"),
    "a time": ("2026-02-03T04:05:06.789Z", "created_at", "2026-02-03T04:05:06.789Z"),
    "a time of another form": ("03.02.2026", "created_at", "#.#.#"),
    "an address": ("10.1.2.3", "", "192.0.2.1"),
    "no address of anybody": ("0.0.0.0", "", "0.0.0.0"),
    "an address of version 6": ("2a02::1", "", "2001:db8::1"),
    "a URL": ("wss://a.example:8443/client/x?token=y", "", "wss://h1.test:8443/client/#?token=#"),
    "a URL with a user": ("https://me:pw@a.example/x", "", "https://#:#@h1.test/#"),
    "a URL of an address": ("https://[2a02::1]:8443/", "", "https://[2001:db8::1]:8443/"),
    "a URL of what is none": ("https://[nobody]/", "", "https://[#]/"),
    "a URL of no host": ("https:///x", "", "https:///#"),
    "a URL of no usable host": ("https://a b/x", "", "https://# #/#"),
    "a URL of another scheme": ("ftp://a.example/x", "", "#://#.#/#"),
    "a URL without a scheme": ("a.example:8443/base", "signalling_url", "h1.test:8443/#"),
    "a place on this host": ("/whep/abc?x=1", "location", "/whep/#?#=#"),
    "a place on another": ("//a.example/whep", "location", "//h1.test/whep"),
    "a STUN server": ("stun:a.example:3478", "urls", "stun:h1.test:3478"),
    "a TURN server": ("turns:10.0.0.1?transport=tcp", "urls", "turns:192.0.2.1?transport=tcp"),
    "a candidate": (
        "candidate:77 1 udp 2113937151 10.0.0.1 50000 typ srflx raddr 10.0.0.2 rport 9 ufrag x",
        "candidate",
        "candidate:# 1 udp 2113937151 192.0.2.1 50000 typ srflx raddr 192.0.2.2 rport 9 ufrag #",
    ),
    "a candidate by name": (
        "1 1 UDP 1 ab-cd.local 9 typ host",
        "candidate",
        "# 1 UDP 1 h1.test 9 typ host",
    ),
    "JSON": (
        '{ "type": "offer", "x" : [1, 2.5, true, null, "y"] }',
        "",
        '{ "type": "offer", "#" : [1, 2.5, true, null, "#"] }',
    ),
    "JSON in JSON": (r'{"detail":"{\"token\":\"x\"}"}', "", r'{"detail":"{\"token\":\"#\"}"}'),
    "the name of a list": (
        '{"urls":[{"id":"x"},"a.example"],"session_id":["session-7",{"x":"session-7"}]}',
        "",
        '{"urls":[{"id":"#"},"#.#"],"session_id":["session-7",{"#":"#-#"}]}',
    ),
    "JSON without its end": ('{"token":"abc","x":["de', "", '{"token":"#","#":["#'),
    "JSON that is none": (
        '{"a":NaN,"b":-Infinity,"c":tru,"d":0x17} ]]] [',
        "",
        '{"#":NaN,"#":-Infinity,"#":#,"#":#} ]]] [',
    ),
    "digits that are no number": ("[10.0.0.1, 2a02:8108:1:2::17]", "", "[#.#.#.#, #:#:#:#::#]"),
    "a long number": (
        '{"x":1234567890123,"exp":1700000000,"y":1234567}',
        "",
        '{"#":1000000000001,"exp":1700000000,"#":1234567}',
    ),
    "a long number with a point": ('{"x":1234.56789}', "", '{"#":1001.10001}'),
    "half a character": ('{"x":"\\ud83d"}', "", '{"#":"\\ud800"}'),
    "an escape that is none": (r'{"x":"\x41"}', "", r'{"#":"\#"}'),
    "beyond ASCII": ("naïve 猫 😺 \u200b\u2003", "", "#é# 字 𠀀 \u200b\u2003"),
    "a stand-in": ("data:image/png;base64,<blob 77 -> x", "image", "data:image/png;base64,<blob 77 -> #"),
    "nothing": ("", "", ""),
}


@pytest.mark.parametrize(("text", "name", "expected"), SHAPES.values(), ids=SHAPES)
def test_a_text_keeps_its_shape(text: str, name: str, expected: str) -> None:
    assert shape(closed(text, name)) == expected


@pytest.mark.parametrize("text", ["canary", "a cat", "\x00é\x80", "", "x" * 1000, "字 𠀀", "a-b_c.d"])
def test_a_text_keeps_its_length(text: str) -> None:
    assert len(closed(text)) == len(text)
    assert len(closed(text).encode()) == len(text.encode())


def test_what_the_core_reads_is_read_as_before() -> None:
    assert usable_server(closed("turn:turn.example:3478?transport=udp"))
    assert usable_server(closed("stun:[2a02::1]:3478"))
    assert websocket_url(closed("sig.example:80", "signalling_url")) == "ws://h1xxxx.test:80"
    assert http_url(closed("https://sig.example/a%20b", "signalling_url")).startswith("https://h1xxxx.test/")
    candidate = "candidate:a 1 udp 1 sig.example 9 typ host generation 0 network-id 3"
    assert check_candidate(IceCandidate(closed(candidate, "candidate"))) is not None


SDP = "\r\n".join(
    (
        "v=0",
        "o=- 4611731400430051336 2 IN IP4 10.0.0.1",
        "s=c4nary",
        "t=0 0",
        "a=group:BUNDLE 0 1",
        "m=video 50000 UDP/TLS/RTP/SAVPF 97 98",
        "c=IN IP4 10.0.0.2",
        "b=AS:2500",
        "a=rtpmap:97 H264/90000",
        "a=rtpmap:98 c4nary-c4/8000/2",
        "a=fmtp:97 c4nary=42e01f;apt=98",
        "a=rtcp-mux",
        "a=sendrecv",
        "a=c4nary:c4nary",
        "a=ice-ufrag:c4na",
        "a=ice-pwd:c4narynarynarynarynary",
        "a=ice-options:trickle",
        "a=fingerprint:sha-256 C4:AA:AA:AA",
        "a=fingerprint:c4nary",
        "a=setup:actpass",
        "a=candidate:c4nary 1 udp 2113937151 10.0.0.2 50000 typ host",
        "a=end-of-candidates",
        "",
    )
)


def test_a_description_says_formats_and_nothing_of_anybody() -> None:
    other = closed(SDP)
    check_sdp(other)
    assert "c4" not in other.lower()
    assert shape(other).split("\r\n") == [
        "v=0",
        "o=- # 2 IN IP4 192.0.2.1",
        "s=#",
        "t=0 0",
        "a=group:BUNDLE 0 1",
        "m=video 50000 UDP/TLS/RTP/SAVPF 97 98",
        "c=IN IP4 192.0.2.2",
        "#=#:2500",
        "a=rtpmap:97 H264/90000",
        "a=rtpmap:98 #-#/8000/2",
        "a=fmtp:97 #=#;apt=98",
        "a=rtcp-mux",
        "a=sendrecv",
        "a=#:#",
        "a=ice-ufrag:#",
        "a=ice-pwd:#",
        "a=ice-options:trickle",
        "a=fingerprint:sha-256 00:00:00:01",
        "a=fingerprint:#",
        "a=setup:actpass",
        "a=candidate:# 1 udp 2113937151 192.0.2.2 50000 typ host",
        "a=end-of-candidates",
        "",
    ]


def test_a_token_keeps_its_claims_closed_and_loses_its_signature() -> None:
    token = sign({"session_id": "s-1", "exp": 1_700_000_000, "iss": "https://a.example", "who": CANARY}, b"k")
    other = closed(token, "session_token")
    said = claims(other)
    assert (said["session_id"], said["exp"], said["iss"]) == ("s-1", 1_700_000_000, "https://h1xx.test")
    assert CANARY not in str(said)
    assert other.rpartition(".")[2] != token.rpartition(".")[2]
    assert len(closed("eyJ9.eyJ_-w.signature")) == len("eyJ9.eyJ_-w.signature")


@pytest.mark.parametrize(
    "data",
    [b"\xff", b'{"token":"c4nary\xff"}', b"\xff\xfe c4nary", b"\xc3\x28", b"\x80\xc3", b"c4nary \xe9\x80"],
)
def test_bytes_that_are_no_text_stay_none(data: bytes) -> None:
    other = texts().body(data)
    with pytest.raises(UnicodeDecodeError):
        other.decode()
    assert CANARY.encode() not in other
    assert texts(again=True).body(other) == other


def test_bytes_whose_pseudonym_would_be_text_get_one_that_is_none() -> None:
    assert texts().body(b"\xa0") == b"\xa0"
    closed_bytes = texts().body(b"\xff\x80\x80")
    assert closed_bytes == b"\xe9\x80\x80\xe9"
    assert texts(again=True).body(closed_bytes) == closed_bytes


def test_what_looks_like_a_token_and_is_none_is_closed() -> None:
    assert CANARY not in closed("eyJ9.eyJc4nary.c4nary")
    assert shape(closed("eyJ9A.eyJ9A.abc")) == "#.#.#"


def test_a_number_under_the_name_of_a_secret_is_closed_though_it_is_short() -> None:
    assert closed('{"credential": 4711042, "width": 4711042}') == '{"credential": 1000001, "width": 4711042}'
    assert closed('{"token": [8080, 8080, 9090]}') == '{"token": [1001, 1001, 1002]}'


def test_fields_of_replies() -> None:
    given = texts()
    assert given.header("date", "Tue, 03 Feb 2026 04:05:06 GMT") == ("date", "Tue, 03 Feb 2026 04:05:06 GMT")
    for name, value in (
        ("retry-after", "17"),
        ("retry-after", "Tuesday, 03-Feb-26 04:05:06 GMT"),
        ("content-length", "1234567890"),
        ("content-range", "bytes 7-9/10"),
        ("content-range", "bytes */7"),
        ("content-encoding", "gzip"),
    ):
        assert given.header(name, value) == (name, value)
    assert given.header("content-type", "application/json") == ("content-type", "application/json")
    assert given.header("location", "/whep/c4nary")[1].startswith("/whep/")
    for name in ("location", "etag", "content-type", "x-c4nary"):
        assert CANARY not in "".join(given.header(name, f"https://c4nary.example/{CANARY}"))
    assert all(name == name.lower() for name in HEADERS)


KEPT = {
    "A cat, asleep; 3D, in 4k - it is 1920 wide!": "A cat, asleep; 3D, in 4k - it is 1920 wide!",
    "猫がソファに座っている 😺 naïve": "猫がソファに座っている 😺 naïve",
    "at https://a.example/x, now": "at #://#.#/#, now",
    "token=abc me@a.example 10.0.0.1": "#=# #@#.# #.#.#.#",
    "a ody_123456 deadbeef12 aGVsbG8": "a #_# # #",
    "a s3cret secretword": "a # #",
}


@pytest.mark.parametrize(("prompt", "expected"), KEPT.items(), ids=[*map(str, range(len(KEPT)))])
def test_a_prompt_that_is_kept_keeps_its_words_only(prompt: str, expected: str) -> None:
    assert shape(closed(prompt, "prompt", secrets={"s3cret", "secretword"})) == expected


@pytest.mark.parametrize("prompts", [Prompts.HASH, Prompts.DROP])
@pytest.mark.parametrize("prompt", ["a", "A cat", '"quoted" and\nlines', "猫", "x" * 100, "half \ud800"])
def test_a_prompt_that_is_not_kept_keeps_its_length(prompt: str, prompts: Prompts) -> None:
    other = closed(prompt, "applied_prompt", prompts=prompts)
    whole = len(json.dumps(prompt, ensure_ascii=False).encode(errors="replace")) - 2
    assert len(other.rstrip("\ud800")) == whole
    assert other.endswith("\ud800") == prompt.endswith("\ud800")
    assert other == digest(prompt, prompts)
    assert is_digest(other)


def test_an_image_is_kept_only_if_that_is_wanted() -> None:
    image = "data:image/png;base64,c4naryAAAA=="
    assert closed(image, "image", images=Images.KEEP) == image
    assert CANARY not in closed(image, "image")
    assert CANARY not in closed(image, "detail", images=Images.KEEP)
    assert CANARY not in closed("data:text/html;base64,c4nary", "image", images=Images.KEEP)


def test_every_member_has_its_place_in_one_table() -> None:
    assert {kind for kind in MEMBERS.values() if kind is not None} == set(MemberKind)
    assert [is_public(text, 5) for text in ("application/json", "H264/90000", "canary")] == [
        True,
        True,
        False,
    ]
    assert not is_public("H264/90000")


def test_an_image_in_quotes_within_quotes_keeps_them() -> None:
    text = json.dumps(json.dumps({"image": "data:image/png;base64," + "A" * 5000, "x": 1}))
    short = condense(text, Images.HASH)
    assert len(short) < 200
    assert stood_for(short) > 0
    assert len(expand(short)) == len(text)
    assert json.loads(json.loads(expand(short)))["x"] == 1
    assert condense(short, Images.DROP, 1).count("<blob 5000 ->") == 1


def test_images_are_replaced_wherever_they_are_held() -> None:
    image = "data:image/png;base64," + "A" * 5000
    held = (image.encode(), [image], {"a": image}, 1, Secret(image))
    step = condensed(Step(Instant(0), held), Images.HASH)
    packed, listed, named, number, secret = step.inp
    assert (number, secret) == (1, Secret(image))
    assert packed.decode() == listed[0] == named["a"] == condense(image, Images.HASH)
    assert len(expanded(step).inp[0]) == len(image)
    assert expanded(Step(Instant(0), held)).inp is held


def test_weight_grows_with_what_is_held() -> None:
    assert weight("x" * 1000) > 1000
    assert weight({"a": ["x" * 1000]}) > 1000
    assert weight(Prompts.KEEP) < 1000
    assert weight(object()) < 1000


def test_a_step_is_described_in_lines() -> None:
    refused = Failure(FailureKind.STATE, "no")
    lines = described(Step(Instant(0), None, ("x" * 200, (), ("a",), b"\xff"), refused=refused))
    assert "refused: Failure" in lines
    assert "  text: 'no'" in lines
    assert lines[0] == repr("x" * 96)
    assert len(lines) > 4
