"""
The one way from the client to the application: no event, result or error repeats a secret of the client.

Whatever is a `Secret`, or marked as one, in anything that goes out is known from then on.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from functools import cache
from operator import is_
from typing import Any

from odyssey_proto.kernel.introspection import changed, fields_of, has_fields
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.kernel.server_words import KnownSecrets
from odyssey_proto.seam.outputs import ClientOutput, Completed, Failed, Happened, Progressed

_WORDLESS: frozenset[type[Any]] = frozenset({bytes, int, float, bool, type(None)})
"""Classes whose values repeat nothing."""


def _with_parts(cls: Any) -> bool:
    return issubclass(cls, Secret | list | tuple | Mapping) or has_fields(cls)


_has_parts: Callable[[Any], bool] = cache(_with_parts)
"""Tells whether values of a class may hold secrets; others are passed over, as each step asks of all."""


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
            case Secret():
                self._known.add(value.reveal())
            case list() | tuple():
                self._learn_all(value)
            case _ if fields := fields_of(type(value)):
                for each in fields:
                    item = getattr(value, each.name)
                    if _has_parts(type(item)):
                        self.learn(item)
                    elif "secret" in each.marks and isinstance(item, str):
                        self._known.add(item)
            case Mapping():
                self._learn_all(value.values())
            case _:
                pass

    def _learn_all(self, values: Iterable[Any]) -> None:
        for value in values:
            if _has_parts(type(value)):
                self.learn(value)

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
        for each in fields_of(type(value)):
            item = getattr(value, each.name)
            if type(item) not in _WORDLESS and "secret" not in each.marks:
                masked = self._masked(item, data=data and "wording" not in each.marks)
                if masked is not item:
                    changes[each.name] = masked
        return changed(value, changes) if changes else value
