"""Whatever a text is: no canary survives it, it stays what it is, and it takes no time by its square."""

import json
import re
from typing import Any
from urllib.parse import quote

import pytest
from core.closed_texts import closed, texts
from house.fuzz import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from odyssey_proto.kernel.failures import RemoteProtocolError
from odyssey_proto.kernel.json_text import parse
from odyssey_proto.messages.public import MEMBERS, MemberKind
from odyssey_proto.messages.token import sign
from odyssey_proto.model.credentials import claims
from odyssey_proto.trace.redaction.json_tokens import Changes, in_json
from odyssey_proto.trace.redaction.prompts import plain_words

RESERVED = ("aq7Zx9", "QQ-7a7-ae")
"""Parts of canaries; nothing else in these tests has them."""

TOKEN = re.compile(r"eyJ[\w-]+\.eyJ[\w-]+\.[\w-]*")

open_names = st.sampled_from(
    [name for name, kind in MEMBERS.items() if kind in (None, MemberKind.SECRET, MemberKind.ADDRESS)]
)
other_names = st.text("abcXYZ_-0189", min_size=1, max_size=12)
forms = st.sampled_from(
    [
        str,
        lambda text: quote(text, safe="").replace("-", "%2D"),
        lambda text: "".join(f"%{ord(char):02x}" for char in text),
        lambda text: json.dumps(json.dumps({"token": text})),
        lambda text: f"https://user:{text}@{text}.example:1/{text}?{text}={text}#{text}",
        lambda text: f"{text} at 10.0.0.1, Bearer {text}",
        lambda text: f'{{"token": "{text}',
        lambda text: f"candidate:{text} 1 udp 1 {text} 9 typ host ufrag {text}",
        lambda text: f"v=0\r\na=ice-pwd:{text}\r\na={text}\r\nm=video {text}\r\n",
        lambda text: f"data:image/png;base64,{text}",
        lambda text: sign({"sub": text, text: 1}, b"k"),
    ]
)


def trees(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    plain = st.none() | st.booleans() | st.integers(-1000, 1000) | st.text('xyz é\\"', max_size=8)
    return st.recursive(
        leaf,
        lambda inner: (
            st.lists(inner | plain, max_size=3)
            | st.dictionaries(open_names | other_names, inner | plain, max_size=3)
        ),
        max_leaves=8,
    )


canaries = st.builds(lambda form, part: form(part), forms, st.sampled_from(RESERVED))
bodies = st.one_of(trees(canaries), st.dictionaries(canaries, st.just(1), max_size=2))


@settings(max_examples=examples(300), deadline=None)
@given(bodies, st.sampled_from(["", " ", "\ufeff"]), st.integers(0, 40))
def test_no_canary_survives_in_any_place_of_json(body: Any, before: str, cut: int) -> None:
    written = before + json.dumps(body, ensure_ascii=False)
    for text in (written, written[: len(written) - cut], f"<{written}>"):
        other = closed(text)
        said = TOKEN.sub("", other), *(str(claims(token)) for token in TOKEN.findall(other))
        found = [piece for part in RESERVED for piece in (part, *part.split("-")) if piece in " ".join(said)]
        assert found == []
        assert valid(text) == valid(other)


def valid(text: str) -> bool:
    try:
        parse(text)
    except RemoteProtocolError:
        return False
    return True


@settings(max_examples=examples(200), deadline=None)
@given(
    st.text(max_size=60), st.sampled_from(["", "prompt", "sdp", "urls", "location", "token", "session_id"])
)
def test_any_text_can_be_closed_and_closed_again(text: str, name: str) -> None:
    other = closed(text, name)
    assert bool(other) == bool(text)
    assert other.isascii() == text.isascii()
    assert other.isspace() == text.isspace()


@settings(max_examples=examples(200), deadline=None)
@given(st.text('{}[],:"\\ 0123456789.eE+-truefalsnx\ud800é', max_size=40))
def test_what_is_no_json_becomes_none_and_what_is_stays_it(text: str) -> None:
    assert valid(closed("[" + text)) == valid("[" + text)


def test_json_without_changes_is_the_same() -> None:
    same = Changes(str, lambda _, text: text, lambda _, number: number, str)
    for text in ('{"a" : [1, "b\\u00e9", {"c": null}]} x', '{"a":"\\x"}', "]]", ""):
        assert in_json(text, same) == text.replace(r"\x", r"\x")


def test_a_prompt_without_changes_is_the_same() -> None:
    assert plain_words("  A cat;\n10.0.0.1 ", str) == "  A cat;\n10.0.0.1 "


@pytest.mark.parametrize("depth", [100, 500, 5000])
def test_deep_json_stays_deep(depth: int) -> None:
    text = "[" * depth + '"10.0.0.1",7' + "]" * depth
    assert closed(text) == text.replace("10.0.0.1", "192.0.2.1")


PIECES = [
    "eyJ",
    "a-",
    "AB:",
    "\\",
    '\\"',
    "%25",
    "stun:",
    "http://",
    "1:",
    "1.",
    "=",
    "::",
    "candidate:1 ",
    "[",
    "{",
    "]",
]
PIECES += [
    '{"a":',
    "_",
    "token:",
    '"token":"',
    "\\\\",
    "a.",
    "é",
    "ody_",
    "1 1 udp 1 ",
    "AAAAAAAA",
    "00",
    " ",
    "v=0",
    '"',
]
PIECES += [
    "v=0\n",
    "a@",
    "data:image/png;base64,",
    ";base64,<blob 1 ->",
    "a=candidate:1 1 udp 1 ",
    "eyJ.",
    '" ',
    "-1",
    "\ud800",
]


@pytest.mark.parametrize("name", ["", "prompt", "location"])
@pytest.mark.parametrize("piece", PIECES)
def test_no_text_takes_time_by_its_square(piece: str, name: str) -> None:
    """A tenth of a megabyte of anything is closed at once; the limit of time for a test is the proof."""
    text = piece * (100_000 // len(piece))
    texts().text(text, name)
    texts().text("[" + text, name)
    texts().text("v=0\n" + text, name)
