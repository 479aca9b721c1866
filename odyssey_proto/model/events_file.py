"""What happened in a recorded stream, as its events file says (docs/protocol.md#recordings)."""

from collections.abc import Iterator
from enum import StrEnum, unique

from attrs import field, frozen

from odyssey_proto.kernel.secret import sized


@unique
class RecordedKind(StrEnum):
    """What kind of thing happened."""

    START = "start"
    INTERACT = "interact"
    END = "end"
    OTHER = "other"
    """Something that this version does not know; `RecordedEvent.text` has it all."""


@frozen
class RecordedEvent:
    """One line of an events file."""

    at: float
    """Seconds from the beginning of the stream."""
    kind: RecordedKind
    prompt: str | None = field(default=None, repr=sized)
    """As the service applied it, if the line says so; otherwise as it was given."""
    text: str = field(default="", repr=sized)
    """The whole line: a JSON object."""


@frozen
class EventLog:
    """An events file: its lines in the order of time."""

    events: tuple[RecordedEvent, ...] = ()
    unreadable: int = 0
    """How many lines were no JSON objects with a time."""

    def __iter__(self) -> Iterator[RecordedEvent]:
        return iter(self.events)

    def __len__(self) -> int:
        return len(self.events)
