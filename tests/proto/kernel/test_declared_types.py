"""What a declared type allows is known without a value of it; what is not understood allows anything."""

from collections.abc import Mapping
from enum import Enum
from types import NoneType
from typing import Any, NewType

import pytest

from odyssey_proto.kernel.declared_types import allows_only
from odyssey_proto.kernel.secret import Secret

Length = NewType("Length", int)
Longest = NewType("Longest", Length)
type Lengths = Length | None
type Words = str | Lengths


class Colour(Enum):
    RED = "red"


PLAIN = (int, NoneType)


@pytest.mark.parametrize("declared", [int, Length, Longest, Lengths, Colour, int | None])
def test_these_allow_nothing_else(declared: Any) -> None:
    assert allows_only(declared, PLAIN)


@pytest.mark.parametrize(
    "declared",
    [
        str,
        object,
        Any,
        "int",
        Words,
        Secret | None,
        int | str,
        tuple[int, ...],
        Mapping[str, int],
        None,
    ],
)
def test_these_may_allow_more(declared: Any) -> None:
    assert not allows_only(declared, PLAIN)
