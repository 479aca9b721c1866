"""Public values as what JSON knows: one mechanism for all, secrets masked, times in seconds."""

import json
import math
from collections.abc import Mapping
from enum import Enum
from typing import Any, get_args

from odyssey_proto.kernel.introspection import ValueField, fields_of, has_fields
from odyssey_proto.kernel.machine import Span
from odyssey_proto.kernel.secret import MASK, Secret, sized

PIXELS = {"pixels": True}
"""Marks a field with the content of a picture, which stands in no dict."""


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
        return fields_as_json(self, secrets=secrets)

    def to_json(self, *, secrets: bool = False) -> str:
        """Returns the JSON text of `to_dict`, in one line."""
        return json.dumps(self.to_dict(secrets=secrets))


def fields_as_json(value: Any, *, secrets: bool = False) -> dict[str, Any]:
    """Returns a value with fields as a dict, its class first."""
    form: dict[str, Any] = {"type": type(value).__name__}
    for each in fields_of(type(value)):
        if "pixels" not in each.marks:
            form[each.name] = _field(each, getattr(value, each.name), secrets=secrets)
    return form


def as_json(value: Any, *, secrets: bool = False) -> Any:
    """Returns any part of a value as what JSON knows; something foreign is described."""
    match value:
        case None | bool():
            return value
        case Enum():
            return as_json(value.value)
        case Secret():
            return value.reveal() if secrets else MASK
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
            return fields_as_json(value, secrets=secrets)
        case _:
            return sized(value)


def _field(each: ValueField, content: Any, *, secrets: bool) -> Any:
    if "secret" in each.marks and content and not secrets:
        return MASK
    if content is not None and (each.type is Span or Span in get_args(each.type)):
        return content / 1_000_000
    return as_json(content, secrets=secrets)
