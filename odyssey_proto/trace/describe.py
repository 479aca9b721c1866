"""A step as lines for a reader, a field a line, with every text shown but what is secret."""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from attrs import frozen

from odyssey_proto.kernel.introspection import fields_of, has_fields
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.trace.values import Step

WIDTH = 96
"""The most characters in a line; longer texts go on in further lines."""


type Show = Callable[[str, str], str]
"""Returns a text as it is shown, from the name of its field and the text."""


def described(step: Step, show: Show = lambda name, text: text) -> list[str]:
    """Returns a step as lines: outputs, refusal and deadline."""
    describe = _Describer(show).value
    lines: list[str] = []
    for output in step.outputs:
        lines += describe(output)
    if step.refused is not None:
        lines += describe(step.refused, "refused")
    waits = "none" if step.deadline is None else f"{step.deadline.reason.name} at {step.deadline.at}"
    return [*lines, f"deadline: {waits}"]


def described_value(value: Any) -> list[str]:
    """Returns a value of the seam as lines."""
    return _Describer(lambda name, text: text).value(value)


@frozen
class _Describer:
    show: Show

    def value(self, value: Any, name: str = "", indent: str = "") -> list[str]:
        label = f"{indent}{name}: " if name else indent
        deeper = indent + "  "
        match value:
            case Secret():
                return [f"{label}***"]
            case str() if type(value) is str:
                return _wrapped(label, self.show(name, value), deeper)
            case bytes():
                return _wrapped(label, self.show(name, value.decode(errors="replace")), deeper)
            case Enum():
                return [f"{label}{value.name}"]
            case tuple() | list() if value:
                return [label.rstrip(), *(line for item in value for line in self._item(item, deeper))]
            case Mapping() if value:
                return [
                    label.rstrip(),
                    *(line for pair in value.items() for line in self._item(pair, deeper)),
                ]
            case _:
                return self._fields(value, label, deeper)

    def _item(self, item: Any, indent: str) -> list[str]:
        match item:
            case (str(name), value) if name.isprintable():
                # Headers, queries and other tables are pairs.
                return self.value(value, name, indent)
            case _:
                return self.value(item, "", indent)

    def _fields(self, value: Any, label: str, indent: str) -> list[str]:
        cls: type[Any] = type(value)
        if not has_fields(cls):
            return [f"{label}{value!r}"]
        lines = [f"{label}{cls.__name__}"]
        for field in fields_of(cls):
            item = getattr(value, field.name)
            hidden = "secret" in field.marks and item
            lines += self.value(Secret("") if hidden else item, field.name, indent)
        return lines


def _wrapped(label: str, text: str, indent: str) -> list[str]:
    first, *more = [text[at : at + WIDTH] for at in range(0, len(text), WIDTH)] or [""]
    return [f"{label}{first!r}", *(f"{indent}{line!r}" for line in more)]
