"""
Any value of the seam as JSON, and back.

Values at the seam are frozen, and their fields are text, whole numbers, truth values, bytes, Enums,
tuples, lists, secrets and other such classes; JSON objects of the service may stand in them.
So one small table of tags serves them all, and a new class needs no code here.

| value | JSON |
|---|---|
| None, truth value, number, text | itself |
| text with half a surrogate pair | `{"$utf16": "..."}`, little-endian, in base64 |
| tuple | an array |
| list | `{"$list": [...]}` |
| value with fields | `{"$": "ClassName", "field": ...}` |
| Enum member | `{"$enum": ["ClassName", "MEMBER"]}` |
| bytes that are UTF-8 text | `{"$text": "..."}` |
| other bytes | `{"$base64": "..."}` |
| Secret | `{"$secret": "..."}` |
| dict | `{"$map": [[key, value], ...]}` |
"""

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from types import ModuleType
from typing import Any

from odyssey_proto.kernel.introspection import has_fields
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.kernel.text import encodable
from odyssey_proto.trace.shapes import checks_of

MAX_DEPTH = 64
"""Values nested deeper than this are refused; the seam's own need fewer than ten levels."""


class UnknownValueError(ValueError):
    """A value, or a piece of JSON, that is none of the seam's."""


class Codec:
    """
    Translates the values whose classes are defined in the given modules.

    The modules stand under a prefix of the names of their classes, which is empty unless two
    modules of the seam use the same word.
    """

    def __init__(self, modules: Mapping[str, Iterable[ModuleType]]) -> None:
        self._classes: dict[str, type[Any]] = {}
        for prefix, listed in modules.items():
            for module in listed:
                for cls in _defined(module):
                    self._register(prefix + cls.__name__, cls)
        self._names = {cls: name for name, cls in self._classes.items()}

    @property
    def classes(self) -> Mapping[str, type[Any]]:
        """Everything that has a place in a trace, by name."""
        return self._classes

    def name_of(self, cls: type[Any]) -> str:
        """Returns the name of a class in a trace; that of its own for a class that has no place there."""
        return self._names.get(cls, cls.__name__)

    def encode(self, value: Any, depth: int = 0) -> Any:
        """Returns the JSON form; `UnknownValueError` for a value that has none."""
        if depth > MAX_DEPTH:
            raise UnknownValueError(f"nested deeper than {MAX_DEPTH} levels")
        match value:
            case Enum() if not isinstance(value, int) or type(value) in self._names:
                return {"$enum": [self._known(value), value.name]}
            case str():
                return str(value) if encodable(value) else to_utf16(value)
            case None | bool() | float():
                return value
            case int():
                # A library's named numbers are numbers to us.
                return int(value)
            case bytes():
                return _bytes(value)
            case tuple():
                return [self.encode(item, depth + 1) for item in value]
            case list():
                return {"$list": [self.encode(item, depth + 1) for item in value]}
            case Secret():
                return {"$secret": value.reveal()}
            case Mapping():
                return {"$map": [[key, self.encode(item, depth + 1)] for key, item in value.items()]}
            case _:
                return self._encode_value(value, depth)

    def decode(self, form: Any, depth: int = 0) -> Any:
        """Returns the value; `UnknownValueError` for JSON that is none, or whose fields do not fit."""
        if depth > MAX_DEPTH:
            raise UnknownValueError(f"nested deeper than {MAX_DEPTH} levels")
        match form:
            case None | bool() | int() | float() | str():
                return form
            case list():
                return tuple(self.decode(item, depth + 1) for item in form)
            case {"$": str(name)}:
                return self._decode_value(name, form, depth)
            case {"$enum": [str(name), str(member)]}:
                return self._decode_enum(name, member)
            case {"$text": str(text)}:
                return text.encode()
            case {"$base64": str(text)}:
                return _unbase64(text)
            case {"$secret": str(text)}:
                return Secret(text)
            case {"$utf16": str(text)}:
                return from_utf16(text)
            case {"$list": list(items)}:
                return [self.decode(item, depth + 1) for item in items]
            case {"$map": list(pairs)}:
                return dict(self._decode_pair(pair, depth + 1) for pair in pairs)
            case _:
                raise UnknownValueError("an object without a known tag")

    def _encode_value(self, value: Any, depth: int) -> Any:
        form: dict[str, Any] = {"$": self._known(value)}
        cls: Any = type(value)
        for name in checks_of(cls):
            form[name] = self.encode(getattr(value, name), depth + 1)
        return form

    def _decode_value(self, name: str, form: Mapping[str, Any], depth: int) -> Any:
        cls = self._classes.get(name)
        if cls is None or issubclass(cls, Enum):
            raise UnknownValueError(f"there is no value {name[:60]!r}")
        made: Any = cls
        known = checks_of(made)
        arguments: dict[str, Any] = {}
        for key, item in form.items():
            if key == "$":
                continue
            if key not in known:
                raise UnknownValueError(f"{name} has no field {key[:60]!r}")
            argument, fits = known[key]
            arguments[argument] = value = self.decode(item, depth + 1)
            if not fits(value):
                raise UnknownValueError(f"the field {key!r} of {name} cannot hold this")
        try:
            return cls(**arguments)
        except Exception:  # noqa: BLE001  a class may refuse in any way, and its words may repeat a secret
            raise UnknownValueError(f"{name} cannot be made of these fields") from None

    def _decode_enum(self, name: str, member: str) -> Enum:
        cls = self._classes.get(name)
        if cls is None or not issubclass(cls, Enum) or member not in cls.__members__:
            raise UnknownValueError(f"there is no member {f'{name}.{member}'[:60]!r}")
        return cls[member]

    def _decode_pair(self, pair: Any, depth: int) -> tuple[str, Any]:
        match pair:
            case [str(key), item]:
                return key, self.decode(item, depth)
            case _:
                raise UnknownValueError("a map's entry is not a pair")

    def _known(self, value: Any) -> str:
        name = self._names.get(type(value))
        if name is None:
            raise UnknownValueError(f"a {type(value).__name__} has no place in a trace")
        return name

    def _register(self, name: str, cls: type[Any]) -> None:
        rival = self._classes.setdefault(name, cls)
        assert rival is cls, f"two classes of the seam are named {name}"


def _defined(module: ModuleType) -> Iterator[type[Any]]:
    for member in vars(module).values():
        own = isinstance(member, type) and member.__module__ == module.__name__
        if own and (issubclass(member, Enum) or has_fields(member)):
            yield member


def _bytes(value: bytes) -> dict[str, str]:
    try:
        return {"$text": value.decode()}
    except UnicodeDecodeError:
        return {"$base64": base64.b64encode(value).decode()}


def _unbase64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise UnknownValueError("malformed base64") from None


def to_utf16(text: str) -> dict[str, str]:
    """Returns the form of a text that is no UTF-8."""
    return {"$utf16": base64.b64encode(text.encode("utf-16-le", "surrogatepass")).decode()}


def from_utf16(text: str) -> str:
    """Returns the text that is no UTF-8 in its form; `UnknownValueError` if the form is none."""
    try:
        return _unbase64(text).decode("utf-16-le", "surrogatepass")
    except UnicodeDecodeError:
        raise UnknownValueError("malformed UTF-16") from None
