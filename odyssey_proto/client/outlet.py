"""
The one way from the client to the application: no event, result or error repeats a secret of the client.

Whatever is a `Secret`, or marked as one, in anything that goes out is known from then on.
"""

from collections.abc import Callable, Mapping
from enum import Enum
from functools import cache
from operator import is_
from types import NoneType
from typing import Any

from odyssey_proto.kernel.introspection import changed, fields_of, has_fields
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.kernel.server_words import KnownSecrets
from odyssey_proto.seam.outputs import ClientOutput, Completed, Failed, Happened, Progressed


def _with_parts(cls: Any) -> bool:
    return issubclass(cls, Secret | list | tuple | Mapping) or has_fields(cls)


def _with_words(cls: Any) -> bool:
    return not issubclass(cls, bytes | int | float | NoneType | Enum)


def _marked(cls: Any) -> tuple[tuple[str, bool], ...]:
    return tuple((each.name, "secret" in each.marks) for each in fields_of(cls))


def _shown(cls: Any) -> tuple[tuple[str, bool], ...]:
    shown = (each for each in fields_of(cls) if "secret" not in each.marks)
    return tuple((each.name, "wording" in each.marks) for each in shown)


type _Fields = Callable[[Any], tuple[tuple[str, bool], ...]]
"""Returns the names of fields of a class, and something of each."""

# Each step asks of all that goes out, so what is the same for all values of a class is found out once.
_has_parts: Callable[[Any], bool] = cache(_with_parts)
"""Tells whether values of a class may hold secrets."""

_has_words: Callable[[Any], bool] = cache(_with_words)
"""Tells whether values of a class may repeat something."""

_held: _Fields = cache(_marked)
"""Returns the fields of a class, and whether each is marked as secret."""

_said: _Fields = cache(_shown)
"""Returns the fields of a class that are not marked as secret, and whether each has sentences."""


class Outlet:
    """Passes outputs on, with `***` for each known secret in what the application is given."""

    def __init__(self) -> None:
        self._known = KnownSecrets()

    def passed(self, outputs: list[ClientOutput]) -> list[ClientOutput]:
        """Returns outputs without the secrets that are known, those in these outputs included."""
        for output in outputs:
            self.learn(output)
        return [self._filtered(output) for output in outputs]

    def learn(self, value: Any) -> None:
        """Remembers each secret in a value."""
        match value:
            case _ if fields := _held(type(value)):
                for name, secret in fields:
                    item = getattr(value, name)
                    if _has_parts(type(item)):
                        self.learn(item)
                    elif secret and isinstance(item, str):
                        self._known.add(item)
            case list() | tuple():
                for item in value:
                    if _has_parts(type(item)):
                        self.learn(item)
            case Secret():
                self._known.add(value.reveal())
            case Mapping():
                self.learn([*value.values()])
            case _:
                pass

    def _filtered(self, output: ClientOutput) -> ClientOutput:
        # A result is data, such as an id or an address: only its sentences may repeat something.
        filtered: ClientOutput = output
        match output:
            case Happened() | Failed():
                filtered = self._masked(output)
            case Completed() | Progressed():
                filtered = self._masked(output, data=True)
            case _:
                pass
        return filtered

    def _masked(self, value: Any, *, data: bool = False) -> Any:
        """Returns the value itself if nothing is to be masked in it."""
        match value:
            case str() if not isinstance(value, Enum):
                return value if data else self._known.masked(value)
            case tuple() | list():
                items = type(value)(self._masked(item, data=data) for item in value)
                return value if all(map(is_, items, value)) else items
            case _:
                return self._fields_masked(value, data=data)

    def _fields_masked(self, value: Any, *, data: bool) -> Any:
        changes = {}
        for name, wording in _said(type(value)):
            item = getattr(value, name)
            if _has_words(type(item)):
                masked = self._masked(item, data=data and not wording)
                if masked is not item:
                    changes[name] = masked
        return changed(value, changes) if changes else value
