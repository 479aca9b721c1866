"""A recording as text: lines of styled pieces, coloured by rich where there is one and a terminal."""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec

from odyssey.inspect.compare import Aligned, Match
from odyssey.inspect.line import Actor, Tone, counted
from odyssey.inspect.remarks import remarks
from odyssey.inspect.story import Story, StoryEntry, story
from odyssey.inspect.travel import Travel
from odyssey_proto.trace.values import Trace

type Piece = tuple[str, str]
"""A text and its style, in the words of rich."""

type Text = tuple[Piece, ...]
"""One line."""

STYLES = {Tone.PLAIN: "", Tone.GOOD: "green", Tone.BAD: "bold red", Tone.QUIET: "dim"}

SIGNS = {Match.SAME: " ", Match.CHANGED: "~", Match.LEFT: "-", Match.RIGHT: "+"}

_WIDE = len(Actor.APPLICATION.value)


def write(lines: Iterable[Text]) -> None:
    """Prints lines, in colours if rich is installed and the output is a terminal."""
    coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ and find_spec("rich") is not None
    if not coloured:
        for line in lines:
            print("".join(text for text, _ in line).rstrip())
        return
    from rich.console import Console
    from rich.text import Text as Rich

    console = Console(highlight=False)
    for line in lines:
        console.print(Rich.assemble(*line), soft_wrap=True)


def printable(text: str) -> str:
    """Returns a text without anything that a terminal would obey, or that cannot be encoded."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def transcript(travel: Travel, *, everything: bool = False) -> Iterator[Text]:
    """Returns a recording line by line: time, who, to whom, what; the phases of the session between them."""
    told = travel.story
    yield from heading(told)
    entered = {span.number: span.name for span in told.phases}
    hidden = 0
    for beat in told.beats:
        if beat.number in entered:
            yield ((f"{'':10}  ── {entered[beat.number]} ", "bold cyan"), ("─" * 24, "cyan"))
        if everything or beat.line.tone is not Tone.QUIET:
            yield sentence(told, beat)
        else:
            hidden += 1
    yield from ending(travel)
    if hidden:
        yield ((f"{counted(hidden, 'routine record')} left out: --all shows everything", "dim"),)


def heading(told: Story) -> Iterator[Text]:
    """Returns what a recording says of itself."""
    header = told.trace.header
    made = ", ".join(f"{name} {version}" for name, version in header.versions)
    size = f"{counted(len(told.trace.steps), 'step')} in {_clock(told.ends - told.begins)} s"
    facts = [f"a {header.machine}", size, "without secrets" if header.redacted else "with its secrets", made]
    yield (
        (printable(header.title or "trace"), "bold"),
        (f" of {printable(', '.join(filter(None, facts)))}", ""),
    )
    for way in told.connect_paths:
        steps = ", ".join(
            f"{span.name} {_clock(span.ends - span.begins)}" if span.ends is not None else f"{span.name} …"
            for span in way.phases
        )
        outcome = ("first frame", "green") if way.reached else ("no frame", "bold red")
        length = "" if way.ends is None else f" after {_clock(way.ends - way.begins)} s"
        yield (outcome, (f"{length}: {steps}", ""))


def ending(travel: Travel) -> Iterator[Text]:
    """Returns how a recording ends, and whether it replays."""
    for remark in remarks(travel):
        yield ((remark, "bold red"),)


def sentence(told: Story, beat: StoryEntry) -> Text:
    """Returns one record as a line."""
    line, style = beat.line, STYLES[beat.line.tone]
    quiet = line.tone is Tone.QUIET
    return (
        (f"{_clock(beat.record.at - told.begins):>10}  ", "dim"),
        (f"{_name(told, line.source):>{_WIDE}}", style if quiet else "blue"),
        (" → " if line.source is not line.target else "   ", "dim"),
        (f"{_name(told, line.target) if line.source is not line.target else '':<{_WIDE}}  ", "blue"),
        (printable(line.title), style),
        (f"  {printable(line.detail)}" if line.detail else "", "dim" if quiet else ""),
    )


def differences(
    left: Trace, right: Trace, aligned: Sequence[Aligned], *, everything: bool = False
) -> Iterator[Text]:
    """Returns two recordings side by side: the steps that are not the same, and what in them is not."""
    stories = story(left), story(right)
    of_step = [{each.record.step: each for each in reversed(told.beats)} for told in stories]
    same = 0
    for each in aligned:
        if each.match is Match.SAME:
            same += 1
            if not everything:
                continue
        side = 0 if each.left is not None else 1
        number = each.left if each.left is not None else each.right
        beat = of_step[side][number or 0]
        style = {Match.LEFT: "red", Match.RIGHT: "green", Match.CHANGED: "bold"}.get(each.match, "dim")
        places = f"{_place(each.left)} {_place(each.right)}"
        yield ((f"{SIGNS[each.match]} {places}  ", style), *sentence(stories[side], beat))
        for line in each.lines:
            if not line.startswith("@@"):
                colour = {"-": "red", "+": "green"}.get(line[:1], "dim")
                yield ((f"{'':14}{printable(line)}", colour),)
    counts = {match: sum(each.match is match for each in aligned) for match in Match}
    yield (
        (f"{counted(same, 'step')} the same, {counts[Match.CHANGED]} changed, ", "bold"),
        (f"{counts[Match.LEFT]} only in the first, {counts[Match.RIGHT]} only in the second", "bold"),
    )


def _place(step: int | None) -> str:
    return f"{'' if step is None else step:>5}"


def _name(told: Story, actor: Actor) -> str:
    return told.trace.header.machine if actor is Actor.MACHINE else actor.value


def _clock(span: int) -> str:
    return f"{span / 1_000_000:.3f}"
