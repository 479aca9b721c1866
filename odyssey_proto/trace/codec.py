"""
Any value of the seam as JSON, and back.

Values at the seam are frozen attrs classes whose fields are text, whole numbers, truth values,
bytes, Enums, tuples, secrets and other such classes; JSON objects of the service may stand in them.
So one small table of tags serves them all, and a new class needs no code here.

| value | JSON |
|---|---|
| None, truth value, number, text | itself |
| tuple or list | an array |
| attrs value | `{"$": "ClassName", "field": ...}` |
| Enum member | `{"$enum": ["ClassName", "MEMBER"]}` |
| bytes that are UTF-8 text | `{"$text": "..."}` |
| other bytes | `{"$base64": "..."}` |
| Secret | `{"$secret": "..."}` |
| dict | `{"$map": [[key, value], ...]}` |
"""

import base64
import binascii
from collections.abc import Iterable, Mapping
from enum import Enum
from types import ModuleType
from typing import Any

import attrs

from odyssey_proto.secret import Secret

DEEPEST = 64
"""Values nested deeper than this are refused; the seam's own need fewer than ten levels."""


class UnknownValueError(ValueError):
    """A value, or a piece of JSON, that is none of the seam's."""


class Codec:
    """Translates the values whose classes are defined in the given modules."""

    def __init__(self, modules: Iterable[ModuleType]) -> None:
        self._values: dict[str, type[Any]] = {}
        self._enums: dict[str, type[Enum]] = {}
        for module in modules:
            for member in vars(module).values():
                if isinstance(member, type) and member.__module__ == module.__name__:
                    self._register(member)

    def encode(self, value: Any) -> Any:
        """Gives the JSON form; `UnknownValueError` for a value that has none."""
        match value:
            case Enum():
                return {"$enum": [type(value).__name__, value.name]}
            case None | bool() | int() | float() | str():
                return value
            case bytes():
                return _bytes(value)
            case tuple() | list():
                return [self.encode(item) for item in value]
            case Secret():
                return {"$secret": value.reveal()}
            case Mapping():
                return {"$map": [[key, self.encode(item)] for key, item in value.items()]}
            case _ if self._values.get(type(value).__name__) is type(value):
                pairs = ((field.name, getattr(value, field.name)) for field in _fields(type(value)))
                return {"$": type(value).__name__} | {name: self.encode(item) for name, item in pairs}
            case _:
                raise UnknownValueError(f"{type(value).__name__} has no place in a trace")

    def decode(self, form: Any, depth: int = 0) -> Any:
        """Gives the value; `UnknownValueError` for JSON that is none."""
        if depth > DEEPEST:
            raise UnknownValueError(f"nested deeper than {DEEPEST} levels")
        match form:
            case None | bool() | int() | float() | str():
                return form
            case list():
                return tuple(self.decode(item, depth + 1) for item in form)
            case {"$": str(name)}:
                fields = {key: item for key, item in form.items() if key != "$"}
                return self._decode_value(name, fields, depth)
            case {"$enum": [str(name), str(member)]}:
                return self._decode_enum(name, member)
            case {"$text": str(text)}:
                return text.encode()
            case {"$base64": str(text)}:
                return _unbase64(text)
            case {"$secret": str(text)}:
                return Secret(text)
            case {"$map": list(pairs)}:
                return dict(self._decode_pair(pair, depth + 1) for pair in pairs)
            case _:
                raise UnknownValueError("an object without a known tag")

    def _decode_value(self, name: str, fields: Mapping[str, Any], depth: int) -> Any:
        cls = self._values.get(name)
        if cls is None:
            raise UnknownValueError(f"there is no value {name}")
        known = {field.name: field.alias or field.name for field in _fields(cls)}
        strange = sorted(set(fields) - set(known))
        if strange:
            raise UnknownValueError(f"{name} has no field {', '.join(strange)}")
        arguments = {known[key]: self.decode(item, depth + 1) for key, item in fields.items()}
        try:
            return cls(**arguments)
        except (TypeError, ValueError) as error:
            raise UnknownValueError(f"{name} cannot be made of these fields") from error

    def _decode_enum(self, name: str, member: str) -> Enum:
        cls = self._enums.get(name)
        if cls is None or member not in cls.__members__:
            raise UnknownValueError(f"there is no {name}.{member}")
        return cls[member]

    def _decode_pair(self, pair: Any, depth: int) -> tuple[str, Any]:
        match pair:
            case [str(key), item]:
                return key, self.decode(item, depth)
            case _:
                raise UnknownValueError("a map's entry is not a pair")

    def _register(self, cls: type[Any]) -> None:
        if issubclass(cls, Enum):
            self._enums[cls.__name__] = cls
        elif attrs.has(cls):
            rival = self._values.setdefault(cls.__name__, cls)
            assert rival is cls, f"two values of the seam are named {cls.__name__}"


def _fields(cls: type[Any]) -> "list[attrs.Attribute[Any]]":
    return [field for field in attrs.fields(cls) if field.init]


def _bytes(value: bytes) -> dict[str, str]:
    try:
        return {"$text": value.decode()}
    except UnicodeDecodeError:
        return {"$base64": base64.b64encode(value).decode()}


def _unbase64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise UnknownValueError("malformed base64") from error
