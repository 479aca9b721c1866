"""
Events files: JSON Lines, whose fields no source documents (docs/protocol.md#recordings, #open-points).

So a line is read as an entry of a script (docs/protocol.md#simulation-scripts) or as a message of the
stream (docs/protocol.md#stream-messages), whichever it looks like, and its other members are kept as they
are.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from odyssey_proto.kernel.failures import RemoteProtocolError
from odyssey_proto.kernel.json_text import compact
from odyssey_proto.kernel.machine import Span, millis
from odyssey_proto.messages.fields import Fields, parse_object
from odyssey_proto.model.recordings import EventLog, RecordedEvent, RecordedKind

MAX_LINES = 250_000
"""How many lines of a file are read."""

MAX_LINE_BYTES = 64 * 1024
"""The longest line that is read; nothing that happens in a stream is longer than a message about it."""

_KINDS: Mapping[str, RecordedKind] = {
    "start": RecordedKind.START,
    "interactive_stream_start": RecordedKind.START,
    "stream_started": RecordedKind.START,
    "interact": RecordedKind.INTERACT,
    "update": RecordedKind.INTERACT,
    "update_acknowledged": RecordedKind.INTERACT,
    "end": RecordedKind.END,
    "interactive_stream_end": RecordedKind.END,
    "stream_ended": RecordedKind.END,
}

_ACTIONS = (RecordedKind.START, RecordedKind.INTERACT, RecordedKind.END)


def decode(data: bytes) -> EventLog:
    """Takes an events file, whatever it is, line by line; lines that are none, or too long, are counted."""
    events: list[RecordedEvent] = []
    unreadable = 0
    for line in islice(_lines(data), MAX_LINES):
        if not line.strip():
            continue
        try:
            if len(line) > MAX_LINE_BYTES:
                raise RemoteProtocolError("a line that is too long")
            events.append(_event(line))
        except (RemoteProtocolError, UnicodeDecodeError):
            unreadable += 1
    return EventLog(tuple(sorted(events, key=lambda event: event.at)), unreadable)


def _lines(data: bytes) -> Iterator[bytes]:
    """Gives the lines of a file, of one that is too long no more than shows that."""
    start = 0
    while start < len(data):
        end = data.find(b"\n", start)
        end = len(data) if end < 0 else end
        yield data[start : min(end, start + MAX_LINE_BYTES + 1)]
        start = end + 1


def encode(at: Span, kind: RecordedKind, prompt: str | None = None) -> str:
    """Returns a line in the form of a script's entry, without its end."""
    said = {} if prompt is None else {"prompt": prompt}
    return compact({"timestamp_ms": at // millis(1), kind.value: said})


def _event(line: bytes) -> RecordedEvent:
    fields = parse_object(line)
    at = fields.number_or("timestamp_ms", None)
    if at is None:
        raise RemoteProtocolError("a line without its time")
    kind, said = _said(fields)
    prompt = said.text_if("applied_prompt")
    return RecordedEvent(
        at / 1000, kind, said.text_if("prompt") if prompt is None else prompt, line.decode().strip()
    )


def _said(fields: Fields) -> tuple[RecordedKind, Fields]:
    for kind in _ACTIONS:
        inner: Any = fields.values.get(kind.value)
        if isinstance(inner, dict):
            return kind, Fields(inner)
    return _KINDS.get(fields.text_if("type") or "", RecordedKind.OTHER), fields
