"""Where secrets stand: each place is found, and what is none stays as it is."""

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest

from odyssey_proto.kernel.failures import Failure, FailureKind
from odyssey_proto.kernel.machine import Instant
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.trace.blobs import Images, condense, condensed, expand, expanded, holds_stand_in
from odyssey_proto.trace.describe import described
from odyssey_proto.trace.memory_size import weight
from odyssey_proto.trace.redaction.encodings import Disguises
from odyssey_proto.trace.redaction.leaks import leaks
from odyssey_proto.trace.redaction.pseudonyms import Prompts, Pseudonyms, stands_for_something
from odyssey_proto.trace.redaction.secret_kinds import SecretKind
from odyssey_proto.trace.redaction.visit import in_text, visit
from odyssey_proto.trace.values import Step


def found(text: str, name: str = "") -> list[tuple[str, str]]:
    """Returns what is found in a text, with its sort."""
    met: list[tuple[str, str]] = []

    def note(sort: SecretKind, secret: str) -> str:
        met.append((sort.value, secret))
        return "#"

    in_text(text, note, name)
    return met


PLACES: dict[str, tuple[str, str, list[tuple[str, str]]]] = {
    "a header with a token": ("Bearer abc", "authorization", [("token", "abc")]),
    "a plain header": ("abc", "set-cookie", [("token", "abc")]),
    "a bare host": ("sig.example:8443/base", "signalling_url", [("host", "sig.example")]),
    "an address": (
        "see https://user:pw@a.example:1/b?c=d#e",
        "",
        [("token", "user:pw"), ("host", "a.example")],
    ),
    "an address of version 6": ("wss://[2a02::1]:9/x", "", [("address", "2a02::1")]),
    "an address with a token": ("http://h/?token=t&x=y", "", [("host", "h"), ("token", "t")]),
    "a long parameter": (f"http://h/?x={'y' * 16}", "", [("host", "h"), ("query", "y" * 16)]),
    "a presigned address": ("https://h/v?a=1", "video_url", [("host", "h"), ("query", "1")]),
    "a presigned path": ("/whep/1?sig=2", "location", [("query", "2")]),
    "a path": ("/whep/1", "location", []),
    "an address in a path": ("http://h/10.0.0.1/x", "", [("host", "h"), ("address", "10.0.0.1")]),
    "an address in a parameter": ("http://h/?at=10.0.0.1", "", [("host", "h"), ("address", "10.0.0.1")]),
    "a candidate": (
        "candidate:1 1 udp 1 a-b.local 9 typ host ufrag f",
        "",
        [("foundation", "1"), ("host", "a-b.local"), ("ufrag", "f")],
    ),
    "a candidate without its word": (
        "d41d8 1 UDP 1 x 9 typ host",
        "",
        [("foundation", "d41d8"), ("host", "x")],
    ),
    "a connection by name": ("c=IN IP4 sig.example\r\n", "", [("host", "sig.example")]),
    "no address": ("1.2.3 12:34:56 300.1.1.1 a.b.c", "", []),
    "JSON in JSON": (json.dumps({"a": json.dumps({"prompt": "p"})}), "", [("prompt", "p")]),
    "JSON in a list": ('["http://h/"]', "", [("host", "h")]),
    "deep JSON": ("[" * 80 + '"http://h/"' + "]" * 80, "", [("host", "h")]),
    "broken JSON": ('{"a": "http://h/"', "", [("host", "h")]),
    "an empty host": ("http:///x", "", []),
}


@pytest.mark.parametrize(("text", "name", "met"), PLACES.values(), ids=PLACES)
def test_a_place_is_found(text: str, name: str, met: list[tuple[str, str]]) -> None:
    assert found(text, name) == met


