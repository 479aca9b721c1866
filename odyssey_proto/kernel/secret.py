"""Text that must never be seen: API keys, tokens, TURN credentials."""

import hmac
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, overload

from attrs import field

from odyssey_proto.kernel.introspection import MASK as MASK
from odyssey_proto.kernel.introspection import fields_of

SECRET: Mapping[str, bool] = MappingProxyType({"secret": True})
"""
Marks a field for a secret that users hold as plain text, such as a spectator token.

An exported trace finds it by this mark and replaces it.
"""


class Secret:
    """
    A string that prints as `***`.

    It compares and hashes by its content, survives pickle and copy, and is opened only where
    something is written for the other side (`reveal`).
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Returns the text itself; only an encoder has a reason to call this."""
        return self._text

    def __repr__(self) -> str:
        return f"Secret({MASK!r})"

    def __str__(self) -> str:
        return MASK

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._text))


def masked(value: object) -> str:
    """Returns the `repr` of something secret: whether it is there, and nothing else."""
    return repr(MASK) if value else repr(value)


def secret_field(**arguments: Any) -> Any:
    """Returns an attrs field that is marked `SECRET` and masked in `repr`; for a dataclass: `MaskedRepr`."""
    hide: Callable[[object], str] = masked
    return field(repr=hide, metadata=SECRET, **arguments)


class MaskedRepr:
    """Gives a dataclass, made with `repr=False`, a `repr` that masks each field that is marked `SECRET`."""

    __slots__ = ()

    def __repr__(self) -> str:
        shown = (
            f"{each.name}={(masked if 'secret' in each.marks else repr)(getattr(self, each.name))}"
            for each in fields_of(type(self))
        )
        return f"{type(self).__qualname__}({', '.join(shown)})"


def sized(value: object) -> str:
    """Returns the `repr` of text or bytes from the wire: how much there is, never what it says."""
    match value:
        case None:
            return "None"
        case str():
            return f"<{len(value)} characters>"
        case bytes():
            return f"<{len(value)} bytes>"
        case _:
            return f"<{type(value).__name__}>"


@overload
def revealed(value: str | Secret) -> str: ...
@overload
def revealed(value: str | Secret | None) -> str | None: ...
def revealed(value: str | Secret | None) -> str | None:
    """Returns the text of a query parameter or header field, secret or not."""
    return value.reveal() if isinstance(value, Secret) else value
