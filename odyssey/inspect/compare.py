"""Two traces side by side: which steps are the same, which went otherwise, which one has and one has not."""

import difflib
from collections.abc import Iterator, Sequence
from enum import Enum, unique
from itertools import islice
from typing import Any

from attrs import evolve, frozen

from odyssey.inspect.run_words import RunWords
from odyssey.inspect.story import story
from odyssey_proto.seam.inputs import MediaSeen
from odyssey_proto.trace.describe import described
from odyssey_proto.trace.values import Step, Trace, name_of

MAX_LINES = 40
"""The most lines of the differences in one step that are shown."""


@unique
class Match(Enum):
    """How two steps compare."""

    SAME = "same"
    CHANGED = "changed"
    LEFT = "left"
    """Only the first trace has it."""
    RIGHT = "right"
    """Only the second trace has it."""


@frozen
class Aligned:
    """A step of one trace and its like in the other, by their numbers."""

    match: Match
    left: int | None
    right: int | None
    lines: tuple[str, ...] = ()
    """What changed, as the lines of a diff."""


def compared(left: Trace, right: Trace, *, times: bool = False) -> Iterator[Aligned]:
    """
    Aligns the steps of two traces by what they say in short, and returns them in order.

    What is drawn anew in every run does not count, nor does how many frames have come and what limited them,
    nor do the numbers of exchanges, sockets, peers and commands, because one more shifts all others.
    Times are ignored unless `times` is set: those of steps and those of deadlines.
    """
    ours, theirs = _titles(left), _titles(right)
    lines = _lines(left, times=times), _lines(right, times=times)
    # Steps that occur very often are no landmarks: difflib leaves them to their neighbours.
    matcher = difflib.SequenceMatcher(None, ours, theirs)
    for _, begins, ends, other, others in matcher.get_opcodes():
        pairs = _paired(left.steps[begins:ends], right.steps[other:others])
        for one, two in pairs:
            here = None if one is None else begins + one
            there = None if two is None else other + two
            if not _alone_and_counts(left, here, there) and not _alone_and_counts(right, there, here):
                yield _aligned(*lines, here, there)


def _alone_and_counts(trace: Trace, number: int | None, other: int | None) -> bool:
    """Tells whether a step without its like only counts frames, which is a matter of time."""
    if number is None or other is not None:
        return False
    step = trace.steps[number]
    return isinstance(step.inp, MediaSeen) and not step.outputs


def _titles(trace: Trace) -> list[tuple[str, ...]]:
    """Returns what every step says in short: what steps are aligned by."""
    words = RunWords()
    titles: list[list[str]] = [[] for _ in trace.steps]
    for entry in story(trace).entries:
        if entry.record.kind != "deadline" and entry.record.step < len(titles):
            titles[entry.record.step].append(words.plain("", entry.line.title))
    return [tuple(each) for each in titles]


def _paired(left: Sequence[Step], right: Sequence[Step]) -> Iterator[tuple[int | None, int | None]]:
    """Pairs the steps of two stretches that say different things, by the names of their inputs."""
    ours, theirs = ([name_of(step.inp) for step in steps] for steps in (left, right))
    for tag, begins, ends, other, others in difflib.SequenceMatcher(None, ours, theirs).get_opcodes():
        if tag == "equal":
            yield from zip(range(begins, ends), range(other, others), strict=True)
        else:
            yield from ((number, None) for number in range(begins, ends))
            yield from ((None, number) for number in range(other, others))


def _aligned(
    left: Sequence[list[str]], right: Sequence[list[str]], one: int | None, two: int | None
) -> Aligned:
    if one is None or two is None:
        return Aligned(Match.RIGHT if one is None else Match.LEFT, one, two)
    if left[one] == right[two]:
        return Aligned(Match.SAME, one, two)
    diff = difflib.unified_diff(left[one], right[two], lineterm="", n=1)
    # The first two lines name the files.
    lines = tuple(islice(diff, 2, MAX_LINES + 3))
    if len(lines) > MAX_LINES:
        lines = (*lines[:MAX_LINES], "…")
    return Aligned(Match.CHANGED, one, two, lines)


def _lines(trace: Trace, *, times: bool) -> list[list[str]]:
    """Returns each step as the lines that are compared."""
    words = RunWords()
    return [_lines_of(step, words, times=times) for step in trace.steps]


def _lines_of(step: Step, words: RunWords, *, times: bool) -> list[str]:
    inp = step.inp
    if isinstance(inp, MediaSeen):
        # How many have come by then, and what limited them, is a matter of the run; whether any has is not,
        # nor is what the application learns of a limit.
        inp = evolve(inp, received=min(inp.received, 1), limited_by=None)
    said = tuple(map(_unnumbered, (inp, *step.outputs)))
    lines = described(evolve(step, outputs=said), words.plain)
    if times:
        return [f"time: {step.at}", *lines]
    waits = "nothing" if step.deadline is None else step.deadline.reason.name
    return [*lines[:-1], f"waits for: {waits}"]


def _unnumbered(value: Any) -> Any:
    numbers = {name: 0 for name in ("exchange", "socket", "peer", "fetch", "command") if hasattr(value, name)}
    return evolve(value, **numbers)
