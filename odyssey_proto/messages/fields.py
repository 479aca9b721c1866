"""Reads JSON objects from the wire, field by field, and says which field is wrong."""

from collections.abc import Callable, Mapping
from typing import Any

from odyssey_proto.kernel.failures import RemoteProtocolError
from odyssey_proto.kernel.json_text import parse
from odyssey_proto.kernel.machine import Span, seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.kernel.text import encodable
from odyssey_proto.model.address import is_plain_segment

WIDEST = 2**53
"""Whole numbers beyond this are not the same to every JSON reader (RFC 7493 section 2.2)."""

LARGEST = 1e300
"""Whole numbers beyond this do not fit into a float."""

MAX_TOKEN = 16_384
MAX_SPAN = 10**9
"""About thirty years, in seconds."""


class Fields:
    """
    A JSON object.

    `x(name)` wants the field to be there, `x_or(name, default)` takes `default` for one that is
    absent or null; both raise `RemoteProtocolError` for a wrong type.
    `x_if(name)` is for what only informs: it gives `None` for whatever is unusable.
    """

    __slots__ = ("_path", "_values")

    def __init__(self, values: Mapping[str, Any], path: str = "") -> None:
        self._values = values
        self._path = path

    def __repr__(self) -> str:
        return f"<Fields {self._path or '.'} with {len(self._values)}>"

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all fields, in the order of the wire; raises if one cannot be said in UTF-8."""
        if not all(encodable(name) for name in self._values):
            raise RemoteProtocolError(f"a name in {self._path or 'the object'} is not text", status=422)
        return tuple(self._values)

    @property
    def values(self) -> Mapping[str, Any]:
        """The raw values."""
        return self._values

    def has(self, name: str) -> bool:
        """Tells whether a field is there and not null."""
        return self._values.get(name) is not None

    def text(self, name: str) -> str:
        """Returns a string, which may be empty."""
        return self._read(name, _text)

    def text_or[D](self, name: str, default: D) -> str | D:
        """Returns a string or the default."""
        return self._read_or(name, default, _text)

    def text_if(self, name: str) -> str | None:
        """Returns a string if there is one."""
        try:
            return self.text_or(name, None)
        except RemoteProtocolError:
            return None

    def identifier(self, name: str) -> str:
        """Returns an id that stands in a path, or names a file, as it is."""
        return self._read(name, _identifier)

    def address(self, name: str, check: Callable[[str], object]) -> str:
        """Returns an address as it was received; `check` raises `ValueError` if it is not usable."""
        address = self.text(name)
        try:
            check(address)
        except ValueError as error:
            raise RemoteProtocolError(f"{self._path}{name}: {error}", status=422) from None
        return address

    def secret(self, name: str) -> Secret:
        """Returns a token: printable ASCII without blanks, so that it fits into a header field."""
        return self._read(name, _secret)

    def whole(self, name: str) -> int:
        """Returns a whole number."""
        return self._read(name, _whole)

    def whole_or[D](self, name: str, default: D) -> int | D:
        """Returns a whole number or the default."""
        return self._read_or(name, default, _whole)

    def number_or[D](self, name: str, default: D) -> float | D:
        """Returns a number or the default."""
        return self._read_or(name, default, _number)

    def flag_or[D](self, name: str, default: D) -> bool | D:
        """Returns a flag or the default."""
        return self._read_or(name, default, _flag)

    def span_or(self, name: str, default: Span) -> Span:
        """Returns a length of time that the wire has in seconds, or the default."""
        return self._read_or(name, default, _span)

    def object(self, name: str) -> "Fields":
        """Returns an object."""
        return Fields(self._read(name, _object), f"{self._path}{name}.")

    def object_or[D](self, name: str, default: D) -> "Fields | D":
        """Returns an object or the default."""
        return default if self._values.get(name) is None else self.object(name)

    def list(self, name: str) -> list[Any]:
        """Returns a list of raw values."""
        return self._read(name, _list)

    def objects(self, name: str) -> "tuple[Fields, ...]":
        """Returns a list of objects."""
        return tuple(
            Fields(self._judge(f"{name}[{at}]", value, _object), f"{self._path}{name}[{at}].")
            for at, value in enumerate(self.list(name))
        )

    def objects_if(self, name: str) -> "tuple[Fields, ...]":
        """Returns those elements of a list that are objects; an absent list counts as empty."""
        values = self._read_or(name, [], _list)
        return tuple(
            Fields(value, f"{self._path}{name}[{at}].")
            for at, value in enumerate(values)
            if isinstance(value, dict)
        )

    def _read[T](self, name: str, take: Callable[[Any], T]) -> T:
        if name not in self._values:
            raise RemoteProtocolError(f"{self._path}{name} is missing", status=422)
        return self._judge(name, self._values[name], take)

    def _read_or[T, D](self, name: str, default: D, take: Callable[[Any], T]) -> T | D:
        value = self._values.get(name)
        return default if value is None else self._judge(name, value, take)

    def _judge[T](self, name: str, value: Any, take: Callable[[Any], T]) -> T:
        try:
            return take(value)
        except TypeError as error:
            raise RemoteProtocolError(f"{self._path}{name} is not {error}", status=422) from None


def parse_object(text: str | bytes) -> Fields:
    """Returns the JSON object of a text; raises `RemoteProtocolError` if it is none."""
    value = parse(text)
    if not isinstance(value, dict):
        raise RemoteProtocolError("not a JSON object", status=422)
    return Fields(value)


def in_seconds(span: Span) -> int | float:
    """Returns a length of time as the wire has it: in seconds, as a whole number if it is one."""
    whole, rest = divmod(span, 1_000_000)
    return span / 1_000_000 if rest else whole


# Each of these gives the value or raises `TypeError` with the words for what was expected.


def _text(value: Any) -> str:
    if not isinstance(value, str) or not encodable(value):
        raise TypeError("text")
    return value


def _identifier(value: Any) -> str:
    if not is_plain_segment(_text(value)):
        raise TypeError("an id")
    return str(value)


def _secret(value: Any) -> Secret:
    text = _text(value)
    plain = text.isascii() and text.isprintable() and " " not in text
    if not plain or not 1 <= len(text) <= MAX_TOKEN:
        raise TypeError("a token of printable ASCII")
    return Secret(text)


def _whole(value: Any) -> int:
    number = _number(value)
    if not -WIDEST <= number <= WIDEST or number != int(number):
        raise TypeError("a whole number")
    return int(number)


def _number(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or abs(value) > LARGEST:
        raise TypeError("a number")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("true or false")
    return value


def _span(value: Any) -> Span:
    number = _number(value)
    if not 0 <= number <= MAX_SPAN:
        raise TypeError("a number of seconds")
    return seconds(number)


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("an object")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("a list")
    return value
