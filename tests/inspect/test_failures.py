"""A failed session in words: what failed, and what that began with."""

import json

import pytest
from core.traced_sessions import recorded, scenarios

from odyssey.inspect.cursor import TraceCursor
from odyssey.inspect.failures import failures
from odyssey.inspect.page_data import page_data
from odyssey.inspect.story import story
from odyssey.inspect.transcript import transcript
from odyssey_proto.kernel.failures import Failure, FailureKind
from odyssey_proto.kernel.machine import Instant
from odyssey_proto.model.events import ErrorHappened
from odyssey_proto.seam.commands import CommandId
from odyssey_proto.seam.inputs import Wake
from odyssey_proto.seam.outputs import Failed, Happened
from odyssey_proto.testing.by_hand import SETTINGS
from odyssey_proto.trace.machines import fresh
from odyssey_proto.trace.values import Header, Step, Trace


@pytest.mark.parametrize(
    ("name", "failed", "began"),
    [
        ("refused-key", "Connect failed: auth.invalid_key: ", "It began with API: 401 POST /auth/token"),
        ("no-capacity", "Connect failed: ", "It began with API: 503 POST /sessions/request"),
        (
            "no-offer",
            "Connect failed: timeout.negotiate: ",
            "Nothing came in time after signaling: WebSocket open",
        ),
        ("silent-streamer", "StartStream failed: ", "Nothing came in time after application: StartStream: "),
        ("failed-stream", "StartStream failed: ", "It began with streamer: interactive_stream_error: "),
        (
            "closed-by-the-server",
            "Interact failed: ",
            "It began with signaling: WebSocket closed: 4000 going away",
        ),
    ],
)
def test_a_failed_session_begins_with_its_failure_and_where_that_began(
    name: str, failed: str, began: str
) -> None:
    trace = scenarios()[name]()
    first, *_ = failures(story(trace))
    assert first.text.startswith(failed)
    assert began in first.text
    lines = ["".join(text for text, _ in line) for line in transcript(TraceCursor(trace, fresh))]
    assert first.text in lines[:4]
    data = page_data(TraceCursor(trace, fresh), "name")
    assert data["failures"][0] == [first.text, first.entry.number]
    json.dumps(data)


@pytest.mark.parametrize("name", scenarios())
def test_every_failure_that_the_application_sees_is_among_them(name: str) -> None:
    shown = story(scenarios()[name]())
    seen = {
        entry.record.step
        for entry in shown.entries
        if isinstance(entry.record.value, Failed)
        or (isinstance(entry.record.value, Happened) and isinstance(entry.record.value.event, ErrorHappened))
    }
    found = [each.entry.record.step for each in failures(shown)]
    assert found == sorted(set(found))
    assert seen <= set(found)


def test_a_good_session_has_none() -> None:
    assert list(failures(story(recorded()))) == []


def test_a_failure_that_began_with_nothing_stands_alone() -> None:
    failure = Failure(FailureKind.TIMED_OUT, "no answer", code="timeout.call")
    step = Step(Instant(5_000_000), Wake(), (Failed(CommandId(1), failure),))
    (only,) = failures(story(Trace(Header(SETTINGS), (step,))))
    assert only.cause is None
    assert only.text == "command failed: timeout.call: no answer, at 0.000 s."
