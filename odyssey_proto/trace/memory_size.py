"""How much memory a value of the seam takes, roughly: enough to bound a trace by."""

from functools import cache
from operator import attrgetter
from typing import Any

import attrs

from odyssey_proto.kernel.secret import Secret

BASE = 64
"""What any value takes, in bytes."""

_NOTHING = (type(None), bool, int, float)


def weight(value: Any) -> int:
    """Returns the bytes that a value takes, roughly."""
    # Taken for every step of every session, so the plain types are asked for first and by identity.
    kind: Any = type(value)
    if kind is str or kind is bytes:
        return BASE + len(value)
    if kind in _NOTHING:
        return 0
    if kind is tuple or kind is list:
        return BASE + sum(map(weight, value))
    if kind is dict:
        return BASE + sum(map(weight, value)) + sum(map(weight, value.values()))
    if kind is Secret:
        return BASE + len(value.reveal())
    return BASE + sum(map(weight, _fields(kind)(value)))


@cache
def _fields(cls: Any) -> Any:
    """Returns what takes a value of a class apart; an Enum and what is not ours has no parts."""
    names = [field.name for field in attrs.fields(cls)] if attrs.has(cls) else []
    match names:
        case []:
            return lambda value: ()
        case [name]:
            return lambda value: (getattr(value, name),)
        case _:
            return attrgetter(*names)
