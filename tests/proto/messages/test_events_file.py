"""Events files, in the forms that a line may have."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odyssey_proto.kernel.machine import millis
from odyssey_proto.messages.events_file import decode, encode
from odyssey_proto.model.recordings import EventLog, RecordedEvent, RecordedKind

START, INTERACT, END, OTHER = RecordedKind


def lines(*values: Any) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


@pytest.mark.parametrize(
    ("line", "at", "kind", "prompt"),
    [
        ({"timestamp_ms": 0, "start": {"prompt": "A cat"}}, 0, START, "A cat"),
        ({"timestamp_ms": 1500, "interact": {"prompt": "Pet it"}}, 1.5, INTERACT, "Pet it"),
        ({"timestamp_ms": 10000, "end": {}}, 10, END, None),
        ({"timestamp_ms": 0, "type": "stream_started", "applied_prompt": "A cat!"}, 0, START, "A cat!"),
        (
            {"timestamp_ms": 7.5, "type": "update", "prompt": "x", "applied_prompt": "y"},
            0.0075,
            INTERACT,
            "y",
        ),
        ({"timestamp_ms": 1, "type": "update_acknowledged", "prompt": 7}, 0.001, INTERACT, None),
        ({"timestamp_ms": 1, "type": "stream_ended"}, 0.001, END, None),
        ({"timestamp_ms": 1, "type": "earthquake", "prompt": "!"}, 0.001, OTHER, "!"),
        ({"timestamp_ms": 1, "type": ["x"], "start": "soon"}, 0.001, OTHER, None),
    ],
)
def test_a_line(line: Any, at: float, kind: RecordedKind, prompt: str | None) -> None:
    assert decode(lines(line)) == EventLog((RecordedEvent(at, kind, prompt, json.dumps(line)),))


def test_lines_come_in_the_order_of_time_and_what_is_none_is_counted() -> None:
    data = lines(
        {"timestamp_ms": 5, "end": {}}, {"timestamp_ms": 1, "start": {}}, 7, {}, {"timestamp_ms": "x"}
    )
    log = decode(data + b"\n  \r\ngarbage\n\xff\xfe\n" + b"[" * 100_000)
    assert [event.kind for event in log] == [START, END]
    assert (len(log), log.unreadable) == (2, 6)


@given(st.integers(0, 10**9), st.sampled_from([START, INTERACT, END]), st.none() | st.text("ab\n\u2028"))
def test_what_is_written_is_read(at: int, kind: RecordedKind, prompt: str | None) -> None:
    text = encode(millis(at), kind, prompt)
    assert "\n" not in text
    assert decode(text.encode()).events == (RecordedEvent(at / 1000, kind, prompt, text),)


@given(st.binary(max_size=200))
def test_no_file_raises(data: bytes) -> None:
    decode(data)


def test_prompts_are_not_seen() -> None:
    assert "canary" not in repr(decode(lines({"timestamp_ms": 0, "start": {"prompt": "canary"}})))


def test_a_line_that_is_too_long_is_counted_and_never_parsed() -> None:
    bomb = b'{"timestamp_ms":1,"x":[' + b"{}," * 2**20 + b"{}]}"
    good = b'{"timestamp_ms":2}'
    read = decode(b"\n".join((good, bomb, good, b"", b" " * 70_000)))
    assert (len(read.events), read.unreadable) == (2, 1)
