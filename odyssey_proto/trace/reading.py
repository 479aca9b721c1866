"""
Reads a trace from text that may be anything: whatever is wrong with it is an error that names the line.

A record separator before a line (RFC 7464) is accepted, so JSON text sequences can be read too.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Protocol

from odyssey_proto.kernel.failures import Failure, RemoteProtocolError
from odyssey_proto.kernel.json_text import parse
from odyssey_proto.kernel.machine import Deadline, Instant
from odyssey_proto.seam.settings import Settings, SpectatorSettings
from odyssey_proto.service.io.config import ServiceSettings
from odyssey_proto.trace.blobs import MAX_STAND_IN_CHARS, stood_for
from odyssey_proto.trace.codec import UnknownValueError
from odyssey_proto.trace.format import EPOCH, SCHEMA
from odyssey_proto.trace.machines import fresh, seam_of
from odyssey_proto.trace.shapes import Check, shape
from odyssey_proto.trace.values import Header, Kind, Step, Trace
from odyssey_proto.trace.vocabulary import CODEC

MAX_LINE = 96 * 1024 * 1024
"""The longest line that is read, in characters: room for the largest image and its escapes."""

MAX_LINES = 250_000
"""The most lines that are read: those of a full buffer and some more."""

MAX_CHARACTERS = 256 * 1024 * 1024
"""The most characters that are read in all."""

MAX_PIECES = 1_000_000
"""The most commas, brackets and braces in a line, which bounds what it is parsed into."""

MAX_PIECES_IN_ALL = 6_000_000
"""The most of these in all lines together: twice what a full buffer has."""


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
        """Returns one line, or so many bytes of it; nothing at the end."""
        ...


def read_file(file: SupportsLines) -> Trace:
    """
    Takes a trace from a file that is open for reading bytes, in bounded memory whatever is in it.

    A file that was cut off, by a full disk or the end of a process, is read as far as it goes: a last line
    that stops in the middle is left out, and the trace has not `ended`.
    Raises `TraceError` with the number of the line for anything else that is not one.
    """
    return read(_texts(file))


def _texts(file: SupportsLines) -> Iterator[str]:
    number = 0
    while line := file.readline(MAX_LINE + 1):
        number += 1
        if number > 1 and _stops(line):
            return
        try:
            yield line.decode()
        except UnicodeDecodeError:
            raise TraceError("not UTF-8", number) from None


_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?')
"""A string of JSON, or the beginning of one."""


def _stops(line: bytes) -> bool:
    """Whether a line stops in the middle of its record: no newline, and something is open."""
    if line.endswith(b"\n") or len(line) > MAX_LINE:
        return False
    bare = _STRING.sub(b"", line)
    return bare.count(b"{") != bare.count(b"}") or bare.count(b"[") != bare.count(b"]")


class _Reader:
    def __init__(self) -> None:
        self._header: Header | None = None
        self._takes = self._gives = shape(Any)
        self._steps: list[Step] = []
        self._inp: tuple[Instant, Any] | None = None
        self._condensed = False
        self._cut = 0
        self._ended = False
        self._now = 0
        self._size = self._pieces = self._stood_for = 0

    def take(self, number: int, text: str) -> None:
        condensed = self._weigh(number, text)
        record = parse(text.removeprefix("\x1e"))
        if not isinstance(record, dict):
            raise UnknownValueError("a record is a JSON object")
        if self._header is None:
            self._header, takes, gives = _begun(record)
            self._takes, self._gives = shape(takes), shape(gives)
        elif self._ended:
            raise UnknownValueError("a record after the end")
        elif record.get("name") == Kind.END:
            self._finish(record)
        elif self._cut:
            raise UnknownValueError("a record after the cut")
        elif self._inp is None:
            self._begin(record, condensed)
        else:
            self._end(record, *self._inp, condensed=condensed or self._condensed)

    def finish(self) -> Trace:
        if self._header is None:
            raise TraceError("an empty trace")
        return Trace(self._header, tuple(self._steps), self._cut, self._inp, self._ended)

    def _weigh(self, number: int, text: str) -> bool:
        """Counts what a line costs, before anything is made of it; returns whether it holds stand-ins."""
        self._size += len(text)
        if len(text) > MAX_LINE or number > MAX_LINES or self._size > MAX_CHARACTERS:
            raise UnknownValueError("longer than any trace")
        pieces = sum(map(text.count, ",[{"))
        self._pieces += pieces
        if pieces > MAX_PIECES:
            raise UnknownValueError("more pieces than any record has")
        if self._pieces > MAX_PIECES_IN_ALL:
            raise UnknownValueError("more pieces than any trace has")
        stood_for = _stood_for(text)
        self._stood_for += stood_for
        if self._stood_for > MAX_STAND_IN_CHARS:
            raise UnknownValueError("stand-ins stand for more than all images of any trace")
        return stood_for > 0

    def _begin(self, record: dict[str, Any], condensed: bool) -> None:
        match record:
            case {"time": time, "name": Kind.IN, "data": data} if _is_whole(time) and time >= self._now:
                self._now = time
                self._inp = Instant(time), _fitting(self._takes, data, "input")
                self._condensed = condensed
            case {"time": time, "name": Kind.IN, "data": _} if _is_whole(time):
                raise UnknownValueError("time runs backwards")
            case {"name": Kind.IN}:
                raise UnknownValueError("an input has data, and a time in whole microseconds")
            case {"name": Kind.CUT, "data": {"steps": steps}} if _is_whole(steps) and steps > 0:
                self._cut = steps
            case {"name": Kind.OUT | Kind.REFUSED}:
                raise UnknownValueError("outputs without an input before them")
            case _:
                raise UnknownValueError("neither an input, nor a cut, nor the end")

    def _end(self, record: dict[str, Any], now: Instant, inp: Any, *, condensed: bool) -> None:
        match record:
            case {"name": Kind.IN | Kind.CUT}:
                raise UnknownValueError("an input without its outputs before this line")
            case {"time": time, "name": str(name), "data": dict(data)} if _is_whole(time) and time == now:
                self._steps.append(self._step(name, data, now, inp, condensed=condensed))
                self._inp = None
            case _:
                raise UnknownValueError("neither outputs nor a refusal at the time of the input")

    def _step(self, name: str, data: dict[str, Any], now: Instant, inp: Any, *, condensed: bool) -> Step:
        match name, data:
            case Kind.OUT, {"outputs": list(outputs), "deadline": deadline}:
                given = tuple(_fitting(self._gives, output, "output") for output in outputs)
                return Step(now, inp, given, _deadline(deadline), condensed=condensed)
            case Kind.REFUSED, {"refused": form, "deadline": deadline}:
                refused = _fitting(_is_failure, form, "refusal")
                return Step(now, inp, (), _deadline(deadline), refused, condensed=condensed)
            case _:
                raise UnknownValueError("neither outputs nor a refusal")

    def _finish(self, record: dict[str, Any]) -> None:
        match record:
            case {"data": {"steps": steps}} if _is_whole(steps) and steps == len(self._steps):
                self._ended = True
            case {"data": {"steps": steps}} if _is_whole(steps):
                raise UnknownValueError(f"the end counts {steps} steps, but here are {len(self._steps)}")
            case _:
                raise UnknownValueError("an end without a number of steps")


_is_whole = shape(int)
"""Whether a value is a whole number of a size that a trace may say."""

_is_failure = shape(Failure)
"""Whether a value is a failure."""


def _fitting(fits: Check, form: Any, what: str) -> Any:
    value = CODEC.decode(form)
    if not fits(value):
        raise UnknownValueError(f"this machine has no such {what}")
    return value


def _stood_for(text: str) -> int:
    try:
        return stood_for(text)
    except ValueError as error:
        raise UnknownValueError(str(error)) from None


def _begun(record: dict[str, Any]) -> tuple[Header, Any, Any]:
    """Returns the header of a trace, and the types of what its machine takes and of what it gives."""
    match record:
        case {"file_schema": str(schema)} if schema != SCHEMA:
            raise UnknownValueError(f"written in the form {schema[:60]!r}, which this version cannot read")
        case {
            "file_schema": str(),
            "trace": {"behaviour": number, "machine": str(machine), "settings": settings} as trace,
        }:
            if not _is_whole(number):
                raise UnknownValueError("the behaviour of the core is a whole number")
            made = CODEC.decode(settings)
            known = isinstance(made, Settings | SpectatorSettings | ServiceSettings)
            if not known or made.machine != machine:
                raise UnknownValueError("the settings are not those of its machine")
            try:
                fresh(made)
            except Exception:  # noqa: BLE001  a machine may refuse in any way, and its words may repeat a secret
                raise UnknownValueError("no machine can be made with these settings") from None
            header = Header(
                made,
                _versions(trace.get("versions")),
                title=str(record.get("title", "")),
                created=_created(trace.get("common_fields")),
                redacted=trace.get("redacted") is True,
                behaviour=number,
            )
            return header, *seam_of(made)
        case _:
            raise UnknownValueError("this is not a trace")


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
        case [at, why] if _is_whole(at) and isinstance(reason := CODEC.decode(why), Enum):
            return Deadline(Instant(at), reason)
        case _:
            raise UnknownValueError("a deadline is a time and a reason")
