"""
Reads a trace that somebody wrote, or meant to: everything wrong gets an error with its line.

A record separator before a line (RFC 7464) is accepted, so JSON text sequences can be read too.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Protocol

from odyssey_proto.errors import RemoteProtocolError
from odyssey_proto.jsontext import parse
from odyssey_proto.machine import Deadline, Instant
from odyssey_proto.settings import Settings, SpectatorSettings
from odyssey_proto.trace.blobs import holds_stand_in
from odyssey_proto.trace.codec import UnknownValueError
from odyssey_proto.trace.format import EPOCH, SCHEMA
from odyssey_proto.trace.machines import ServiceSettings
from odyssey_proto.trace.values import Header, Kind, Step, Trace
from odyssey_proto.trace.vocabulary import CODEC

MAX_LINE = 96 * 1024 * 1024
"""The longest line that is read, in characters: room for the largest image and its escapes."""

MAX_LINES = 250_000
"""So many lines are read: those of a full tape and some more."""

MAX_CHARACTERS = 256 * 1024 * 1024
"""So many characters are read in all."""

MAX_PIECES = 1_000_000
"""So many commas, brackets and braces may stand in a line, which bounds what it is parsed into."""


class TraceError(ValueError):
    """A trace that cannot be used; the message begins with the number of the line, if there is one."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message if line is None else f"line {line}: {message}")
        self.line = line

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (str(self), self.line)


def _again(text: str, line: int | None) -> TraceError:
    error = TraceError(text)
    error.line = line
    return error


def read(texts: Iterable[str]) -> Trace:
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


class SupportsLines(Protocol):
    """What is needed of a file."""

    def readline(self, limit: int, /) -> bytes:
        """Gives one line, or so many bytes of it; nothing at the end."""
        ...


def read_file(file: SupportsLines) -> Trace:
    """
    Takes a trace from a file that is open for reading bytes, in bounded memory whatever is in it.

    Raises `TraceError` with the number of the line for anything that is not one.
    """
    return read(_texts(file))


def _texts(file: SupportsLines) -> Iterator[str]:
    number = 0
    while line := file.readline(MAX_LINE + 1):
        number += 1
        try:
            yield line.decode()
        except UnicodeDecodeError:
            raise TraceError("not UTF-8", number) from None


class _Reader:
    def __init__(self) -> None:
        self._header: Header | None = None
        self._steps: list[Step] = []
        self._inp: tuple[Instant, Any] | None = None
        self._condensed = False
        self._cut = 0
        self._now = 0
        self._size = 0

    def take(self, number: int, text: str) -> None:
        self._size += len(text)
        if len(text) > MAX_LINE or number > MAX_LINES or self._size > MAX_CHARACTERS:
            raise TraceError("longer than any trace", number)
        if sum(map(text.count, ",[{")) > MAX_PIECES:
            raise TraceError("more pieces than any record has", number)
        record = parse(text.removeprefix("\x1e"))
        if not isinstance(record, dict) or isinstance(record.get("time"), bool):
            raise TraceError("a record is a JSON object", number)
        if self._header is None:
            self._header = _header(record, number)
        elif self._cut:
            raise TraceError("a record after the cut", number)
        elif self._inp is None:
            self._begin(record, _condensed(text))
        else:
            self._end(record, *self._inp, condensed=_condensed(text) or self._condensed)

    def finish(self) -> Trace:
        if self._header is None:
            raise TraceError("an empty trace")
        return Trace(self._header, tuple(self._steps), self._cut, self._inp)

    def _begin(self, record: dict[str, Any], condensed: bool) -> None:
        match record:
            case {"time": int(time), "name": Kind.IN, "data": data} if time >= self._now:
                self._now = time
                self._inp = Instant(time), CODEC.decode(data)
                self._condensed = condensed
            case {"time": int(time), "name": Kind.IN} if time < self._now:
                raise UnknownValueError("time runs backwards")
            case {"name": Kind.CUT, "data": {"steps": int(steps)}} if steps > 0:
                self._cut = steps
            case {"name": Kind.OUT | Kind.REFUSED}:
                raise UnknownValueError("outputs without an input before them")
            case _:
                raise UnknownValueError("neither an input nor a cut")

    def _end(self, record: dict[str, Any], now: Instant, inp: Any, *, condensed: bool) -> None:
        match record:
            case {"name": Kind.IN | Kind.CUT}:
                raise UnknownValueError("an input without its outputs before this line")
            case {"time": int(time), "name": str(name), "data": dict(data)} if time == now:
                self._steps.append(_step(name, data, now, inp, condensed=condensed))
                self._inp = None
            case _:
                raise UnknownValueError("neither outputs nor a refusal at the time of the input")


def _condensed(text: str) -> bool:
    try:
        return holds_stand_in(text)
    except ValueError as error:
        raise UnknownValueError(str(error)) from None


def _step(name: str, data: dict[str, Any], now: Instant, inp: Any, *, condensed: bool) -> Step:
    match name, data:
        case Kind.OUT, {"outputs": list(outputs), "deadline": deadline}:
            given = tuple(CODEC.decode(output) for output in outputs)
            return Step(now, inp, given, _deadline(deadline), condensed=condensed)
        case Kind.REFUSED, {"refused": str(why), "deadline": deadline}:
            return Step(now, inp, (), _deadline(deadline), why, condensed=condensed)
        case _:
            raise UnknownValueError("neither outputs nor a refusal")


def _header(record: dict[str, Any], number: int) -> Header:
    match record:
        case {"file_schema": str(schema)} if schema != SCHEMA:
            raise TraceError(f"written in the form {schema[:60]!r}, which this version cannot read", number)
        case {"file_schema": str(), "trace": {"machine": str(machine), "settings": settings} as trace}:
            made = CODEC.decode(settings)
            header = Header(
                made,
                _versions(trace.get("versions")),
                title=str(record.get("title", "")),
                created=_created(trace.get("common_fields")),
                redacted=trace.get("redacted") is True,
            )
            known = isinstance(made, Settings | SpectatorSettings | ServiceSettings)
            if not known or header.machine != machine:
                raise TraceError("the settings are not those of its machine", number)
            return header
        case _:
            raise TraceError("this is not a trace", number)


def _versions(form: Any) -> tuple[tuple[str, str], ...]:
    given = form if isinstance(form, Mapping) else {}
    return tuple((str(name), str(version)) for name, version in given.items())


def _created(form: Any) -> int | None:
    match form:
        case {"reference_time": {"wall_clock_time": str(text)}}:
            try:
                return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)
            except (ValueError, TypeError, OverflowError):
                raise UnknownValueError("wall_clock_time is not a moment with its zone") from None
        case _:
            return None


def _deadline(form: Any) -> Deadline | None:
    match form:
        case None:
            return None
        case [int(at), why] if isinstance(reason := CODEC.decode(why), Enum):
            return Deadline(Instant(at), reason)
        case _:
            raise UnknownValueError("a deadline is a time and a reason")
