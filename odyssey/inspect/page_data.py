"""Everything that the page of a trace shows, as plain data for its programs."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from odyssey.inspect.cursor import TraceCursor
from odyssey.inspect.failures import failures
from odyssey.inspect.intervals import Interval
from odyssey.inspect.line import Actor, Tone, counted
from odyssey.inspect.plain_data import plain_data
from odyssey.inspect.story import Story, StoryEntry
from odyssey.inspect.transcript import printable, remarks
from odyssey_proto.kernel.machine import Instant
from odyssey_proto.trace.replay import State

ACTORS = tuple(Actor)
TONES = tuple(Tone)


def page_data(cursor: TraceCursor, name: str, *, secrets: bool = False) -> dict[str, Any]:
    """
    Returns everything that the page shows; times are in microseconds from the first record.

    What is secret is shown if the trace holds pseudonyms in its place, or if `secrets` are wanted.
    """
    shown = cursor.story
    header = shown.trace.header
    secrets = secrets or header.redacted
    states, of_step = _states(cursor.states)
    different = cursor.different

    def spans(some: Iterable[Interval]) -> list[Any]:
        return [_span(each, shown.begins) for each in some]

    return {
        "title": printable(name),
        "machine": header.machine,
        "facts": _facts(shown),
        "failures": [[printable(each.text), each.entry.number] for each in failures(shown)],
        "warnings": list(remarks(cursor)),
        "actors": [shown.name_of(each) for each in ACTORS],
        "tones": [each.value for each in TONES],
        "length": shown.ends - shown.begins,
        "records": [_record(entry, shown.begins, secrets=secrets) for entry in shown.entries],
        "states": states,
        "stateOfStep": of_step,
        "differs": None if different is None else different.index,
        "paths": [{"reached": path.reached, "phases": spans(path.phases)} for path in shown.connect_paths],
        "statuses": spans(shown.statuses),
        "phases": spans(shown.phases),
        "streams": spans(shown.streams),
        "stalls": spans(shown.stalls),
        "waits": [[ACTORS.index(wait.actor), *_span(wait.span, shown.begins)] for wait in shown.waits],
        "frames": [
            [each.begins - shown.begins, each.ends - shown.begins, each.frames, each.missing, each.number]
            for each in shown.frames
        ],
    }


def _record(entry: StoryEntry, begins: Instant, *, secrets: bool) -> list[Any]:
    record, line = entry.record, entry.line
    return [
        record.at - begins,
        record.step,
        record.kind,
        record.name,
        ACTORS.index(line.source),
        ACTORS.index(line.target),
        TONES.index(line.tone),
        line.title,
        line.detail,
        entry.tie.cause,
        entry.tie.answers,
        # As text: the browser takes it apart when somebody opens the record.
        json.dumps(plain_data(record.value, secrets=secrets), ensure_ascii=True),
    ]


def _span(span: Interval, begins: Instant) -> list[Any]:
    ends = None if span.ends is None else span.ends - begins
    return [span.name, span.begins - begins, ends, span.number, TONES.index(span.tone)]


def _states(states: Sequence[State]) -> tuple[list[Any], list[int]]:
    """Returns each state once, and for every step the number of the one it left."""
    known: dict[State, int] = {}
    of_step = [known.setdefault(state, len(known)) for state in states]
    return [[list(pair) for pair in state] for state in known], of_step


def _facts(shown: Story) -> list[str]:
    header = shown.trace.header
    made = ", ".join(f"{name} {version}" for name, version in header.versions)
    return [
        f"{counted(len(shown.trace.steps), 'step')}, {counted(len(shown.entries), 'record')}",
        f"{(shown.ends - shown.begins) / 1_000_000:.3f} s",
        "without secrets" if header.redacted else "with its secrets",
        *([printable(made)] if made else []),
    ]