@pytest.mark.parametrize(
    ("form", "changed"),
    [
        ({"$map": [["token", "t"], ["other", "o"]]}, {"$map": [["token", "#"], ["other", "o"]]}),
        ({"$list": ["http://h/", 1]}, {"$list": ["http://#/", 1]}),
        ({"$text": '{"token":"t"}'}, {"$text": '{"token":"#"}'}),
        ({"$secret": "s"}, {"$secret": "#"}),
        ({"$utf16": "ANg="}, {"$utf16": "IwAA2A=="}),
        ({"$base64": "AAAA"}, {"$base64": "AAAA"}),
        (
            {"$": "X", "headers": [["cookie", "c"], ["accept", "*"]]},
            {"$": "X", "headers": [["cookie", "#"], ["accept", "*"]]},
        ),
        ({"$": "X", "urls": ["token", "http://h/"]}, {"$": "X", "urls": ["token", "http://#/"]}),
    ],
)
def test_the_form_of_a_value_is_walked(form: Any, changed: Any) -> None:
    assert visit(form, lambda sort, text: "#") == changed


@pytest.mark.parametrize(
    ("data", "changed"),
    [
        (b'\xff{"token":"t"}', b'\xff{"token":"#"}'),
        (b'{"token":"t\xff"}', b'{"token":"#"}\xff'),
        (b"\xff nothing", b"\xff nothing"),
    ],
)
def test_bytes_that_are_no_text_are_looked_at_and_stay_none(data: bytes, changed: bytes) -> None:
    form = {"$": "HttpReply", "body": {"$base64": base64.b64encode(data).decode()}}
    expected = {"$": "HttpReply", "body": {"$base64": base64.b64encode(changed).decode()}}
    assert visit(form, lambda sort, text: "#") == expected
    assert visit({"$base64": "AAAA"}, lambda sort, text: "#", "seed") == {"$base64": "AAAA"}


def test_escapes_are_undone_to_a_depth() -> None:
    text = "10%2E0%2E0%2E1"
    for _ in range(4):
        assert found(text) == [("address", "10.0.0.1")]
        text = quote(text)
    assert found(text) == []


def test_a_prompt_that_is_no_text_may_be_kept() -> None:
    form = {"$": "X", "prompt": {"$utf16": "ANg="}}
    assert visit(form, lambda sort, text: text) == form


def test_json_with_half_a_character_is_changed_in_its_place() -> None:
    text = '{"x":"\\ud800", "prompt":"p"}'
    assert in_text(text, lambda sort, text: "#") == '{"x":"\\ud800", "prompt":"#"}'


def test_names_that_differ_in_case_only_are_changed_in_their_places() -> None:
    text = '{"A.example.com": 1, "a.example.com": 2}'
    assert in_text(text, lambda sort, text: "#") == '{"#": 1, "#": 2}'


def names(**options: Any) -> Pseudonyms:
    return Pseudonyms(Prompts.HASH, Images.HASH, lambda text: text, **options)


def test_every_address_has_a_pseudonym_of_its_own() -> None:
    given = names()
    others = {given.of(SecretKind.ADDRESS, f"10.0.{n // 256}.{n % 256}") for n in range(1000)}
    assert len(others) == 1000
    assert list(leaks(sorted(others), [])) == []


@pytest.mark.parametrize(
    "sort",
    [
        sort
        for sort in SecretKind
        if sort not in (SecretKind.ADDRESS, SecretKind.HOST, SecretKind.FINGERPRINT, SecretKind.IMAGE)
    ],
)
@pytest.mark.parametrize("length", [1, 2, 3, 5, 8, 20])
def test_a_pseudonym_is_as_long_as_its_text(sort: SecretKind, length: int) -> None:
    assert len(names().of(sort, "S" * length)) == length


def test_different_texts_get_different_pseudonyms_and_equal_ones_the_same() -> None:
    given = names()
    texts = [f"token-{n:04}" for n in range(500)]
    assert len({given.of(SecretKind.TOKEN, text) for text in texts}) == 500
    assert given.of(SecretKind.TOKEN, texts[7]) == given.of(SecretKind.TOKEN, texts[7])


@pytest.mark.parametrize(
    ("sort", "text"),
    [(SecretKind.HOST, "streamer"), (SecretKind.USER, "streamer"), (SecretKind.FOUNDATION, "timed")],
)
def test_what_may_be_a_word_is_replaced_only_where_it_stands(sort: SecretKind, text: str) -> None:
    given = names()
    assert given.of(sort, text) != text
    assert given.everywhere == {}


def test_names_of_hosts_are_the_same_in_any_case() -> None:
    given = names()
    assert given.of(SecretKind.HOST, "Streamer") == given.of(SecretKind.HOST, "streamer")
    assert given.of(SecretKind.HOST, "A.example") == given.of(SecretKind.HOST, "a.EXAMPLE")
    assert set(given.everywhere) == {"A.example", "a.example", "a.EXAMPLE"}


