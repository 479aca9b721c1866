"""What a declared type allows, so that a class is asked once and not each of its values each time."""

from collections.abc import Collection
from enum import Enum
from types import UnionType
from typing import Any, NewType, TypeAliasType, Union, get_args, get_origin


def allows_only(declared: Any, classes: Collection[type[Any]]) -> bool:
    """
    Tells whether a declared type allows nothing but values of these classes and members of Enums.

    A type that is not a class, a `NewType`, an alias or a union of them is taken to allow more.
    """
    match declared:
        case type():
            return declared in classes or issubclass(declared, Enum)
        case NewType():
            return allows_only(declared.__supertype__, classes)
        case TypeAliasType():
            return allows_only(declared.__value__, classes)
        case _ if get_origin(declared) in (Union, UnionType):
            return all(allows_only(each, classes) for each in get_args(declared))
        case _:
            return False
