"""
Whether a value is what an annotation says, down to the items of its tuples and lists.

A file may be edited by hand: whoever makes values of what it says asks here first, because classes
of the seam believe their annotations.
"""

import types
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NewType, Self, TypeAliasType, Union, get_args, get_origin, get_type_hints

from odyssey_proto.kernel.introspection import fields_of

type Check = Callable[[Any], bool]
"""Tells whether a value fits."""

INT_END = 2**63
"""Whole numbers are below this, and not below its negative: they have 64 bits."""


@cache
def shape(hint: Any, own: Any = None) -> Check:
    """
    Returns the check of an annotation; `own` is the class that `Self` means.

    Whole numbers are numbers, truth values are not, and whole numbers have 64 bits, so that whoever
    computes with them gets no surprise.
    An annotation that says nothing of its structure, such as `Any`, is fitted by everything.
    """
    match hint:
        case TypeAliasType():
            return shape(hint.__value__, own)
        case NewType():
            return shape(hint.__supertype__, own)
        case _ if hint is Self:
            return shape(own)
        case _ if hint in _KNOWN:
            return _KNOWN[hint]
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (types.UnionType, Union):
        return _one_of(inner, own)
    if origin is tuple:
        return _tuple(inner, own)
    if origin is list:
        return _list(inner[0], own)
    kind = origin or hint
    return (lambda value: isinstance(value, kind)) if isinstance(kind, type) else _anything


@cache
def checks_of(cls: Any) -> dict[str, tuple[str, Check]]:
    """Returns for each field that a value is made with its argument and its check."""
    hints = get_type_hints(cls)
    return {
        each.name: (each.argument, shape(hints[each.name], cls))
        for each in fields_of(cls)
        if each.argument is not None
    }


def _anything(value: Any) -> bool:
    return True


def _one_of(hints: tuple[Any, ...], own: Any) -> Check:
    # Most unions are of many classes, which Python tells apart at once.
    plain = tuple(_classes(hints))
    if len(plain) == len(hints):
        return lambda value: isinstance(value, plain)
    checks = [shape(hint, own) for hint in hints]
    return lambda value: any(fits(value) for fits in checks)


def _classes(hints: tuple[Any, ...]) -> Iterator[type[Any]]:
    for hint in hints:
        if isinstance(hint, type) and hint not in _KNOWN and get_origin(hint) is None:
            yield hint


def _tuple(inner: tuple[Any, ...], own: Any) -> Check:
    if inner[-1:] == (Ellipsis,):
        each = shape(inner[0], own)
        return lambda value: isinstance(value, tuple) and all(map(each, value))
    checks = [shape(hint, own) for hint in inner]

    def fits(value: Any) -> bool:
        same = isinstance(value, tuple) and len(value) == len(checks)
        return same and all(check(item) for check, item in zip(checks, value, strict=True))

    return fits


def _list(inner: Any, own: Any) -> Check:
    each = shape(inner, own)
    return lambda value: isinstance(value, list) and all(map(each, value))


def _whole(value: Any) -> bool:
    return type(value) is int and -INT_END <= value < INT_END


def _number(value: Any) -> bool:
    return type(value) is float or _whole(value)


_KNOWN: dict[Any, Check] = {Any: _anything, int: _whole, float: _number}
