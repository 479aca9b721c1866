"""A stream as both sides saw it."""

import pytest

from odyssey_proto.kernel.machine import Instant, seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.model.events import (
    Disconnected,
    InteractAcknowledged,
    StreamEnded,
    StreamStarted,
)
from odyssey_proto.model.recordings import RecordedEvent, RecordedKind
from odyssey_proto.seam.commands import Command, CommandId, EndStream, Interact, StartStream
from odyssey_proto.seam.inputs import Wake
from odyssey_proto.seam.outputs import Completed, Happened
from odyssey_proto.seam.settings import Settings
from odyssey_proto.trace import Header, Step, Trace, timeline

HEADER = Header(Settings(api_url="https://api.example", api_key=Secret("ody_k")))
FILE = (
    RecordedEvent(0.0, RecordedKind.START, "A cat"),
    RecordedEvent(2.5, RecordedKind.INTERACT, "Pet it"),
    RecordedEvent(4.0, RecordedKind.END),
)


def step(at: float, inp: object, *outputs: object) -> Step:
    return Step(Instant(seconds(at)), inp, outputs)


def asked(number: int, what: StartStream | Interact | EndStream) -> Command:
    return Command(CommandId(number), what)


def names(trace: Trace, stream_id: str = "s-1") -> list[tuple[float, str]]:
    return [
        (moment.at, moment.what.kind if isinstance(moment.what, RecordedEvent) else moment.what.name)
        for moment in timeline(FILE, trace, stream_id)
    ]


def test_both_sides_in_the_order_of_stream_time() -> None:
    trace = Trace(
        HEADER,
        (
            step(9, asked(1, StartStream("A cat"))),
            step(10, Wake(), Happened(StreamStarted("s-1")), Completed(CommandId(1), "s-1")),
            step(12, asked(2, Interact("Pet it"))),
            step(13, Wake(), Happened(InteractAcknowledged("Pet it"))),
            step(14, Wake(), Happened(StreamEnded())),
            step(15, asked(3, StartStream("A dog"))),
        ),
    )
    assert names(trace) == [
        (0.0, "start"),
        (0.0, "StreamStarted"),
        (2.0, "Interact"),
        (2.5, "interact"),
        (3.0, "InteractAcknowledged"),
        (4.0, "end"),
        (4.0, "StreamEnded"),
    ]


def test_a_stream_may_be_the_second_and_end_with_its_connection() -> None:
    trace = Trace(
        HEADER,
        (
            step(1, Wake(), Happened(StreamStarted("s-0")), Happened(StreamEnded())),
            step(2, Wake(), Happened(StreamStarted("s-1"))),
            step(3, Wake(), Happened(Disconnected())),
            step(4, Wake(), Happened(StreamStarted("s-2"))),
        ),
    )
    ours = [name for at, name in names(trace) if name[0].isupper()]
    assert ours == ["StreamStarted", "Disconnected"]


def test_a_stream_that_is_still_running() -> None:
    assert len(names(Trace(HEADER, (step(2, Wake(), Happened(StreamStarted("s-1"))),)))) == 4


def test_a_stream_that_is_not_in_the_trace() -> None:
    with pytest.raises(ValueError, match="no stream 's-9'"):
        names(Trace(HEADER), "s-9")
