"""One stream as both sides saw it: the service's events file and our own trace, by stream time."""

from collections.abc import Iterable, Iterator

from attrs import frozen

from odyssey_proto.kernel.machine import Instant
from odyssey_proto.model.events import Disconnected, StreamEnded, StreamStarted
from odyssey_proto.model.recordings import RecordedEvent
from odyssey_proto.seam.commands import Command
from odyssey_proto.seam.outputs import Happened
from odyssey_proto.trace.values import Record, Trace


@frozen
class Moment:
    """One thing that happened."""

    at: float
    """Seconds from the beginning of the stream."""
    what: RecordedEvent | Record
    """A line of the service's file, or a command or event of the client."""


def timeline(recorded: Iterable[RecordedEvent], trace: Trace, stream_id: str) -> tuple[Moment, ...]:
    """
    Returns what the service recorded and what the client did and received, in the order of stream time.

    The client's time begins where it received that the stream started, so the two clocks differ by the
    way of that message.
    At the same time the service comes first.
    Raises `ValueError` if the trace has no such stream.
    """
    local = list(_of_stream(trace, stream_id))
    theirs = [Moment(event.at, event) for event in recorded]
    return tuple(sorted([*theirs, *local], key=lambda moment: moment.at))


def _of_stream(trace: Trace, stream_id: str) -> Iterator[Moment]:
    began: Instant | None = None
    for record in trace.records():
        event = record.value.event if isinstance(record.value, Happened) else None
        if began is None and isinstance(event, StreamStarted) and event.stream_id == stream_id:
            began = record.at
        if began is not None and (event is not None or isinstance(record.value, Command)):
            yield Moment((record.at - began) / 1_000_000, record)
        if began is not None and isinstance(event, StreamEnded | Disconnected):
            return
    if began is None:
        raise ValueError(f"the trace has no stream {stream_id!r}")
