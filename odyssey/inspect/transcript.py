"""A trace as text for a terminal, lines of styled pieces, and what a reader must know before believing it."""

from collections.abc import Iterator, Sequence

from odyssey.inspect.compare import Aligned, Match
from odyssey.inspect.cursor import TraceCursor
from odyssey.inspect.failures import failures
from odyssey.inspect.line import Actor, Tone, counted
from odyssey.inspect.story import Story, StoryEntry, story
from odyssey_proto.trace.behaviour import BEHAVIOUR
from odyssey_proto.trace.replay import place_of
from odyssey_proto.trace.values import Trace

type Piece = tuple[str, str]
"""A text and its style, in the words of rich."""

type Text = tuple[Piece, ...]
"""One line."""

STYLES = {Tone.PLAIN: "", Tone.GOOD: "green", Tone.BAD: "bold red", Tone.QUIET: "dim"}

SIGNS = {Match.SAME: " ", Match.CHANGED: "~", Match.LEFT: "-", Match.RIGHT: "+"}

_ACTOR_WIDTH = len(Actor.APPLICATION.value)

NOW_TAKEN = "The last input broke the core that was recorded; this core takes it."


def printable(text: str) -> str:
    """Returns a text without anything that a terminal would obey, or that cannot be encoded."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def transcript(cursor: TraceCursor, *, everything: bool = False) -> Iterator[Text]:
    """Returns a trace line by line: time, who, to whom, what; the phases of the session between them."""
    shown = cursor.story
    yield from heading(shown)
    entered = {span.number: span.name for span in shown.phases}
    hidden = 0
    for entry in shown.entries:
        if entry.number in entered:
            yield ((f"{'':10}  ── {entered[entry.number]} ", "bold cyan"), ("─" * 24, "cyan"))
        if everything or entry.line.tone is not Tone.QUIET:
            yield sentence(shown, entry)
        else:
            hidden += 1
    yield from ending(cursor)
    if hidden:
        yield ((f"{counted(hidden, 'routine record')} left out: --all shows everything", "dim"),)


def heading(shown: Story) -> Iterator[Text]:
    """Returns what a trace says of itself."""
    header = shown.trace.header
    made = ", ".join(f"{name} {version}" for name, version in header.versions)
    size = f"{counted(len(shown.trace.steps), 'step')} in {_clock(shown.ends - shown.begins)} s"
    facts = [f"a {header.machine}", size, "without secrets" if header.redacted else "with its secrets", made]
    yield (
        (printable(header.title or "trace"), "bold"),
        (f" of {printable(', '.join(filter(None, facts)))}", ""),
    )
    for path in shown.connect_paths:
        steps = ", ".join(
            f"{span.name} {_clock(span.ends - span.begins)}" if span.ends is not None else f"{span.name} …"
            for span in path.phases
        )
        outcome = ("first frame", "green") if path.reached else ("no frame", "bold red")
        length = "" if path.ends is None else f" after {_clock(path.ends - path.begins)} s"
        yield (outcome, (f"{length}: {steps}", ""))
    for failure in failures(shown):
        yield ((printable(failure.text), "bold red"),)


def ending(cursor: TraceCursor) -> Iterator[Text]:
    """Returns how a trace ends, and whether it replays."""
    for remark in remarks(cursor):
        yield ((remark, "bold red"),)


def sentence(shown: Story, entry: StoryEntry) -> Text:
    """Returns one record as a line."""
    line, style = entry.line, STYLES[entry.line.tone]
    quiet = line.tone is Tone.QUIET
    return (
        (f"{_clock(entry.record.at - shown.begins):>10}  ", "dim"),
        (f"{shown.name_of(line.source):>{_ACTOR_WIDTH}}", style if quiet else "blue"),
        (" → " if line.source is not line.target else "   ", "dim"),
        (f"{shown.name_of(line.target) if line.source is not line.target else '':<{_ACTOR_WIDTH}}  ", "blue"),
        (printable(line.title), style),
        (f"  {printable(line.detail)}" if line.detail else "", "dim" if quiet else ""),
    )


def differences(
    left: Trace, right: Trace, aligned: Sequence[Aligned], *, everything: bool = False
) -> Iterator[Text]:
    """Returns two traces side by side: the steps that are not the same, and what in them is not."""
    stories = story(left), story(right)
    of_step = [{each.record.step: each for each in reversed(shown.entries)} for shown in stories]
    same = 0
    for each in aligned:
        if each.match is Match.SAME:
            same += 1
            if not everything:
                continue
        side = 0 if each.left is not None else 1
        number = each.left if each.left is not None else each.right
        entry = of_step[side][number or 0]
        style = {Match.LEFT: "red", Match.RIGHT: "green", Match.CHANGED: "bold"}.get(each.match, "dim")
        places = f"{_place(each.left)} {_place(each.right)}"
        yield ((f"{SIGNS[each.match]} {places}  ", style), *sentence(stories[side], entry))
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


def _clock(span: int) -> str:
    return f"{span / 1_000_000:.3f}"


def remarks(cursor: TraceCursor) -> Iterator[str]:
    """Returns a sentence for everything remarkable; none for a whole trace that replays."""
    trace = cursor.trace
    yield from missing(trace)
    different, broke = cursor.different, cursor.broke
    if different is not None and different.raised is None:
        yield f"A replay goes another way at step {different.index}."
    if different is not None and trace.header.behaviour != BEHAVIOUR:
        yield f"The core that was recorded had behaviour {trace.header.behaviour}, this one has {BEHAVIOUR}."
    if broke is not None and broke.raised is not None:
        again = ", as when it was recorded" if broke.expected is None and trace.ended else ""
        yield f"A replay breaks the core at step {broke.index}{again}: {place_of(broke.raised)}."
    if trace.broken is not None and trace.ended and broke is None:
        yield NOW_TAKEN


def missing(trace: Trace) -> Iterator[str]:
    """Returns a sentence for whatever is not in a trace although it happened."""
    if trace.cut:
        yield f"The recorder was full: {counted(trace.cut, 'step')} at the end left out."
    if not trace.ended:
        where = "" if trace.broken is None else " in the middle of a step"
        yield f"The file stops{where} without its end record: lines may be missing."
