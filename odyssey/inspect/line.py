"""Who takes part in a conversation, and one line of it: what is shown of a record at a glance."""

from enum import Enum, unique
from typing import Any
from urllib.parse import urlsplit

from attrs import frozen

from odyssey_proto.kernel.failures import Failure, RemoteProtocolError
from odyssey_proto.kernel.json_text import parse
from odyssey_proto.kernel.text import one_line
from odyssey_proto.messages.public import MEMBERS, MemberKind

MAX_LINE_CHARS = 72
"""Longer words are cut, in characters."""


@unique
class Actor(Enum):
    """Who takes part, from left to right."""

    APPLICATION = "application"
    MACHINE = "machine"
    """The one that was recorded; what it only says to itself or to its engine stays with it."""
    API = "API"
    SIGNALING = "signaling"
    STREAMER = "streamer"


@unique
class Tone(Enum):
    """How a record matters to a reader."""

    PLAIN = "plain"
    GOOD = "good"
    BAD = "bad"
    QUIET = "quiet"
    """Of interest only to who looks closely."""


@frozen
class Line:
    """A record in words."""

    source: Actor
    target: Actor
    title: str
    detail: str = ""
    tone: Tone = Tone.PLAIN


def short(text: object) -> str:
    """Returns words that fit in a line."""
    line = one_line(str(text))
    return line if len(line) <= MAX_LINE_CHARS else line[: MAX_LINE_CHARS - 1] + "…"


def counted(number: int, name: str) -> str:
    """Returns a number with the name of what is counted, which has a plural in s."""
    return f"{number} {name}" if number == 1 else f"{number} {name}s"


def message_words(text: str) -> tuple[str, str]:
    """Returns the `type` of a JSON message and its other members in short; the text itself if it is none."""
    try:
        message = parse(text)
    except RemoteProtocolError:
        return "text", short(text)
    if not isinstance(message, dict):
        return "text", short(text)
    members = (f"{name} {_member(name, value)}" for name, value in message.items() if name != "type")
    return short(message.get("type", "message")), short(", ".join(members))


def failed(failure: Failure) -> str:
    """Returns a failure in a line, with its code."""
    return short(f"{failure.name}: {failure.message}")


def path_of(url: str) -> str:
    """Returns the path of an address."""
    try:
        return urlsplit(url).path or "/"
    except ValueError:
        return "/"


def _member(name: str, value: Any) -> str:
    match value:
        case str() if MEMBERS.get(name) in _HIDDEN or name == "sdp":
            return f"({len(value)} characters)"
        case str() | int() | float() | bool() | None:
            return short(value)
        case _:
            return "…"


_HIDDEN = (MemberKind.SECRET, MemberKind.IMAGE)
