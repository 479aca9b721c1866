"""
How classes of values are made: by attrs, with some methods that they share.

attrs writes and compiles methods for each class.
There are hundreds, and half of the time that importing the core took went into methods of which most are
never called.
"""

from collections.abc import Callable
from functools import cache
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from attrs import frozen as frozen
else:

    def frozen(cls=None, **options):
        """Makes a class of values as `attrs.frozen` does, which writes no method that there is already."""
        if cls is None:
            return lambda cls: frozen(cls, **options)
        for name, method in _SHARED.items():
            if name not in vars(cls):
                setattr(cls, name, method)
        return attrs.frozen(cls, **options)


@recursive_repr()
def _shown(value: Any) -> str:
    cls = type(value)
    fields = (
        f"{each.name}={(repr if each.repr is True else each.repr)(getattr(value, each.name))}"
        for each in attrs.fields(cls)
        if each.repr
    )
    return f"{cls.__qualname__.rpartition('>.')[2]}({', '.join(fields)})"


def _equal(value: Any, other: object) -> object:
    if type(other) is not type(value):
        return NotImplemented
    return _compared(value) == _compared(other)


def _hashed(value: Any) -> int:
    return hash(_compared(value))


_SHARED = {"__repr__": _shown, "__eq__": _equal, "__hash__": _hashed}


def _compared(value: Any) -> object:
    """Returns what makes a value equal to another of its class."""
    cls: Any = type(value)
    return _taker(cls)(value)


@cache
def _taker(cls: Any) -> Callable[[object], object]:
    names = [each.name for each in attrs.fields(cls) if each.eq]
    return attrgetter(*names) if names else lambda value: ()
