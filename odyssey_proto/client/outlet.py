"""
The one way from the client to the application: no event, result or error repeats a secret of the client.

Whatever is a `Secret`, or marked as one, in anything that goes out is known from then on.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from functools import cache
from operator import is_
from types import NoneType
from typing import Any

from odyssey_proto.kernel.declared_types import allows_only
from odyssey_proto.kernel.introspection import ValueField, changed, fields_of
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.kernel.server_words import KnownSecrets
from odyssey_proto.seam.outputs import ClientOutput, Completed, Failed, Happened, Progressed

_WORDLESS: frozenset[type[Any]] = frozenset({bytes, int, float, bool, NoneType})
"""Classes whose values repeat nothing."""

_OPEN = _WORDLESS | {str}
"""Classes whose values are no secrets unless they are marked, and hold none."""

_DATA: dict[type[Any], bool] = {Happened: False, Failed: False, Completed: True, Progressed: True}
"""
What the application is given, and whether it is data, such as an id or an address.

Of data only the sentences may repeat something.
"""

_ITEMS = (list, tuple)
"""Classes of what holds one value after the other."""

type _Named = tuple[str, bool]
"""A field: its name, and whether it has the mark that counts."""


def _named(fields: Iterable[ValueField], mark: str, without: frozenset[type[Any]]) -> tuple[_Named, ...]:
    """Returns those fields that are marked, or may hold more than values of some classes."""
    found = ((each, mark in each.marks) for each in fields)
    return tuple(
        (each.name, marked) for each, marked in found if marked or not allows_only(each.declared, without)
    )


def _with_secrets(cls: Any) -> tuple[_Named, ...]:
    return _named(fields_of(cls), "secret", _OPEN)


def _with_words(cls: Any) -> tuple[_Named, ...]:
    return _named((each for each in fields_of(cls) if "secret" not in each.marks), "wording", _WORDLESS)


def _with_parts(cls: Any) -> bool:
    return issubclass(cls, Secret | list | tuple | Mapping) or bool(_secret_fields(cls))


# Each step asks this of all that it gives, so a class is looked at once.

_secret_fields: Callable[[Any], tuple[_Named, ...]] = cache(_with_secrets)
"""Returns the fields of a class in which secrets may stand, and which of them are marked as one."""

_word_fields: Callable[[Any], tuple[_Named, ...]] = cache(_with_words)
"""Returns the fields of a class in which secrets may be repeated, and which of them are sentences."""

_has_parts: Callable[[Any], bool] = cache(_with_parts)
"""Tells whether values of a class may hold secrets; others are passed over."""


class Outlet:
    """Passes outputs on, with `***` for each known secret in what the application is given."""

    def __init__(self) -> None:
        self._known = KnownSecrets()

    def passed(self, outputs: list[ClientOutput]) -> list[ClientOutput]:
        """Returns outputs without the secrets that are known, those in these outputs included."""
        self._learn_all(outputs)
        return [self._filtered(output) for output in outputs]

    def learn(self, value: Any) -> None:
        """Remembers each secret in a value."""
        if isinstance(value, Secret):
            self._known.add(value.reveal())
        elif isinstance(value, _ITEMS):
            self._learn_all(value)
        elif isinstance(value, Mapping):
            self._learn_all(value.values())
        else:
            for name, marked in _secret_fields(type(value)):
                item = getattr(value, name)
                if _has_parts(type(item)):
                    self.learn(item)
                elif marked and isinstance(item, str):
                    self._known.add(item)

    def _learn_all(self, values: Iterable[Any]) -> None:
        for value in values:
            if _has_parts(type(value)):
                self.learn(value)

    def _filtered(self, output: ClientOutput) -> ClientOutput:
        data = _DATA.get(type(output))
        filtered: ClientOutput = output if data is None else self._masked(output, data=data)
        return filtered

    def _masked(self, value: Any, *, data: bool) -> Any:
        """Returns the value itself if nothing is to be masked in it."""
        if isinstance(value, str):
            return value if data or isinstance(value, Enum) else self._known.masked(value)
        if isinstance(value, _ITEMS):
            items = type(value)(self._masked(item, data=data) for item in value)
            return value if all(map(is_, items, value)) else items
        changes = {}
        for name, wording in _word_fields(type(value)):
            item = getattr(value, name)
            if type(item) not in _WORDLESS:
                masked = self._masked(item, data=data and not wording)
                if masked is not item:
                    changes[name] = masked
        return changed(value, changes) if changes else value
