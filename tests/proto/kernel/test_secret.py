"""Secrets are never seen, and compare by what they hold."""

import copy
import dataclasses
import pickle
from dataclasses import dataclass

import pytest
from attrs import frozen

from odyssey_proto.kernel.introspection import fields_of
from odyssey_proto.kernel.secret import MASK, SECRET, MaskedRepr, Secret, masked, secret_field, sized


def test_a_secret_is_never_seen() -> None:
    secret = Secret("ody_key")
    assert "ody_key" not in f"{secret} {secret!r} {[secret]} {vars(type(secret))}"
    assert str(secret) == MASK
    assert repr(secret) == f"Secret({MASK!r})"
    assert secret.reveal() == "ody_key"


def test_secrets_compare_by_what_they_hold() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert hash(Secret("a")) == hash(Secret("a")) != hash("a")
    assert Secret("ü") == Secret("ü")
    assert (bool(Secret("")), bool(Secret("a"))) == (False, True)


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda secret: pickle.loads(pickle.dumps(secret))]
)
def test_a_secret_can_travel(again: object) -> None:
    assert callable(again)
    assert again(Secret("a")) == Secret("a")


@frozen
class HeldResources:
    token: str | None = secret_field(default=None)


def test_a_field_that_users_hold_as_text_is_hidden_and_marked() -> None:
    assert repr(HeldResources("spectator")) == f"HeldResources(token={MASK!r})"
    assert repr(HeldResources()) == "HeldResources(token=None)"
    assert fields_of(HeldResources)[0].marks == SECRET


@dataclass(frozen=True, slots=True, repr=False)
class HeldToken(MaskedRepr):
    host: str
    token: str = dataclasses.field(metadata=SECRET)


def test_a_dataclass_masks_what_is_marked() -> None:
    assert repr(HeldToken("a", "spectator")) == f"HeldToken(host='a', token={MASK!r})"
    assert repr(HeldToken("a", "")) == "HeldToken(host='a', token='')"


@pytest.mark.parametrize(("value", "seen"), [("text", repr(MASK)), ("", "''"), (None, "None")])
def test_masked(value: object, seen: str) -> None:
    assert masked(value) == seen


@pytest.mark.parametrize(
    ("value", "seen"),
    [(None, "None"), ("four", "<4 characters>"), (b"123", "<3 bytes>"), ((1,), "<tuple>"), (5, "<int>")],
)
def test_sized(value: object, seen: str) -> None:
    assert sized(value) == seen
