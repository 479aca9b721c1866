"""Recordings and pages, with vectors from docs/protocol.md#recordings, #list-of-recordings."""

import json
from typing import Any

import pytest

from odyssey_proto.kernel.failures import Failure, FailureKind, RemoteProtocolError
from odyssey_proto.messages.recordings import GET_RECORDING, LIST_STREAM_RECORDINGS, Page
from odyssey_proto.model.recordings import Recording, StreamRecordingInfo, StreamRecordingsList
from odyssey_proto.seam.http import HttpReply, HttpRequest

API = "https://api.odyssey.ml"


def ok(body: Any, status: int = 200) -> HttpReply:
    return HttpReply(status, (), json.dumps(body).encode())


def test_a_recording() -> None:
    body = {
        "stream_id": "s-1",
        "video_url": "https://files/v.mp4?sig=canary",
        "events_url": "https://files/e.jsonl?sig=canary",
        "thumbnail_url": "https://files/t.jpg?sig=canary",
        "preview_url": None,
        "frame_count": 240,
        "duration_seconds": 12.0,
        "something_new": {"a": 1},
    }
    recording = GET_RECORDING.decode_reply(ok(body))
    assert recording == Recording(
        "s-1",
        "https://files/v.mp4?sig=canary",
        "https://files/e.jsonl?sig=canary",
        "https://files/t.jpg?sig=canary",
        None,
        240,
        12.0,
    )
    assert "canary" not in repr(recording)


def test_a_recording_that_is_not_ready() -> None:
    assert GET_RECORDING.decode_reply(ok({"stream_id": "s-1"})) == Recording("s-1")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"stream_id": None},
        {"stream_id": "s", "video_url": 5},
        {"stream_id": "s", "frame_count": 1.5},
        {"stream_id": "s", "frame_count": True},
        {"stream_id": "s", "duration_seconds": "12"},
    ],
)
def test_a_malformed_recording(body: Any) -> None:
    failure = GET_RECORDING.decode_reply(ok(body))
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.MALFORMED


def test_a_recording_that_is_not_there() -> None:
    failure = GET_RECORDING.decode_reply(ok({"detail": "Recording not found"}, 404))
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.NOT_FOUND


@pytest.mark.parametrize(
    ("page", "query"),
    [
        (Page(), ()),
        (Page(10), (("limit", "10"),)),
        (Page(100, 0), (("limit", "100"), ("offset", "0"))),
        (Page(offset=5), (("offset", "5"),)),
    ],
)
def test_the_page_that_is_asked_for(page: Page, query: Any) -> None:
    request = LIST_STREAM_RECORDINGS.encode_request(API, page)
    assert (request.url, request.query) == (API + "/stream-recordings", query)


@pytest.mark.parametrize("limit", [0, -1, 101, 1.0, True, "5"])
def test_a_limit_that_is_out_of_range(limit: Any) -> None:
    with pytest.raises(ValueError, match="limit must be a whole number from 1 to 100"):
        Page(limit)


@pytest.mark.parametrize("offset", [-1, 0.5, False, "0"])
def test_an_offset_that_is_out_of_range(offset: Any) -> None:
    with pytest.raises(ValueError, match="offset must be a whole number of 0 or more"):
        Page(None, offset)


@pytest.mark.parametrize(
    "query",
    [
        (("limit", "0"),),
        (("limit", "101"),),
        (("limit", "-1"),),
        (("limit", "ten"),),
        (("limit", ""),),
        (("limit", "٣"),),
        (("offset", "9" * 5000),),
    ],
)
def test_a_page_that_there_is_not(query: Any) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        LIST_STREAM_RECORDINGS.decode_request(HttpRequest("GET", "/stream-recordings", query))
    assert caught.value.status == 422


ITEM = {"stream_id": "s-1", "width": 704, "height": 1280, "started_at": "2026-01-23T10:00:00Z"}


def test_a_list() -> None:
    body = {"recordings": [ITEM, ITEM | {"ended_at": "2026-01-23T10:01:00Z", "duration_seconds": 60}]}
    listed = LIST_STREAM_RECORDINGS.decode_reply(ok(body | {"total": 2, "limit": 50, "offset": 0}))
    first = StreamRecordingInfo("s-1", 704, 1280, "2026-01-23T10:00:00Z")
    second = StreamRecordingInfo("s-1", 704, 1280, "2026-01-23T10:00:00Z", "2026-01-23T10:01:00Z", 60)
    assert listed == StreamRecordingsList([first, second], 2, 50, 0)


@pytest.mark.parametrize("field", ["recordings", "total", "limit", "offset"])
def test_a_list_without_one_of_its_fields(field: str) -> None:
    body = {"recordings": [ITEM], "total": 2, "limit": 50, "offset": 0}
    del body[field]
    failure = LIST_STREAM_RECORDINGS.decode_reply(ok(body))
    assert isinstance(failure, Failure)
    assert f"{field} is missing" in failure.text


@pytest.mark.parametrize("field", ["stream_id", "width", "height", "started_at"])
def test_a_line_without_one_of_its_fields(field: str) -> None:
    item = {name: value for name, value in ITEM.items() if name != field}
    failure = LIST_STREAM_RECORDINGS.decode_reply(
        ok({"recordings": [ITEM, item], "total": 2, "limit": 50, "offset": 0})
    )
    assert isinstance(failure, Failure)
    assert f"recordings[1].{field} is missing" in failure.text
