"""What a reader must know of a trace before believing it: what is missing, and how its replay goes."""

from collections.abc import Iterator

from odyssey.inspect.cursor import TraceCursor
from odyssey.inspect.line import counted
from odyssey_proto.trace.behaviour import BEHAVIOUR
from odyssey_proto.trace.replay import place_of
from odyssey_proto.trace.values import Trace


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


NOW_TAKEN = "The last input broke the core that was recorded; this core takes it."
