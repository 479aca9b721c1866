"""Client credentials (docs/protocol.md#client-credentials)."""

import copy
import pickle
from typing import Any

import pytest

from odyssey_proto.messages.token import sign
from odyssey_proto.model.credentials import ClientCredentials, StreamerCapabilities

TOKEN = sign({"session_id": "s-1", "exp": 2_000_000_000}, b"key")
FORM = {
    "session_id": "s-1",
    "signaling_url": "wss://signalling.example",
    "session_token": TOKEN,
    "expires_in": 600,
    "capabilities": {"image_to_video": True},
}
CREDENTIALS = ClientCredentials("wss://signalling.example", TOKEN, 600, StreamerCapabilities(True))


def test_there_and_back() -> None:
    assert CREDENTIALS.to_dict() == FORM
    assert ClientCredentials.from_dict(FORM) == CREDENTIALS


def test_the_session_is_the_one_in_the_token() -> None:
    assert CREDENTIALS.session_id == "s-1"
    assert CREDENTIALS.expires_at == 2_000_000_000
    assert ClientCredentials.from_dict(FORM | {"session_id": "another"}) == CREDENTIALS


def test_capabilities_may_be_absent() -> None:
    plain = ClientCredentials("host", TOKEN)
    assert plain.to_dict() == {
        "session_id": "s-1",
        "signaling_url": "host",
        "session_token": TOKEN,
        "expires_in": 600,
    }
    assert ClientCredentials.from_dict(plain.to_dict()) == plain
    assert ClientCredentials.from_dict(FORM | {"capabilities": [1]}).capabilities is None


def test_the_other_official_spelling() -> None:
    form = {
        "sessionId": "s-1",
        "signalingUrl": "wss://signalling.example",
        "sessionToken": TOKEN,
        "expiresIn": 600.0,
        "capabilities": {"imageToVideo": True},
    }
    assert ClientCredentials.from_dict(form) == CREDENTIALS


@pytest.mark.parametrize("name", ["signaling_url", "session_token", "expires_in"])
@pytest.mark.parametrize("value", [None, "", [], True, b"x", "drop"])
def test_what_is_missing_or_wrong_is_named(name: str, value: Any) -> None:
    form: dict[str, Any] = FORM | {name: value}
    if value == "drop":
        del form[name]
    with pytest.raises(ValueError, match=name):
        ClientCredentials.from_dict(form)


@pytest.mark.parametrize("expires_in", [-1, pytest.param(-(10**400), id="huge"), float("nan"), float("inf")])
def test_a_life_without_sense(expires_in: float) -> None:
    with pytest.raises(ValueError, match="expires_in"):
        ClientCredentials.from_dict(FORM | {"expires_in": expires_in})


@pytest.mark.parametrize("form", [None, [], "x", 5])
def test_what_is_no_form(form: Any) -> None:
    with pytest.raises(ValueError, match="not an object"):
        ClientCredentials.from_dict(form)


@pytest.mark.parametrize("url", ["", "ftp://x", "ws://x?token=1", None, 5])
def test_an_address_that_is_none(url: Any) -> None:
    with pytest.raises(ValueError, match="signaling_url"):
        ClientCredentials(url, TOKEN)


@pytest.mark.parametrize("token", ["", "a.b.c", sign({}, b"k"), None, 5])
def test_a_token_that_opens_nothing(token: Any) -> None:
    with pytest.raises(ValueError, match="session_token"):
        ClientCredentials("wss://x", token)


def test_the_token_is_never_seen() -> None:
    assert TOKEN not in repr(CREDENTIALS)
    assert "session_token='***'" in repr(CREDENTIALS)
    with pytest.raises(ValueError, match="session_token") as caught:
        ClientCredentials("wss://x", "canary.canary.canary")
    assert "canary" not in str(caught.value)


def test_they_can_be_copied_and_not_changed() -> None:
    for twin in (copy.copy(CREDENTIALS), copy.deepcopy(CREDENTIALS), pickle.loads(pickle.dumps(CREDENTIALS))):
        assert twin == CREDENTIALS
        assert twin.session_id == "s-1"
    with pytest.raises(AttributeError):
        CREDENTIALS.session_id = "s-2"  # type: ignore[misc]  # that it cannot be set is the point


@pytest.mark.parametrize(
    ("form", "able"),
    [
        ({}, False),
        ({"image_to_video": True}, True),
        ({"imageToVideo": True}, True),
        ({"image_to_video": 1}, False),
        ({"image_to_video": None}, False),
    ],
)
def test_capabilities(form: dict[str, Any], able: bool) -> None:
    capabilities = StreamerCapabilities.from_dict(form)
    assert capabilities == StreamerCapabilities(able)
    assert StreamerCapabilities.from_dict(capabilities.to_dict()) == capabilities
