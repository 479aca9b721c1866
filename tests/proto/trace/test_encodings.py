"""A secret is found in whatever form it travels."""

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odyssey_proto.trace.redaction.encodings import Disguises
from odyssey_proto.trace.redaction.leaks import leaks

SECRET = "s3cret/with+odd=chars&más"
OTHER = "token1xxxxxxxxxxxxxxxxxxxxx"
FINDER = Disguises({SECRET: OTHER})

secrets = st.text(st.characters(min_codepoint=33, max_codepoint=0x17F), min_size=8, max_size=60)
surroundings = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)


def everywhere(text: str) -> str:
    """Returns a text with every character percent-encoded, in mixed case."""
    return "".join(f"%{byte:02x}" if byte % 2 else f"%{byte:02X}" for byte in text.encode())


def unicode(text: str) -> str:
    return "".join(f"\\u{ord(char):04x}" for char in text)


FORMS = {
    "plain": SECRET,
    "in a path": quote(SECRET, safe=""),
    "in lower case": quote(SECRET, safe="").lower().replace("s3cret", "s3cret"),
    "every character": everywhere(SECRET),
    "escaped twice": quote(quote(SECRET, safe=""), safe=""),
    "in JSON": json.dumps(SECRET),
    "in JSON within JSON": json.dumps(json.dumps({"a": SECRET})),
    "with slashes escaped": json.dumps(SECRET).replace("/", "\\/"),
    "every character in JSON": unicode(SECRET),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_an_escaped_secret_is_replaced(form: str) -> None:
    text = FINDER.replace(f"before {form} after")
    assert OTHER in text
    assert SECRET not in text
    assert form not in text
    assert text.startswith("before ")
    assert text.endswith(" after")


@given(secrets, st.binary(max_size=7), st.binary(max_size=7), st.booleans())
def test_a_packed_secret_becomes_a_packed_pseudonym(
    secret: str, before: bytes, after: bytes, url: bool
) -> None:
    data = secret.encode()
    other = "p" * len(data)
    pack = base64.urlsafe_b64encode if url else base64.b64encode
    replaced = Disguises({secret: other}).replace(pack(before + data + after).decode())
    unpack = base64.urlsafe_b64decode if url else base64.b64decode
    assert unpack(replaced) == before + other.encode() + after


@given(secrets, surroundings, surroundings)
def test_what_was_replaced_is_not_found_by_other_means(secret: str, before: str, after: str) -> None:
    other = "q" * len(secret.encode())
    finder = Disguises({secret: other})
    for form in (
        secret,
        quote(secret, safe=""),
        json.dumps(secret),
        base64.b64encode(secret.encode()).decode(),
    ):
        text = finder.replace(f"{before} {form} {after}")
        if secret not in f"{before} {after}":
            assert "a secret in line 1" not in leaks([text], [secret])


@given(secrets, surroundings)
def test_what_was_not_replaced_is_found(secret: str, before: str) -> None:
    packed = base64.b64encode(f"{before}{secret}".encode()).decode()
    forms = [secret, everywhere(secret), unicode(secret), packed]
    told = [list(leaks([f"{before} {form}"], [secret])) for form in forms]
    assert all("a secret in line 1" in each for each in told)


def test_a_short_secret_is_replaced_as_a_whole_word_only() -> None:
    finder = Disguises({"cat": "x01", "ab": "xy"})
    assert finder.replace('the cat, concatenated: ab "cat" cat_1 cat-2 a.cat') == (
        'the x01, concatenated: ab "x01" cat_1 cat-2 a.cat'
    )


def test_the_longer_of_two_secrets_is_replaced_first() -> None:
    finder = Disguises({"secret-one": "A", "secret-one-and-more": "B"})
    assert finder.replace("secret-one-and-more secret-one") == "B A"


def test_escapes_within_escapes_are_resolved_three_deep() -> None:
    deep = quote(quote(quote(quote(SECRET, safe=""), safe=""), safe=""), safe="")
    assert list(leaks([deep], [SECRET])) == []
    assert FINDER.replace(deep) == OTHER


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("10.1.2.3 said", "an address in line 1"),
        ("candidate 2a02:8108::1 9", "an address in line 1"),
        ("\\r\\n10.1.2.3", "an address in line 1"),
        ("wss://sig.example.org/x", "the name of a host in line 1"),
        ("stun:sig.example.org:3478", "the name of a host in line 1"),
        ("https:\\/\\/sig.example.org", "the name of a host in line 1"),
    ],
)
def test_an_address_or_a_name_is_found(text: str, told: str) -> None:
    assert list(leaks([text], [])) == [told]


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0",
        "192.0.2.7",
        "2001:db8::1",
        "wss://h1.test/",
        "http://192.0.2.1:8",
        "1.2.3",
        "12:34:56",
        "::",
    ],
)
def test_what_belongs_to_nobody_may_be_told(text: str) -> None:
    assert list(leaks([text], [])) == []
