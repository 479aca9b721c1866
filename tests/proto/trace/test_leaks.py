"""The search of an export: a secret is found in whatever form it travels."""

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odyssey_proto.trace.redaction.leaks import leaks, pieces_of

SECRET = "s3cret/with+odd=chars&más"

secrets = st.text("ABCdef0123456789äŁ", min_size=8, max_size=60)
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


def found(text: str, *secrets: str) -> bool:
    return (
        list(leaks([f'{{"data":"{text}"}}'], [piece for each in secrets for piece in pieces_of(each)])) != []
    )


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_an_escaped_secret_is_found(form: str) -> None:
    assert found(f"before {form} after", SECRET)
    assert not found("before and after", SECRET)


@given(secrets, surroundings, st.binary(max_size=7), st.binary(max_size=7), st.booleans())
def test_a_secret_is_found_in_every_form(
    secret: str, around: str, before: bytes, after: bytes, url: bool
) -> None:
    pack = base64.urlsafe_b64encode if url else base64.b64encode
    data = before + secret.encode() + after
    forms = (secret, secret.upper(), everywhere(secret), unicode(secret), pack(data).decode(), data.hex())
    for form in forms:
        assert found(f"{around} {form} {around}", secret, "another-secret")


def test_it_is_found_packed_three_times_and_escaped_three_times() -> None:
    packed = SECRET
    for _ in range(3):
        packed = base64.b64encode(packed.encode()).decode()
        assert found(packed, SECRET)
    assert not found(base64.b64encode(packed.encode()).decode(), SECRET)
    escaped = SECRET
    for _ in range(3):
        escaped = everywhere(escaped)
        assert found(escaped, SECRET)


@pytest.mark.parametrize("between", [" ", "-", "\\n", "/", "%20"])
def test_what_stands_between_letters_and_digits_hides_nothing(between: str) -> None:
    assert found(between.join("canary1234567"), "canary1234567")


def test_the_halves_and_the_words_of_a_secret_are_as_good_as_the_whole() -> None:
    assert list(pieces_of("Bearer 0123456789abcdefghij")) == [
        "0123456789abcdefghij",
        "0123456789",
        "abcdefghij",
        "0123456789abcdefghij",
    ]
    assert found("xx0123456789xx", "0123456789abcdefghij")
    assert not found("xx01234567xx", "0123456789abcdefghij")
    assert list(pieces_of("short")) == []
    assert found('xx0123456789\\"canaryxx', '0123456789"canary')


def test_the_line_is_named_and_nothing_else() -> None:
    lines = ['{"a":"nothing"}', f'{{"a":"{SECRET}"}}', "{}", f'{{"b":"x{SECRET}"}}']
    assert list(leaks(lines, pieces_of(SECRET))) == ["a secret in line 2", "a secret in line 4"]


def test_the_number_of_secrets_does_not_matter() -> None:
    """Ten thousand secrets and a megabyte: the limit of time for a test is the proof."""
    pieces = [f"{number:09}canary{number:09}" for number in range(10_000)]
    assert list(leaks(["x1" * 500_000], pieces)) == []
    assert list(leaks(["x1" * 500_000 + pieces[7_777]], pieces)) == ["a secret in line 1"]
