"""How much memory a value of the seam takes, roughly: enough to bound a recording by."""

from enum import Enum
from functools import cache
from typing import Any

import attrs

from odyssey_proto.secret import Secret

BASE = 64
"""What any value takes, in bytes."""


def weight(value: Any) -> int:
    """Gives the bytes that a value takes, roughly."""
    match value:
        case str() | bytes():
            return BASE + len(value)
        case None | int() | float() | Enum():
            return 0
        case tuple() | list():
            return BASE + sum(weight(item) for item in value)
        case dict():
            return BASE + sum(weight(key) + weight(item) for key, item in value.items())
        case Secret():
            return BASE + len(value.reveal())
        case _:
            cls: Any = type(value)
            inner: list[int] = [weight(getattr(value, name)) for name in _names(cls)]
            return BASE + sum(inner)


@cache
def _names(cls: Any) -> tuple[str, ...]:
    return tuple(field.name for field in attrs.fields(cls)) if attrs.has(cls) else ()
