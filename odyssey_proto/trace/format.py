"""
A tape as text: JSON lines, the first of which describes the rest.

The conventions are those of qlog's main schema where they fit (draft-ietf-quic-qlog-main-schema):
`file_schema`, `serialization_format`, a `trace` with its `vantage_point` and `common_fields`, then
one record a line with `time`, `name` and `data`.
Times are whole microseconds on the recording machine's monotonic clock.
A record separator before a line (RFC 7464) is accepted, so JSON text sequences can be read too.

Each step is two lines, `odyssey:in` written before the step and `odyssey:out` after it, so a
machine that broke leaves the cause as the last line.
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum, unique
from typing import Any

from attrs import frozen

from odyssey_proto.errors import RemoteProtocolError
from odyssey_proto.jsontext import compact, parse
from odyssey_proto.machine import Deadline, Instant
from odyssey_proto.trace.codec import UnknownValueError
from odyssey_proto.trace.tape import Step, Tape
from odyssey_proto.trace.vocabulary import CODEC

SCHEMA = "urn:odyssey:trace:1"
"""The version of this form; a reader refuses what it does not know."""

LONGEST_LINE = 96 * 1024 * 1024
"""The longest line that is read, in characters: room for the largest image and its escapes."""

MOST_LINES = 2_000_000


@unique
class Record(StrEnum):
    """The names of records."""

    IN = "odyssey:in"
    OUT = "odyssey:out"
    REFUSED = "odyssey:refused"
    CUT = "odyssey:cut"


class TraceError(ValueError):
    """A trace that cannot be used; the message begins with the number of the line, if there is one."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message if line is None else f"line {line}: {message}")
        self.line = line


@frozen
class Header:
    """What a trace says of itself."""

    machine: str
    """Which machine was recorded: `client`, `spectator` or `service`."""
    settings: Any
    versions: tuple[tuple[str, str], ...] = ()
    """The versions that took part, by name."""
    title: str = ""


def head(header: Header) -> str:
    """Gives the first line."""
    common = {
        "time_format": "relative_to_epoch",
        "time_unit": "us",
        "reference_time": {"clock_type": "monotonic", "epoch": "unknown"},
    }
    return compact(
        {
            "file_schema": SCHEMA,
            "serialization_format": "application/jsonl",
            "title": header.title,
            "trace": {
                "vantage_point": {"name": "odyssey", "type": _VANTAGE.get(header.machine, "unknown")},
                "common_fields": common,
                "machine": header.machine,
                "versions": dict(header.versions),
                "settings": CODEC.encode(header.settings),
            },
        }
    )


_VANTAGE = {"client": "client", "spectator": "client", "service": "server"}


def line_in(now: Instant, inp: Any) -> str:
    """Gives the line that is written before a step."""
    return compact({"time": now, "name": Record.IN, "data": CODEC.encode(inp)})


def line_out(step: Step) -> str:
    """Gives the line that is written after a step."""
    deadline = None if step.deadline is None else [step.deadline.at, CODEC.encode(step.deadline.why)]
    if step.refused is not None:
        data: dict[str, Any] = {"refused": step.refused, "deadline": deadline}
        return compact({"time": step.at, "name": Record.REFUSED, "data": data})
    data = {"outputs": [CODEC.encode(output) for output in step.outputs], "deadline": deadline}
    return compact({"time": step.at, "name": Record.OUT, "data": data})


def lines(header: Header, tape: Tape) -> Iterator[str]:
    """Gives a whole trace, line by line."""
    yield head(header)
    for step in tape.steps:
        yield line_in(step.at, step.inp)
        yield line_out(step)
    if tape.cut:
        at = tape.steps[-1].at if tape.steps else 0
        yield compact({"time": at, "name": Record.CUT, "data": {"steps": tape.cut}})


@frozen
class Recording:
    """A trace that was read."""

    header: Header
    steps: tuple[Step, ...]
    cut: int = 0
    """How many steps are missing at the end, because the recorder was full."""
    broken: tuple[Instant, Any] | None = None
    """The input that was never answered, if the recording ends in the middle of a step."""


def read(texts: Iterable[str]) -> Recording:
    """
    Takes a trace, line by line.

    Raises `TraceError` with the number of the line for anything that is not one.
    """
    reader = _Reader()
    for number, text in enumerate(texts, 1):
        try:
            reader.take(number, text)
        except (RemoteProtocolError, UnknownValueError) as error:
            raise TraceError(str(error), number) from None
    return reader.finish()


class _Reader:
    def __init__(self) -> None:
        self._header: Header | None = None
        self._steps: list[Step] = []
        self._inp: tuple[Instant, Any] | None = None
        self._cut = 0
        self._now = 0

    def take(self, number: int, text: str) -> None:
        if len(text) > LONGEST_LINE or number > MOST_LINES:
            raise TraceError(f"over the limit of {LONGEST_LINE} characters or {MOST_LINES} lines", number)
        record = parse(text.lstrip("\x1e"))
        if not isinstance(record, dict):
            raise TraceError("a record is a JSON object", number)
        if self._header is None:
            self._header = _header(record, number)
            return
        match record:
            case _ if self._cut:
                raise TraceError("a record after the cut", number)
            case {"time": int(time), "name": Record.IN, "data": data} if (
                self._inp is None and time >= self._now
            ):
                self._now = time
                self._inp = Instant(time), CODEC.decode(data)
            case {"time": int(time), "name": str(name), "data": dict(data)} if (
                self._inp and time == self._now
            ):
                self._steps.append(self._step(name, data, *self._inp))
                self._inp = None
            case {"name": Record.CUT, "data": {"steps": int(steps)}} if self._inp is None and steps > 0:
                self._cut = steps
            case _:
                raise TraceError("a record that does not belong here", number)

    def finish(self) -> Recording:
        if self._header is None:
            raise TraceError("an empty trace")
        return Recording(self._header, tuple(self._steps), self._cut, self._inp)

    def _step(self, name: str, data: dict[str, Any], now: Instant, inp: Any) -> Step:
        match name, data:
            case Record.OUT, {"outputs": list(outputs), "deadline": deadline}:
                given = tuple(CODEC.decode(output) for output in outputs)
                return Step(now, inp, given, _deadline(deadline))
            case Record.REFUSED, {"refused": str(why), "deadline": deadline}:
                return Step(now, inp, (), _deadline(deadline), why)
            case _:
                raise UnknownValueError("neither outputs nor a refusal")


def _header(record: dict[str, Any], number: int) -> Header:
    match record:
        case {"file_schema": str(schema)} if schema != SCHEMA:
            raise TraceError(f"written in the form {schema[:60]!r}, which this version cannot read", number)
        case {
            "file_schema": str(),
            "trace": {"machine": str(machine), "settings": settings, "versions": dict(versions)},
        }:
            named = tuple((str(name), str(version)) for name, version in versions.items())
            return Header(machine, CODEC.decode(settings), named, str(record.get("title", "")))
        case _:
            raise TraceError("this is not a trace", number)


def _deadline(form: Any) -> Deadline | None:
    match form:
        case None:
            return None
        case [int(at), why]:
            reason = CODEC.decode(why)
            return Deadline(Instant(at), reason)
        case _:
            raise UnknownValueError("a deadline is a time and a reason")
