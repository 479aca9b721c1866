"""Whether a value is what an annotation says."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, NewType, Optional, Self

import pytest
from attrs import field, frozen

from odyssey_proto.trace.shapes import INT_END, checks_of, shape

type Pairs = tuple[tuple[str, int | None], ...]
Number = NewType("Number", int)


class Colour(Enum):
    RED = "red"


@frozen
class Node:
    _name: str
    inner: Self | None = None
    made: int = field(init=False, default=0)


@pytest.mark.parametrize(
    ("hint", "good", "bad"),
    [
        (Any, [None, 1, "x", ()], []),
        (
            int,
            [0, -INT_END, INT_END - 1],
            [True, 1.0, "1", None, INT_END, -INT_END - 1],
        ),
        (Number, [5], [True, "5"]),
        (float, [1.5, 2], [True, "1", INT_END]),
        (bool, [True], [1, None]),
        (str, ["", "x"], [b"x", None]),
        (Colour, [Colour.RED], ["red"]),
        (str | None, ["x", None], [5]),
        (int | str, [5, "x"], [True, None]),
        (Optional[Number], [5, None], [True, "x"]),  # noqa: UP045  as older annotations say it
        (tuple[str, ...], [(), ("a", "b")], [["a"], ("a", 1), "a"]),
        (tuple[str, int], [("a", 1)], [("a",), ("a", 1, 2), (1, "a"), ["a", 1]]),
        (tuple[()], [()], [(1,)]),
        (Pairs, [(), (("a", 1), ("b", None))], [(("a", "b"),), (1,)]),
        (dict[str, int], [{}, {"a": 1}], [(), None]),
        (Mapping[str, int], [{"a": 1}], [5]),
        ("forward", [1, "x"], []),
    ],
)
def test_what_fits(hint: Any, good: list[Any], bad: list[Any]) -> None:
    fits = shape(hint)
    assert [value for value in good if not fits(value)] == []
    assert [value for value in bad if fits(value)] == []


def test_the_fields_of_a_class_are_checked_by_their_annotations() -> None:
    fields = checks_of(Node)
    assert list(fields) == ["_name", "inner"]
    assert fields["_name"][0] == "name"
    argument, fits = fields["inner"]
    assert argument == "inner"
    assert fits(Node("x"))
    assert fits(None)
    assert not fits("x")
