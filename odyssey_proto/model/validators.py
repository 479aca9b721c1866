"""Rules for what users set: numbers, flags, prompts."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from odyssey_proto.kernel.introspection import fields_of
from odyssey_proto.kernel.text import encodable


class Named(Protocol):
    """What a rule needs of a field: how the user calls it."""

    @property
    def name(self) -> str:
        """The name of the field."""
        ...


type Check = Callable[[Any, Named, Any], None]
"""A rule: an attrs validator, and what `ruled` marks a field of a dataclass with."""

MAX_WAIT = 10**9
"""The longest wait that can be set, in seconds: about thirty years."""

MAX_PROMPT_CHARS = 1_000_000
"""The longest prompt that is sent; the service does not document its own limit."""

_ALLOWED = frozenset("\t\n\r")
"""The control characters that text has."""


def within(least: float, most: float) -> Check:
    """
    Returns the rule that a number is neither below `least` nor above `most`.

    Breaking it raises `ValueError` that names the field, as with every rule here.
    """

    def check(_: Any, attribute: Named, value: Any) -> None:
        if not _is_number(value) or not least <= value <= most:
            words = f"from {_plain(least)} to {_plain(most)}"
            raise ValueError(f"{attribute.name} must be a number {words}, not {value!r:.100}")

    return check


def positive(_: Any, attribute: Named, value: Any) -> None:
    """The rule of a wait, for attrs: a number above 0 and at most `MAX_WAIT`."""
    if not _is_number(value) or not 0 < value <= MAX_WAIT:
        words = f"above 0 and at most {_plain(MAX_WAIT)}"
        raise ValueError(f"{attribute.name} must be a number {words}, not {value!r:.100}")


def whole(least: int, most: int | None = None) -> Check:
    """Returns the rule that a number is whole and neither below `least` nor above `most`."""
    bounds = f"of {_plain(least)} or more" if most is None else f"from {_plain(least)} to {_plain(most)}"

    def check(_: Any, attribute: Named, value: Any) -> None:
        within = isinstance(value, int) and value >= least and (most is None or value <= most)
        if not within or isinstance(value, bool):
            raise ValueError(f"{attribute.name} must be a whole number {bounds}, not {value!r:.100}")

    return check


def flag(_: Any, attribute: Named, value: Any) -> None:
    """The rule, for attrs: True or False, and nothing that only counts as one of them."""
    if not isinstance(value, bool):
        raise ValueError(f"{attribute.name} must be True or False, not {value!r:.100}")


def of_type(kind: type) -> Check:
    """Returns the rule that a value is of a class; its error names classes only, never the value."""

    def check(_: Any, attribute: Named, value: Any) -> None:
        if not isinstance(value, kind):
            raise ValueError(f"{attribute.name} must be {kind.__name__}, not {type(value).__name__}")

    return check


def unless_none(rule: Check) -> Check:
    """Returns the rule that leaves `None` alone."""

    def check(instance: Any, attribute: Named, value: Any) -> None:
        if value is not None:
            rule(instance, attribute, value)

    return check


def check_prompt(_: Any, attribute: Named, value: Any) -> None:
    """The rule, for attrs: text that can be sent; raises `ValueError`."""
    if not isinstance(value, str):
        raise ValueError(f"{attribute.name} must be text, not {type(value).__name__}")
    if len(value) > MAX_PROMPT_CHARS:
        raise ValueError(f"{attribute.name} has {len(value)} characters; the most is {MAX_PROMPT_CHARS}")
    if not encodable(value):
        raise ValueError(f"{attribute.name} contains an unpaired surrogate and cannot be encoded as UTF-8")
    if strange := sorted({each for each in value if (each < " " or each == "\x7f") and each not in _ALLOWED}):
        raise ValueError(f"{attribute.name} holds the control character U+{ord(strange[0]):04X}")


def check_nonempty_prompt(instance: Any, attribute: Named, value: Any) -> None:
    """The rule of a prompt that changes something: it says something."""
    check_prompt(instance, attribute, value)
    if not value.strip():
        raise ValueError(f"{attribute.name} is empty")


def ruled(rule: Check) -> Mapping[str, Check]:
    """Returns what marks a field of a dataclass with a rule; the class applies it by `check_fields`."""
    return {"rule": rule}


def check_fields(value: Any) -> None:
    """Applies the rules of a dataclass's fields: attrs does that by itself, a dataclass when it is made."""
    for each in fields_of(type(value)):
        if "rule" in each.marks:
            each.marks["rule"](value, each, getattr(value, each.name))


def _plain(bound: float) -> str:
    """Returns a bound as a person would write it: no exponent, and thousands apart from 10,000 on."""
    return f"{bound:,.15g}" if bound >= 10_000 else f"{bound:g}"


def _is_number(value: Any) -> bool:
    # A whole number is finite, and may be too large to be asked.
    finite = isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
    return finite and not isinstance(value, bool)
