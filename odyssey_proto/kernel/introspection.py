"""
What a value is made of, whichever library made its class, and how it stands as JSON and in a notebook.

Values that users get by the documentation are standard dataclasses, and all others are attrs classes.
Whoever looks into values of any class (traces, redaction, the outlet) asks here.
All public values have one form as JSON (`Value`): secrets masked, Enums by value, times in seconds.
A notebook shows that form as a table of HTML, in which all is text and nothing markup.
"""

import dataclasses
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from functools import cache
from html import escape
from typing import Any

import attrs
from attrs import frozen

MASK = "***"
"""What stands for something secret."""

NOTHING = "–"
"""What stands for something that is not there."""

PIXELS = {"pixels": True}
"""Marks a field with the content of a picture or a sound, which has no place in JSON."""

SPAN = {"span": True}
"""Marks a field with a `Span`, which stands in JSON in seconds."""


@frozen
class ValueField:
    """One field of a class of values."""

    name: str
    argument: str | None
    """What the constructor calls it; `None` if the constructor computes it."""
    marks: Mapping[Any, Any]
    """What the class declares of it, such as `secret` or `wording`."""
    declared: Any
    """Its type, as the class declares it."""


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


class Value:
    """Gives a class with fields its form as a dict and as JSON."""

    __slots__ = ()

    def to_dict(self, *, secrets: bool = False) -> dict[str, Any]:
        """
        Returns the value as a dict of what JSON knows: `json.dumps` takes it.

        `type` is the name of the class; every field follows under its own name.
        An Enum stands as its value, a tuple as a list, a time in seconds, a number that JSON does not know
        as `None`.
        What is secret, such as a presigned address, is `***` unless `secrets` are asked for.

        Example:
            ```python
            json.dumps([event.to_dict() for event in seen])
            ```
        """
        return _fields_as_json(self, secrets=secrets)

    def to_json(self, *, secrets: bool = False) -> str:
        """Returns the JSON text of `to_dict`, in one line; `secrets` is that of `to_dict`."""
        return json.dumps(self.to_dict(secrets=secrets))

    def _repr_html_(self) -> str | None:
        """Shows the value in a notebook, where its secrets are masked as well."""
        return html_table(self.to_dict())


def as_json(value: Any, *, secrets: bool = False) -> Any:
    """Returns any part of a value as what JSON knows; of something foreign, the name of its class."""
    match value:
        case None | bool():
            return value
        case Enum():
            return as_json(value.value)
        case str():
            return str(value)
        case int():
            return int(value)
        case float():
            return value if math.isfinite(value) else None
        case Mapping():
            return {str(key): as_json(item, secrets=secrets) for key, item in value.items()}
        case tuple() | list():
            return [as_json(item, secrets=secrets) for item in value]
        case _ if has_fields(type(value)):
            return _fields_as_json(value, secrets=secrets)
        case _:
            return f"<{type(value).__name__}>"


def _fields_as_json(value: Any, *, secrets: bool) -> dict[str, Any]:
    form: dict[str, Any] = {"type": type(value).__name__}
    for each in fields_of(type(value)):
        if "pixels" in each.marks:
            continue
        content = getattr(value, each.name)
        if "secret" in each.marks and content and not secrets:
            form[each.name] = MASK
        elif "span" in each.marks and content is not None:
            form[each.name] = content / 1_000_000
        else:
            form[each.name] = as_json(content, secrets=secrets)
    return form


def html_table(form: Any) -> str:
    """
    Returns the form of a value as HTML: a dict as a table, and a list of like dicts as one with a head.

    `form` is what `to_dict` returns, or any part of it; where secrets are masked there, they are here.
    """
    match form:
        case None | str() | list() | Mapping() if not form:
            return NOTHING
        case {"type": title, **fields}:
            return _table(_pairs(fields), escape(str(title)))
        case Mapping():
            return _table(_pairs(form))
        case [Mapping() as first, *others] if all(other.keys() == first.keys() for other in others):
            names = [name for name in first if name != "type"]
            head = "".join(f"<th>{escape(name)}</th>" for name in names)
            return _table([head, *("".join(_cell(row[name]) for name in names) for row in form)])
        case list():
            return "<br>".join(map(html_table, form))
        case _:
            return escape(str(form))


def _pairs(fields: Mapping[Any, Any]) -> Iterable[str]:
    return (f"<th>{escape(str(name))}</th>{_cell(content)}" for name, content in fields.items())


def _cell(content: Any) -> str:
    return f"<td>{html_table(content)}</td>"


def _table(rows: Iterable[str], title: str = "") -> str:
    caption = f"<caption>{title}</caption>" if title else ""
    return f"<table>{caption}{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"
