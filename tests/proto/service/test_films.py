"""Films: what is recorded of a stream, who may see it, and when it is forgotten."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odyssey_proto.kernel.machine import Span, seconds
from odyssey_proto.messages.recordings import LIST_STREAM_RECORDINGS
from odyssey_proto.messages.stream import (
    InteractiveStreamEnd,
    InteractiveStreamStart,
    StreamStarted,
    Update,
    encode,
)
from odyssey_proto.model.recordings import Recording
from odyssey_proto.seam.inputs import ChannelText, SocketClosed
from odyssey_proto.service.films import store
from odyssey_proto.service.films.iso_time import iso
from odyssey_proto.service.io.film import EVENTS, KINDS, RATE, Film, Scene, Shot
from odyssey_proto.service.io.seam import Answer, Discard
from tests.proto.service.films_by_hand import fetched, recorded, recording, renders
from tests.proto.service.service_by_hand import TO_STREAMER, ServiceByHand, streamed

# --- recordings ---------------------------------------------------------------------------------


def test_a_stream_is_recorded() -> None:
    guest = ServiceByHand(b"", 1_800_000_000_000_000)
    name = recorded(guest)
    found = recording(guest, name)
    assert (found.frame_count, found.duration_seconds) == (48, 2.0)
    page = LIST_STREAM_RECORDINGS.decode_reply(guest.reply("GET", "/stream-recordings"))
    (info,) = page.recordings  # type: ignore[union-attr]  # a Failure has none
    assert (info.stream_id, info.width, info.height, info.duration_seconds) == (name, 1280, 704, 2.0)
    assert (info.started_at, info.ended_at) == ("2027-01-15T08:00:00.000Z", "2027-01-15T08:00:02.000Z")


def test_a_stream_that_runs_has_no_files_yet() -> None:
    guest = ServiceByHand()
    (started,) = streamed(guest.ready().streams(InteractiveStreamStart("A cat")))
    assert isinstance(started, StreamStarted)
    assert recording(guest, started.stream_id) == Recording(started.stream_id)
    (info,) = json.loads(guest.reply("GET", "/stream-recordings").body)["recordings"]
    assert (info["ended_at"], info["duration_seconds"]) == (None, None)


def test_a_stream_that_is_cut_off_is_recorded_up_to_there() -> None:
    guest = ServiceByHand()
    host = guest.ready()
    (started,) = streamed(host.streams(InteractiveStreamStart("A cat")))
    assert isinstance(started, StreamStarted)
    guest.wait(1)
    guest.step(SocketClosed(host.socket, 1006))
    assert recording(guest, started.stream_id).duration_seconds == 1.0


def test_recordings_of_others_are_not_seen_and_pages_have_an_end() -> None:
    guest = ServiceByHand()
    names = [recorded(guest) for _ in range(3)]
    page = json.loads(guest.reply("GET", "/stream-recordings", query={"limit": "1", "offset": "1"}).body)
    assert ([one["stream_id"] for one in page["recordings"]], page["total"]) == ([names[1]], 3)
    guest.enter("ody_another")
    assert guest.reply("GET", f"/recordings/{names[0]}").status == 404
    assert json.loads(guest.reply("GET", "/stream-recordings").body)["total"] == 0


def test_of_many_films_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MAX_FILMS", 2)
    monkeypatch.setattr("odyssey_proto.service.films.archive.MAX_FILMS", 2)
    guest = ServiceByHand()
    first = recorded(guest)
    waiting = fetched(guest, recording(guest, first).video_url)
    second = recorded(guest)
    (answer, discarded) = [output for output in _third(guest) if isinstance(output, Discard | Answer)]
    assert (answer.reply.status, discarded) == (404, Discard(first))
    assert renders(waiting)
    assert guest.reply("GET", f"/recordings/{first}").status == 404
    assert recording(guest, second).video_url is not None


def _third(guest: ServiceByHand) -> list[Any]:
    host = guest.ready()
    host.streams(InteractiveStreamStart("A cat"))
    return host.streams(InteractiveStreamEnd())


def test_a_recording_is_forgotten_while_it_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("odyssey_proto.service.films.archive.MAX_FILMS", 1)
    guest = ServiceByHand()
    host = guest.ready()
    first = host.peer
    host.streams(InteractiveStreamStart("A cat"))
    recorded(guest)
    guest.step(ChannelText(first, TO_STREAMER, encode(Update("A dog"))))
    guest.step(SocketClosed(host.socket, 1006))
    assert json.loads(guest.reply("GET", "/stream-recordings").body)["total"] == 1


# --- films --------------------------------------------------------------------------------------


def test_what_happened_is_written_in_lines() -> None:
    scene = Scene("s", ("Eine Kätzin",))
    film = Film("s", (Shot(Span(0), scene), Shot(Span(1_500_000), scene.steered("Pet it"))), seconds(3))
    assert [json.loads(line) for line in film.events.decode().splitlines()] == [
        {"timestamp_ms": 0, "start": {"prompt": "Eine Kätzin"}},
        {"timestamp_ms": 1500, "interact": {"prompt": "Pet it"}},
        {"timestamp_ms": 3000, "end": {}},
    ]
    assert [film.scene_at(frame) for frame in (0, 35, 36, 71)] == [0, 0, 1, 1]
    assert EVENTS in KINDS


@given(st.integers(0, 10**9))
def test_a_film_has_a_frame_at_least(length: int) -> None:
    film = Film("s", (Shot(Span(0), Scene("s", ("x",))),), Span(length))
    assert film.frame_count >= 1
    assert abs(film.duration - length / 1_000_000) <= 1 / RATE


def test_a_moment_as_a_date() -> None:
    assert iso(1_785_412_800_123_456, seconds(1)) == "2026-07-30T12:00:01.123Z"  # type: ignore[arg-type]  # a span from zero is a moment


def test_many_prompts_keep_the_first_and_the_newest() -> None:
    scene = Scene("s", ("first",))
    for number in range(100):
        scene = scene.steered(str(number))
    assert (len(scene.prompts), scene.prompts[0], scene.prompts[-1]) == (64, "first", "99")
