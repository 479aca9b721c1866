"""The texts of a trace, closed as an export closes them."""

from typing import Any

from odyssey_proto.trace.policy import Images, Prompts
from odyssey_proto.trace.redaction.texts import Texts


def texts(**how: Any) -> Texts:
    return Texts(how.pop("prompts", Prompts.KEEP), how.pop("images", Images.HASH), **how)


def closed(text: str, name: str = "", **how: Any) -> str:
    """Returns a closed text, which stays as it is when it is closed again."""
    once = texts(**how).text(text, name)
    assert texts(again=True, **how).text(once, name) == once
    return once
