"""Session tokens (docs/protocol.md#client-credentials)."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odyssey_proto.kernel.failures import RemoteProtocolError
from odyssey_proto.messages.token import sign, verify
from odyssey_proto.model.credentials import claims, expiry_of, session_id_of

KEY = b"a key of the service"
OTHER = b"another key"

# RFC 7515 appendix A.1, which was signed with the key named there.
RFC_KEY = base64.urlsafe_b64decode(
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow=="
)
RFC_TOKEN = (
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
    ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
)


def packed(value: Any) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def unsigned(payload: Any) -> str:
    return f"{packed({'alg': 'none'})}.{packed(payload)}.x"


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.integers(-(2**53), 2**53)))
def test_what_is_signed_reads_back(said: dict[str, int]) -> None:
    token = sign(said, KEY)
    assert token.count(".") == 2
    assert claims(token) == said
    assert verify(token, KEY) == said


def test_the_example_of_the_rfc() -> None:
    assert verify(RFC_TOKEN, RFC_KEY)["iss"] == "joe"
    assert expiry_of(RFC_TOKEN) == 1300819380


def test_what_a_token_says() -> None:
    token = sign({"session_id": "s-1", "exp": 1234.9}, KEY)
    assert session_id_of(token) == "s-1"
    assert expiry_of(token) == 1234


@pytest.mark.parametrize("exp", [None, "soon", True, [], {}])
def test_a_token_without_an_end(exp: Any) -> None:
    assert expiry_of(unsigned({"exp": exp})) is None


@pytest.mark.parametrize("session_id", [None, "", 5, [], "..", "\ud800", "a" * 600])
def test_a_token_without_a_session(session_id: Any) -> None:
    with pytest.raises(RemoteProtocolError, match="names no session"):
        session_id_of(unsigned({"session_id": session_id}))


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a",
        "a.b",
        "a.b.c",
        "a.b.c.d",
        "..",
        unsigned([]),
        unsigned("session"),
        unsigned(5),
        f"a.{packed(b'{')}.c",
        f"a.{packed(b'[' * 5000)}.c",
        f"a.{packed({'a': 1})}!.c",
        "a.é.c",
        "a.\ud800.c",
        sign({"session_id": "s-1"}, KEY) + "\ud800",
        "a." + "b" * 20_000 + ".c",
    ],
)
def test_what_is_no_token(token: str) -> None:
    with pytest.raises(RemoteProtocolError):
        claims(token)
    with pytest.raises(RemoteProtocolError):
        verify(token, KEY)


def test_a_token_of_another_signer() -> None:
    token = sign({"session_id": "s-1"}, OTHER)
    for forged in (token, token + "x", token[:-1], token.rpartition(".")[0] + ".", token + "é"):
        with pytest.raises(RemoteProtocolError) as caught:
            verify(forged, KEY)
        assert caught.value.status == 401


@pytest.mark.parametrize("header", [{"alg": "none"}, {"alg": "HS512"}, {}, []])
def test_the_token_does_not_choose_its_algorithm(header: Any) -> None:
    said = f"{packed(header)}.{packed({'session_id': 's-1'})}"
    with pytest.raises(RemoteProtocolError) as caught:
        verify(resigned(said), KEY)
    assert caught.value.status in (401, 422)


def resigned(said: str) -> str:
    return f"{said}.{packed(hmac.digest(KEY, said.encode(), hashlib.sha256))}"
