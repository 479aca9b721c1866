"""The files of a film: drawn when they are wanted, whole or in part, at signed addresses that end."""

from typing import Any

import pytest

from odyssey_proto.service.films import store
from odyssey_proto.service.io.seam import Answer, AskerGone, Rendered, RenderFailed, SendFile
from tests.proto.service.films_by_hand import SIZES, fetched, kept, recorded, recording, renders
from tests.proto.service.service_by_hand import ServiceByHand


def test_files_are_drawn_when_they_are_first_wanted_and_once() -> None:
    guest, found = kept()
    for url, kind in (
        (found.video_url, "video/mp4"),
        (found.preview_url, "video/mp4"),
        (found.thumbnail_url, "image/jpeg"),
        (found.events_url, "application/x-ndjson"),
    ):
        (send,) = fetched(guest, url)
        assert (send.reply.header("content-type"), send.length) == (kind, 1000)
        assert send.reply.header("access-control-allow-origin") == "*"


@pytest.mark.parametrize(
    ("wanted", "status", "part"),
    [
        ("bytes=0-", 206, (0, 1000)),
        ("bytes=100-199", 206, (100, 100)),
        ("bytes=900-5000", 206, (900, 100)),
        ("bytes=-100", 206, (900, 100)),
        ("bytes=-5000", 206, (0, 1000)),
        ("bytes=1000-", 416, None),
        ("bytes=5-4", 416, None),
        ("bytes=-", 200, (0, 1000)),
        ("bytes=0-1,5-6", 200, (0, 1000)),
        ("lines=1-2", 200, (0, 1000)),
    ],
)
def test_a_part_of_a_file(wanted: str, status: int, part: tuple[int, int] | None) -> None:
    guest, found = kept()
    (output,) = fetched(guest, found.video_url, {"range": wanted})
    assert output.reply.status == status
    if part is None:
        assert output.reply.header("content-range") == "bytes */1000"
    else:
        assert (output.start, output.length) == part
        if status == 206:
            assert output.reply.header("content-range") == f"bytes {part[0]}-{sum(part) - 1}/1000"


def test_a_part_of_what_has_changed_is_the_whole() -> None:
    guest, found = kept()
    (send,) = fetched(guest, found.video_url)
    tag = send.reply.header("etag")
    (same,) = fetched(guest, found.video_url, {"range": "bytes=10-", "if-range": tag})
    (other,) = fetched(guest, found.video_url, {"range": "bytes=10-", "if-range": '"other"'})
    assert (same.reply.status, other.reply.status) == (206, 200)


def answered(outputs: list[Any]) -> int:
    (answer,) = [output for output in outputs if isinstance(output, Answer)]
    return answer.reply.status


def test_addresses_end() -> None:
    guest, found = kept(url_seconds=60)
    guest.wait(59)
    assert isinstance(fetched(guest, found.video_url)[0], SendFile)
    guest.wait(2)
    assert answered(fetched(guest, found.video_url)) == 403


@pytest.mark.parametrize(
    "change",
    [
        lambda url: url.replace("video.mp4", "preview.mp4"),
        lambda url: url.replace("expires=", "expires=9"),
        lambda url: url[:-1] + ("0" if url[-1] != "0" else "1"),
        lambda url: url.partition("?")[0],
        lambda url: url.replace("/video.mp4", "/../../etc/passwd"),
        lambda url: url.replace("signature=", "signature=%C3%BC"),
    ],
)
def test_what_was_not_signed_is_not_given(change: Any) -> None:
    guest, found = kept()
    assert answered(fetched(guest, change(found.video_url))) == 403


def test_a_file_can_only_be_got() -> None:
    guest, found = kept()
    assert answered(fetched(guest, found.video_url, method="POST")) == 405


def test_a_file_that_cannot_be_made_may_be_asked_for_again() -> None:
    guest = ServiceByHand()
    found = recording(guest, recorded(guest))
    (film,) = renders(fetched(guest, found.video_url))
    assert renders(fetched(guest, found.preview_url)) == []
    lost = guest.step(RenderFailed(film.stream_id))
    assert [one.reply.status for one in lost if isinstance(one, Answer)] == [500, 500]
    assert len(renders(fetched(guest, found.video_url))) == 1


def test_whoever_leaves_is_not_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MAX_WAITING", 1)
    guest = ServiceByHand()
    found = recording(guest, recorded(guest))
    (film,) = renders(fetched(guest, found.video_url))
    assert answered(fetched(guest, found.video_url)) == 503
    guest.step(AskerGone(max(guest.asked) - 1))  # type: ignore[arg-type, operator]  # a number by another name
    assert [one for one in guest.step(Rendered(film.stream_id, SIZES)) if isinstance(one, SendFile)] == []


def test_the_files_of_a_forgotten_film_are_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    guest, found = kept()
    monkeypatch.setattr(store, "MAX_FILMS", 1)
    recorded(guest)
    assert answered(fetched(guest, found.video_url)) == 404
