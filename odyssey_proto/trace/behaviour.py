"""
How the machines behave, as a number that every trace names.

The number goes up with any change after which a trace of an unchanged application no longer replays
step by step: a request more, fewer, or at another time, another deadline, another order.
It stays for whatever a replay does not compare, such as a better sentence in an error: what a core
decides counts, not how it words that for people.
The files in tests/traces hold the core to that: one that was recorded under the present number must
replay step by step, and one of an earlier number must show the application the same.
"""

from typing import Any

from odyssey_proto.kernel.introspection import changed, fields_of

BEHAVIOUR = 1
"""
The behaviour of this core.

1. What the first release does.
"""


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
    if isinstance(value, tuple | list):
        items = type(value)(map(decided, value))
        return value if all(new is old for new, old in zip(items, value, strict=True)) else items
    changes: dict[str, Any] = {}
    for field in fields_of(type(value)):
        before = getattr(value, field.name)
        after = "" if "wording" in field.marks else decided(before)
        if after is not before and field.argument is not None:
            changes[field.name] = after
    return changed(value, changes) if changes else value
