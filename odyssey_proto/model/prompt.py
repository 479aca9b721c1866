"""What a prompt may be."""

from typing import Any

from attrs import Attribute

from odyssey_proto.kernel.json_text import encodable

MAX_PROMPT_CHARS = 1_000_000
"""The longest prompt that is sent; the service does not document its own limit."""

ALLOWED = frozenset("\t\n\r")
"""The control characters that text has."""


def check_prompt(_: Any, attribute: "Attribute[Any]", value: Any) -> None:
    """The rule, for attrs: text that can be sent; raises `ValueError`."""
    if not isinstance(value, str):
        raise ValueError(f"{attribute.name} must be text, not {type(value).__name__}")
    if len(value) > MAX_PROMPT_CHARS:
        raise ValueError(f"{attribute.name} has {len(value)} characters; the most is {MAX_PROMPT_CHARS}")
    if not encodable(value):
        raise ValueError(f"{attribute.name} contains an unpaired surrogate and cannot be encoded as UTF-8")
    if strange := sorted({each for each in value if (each < " " or each == "\x7f") and each not in ALLOWED}):
        raise ValueError(f"{attribute.name} holds the control character U+{ord(strange[0]):04X}")


def check_nonempty_prompt(instance: Any, attribute: "Attribute[Any]", value: Any) -> None:
    """The rule of a prompt that changes something: it says something."""
    check_prompt(instance, attribute, value)
    if not value.strip():
        raise ValueError(f"{attribute.name} is empty")
