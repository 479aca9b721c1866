"""Typed messages as JSON texts, distinguished by their `type`."""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import field, frozen

from odyssey_proto.kernel.failures import RemoteProtocolError
from odyssey_proto.kernel.json_text import compact
from odyssey_proto.messages.fields import Fields, parse_object

MAX_TYPE = 64


@frozen
class Unknown:
    """A message of a type that is not known, or without one; it means nothing to either side."""

    type: str | None


@frozen
class Shape[M]:
    """How one kind of message, named by its `type`, is written and read."""

    name: str
    message: type[M]
    write: Callable[[M], Mapping[str, Any]] = field(repr=False)
    read: Callable[[Fields], M] = field(repr=False)


def bare[M](name: str, message: type[M]) -> Shape[M]:
    """Returns the shape of a message that has no fields."""
    return Shape(name, message, lambda _: {}, lambda _: message())


class Codec[M]:
    """Writes and reads the messages of one conversation."""

    def __init__(self, *shapes: Shape[Any]) -> None:
        self._by_message = {shape.message: shape for shape in shapes}
        self._by_type = {shape.name: shape for shape in shapes}

    def encode(self, message: M | Unknown) -> str:
        """
        Returns the text of a message.

        Raises `LocalProtocolError` if a field cannot be said in UTF-8.
        """
        if isinstance(message, Unknown):
            return compact({} if message.type is None else {"type": message.type})
        shape = self._by_message[type(message)]
        return compact({"type": shape.name, **shape.write(message)})

    def decode(self, text: str) -> M | Unknown:
        """
        Returns the message of a text; a type that is not known gives `Unknown`.

        Raises `RemoteProtocolError` if the text is no JSON object or a field is wrong.
        """
        fields = parse_object(text)
        name = fields.text_if("type")
        shape = self._by_type.get(name) if name is not None else None
        if shape is None:
            return Unknown(None if name is None else name[:MAX_TYPE])
        message: M = shape.read(fields)
        return message

    def type_of(self, text: str) -> str | None:
        """Returns the `type` that a text has, as far as it can be read."""
        try:
            return parse_object(text).text_if("type")
        except RemoteProtocolError:
            return None
