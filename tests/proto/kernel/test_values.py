"""Classes of values are what attrs would have made of them."""

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from odyssey_proto.kernel.values import frozen


def made_by(decorator: Callable[..., Any]) -> tuple[type[Any], ...]:
    """Returns the same classes, made by one decorator or the other."""

    @decorator
    class Nothing:
        pass

    @decorator
    class Point:
        x: float
        y: Any = 0
        hidden: str = attrs.field(default="h", repr=False)
        short: str = attrs.field(default="s", repr=lambda text: f"<{len(text)}>")
        remark: str = attrs.field(default="", eq=False)

    @decorator(kw_only=True)
    class Sphere(Point):
        radius: float = 1.0

    @decorator
    class Own:
        x: int = 1

        def __repr__(self) -> str:
            return "mine"

        def __eq__(self, other: object) -> bool:
            return isinstance(other, int)

    class Heir(Point):
        pass

    return Nothing, Point, Sphere, Own, Heir


ARGUMENTS: tuple[tuple[int, tuple[Any, ...], dict[str, Any]], ...] = (
    (0, (), {}),
    (1, (1,), {}),
    (1, (1,), {"remark": "other"}),
    (1, (1,), {"hidden": "other"}),
    (1, (1, (2, "z")), {"short": "short"}),
    (1, (1, [2]), {}),
    (2, (), {"x": 1}),
    (2, (), {"x": 1, "radius": 2}),
    (3, (), {}),
    (4, (1,), {}),
)

OURS, THEIRS = (
    [made[number](*args, **named) for number, args, named in ARGUMENTS]
    for made in (made_by(frozen), made_by(attrs.frozen))
)


def hashable(value: object) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def test_they_show_the_same() -> None:
    assert [repr(each) for each in OURS] == [repr(each) for each in THEIRS]


def test_the_same_are_equal() -> None:
    def table(values: list[Any]) -> list[list[bool]]:
        return [[one == other for other in (*values, 1, None)] for one in values]

    assert table(OURS) == table(THEIRS)


def test_the_same_have_a_hash_and_what_is_equal_has_an_equal_one() -> None:
    assert [hashable(each) for each in OURS] == [hashable(each) for each in THEIRS]
    keys = [each for each in OURS if hashable(each)]
    assert [(one, other) for one in keys for other in keys if one == other and hash(one) != hash(other)] == []


def test_they_cannot_be_changed() -> None:
    for value in OURS[:-1]:
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            value.x = 2


def test_what_holds_itself_is_shown_in_bounds() -> None:
    items: list[Any] = []
    point = made_by(frozen)[1](1, items)
    items.append(point)
    assert repr(point) == "Point(x=1, y=[...], short=<1>, remark='')"


def test_attrs_knows_them() -> None:
    point = attrs.evolve(OURS[1], y=7)
    assert attrs.asdict(point) == {"x": 1, "y": 7, "hidden": "h", "short": "s", "remark": ""}
