"""Scripts of simulations: what shall happen when (docs/protocol.md#simulation-scripts)."""

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any, assert_never

from attrs import field, frozen

from odyssey_proto.kernel.introspection import Value
from odyssey_proto.kernel.secret import masked, sized
from odyssey_proto.kernel.text import encodable
from odyssey_proto.model.validators import check_nonempty_prompt, check_prompt, within

MAX_SCRIPT = 10_000
"""The most entries that a script may have."""

MAX_MOMENT_SECONDS = 7 * 24 * 3600
"""The latest moment in a script, in seconds."""


def _on_the_millisecond(at: Any) -> Any:
    # The wire has whole milliseconds; what is not on one could not come back the same.
    return round(at, 3) if isinstance(at, float) else at


_check_moment = within(0, MAX_MOMENT_SECONDS)


@frozen
class Start(Value):
    """The scene begins."""

    prompt: str = field(repr=sized, validator=check_prompt)
    """What is shown from the beginning; may be empty where there is an image."""
    image: Any = field(default=None, repr=masked)
    """A data URL; a client also takes whatever `start_stream` takes, and makes one of it."""
    at: float = field(default=0, converter=_on_the_millisecond, validator=_check_moment)
    """Seconds from the beginning of the script, as in every entry."""


@frozen
class Interact(Value):
    """The scene is steered."""

    prompt: str = field(repr=sized, validator=check_nonempty_prompt)
    """What is to happen; never empty."""
    at: float = field(converter=_on_the_millisecond, validator=_check_moment)
    """Seconds from the beginning of the script."""


@frozen
class End(Value):
    """The scene ends: this is the length of the video."""

    at: float = field(converter=_on_the_millisecond, validator=_check_moment)
    """Seconds from the beginning of the script."""


type Entry = Start | Interact | End
type Script = tuple[Entry, ...]


def script(entries: Iterable[Entry | Mapping[str, Any]]) -> Script:
    """
    Returns the script of some entries, each one of ours or a dict in the form of the wire.

    Raises `ValueError` that names the entry and the rule that it breaks.
    """
    made: list[Entry] = []
    for at, entry in enumerate(entries):
        if at >= MAX_SCRIPT:
            raise ValueError(f"a script has at most {MAX_SCRIPT} entries")
        try:
            made.append(entry if isinstance(entry, Start | Interact | End) else from_wire(entry))
        except ValueError as error:
            raise ValueError(f"entry {at}: {error}") from None
    check(tuple(made))
    return tuple(made)


def check(entries: Script) -> None:
    """Takes a script that keeps the rules; raises `ValueError` that names the rule it breaks."""
    if not entries:
        raise ValueError("a script needs a start and an end")
    if not isinstance(entries[0], Start) or entries[0].at != 0:
        raise ValueError("entry 0: a script begins with a start at 0")
    for at, (before, entry) in enumerate(pairwise(entries), 1):
        if entry.at < before.at:
            raise ValueError(f"entry {at}: it is earlier than the one before it")
        if isinstance(before, End):
            raise ValueError(f"entry {at}: nothing comes after an end")
    for at, entry in enumerate(entries):
        image = entry.image if isinstance(entry, Start) else None
        if image is not None and not (isinstance(image, str) and encodable(image)):
            raise ValueError(f"entry {at}: the image is no data URL")
    if not isinstance(entries[-1], End):
        raise ValueError(f"entry {len(entries) - 1}: a script finishes with an end")


def to_wire(entry: Entry) -> dict[str, Any]:
    """Returns an entry as the wire has it."""
    moment = {"timestamp_ms": round(entry.at * 1000)}
    match entry:
        case Start(prompt, image):
            return moment | {"start": {"prompt": prompt} | ({} if image is None else {"image": image})}
        case Interact(prompt):
            return moment | {"interact": {"prompt": prompt}}
        case End():
            return moment | {"end": {}}
        case _:
            assert_never(entry)


def from_wire(entry: Any) -> Entry:
    """Returns an entry of the wire; raises `ValueError` that names what is wrong with it."""
    if not isinstance(entry, Mapping):
        raise ValueError("it is not an object")
    milliseconds = entry.get("timestamp_ms")
    if not isinstance(milliseconds, int | float) or isinstance(milliseconds, bool) or milliseconds % 1:
        raise ValueError("timestamp_ms is not a whole number")
    if not 0 <= milliseconds <= MAX_MOMENT_SECONDS * 1000:
        raise ValueError(f"timestamp_ms is not between 0 and {MAX_MOMENT_SECONDS * 1000}")
    actions = [name for name in ("start", "interact", "end") if name in entry]
    if len(actions) != 1:
        raise ValueError("it needs exactly one of start, interact and end")
    return _action(actions[0], entry[actions[0]], milliseconds / 1000)


def _action(name: str, values: Any, at: float) -> Entry:
    if not isinstance(values, Mapping):
        raise ValueError(f"{name} is not an object")
    if name != "start" and values.get("image") is not None:
        raise ValueError("images stand in start only")
    if name == "end":
        return End(at)
    if "prompt" not in values:
        raise ValueError(f"{name} has no prompt")
    if name == "start":
        return Start(values["prompt"], values.get("image"), at)
    return Interact(values["prompt"], at)
