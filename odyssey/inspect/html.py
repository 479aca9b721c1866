"""A recording as one page for any browser: nothing is loaded, and nothing in it can become a program."""

import base64
import hashlib
import html
import json
from collections.abc import Iterable, Sequence
from importlib.resources import files
from typing import Any

from odyssey.cli.trace_show import printable
from odyssey.inspect.intervals import Interval
from odyssey.inspect.line import Actor, Tone, counted
from odyssey.inspect.opened import opened
from odyssey.inspect.remarks import remarks
from odyssey.inspect.story import Story, StoryEntry
from odyssey.inspect.travel import Travel
from odyssey_proto.kernel.machine import Instant
from odyssey_proto.trace.replay import State

PROGRAMS = ("tools.js", "timeline.js", "conversation.js", "record.js", "page.js")
"""The programs of the page, in the order in which they are run."""

ACTORS = tuple(Actor)
TONES = tuple(Tone)


def page(travel: Travel, name: str, *, secrets: bool = False) -> str:
    """
    Returns the page of a trace; `name` stands in its title.

    What is secret is shown if the trace holds pseudonyms in its place, or if `secrets` are wanted.
    """
    folder = files("odyssey.cli") / "page"
    style = (folder / "page.css").read_text(encoding="utf-8")
    programs = [(folder / each).read_text(encoding="utf-8") for each in PROGRAMS]
    parts = {
        "title": html.escape(printable(name)),
        "policy": _policy(style, programs),
        "style": style,
        "data": embedded(contents(travel, name, secrets=secrets)),
        "programs": "\n".join(f"<script>{each}</script>" for each in programs),
    }
    text = (folder / "page.html").read_text(encoding="utf-8")
    # In one pass, so that nothing that is put in is looked at again.
    pieces = text.split("{{")
    return pieces[0] + "".join(
        parts[key] + rest for key, _, rest in (piece.partition("}}") for piece in pieces[1:])
    )


def embedded(value: object) -> str:
    """Returns JSON that can stand between script tags: no character in it means anything to HTML."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def contents(travel: Travel, name: str, *, secrets: bool = False) -> dict[str, Any]:
    """Returns everything that the page shows, as plain data; times in microseconds from the first record."""
    told = travel.story
    header = told.trace.header
    states, of_step = _states(travel.states)
    different = travel.different

    def spans(some: Iterable[Interval]) -> list[Any]:
        return [_span(each, told.begins) for each in some]

    return {
        "title": printable(name),
        "machine": header.machine,
        "facts": _facts(told),
        "warnings": list(remarks(travel)),
        "actors": [header.machine if each is Actor.MACHINE else each.value for each in ACTORS],
        "tones": [each.value for each in TONES],
        "length": told.ends - told.begins,
        "records": [_record(beat, told.begins, secrets=secrets or header.redacted) for beat in told.beats],
        "states": states,
        "stateOfStep": of_step,
        "differs": None if different is None else different.index,
        "ways": [{"reached": way.reached, "phases": spans(way.phases)} for way in told.connect_paths],
        "statuses": spans(told.statuses),
        "phases": spans(told.phases),
        "streams": spans(told.streams),
        "stalls": spans(told.stalls),
        "waits": [[ACTORS.index(wait.actor), *_span(wait.span, told.begins)] for wait in told.waits],
        "frames": [
            [each.begins - told.begins, each.ends - told.begins, each.frames, each.missing, each.number]
            for each in told.frames
        ],
    }


def _record(beat: StoryEntry, begins: Instant, *, secrets: bool) -> list[Any]:
    record, line = beat.record, beat.line
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
        beat.tie.cause,
        beat.tie.answers,
        # As text: the browser takes it apart when somebody opens the record.
        json.dumps(opened(record.value, secrets=secrets), ensure_ascii=True),
    ]


def _span(span: Interval, begins: Instant) -> list[Any]:
    ends = None if span.ends is None else span.ends - begins
    return [span.name, span.begins - begins, ends, span.number, TONES.index(span.tone)]


def _states(states: Sequence[State]) -> tuple[list[Any], list[int]]:
    """Returns each state once, and for every step the number of the one it left."""
    known: dict[State, int] = {}
    of_step = [known.setdefault(state, len(known)) for state in states]
    return [[list(pair) for pair in state] for state in known], of_step


def _facts(told: Story) -> list[str]:
    header = told.trace.header
    made = ", ".join(f"{name} {version}" for name, version in header.versions)
    return [
        f"{counted(len(told.trace.steps), 'step')}, {counted(len(told.beats), 'record')}",
        f"{(told.ends - told.begins) / 1_000_000:.3f} s",
        "without secrets" if header.redacted else "with its secrets",
        *([printable(made)] if made else []),
    ]


def _policy(style: str, programs: Iterable[str]) -> str:
    """Returns the rule that only what is here may run and be shown (Content Security Policy, by hashes)."""
    run = " ".join(map(_hash, programs))
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {run}; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
