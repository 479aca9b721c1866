"""
What a value is made of, whichever library made its class.

Values that users get by the documentation are standard dataclasses, and all others are attrs classes.
Whoever looks into values of any class (traces, redaction, the outlet) asks here.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import attrs
from attrs import field, frozen


@frozen
class ValueField:
    """One field of a class of values."""

    name: str
    argument: str | None
    """What the constructor calls it; `None` if the constructor computes it."""
    marks: Mapping[Any, Any]
    """What the class declares of it, such as `secret` or `wording`."""
    type: Any = field(default=None, eq=False)
    """As it is annotated."""


def has_fields(cls: Any) -> bool:
    """Tells whether a class is one of values with fields."""
    return attrs.has(cls) or dataclasses.is_dataclass(cls)


def fields_of(cls: Any) -> tuple[ValueField, ...]:
    """Returns the fields of a class in the order of its constructor; of any other class, none."""
    return _fields(cls)


def changed(value: Any, changes: Mapping[str, Any]) -> Any:
    """Returns a value of the same class with other content in the fields that `changes` names."""
    made = {
        each.argument: changes.get(each.name, getattr(value, each.name))
        for each in fields_of(type(value))
        if each.argument is not None
    }
    return type(value)(**made)


@cache
def _fields(cls: Any) -> tuple[ValueField, ...]:
    return tuple(_read(cls))


def _read(cls: Any) -> Iterator[ValueField]:
    if attrs.has(cls):
        for each in attrs.fields(cls):
            argument = (each.alias or each.name) if each.init else None
            yield ValueField(each.name, argument, each.metadata, each.type)
    elif dataclasses.is_dataclass(cls):
        for one in dataclasses.fields(cls):
            yield ValueField(one.name, one.name if one.init else None, one.metadata, one.type)
