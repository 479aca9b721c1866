"""What failed in a session, in words: what the application got to see, and where it began."""

from collections.abc import Iterator

from attrs import frozen

from odyssey.inspect.line import Tone
from odyssey.inspect.story import Story, StoryEntry
from odyssey_proto.model.events import ErrorHappened, StreamFailed
from odyssey_proto.seam.inputs import Wake
from odyssey_proto.seam.outputs import Failed, Happened


@frozen
class FailureInWords:
    """One failure that reached the application."""

    text: str
    entry: StoryEntry
    """The record in which it reached the application."""
    cause: StoryEntry | None
    """What came just before it: the record that it began with, or after which nothing came in time."""


def failures(shown: Story) -> Iterator[FailureInWords]:
    """Returns the failures of a session in order, one for each step in which something failed."""
    steps: set[int] = set()
    for entry in sorted(shown.entries, key=_order):
        if entry.line.tone is not Tone.BAD or entry.record.step in steps or not _is_failure(entry):
            continue
        steps.add(entry.record.step)
        yield _in_words(shown, entry)


def _order(entry: StoryEntry) -> tuple[int, bool, int]:
    """In a step, the end of a command says more than the event beside it."""
    return entry.record.step, not isinstance(entry.record.value, Failed), entry.number


def _is_failure(entry: StoryEntry) -> bool:
    value = entry.record.value
    return isinstance(value, Failed) or (
        isinstance(value, Happened) and isinstance(value.event, ErrorHappened | StreamFailed)
    )


def _in_words(shown: Story, entry: StoryEntry) -> FailureInWords:
    cause = None if entry.tie.cause is None else shown.entries[entry.tie.cause]
    how = "It began with"
    if cause is not None and isinstance(cause.record.value, Wake):
        # What takes too long began when the last thing came.
        cause = next(filter(_came, reversed(shown.entries[: cause.number])), None)
        how = "Nothing came in time after"
    text = f"{_words(entry)}, {_at(shown, entry)}."
    if cause is not None:
        text += f" {how} {shown.name_of(cause.line.source)}: {_words(cause)}, {_at(shown, cause)}."
    return FailureInWords(text, entry, cause)


def _came(entry: StoryEntry) -> bool:
    quiet = entry.line.tone is Tone.QUIET
    return entry.record.kind == "input" and not quiet and not isinstance(entry.record.value, Wake)


def _words(entry: StoryEntry) -> str:
    return ": ".join(filter(None, (entry.line.title, entry.line.detail)))


def _at(shown: Story, entry: StoryEntry) -> str:
    return f"at {(entry.record.at - shown.begins) / 1_000_000:.3f} s"
