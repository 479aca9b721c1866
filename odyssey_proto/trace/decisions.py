"""What a replay compares: what a core decided, not how it words that for people."""

from typing import Any

import attrs


def same_decisions(one: Any, other: Any) -> bool:
    """Tells whether two values are equal but for their wording."""
    # Nearly always they are equal in every word.
    return bool(one == other or decided(one) == decided(other))


def decided(value: Any) -> Any:
    """
    Returns a value of the seam without its wording.

    Wording is what a class declares to be so (`odyssey_proto.kernel.failures.WORDING`); codes, kinds,
    phases and whatever else a program may act on stay.
    """
    if isinstance(value, tuple):
        items = tuple(map(decided, value))
        return value if all(new is old for new, old in zip(items, value, strict=True)) else items
    cls: Any = type(value)
    if not attrs.has(cls):
        return value
    changes: dict[str, Any] = {}
    for field in attrs.fields(cls):
        before = getattr(value, field.name)
        after = "" if field.metadata.get("wording") else decided(before)
        if after is not before and field.init:
            changes[field.alias or field.name] = after
    return attrs.evolve(value, **changes) if changes else value
