"""What a server says never says a secret, in whatever form."""

import base64
import string
from urllib.parse import quote

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from odyssey_proto.kernel.secret import MASK
from odyssey_proto.kernel.server_words import (
    MAX_SECRETS,
    MIN_PREFIX_CHARS,
    KnownSecrets,
    bounded_words,
    server_words,
)
from odyssey_proto.kernel.text import MAX_LINE_CHARS

TOKENS = st.text(string.ascii_letters + string.digits + "-._~+/=", min_size=8, max_size=80)
WORDS = st.text(string.ascii_letters + string.digits + " .:/%+=é\n", max_size=60)

FORMS = {
    "plain": str,
    "upper case": str.upper,
    "percent": quote,
    "every character": lambda text: "".join(f"%{ord(char):02x}" for char in text),
    "twice": lambda text: quote("".join(f"%{ord(char):02X}" for char in text)),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64url": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "basic": lambda text: "Basic " + base64.b64encode(f"user:{text}:x".encode()).decode(),
    "base64 of percent": lambda text: base64.b64encode(quote(f"token={text}").encode()).decode(),
    "base64 in lines": lambda text: base64.encodebytes(f"{'x' * 50}{text}".encode()).decode().strip(),
    "base64, percent": lambda text: quote(base64.b64encode(text.encode()).decode(), safe=""),
}


def known(*secrets: str) -> KnownSecrets:
    found = KnownSecrets()
    for secret in secrets:
        found.add(secret)
    return found


@pytest.mark.parametrize("form", FORMS)
@given(secret=TOKENS, before=WORDS, after=WORDS)
@example(secret="0Aa~~~00", before="", after="")
def test_a_known_secret_is_masked_in_every_form(form: str, secret: str, before: str, after: str) -> None:
    said = FORMS[form](secret)
    text = known(secret).masked(f"{before} {said} {after}")
    assert said.rstrip("=") not in text or said in f"{before} {after}"
    assert MASK in text
    assert known(secret).masked(text) == text, "what is masked has nothing to mask"


@given(secret=TOKENS, at=st.integers(MIN_PREFIX_CHARS, 80))
def test_the_beginning_of_a_secret_that_was_cut_is_masked(secret: str, at: int) -> None:
    assume(len(secret) >= MIN_PREFIX_CHARS)
    assert known(secret).masked(f"invalid token {secret[:at]}") == f"invalid token {MASK}"


def test_a_secret_in_another_is_masked_once() -> None:
    secrets = known("abcdefgh-1234", "cdefgh-12", "gh-1234-xyz")
    assert secrets.masked("bad abcdefgh-1234, abcdefgh-1234-xyz") == "bad ***, ***"


@given(WORDS)
def test_other_words_stay(text: str) -> None:
    assert known("a-token-that-nobody-says").masked(text) == text


def test_all_that_is_in_an_address_is_secret() -> None:
    secrets = known("https://files.example/v.mp4?Expires=17&Signature=abc%2Bdefghijkl")
    assert secrets.masked("bad signature abc+defghijkl, abc%2bdefghijkl") == "bad signature ***, ***"
    assert (
        secrets.masked("https://files.example/other expires 17") == "https://files.example/other expires 17"
    )
    assert known("Bearer token-1234").masked("Bearer token-1234") == "Bearer ***"


def test_what_is_too_short_is_not_looked_for_and_the_newest_are_known() -> None:
    assert known("live", "").masked("the stream is live") == "the stream is live"
    secrets = known(*(f"secret-{number:04}" for number in range(MAX_SECRETS + 1)))
    assert secrets.masked("secret-0000 secret-0256") == "secret-0000 ***"
    assert repr(secrets) == f"<KnownSecrets {MAX_SECRETS}>"


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        ("key ody_live-1 refused", "key *** refused"),
        ("key ody%5Flive-1 refused", "key *** refused"),
        ("token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.sig ended", "token *** ended"),
        ("Authorization: Bearer abcdefgh12", "Authorization: Bearer ***"),
        ("https://user:pass@files.example/v", "https://***@files.example/v"),
        ("see https://files.example/v?X-Amz-Signature=0 (old)", "see https://files.example/v?*** (old)"),
        ("session_token=abcdefgh&x=1", "session_token=***&x=1"),
        (base64.b64encode(b"api_key: ody_live-1").decode(), "***"),
        ("signaling-us-east-1.example.com is unknown", "signaling-us-east-1.example.com is unknown"),
        ("pass api_key=… or", "pass api_key=… or"),
        ("two\nlines\x1b[2J", "two lines�[2J"),
    ],
)
def test_what_looks_like_a_secret_is_masked(said: str, seen: str) -> None:
    assert server_words(said) == seen


@given(st.text(), st.integers(1, MAX_LINE_CHARS))
def test_words_are_one_bounded_line(text: str, longest: int) -> None:
    line = server_words(text, longest)
    assert len(line) <= longest
    assert line.isprintable()


@given(
    secret=st.text(string.ascii_letters, min_size=1, max_size=80),
    before=st.text("ab ", max_size=60),
    longest=st.integers(1, 60),
)
def test_no_secret_is_cut_where_it_could_not_be_recognized(secret: str, before: str, longest: int) -> None:
    text = bounded_words(f"{before} ody_{secret} {'x' * 60}", longest)
    assert "ody_" not in text


def test_a_secret_that_escapes_made_longer_than_it_is_is_found_in_base64_too() -> None:
    said = base64.b64encode(b"/////a").decode()
    assert known("%2F%2F%2F%2F%2Fa").masked(f"no {said}") == f"no {MASK}"
