"""
A trace as text: JSON lines, the first of which describes the rest.

The conventions are those of qlog's main schema where they fit (draft-ietf-quic-qlog-main-schema):
`file_schema`, `serialization_format`, a `trace` with its `vantage_point` and `common_fields`, then
one record a line with `time`, `name` and `data`.
Times are whole microseconds on the monotonic clock of the computer that recorded.

Each step is two lines, `odyssey:in` written before the step and `odyssey:out` after it, so a
machine that broke leaves the cause as the last of them.
The last line counts the steps, so a file that was cut off is known from a whole one.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from odyssey_proto.kernel.json_text import compact
from odyssey_proto.kernel.machine import Instant
from odyssey_proto.trace.values import Header, Kind, Step, Trace
from odyssey_proto.trace.vocabulary import CODEC

SCHEMA = "urn:odyssey:trace:1"
"""The version of this form; a reader refuses what it does not know."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

EVENTS = "urn:odyssey:trace:events:1"
"""What the names of records mean."""

_VANTAGE = {"client": "client", "spectator": "client", "service": "server"}


def lines(trace: Trace) -> Iterator[str]:
    """
    Returns a whole trace, line by line, without the ends of lines.

    Raises `UnknownValueError` for a value that has no place in a trace.
    """
    yield line_head(trace.header)
    for step in trace.steps:
        yield line_in(step.at, step.inp)
        yield line_out(step)
    at = trace.steps[-1].at if trace.steps else Instant(0)
    if trace.broken is not None:
        at = trace.broken[0]
        yield line_in(*trace.broken)
    elif trace.cut:
        yield line_cut(at, trace.cut)
    if trace.ended:
        yield line_end(at, len(trace.steps))


def line_head(header: Header) -> str:
    """Returns the first line."""
    clock: dict[str, Any] = {"clock_type": "monotonic", "epoch": "unknown"}
    if header.created is not None:
        moment = EPOCH + timedelta(microseconds=header.created)
        clock["wall_clock_time"] = moment.isoformat(timespec="microseconds")
    return compact(
        {
            "file_schema": SCHEMA,
            "serialization_format": "application/jsonl",
            "title": header.title,
            "trace": {
                "event_schemas": [EVENTS],
                "vantage_point": {"name": "odyssey", "type": _VANTAGE[header.machine]},
                "common_fields": {
                    "time_format": "relative_to_epoch",
                    "time_unit": "us",
                    "reference_time": clock,
                },
                "machine": header.machine,
                "behaviour": header.behaviour,
                "versions": dict(header.versions),
                "redacted": header.redacted,
                "settings": CODEC.encode(header.settings),
            },
        }
    )


def line_in(now: Instant, inp: Any) -> str:
    """Returns the line that is written before a step."""
    return compact({"time": now, "name": Kind.IN, "data": CODEC.encode(inp)})


def line_out(step: Step) -> str:
    """Returns the line that is written after a step."""
    deadline = None if step.deadline is None else [step.deadline.at, CODEC.encode(step.deadline.reason)]
    if step.refused is not None:
        data: dict[str, Any] = {"refused": CODEC.encode(step.refused), "deadline": deadline}
        return compact({"time": step.at, "name": Kind.REFUSED, "data": data})
    data = {"outputs": [CODEC.encode(output) for output in step.outputs], "deadline": deadline}
    return compact({"time": step.at, "name": Kind.OUT, "data": data})


def line_cut(at: Instant, steps: int) -> str:
    """Returns the line at which a trace was full; `steps` are missing."""
    return compact({"time": at, "name": Kind.CUT, "data": {"steps": steps}})


def line_end(at: Instant, steps: int) -> str:
    """Returns the last line; `steps` are in the file."""
    return compact({"time": at, "name": Kind.END, "data": {"steps": steps}})
