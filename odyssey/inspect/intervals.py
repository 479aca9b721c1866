"""Intervals of a trace: waits for an answer, and how long each state went on."""

from collections.abc import Iterable, Sequence

from attrs import frozen

from odyssey.inspect.causes import Tie
from odyssey.inspect.line import Actor, Line, Tone
from odyssey_proto.kernel.machine import Instant
from odyssey_proto.model import events
from odyssey_proto.seam.commands import Abandon, Command
from odyssey_proto.seam.outputs import DropPeer, Happened, MakePeer, OpenSocket, Request
from odyssey_proto.trace.replay import State
from odyssey_proto.trace.values import Record


@frozen
class Interval:
    """Something that lasted; without an end it lasted beyond the trace."""

    name: str
    begins: Instant
    ends: Instant | None
    number: int
    """The record that began it."""
    tone: Tone = Tone.PLAIN


@frozen
class Wait:
    """A question and what became of it."""

    actor: Actor
    """Who was asked, or who asked if it was the application."""
    span: Interval
    answer: int | None = None
    """The record that ended it."""


def waits(records: Sequence[Record], ties: Sequence[Tie], lines: Sequence[Line]) -> tuple[Wait, ...]:
    """Returns every question with its answer, in the order in which they were asked."""
    answers = {tie.answers: number for number, tie in enumerate(ties) if tie.answers is not None}
    return tuple(
        _wait(records, lines, number, answers.get(number))
        for number, record in enumerate(records)
        if _asks(record)
    )


def statuses(records: Iterable[Record]) -> tuple[Interval, ...]:
    """Returns the status of the connection, as it was announced."""
    moves: list[Interval] = []
    for number, record in enumerate(records):
        match record.value:
            case Happened(events.StatusChanged(status)):
                tone = Tone.BAD if status.value == "failed" else Tone.PLAIN
                moves.append(Interval(status.value, record.at, None, number, tone))
    return _held(moves)


def streams(records: Iterable[Record]) -> tuple[Interval, ...]:
    """Returns every stream, from the event that it started to its end."""
    moves: list[Interval] = []
    for number, record in enumerate(records):
        match record.value:
            case Happened(events.StreamStarted(stream)):
                moves.append(Interval(stream, record.at, None, number, Tone.GOOD))
            case Happened(
                events.StreamEnded() | events.StreamFailed(ends=True | None) | events.Disconnected()
            ):
                moves.append(Interval("", record.at, None, number))
    return _held(moves)


def stalls(records: Iterable[Record]) -> tuple[Interval, ...]:
    """Returns when no frames came although a stream ran, from the event that said so to its end."""
    moves: list[Interval] = []
    for number, record in enumerate(records):
        match record.value:
            case Happened(events.FramesStalled()):
                moves.append(Interval("stalled", record.at, None, number, Tone.BAD))
            case Happened(
                events.FramesResumed()
                | events.StreamEnded()
                | events.StreamFailed(ends=True | None)
                | events.Disconnected()
            ):
                moves.append(Interval("", record.at, None, number))
    return _held(moves)


def phases(records: Iterable[Record], states: Sequence[State]) -> tuple[Interval, ...]:
    """Returns the phases of the session as a replay found them; `states` are those after each step."""
    moves: list[Interval] = []
    step = -1
    for number, record in enumerate(records):
        if record.step != step and record.step < len(states):
            step = record.step
            name = dict(states[step]).get("phase", "").lower()
            moves.append(Interval(name, record.at, None, number))
    return _held(moves)


def _asks(record: Record) -> bool:
    match record.value:
        case Command(_, Abandon()):
            return False
        case Command() | Request() | OpenSocket() | MakePeer():
            return True
        case _:
            return False


def _wait(records: Sequence[Record], lines: Sequence[Line], number: int, answer: int | None) -> Wait:
    asked, line = records[number], lines[number]
    match asked.value:
        case Command():
            actor, name = Actor.APPLICATION, line.title
        case MakePeer():
            actor, name = Actor.STREAMER, "peer connection"
        case _:
            actor, name = line.target, line.title
    if answer is None:
        return Wait(actor, Interval(name, asked.at, None, number, Tone.QUIET))
    ended = records[answer]
    bad = lines[answer].tone is Tone.BAD or isinstance(ended.value, DropPeer)
    return Wait(actor, Interval(name, asked.at, ended.at, number, Tone.BAD if bad else Tone.PLAIN), answer)


def _held(moves: Iterable[Interval]) -> tuple[Interval, ...]:
    """Ends each interval where the next begins; equal neighbours become one, nameless ones none."""
    found: list[Interval] = []
    for move in moves:
        if found and found[-1].name == move.name:
            continue
        if found:
            last = found[-1]
            found[-1] = Interval(last.name, last.begins, move.begins, last.number, last.tone)
        found.append(move)
    return tuple(span for span in found if span.name)
