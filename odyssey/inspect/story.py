"""A trace as a story: every record in words, and what lasted; made once, and shown in many ways."""

from collections.abc import Sequence

from attrs import field, frozen

from odyssey.inspect.causes import Tie, ties
from odyssey.inspect.connect_path import ConnectPath, connect_paths
from odyssey.inspect.frames import Count, counts
from odyssey.inspect.in_words import in_words
from odyssey.inspect.intervals import Interval, Wait, phases, stalls, statuses, streams, waits
from odyssey.inspect.line import Actor, Line
from odyssey_proto.kernel.machine import Instant
from odyssey_proto.seam.inputs import Wake
from odyssey_proto.trace.replay import State
from odyssey_proto.trace.values import Record, Trace


@frozen
class StoryEntry:
    """One record in words; its number is its place among the trace's records, from 0."""

    number: int
    record: Record
    line: Line
    tie: Tie


@frozen
class Story:
    """A trace, ready to be shown."""

    trace: Trace
    entries: tuple[StoryEntry, ...] = field(repr=lambda entries: f"<{len(entries)} entries>")
    waits: tuple[Wait, ...] = field(repr=False)
    connect_paths: tuple[ConnectPath, ...] = field(repr=False)
    statuses: tuple[Interval, ...] = field(repr=False)
    phases: tuple[Interval, ...] = field(repr=False)
    streams: tuple[Interval, ...] = field(repr=False)
    frames: tuple[Count, ...] = field(repr=False)
    stalls: tuple[Interval, ...] = field(repr=False)

    @property
    def begins(self) -> Instant:
        """The time of the first record."""
        return self.entries[0].record.at if self.entries else Instant(0)

    def name_of(self, actor: Actor) -> str:
        """Returns how an actor is called: the machine by what it is."""
        return self.trace.header.machine if actor is Actor.MACHINE else actor.value

    @property
    def ends(self) -> Instant:
        """The time of the last record."""
        return self.entries[-1].record.at if self.entries else Instant(0)


def story(trace: Trace, states: Sequence[State] = ()) -> Story:
    """
    Returns a trace as a story.

    `states` are those of a replay, one after each step; without them the phases of the session are
    unknown.
    """
    records = tuple(trace.records())
    tied = ties(records)
    lines = _lines(records, tied)
    entries = zip(records, lines, tied, strict=True)
    return Story(
        trace,
        tuple(StoryEntry(number, *entry) for number, entry in enumerate(entries)),
        waits(records, tied, lines),
        connect_paths(records, watching=trace.header.machine == "spectator"),
        statuses(records),
        phases(records, states),
        streams(records),
        counts(records),
        stalls(records),
    )


def _lines(records: Sequence[Record], tied: Sequence[Tie]) -> list[Line]:
    lines: list[Line] = []
    for record, tie in zip(records, tied, strict=True):
        about = tie.cause if isinstance(record.value, Wake) else tie.answers
        lines.append(in_words(record, "" if about is None else lines[about].title))
    return lines
