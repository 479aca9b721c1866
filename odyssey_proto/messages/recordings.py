"""What was recorded, and lists that come in pages (docs/protocol.md#recordings, #list-of-recordings)."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from attrs import field, frozen

from odyssey_proto.messages.endpoint import JsonEndpoint, Parts
from odyssey_proto.messages.fields import Fields
from odyssey_proto.model.recordings import Recording, StreamRecordingInfo, StreamRecordingsList
from odyssey_proto.model.validators import unless_none, whole

DEFAULT_PAGE = 50
"""How much of a list is given unless more or less is asked for (docs/protocol.md#list-of-recordings)."""

MAX_PAGE_ITEMS = 100
"""The largest page (docs/protocol.md#list-of-recordings, #simulations)."""


@frozen
class Page:
    """Which part of a list is wanted; `None` leaves it to the service."""

    limit: int | None = field(default=None, validator=unless_none(whole(1, MAX_PAGE_ITEMS)))
    offset: int | None = field(default=None, validator=unless_none(whole(0)))


def page_query(page: Page) -> dict[str, str]:
    """Returns the query that asks for a page."""
    wanted = {"limit": page.limit, "offset": page.offset}
    return {name: str(value) for name, value in wanted.items() if value is not None}


def read_page(query: Mapping[str, str]) -> Page:
    """Returns the page that a query asks for; raises `ValueError` if there is no such page."""
    return Page(_whole(query, "limit"), _whole(query, "offset"))


def take_files(fields: Fields) -> dict[str, Any]:
    """Returns the fields that recordings and the streams of simulations share."""
    return {
        "stream_id": fields.identifier("stream_id"),
        "video_url": fields.text_or("video_url", None),
        "events_url": fields.text_or("events_url", None),
        "thumbnail_url": fields.text_or("thumbnail_url", None),
        "preview_url": fields.text_or("preview_url", None),
        "frame_count": fields.whole_or("frame_count", None),
        "duration_seconds": fields.number_or("duration_seconds", None),
    }


def _take_recording(fields: Fields) -> Recording:
    return Recording(**take_files(fields))


def _take_info(fields: Fields) -> StreamRecordingInfo:
    return StreamRecordingInfo(
        stream_id=fields.identifier("stream_id"),
        width=fields.whole("width"),
        height=fields.whole("height"),
        started_at=fields.text("started_at"),
        ended_at=fields.text_or("ended_at", None),
        duration_seconds=fields.number_or("duration_seconds", None),
    )


def _take_list(fields: Fields) -> StreamRecordingsList:
    return StreamRecordingsList(
        recordings=[_take_info(item) for item in fields.objects("recordings")],
        total=fields.whole("total"),
        limit=fields.whole("limit"),
        offset=fields.whole("offset"),
    )


def _whole(query: Mapping[str, str], name: str) -> int | None:
    value = query.get(name)
    if value is None:
        return None
    if not (value.isascii() and value.isdigit() and len(value) <= 15):
        raise ValueError(f"{name} is not a whole number")
    return int(value)


GET_RECORDING = JsonEndpoint[str, Recording](
    "recordings.get",
    "GET",
    "/recordings/{}",
    "get the recording",
    write=Parts,
    read=lambda parts: parts.id,
    give=asdict,
    take=_take_recording,
    names=lambda recording: recording.stream_id,
    safe=True,
)
"""Takes the id of a stream, gives where its files are."""

LIST_STREAM_RECORDINGS = JsonEndpoint[Page, StreamRecordingsList](
    "recordings.list",
    "GET",
    "/stream-recordings",
    "list the recordings",
    write=lambda page: Parts(query=page_query(page)),
    read=lambda parts: read_page(parts.query),
    give=asdict,
    take=_take_list,
    safe=True,
)
"""Returns one page of the account's recordings."""
