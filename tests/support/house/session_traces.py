"""Every session of a test, recorded, redacted and replayed when the test is over."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from odyssey_proto.trace import difference, lines, read
from odyssey_proto.trace.machines import fresh
from odyssey_proto.trace.redaction.redactor import redacted

MAX_EXPORTED_STEPS = 2_000
"""Traces with more steps than this are only replayed, to save time."""


@contextmanager
def traced_clients() -> Iterator[list[Any]]:
    """Returns the list of tracers of the clients that are made meanwhile; it fills by itself."""
    from odyssey_anyio.tracing.tracer import Tracer

    made: list[Any] = []
    original = Tracer.__init__

    def remember(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        made.append(self)

    Tracer.__init__ = remember  # type: ignore[method-assign]  # taken back below
    try:
        yield made
    finally:
        Tracer.__init__ = original  # type: ignore[method-assign]  # as it was


def replay(tracers: list[Any]) -> None:
    """
    Replays what was recorded, as it is and as it would be exported.

    An export replays the trace, and gets what it writes from a core that is stepped with what it writes.
    A session that went the same way as one before it in the test is only replayed, to save time.
    """
    ways: set[Any] = set()
    for tracer in tracers:
        trace = tracer.buffer.trace()
        way = tuple((type(step.inp), *map(type, step.outputs)) for step in trace.steps)
        if trace.broken is None and len(trace.steps) <= MAX_EXPORTED_STEPS and way not in ways:
            ways.add(way)
            shared = redacted(trace, fresh)
            assert read(lines(shared)) == shared
        else:
            found = difference(trace, fresh)
            assert found is None, found.text
