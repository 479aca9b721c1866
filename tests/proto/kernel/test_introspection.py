"""Fields are the same to whoever asks for them, whichever library made the class."""

import dataclasses
from enum import Enum
from typing import Any

import attrs
import pytest

from odyssey_proto.kernel.introspection import ValueField, changed, fields_of, has_fields
from odyssey_proto.kernel.secret import SECRET


@attrs.frozen
class OfAttrs:
    _name: str
    token: str = attrs.field(default="", metadata=SECRET)
    made: str = attrs.field(init=False, default="made")


@dataclasses.dataclass(frozen=True, slots=True)
class OfDataclasses:
    name: str
    token: str = dataclasses.field(default="", metadata=SECRET)
    made: str = dataclasses.field(init=False, default="made")


class Neither(Enum):
    MEMBER = "member"


def test_fields_have_names_arguments_and_marks() -> None:
    token, made = ValueField("token", "token", SECRET, str), ValueField("made", None, {}, str)
    assert fields_of(OfAttrs) == (ValueField("_name", "name", {}, str), token, made)
    assert fields_of(OfDataclasses) == (ValueField("name", "name", {}, str), token, made)


@pytest.mark.parametrize("kind", [Neither, str, dict])
def test_what_is_no_value_has_none(kind: type) -> None:
    assert fields_of(kind) == ()
    assert not has_fields(kind)


@pytest.mark.parametrize(("value", "name"), [(OfAttrs("a"), "_name"), (OfDataclasses("a"), "name")])
def test_a_value_is_made_anew_with_changes(value: Any, name: str) -> None:
    assert has_fields(type(value))
    other = changed(value, {name: "b"})
    assert type(other) is type(value)
    assert (getattr(other, name), other.token, other.made) == ("b", "", "made")
    assert changed(other, {"token": "t"}).token == "t"
    assert changed(value, {}) == value