def test_a_number_becomes_a_number() -> None:
    given = names()
    assert given.of(SecretKind.TOKEN, "123456789012") == "999999999991"
    assert given.of(SecretKind.TOKEN, "12") == "92"
    assert names(again=True).of(SecretKind.TOKEN, "999999999991") == "999999999991"


def test_a_pseudonym_is_nothing_that_stands_in_the_trace() -> None:
    given = names(taken={"token1xxxx", "h1xxxx.test", "192.0.2.1"})
    assert given.of(SecretKind.TOKEN, "T" * 10) == "token2xxxx"
    assert given.of(SecretKind.HOST, "a.example.x") == "h2xxxx.test"
    assert given.of(SecretKind.ADDRESS, "10.0.0.1") == "192.0.2.2"
    assert given.of(SecretKind.ADDRESS, "192.0.2.2") == "192.0.2.2"


def test_pseudonyms_are_not_sought_for_ever() -> None:
    class Everything:
        def __contains__(self, text: object) -> bool:
            return True

    assert names(taken=Everything()).of(SecretKind.ADDRESS, "10.0.0.1") != "10.0.0.1"


def test_a_token_whose_claims_are_none_keeps_them() -> None:
    token = "eyJ9.eyJ_-w.signature"
    assert names().of(SecretKind.TOKEN, token).startswith("eyJ9.eyJ_-w.signature1"[:12])
    assert names().of(SecretKind.TOKEN, "eyJ9.eyJ9.") == "eyJ9.eyJ9."


def test_an_image_in_quotes_within_quotes_keeps_them() -> None:
    text = json.dumps(json.dumps({"image": "data:image/png;base64," + "A" * 5000, "x": 1}))
    short = condense(text, Images.HASH)
    assert len(short) < 200
    assert holds_stand_in(short)
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
    assert weight(SecretKind.KEY) < 1000
    assert weight(object()) < 1000


def test_a_step_is_described_in_lines() -> None:
    refused = Failure(FailureKind.STATE, "no")
    lines = described(Step(Instant(0), None, ("x" * 200, (), ("a",), b"\xff"), refused=refused))
    assert "refused: Failure" in lines
    assert "  text: 'no'" in lines
    assert lines[0] == repr("x" * 96)
    assert len(lines) > 4


@pytest.mark.parametrize("depth", [100, 500, 900, 990, 5000])
def test_deep_json_is_looked_at_as_text(depth: int) -> None:
    text = "[" * depth + '"10.0.0.1"' + "]" * depth
    assert in_text(text, lambda sort, secret: "#") == text.replace("10.0.0.1", "#")


@pytest.mark.parametrize(
    "piece",
    [
        "eyJ",
        "a-",
        "AB:",
        "\\",
        "%25",
        "stun:",
        "http://",
        "1:",
        "1.",
        "=",
        "::",
        "candidate:1 ",
        '{"a":',
        "_",
        "token:",
        "token=",
        '"token":"',
        '"token":[',
        '\\"token\\":\\"\\\\',
        "'token':",
        "<token>",
        "a.",
        "a.com ",
        "ody_",
        "bearer ",
        "candidate:1 1 udp 1 ",
        "https%3A%2F%2F",
        "?token=%2",
        "AAAAAAAA",
        "00",
    ],
)
def test_no_text_takes_time_by_its_square(piece: str) -> None:
    """A megabyte of anything is looked through at once; the limit of time for a test is the proof."""
    text = piece * (1_000_000 // len(piece))
    found(text)
    Disguises({"secret/secret": "p" * 13}).replace(text)
    list(leaks([text], ["secret/secret"]))


@pytest.mark.parametrize(
    "signature", ["", "s", "short", "signature", "signature-of-a-token", "4321", "4" * 40]
)
def test_a_token_with_another_signature_is_known_for_a_pseudonym(signature: str) -> None:
    token = f"eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjF9.{signature}"
    other = names().of(SecretKind.TOKEN, token)
    assert other.startswith("eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjF9.")
    assert len(other) == len(token)
    assert stands_for_something(other) or not signature
