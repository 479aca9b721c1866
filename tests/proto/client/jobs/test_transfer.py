"""How a file is loaded: which bytes are asked for, what each reply means, how it ends."""

from typing import Any

import pytest
from core.file_transfer import COMMAND, Loading, head, rest, whole

from odyssey_proto.client.jobs.transfer import LOCATE, MAX_FILE_BYTES, MAX_TRIES, PROGRESS_STEP
from odyssey_proto.client.rest.call_requests import StartCall
from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.kernel.failures import Failure, FailureKind
from odyssey_proto.kernel.machine import Instant, seconds
from odyssey_proto.model.recordings import DownloadProgress, FileVersion, Recording, RecordingFile
from odyssey_proto.seam.commands import CommandId, Download
from odyssey_proto.seam.http import HttpReply
from odyssey_proto.seam.outputs import Progressed

VERSION = FileVersion('"v1"', 100)


def test_a_file_from_beginning_to_end() -> None:
    loading = Loading()
    assert loading.asks() == {}
    assert loading.opens(whole()) == loading.stores(VERSION)
    assert loading.comes(60) == loading.comes(40) == []
    assert repr(loading.machine) == "<Transfer of video: 100 of 100 bytes>"
    loading.completes(loading.ends())


def test_a_file_of_unknown_size() -> None:
    loading = Loading()
    loading.asks()
    assert loading.opens(head()) == loading.stores(FileVersion(None, None))
    loading.comes(100)
    loading.completes(loading.ends(), total=None)


def test_progress_is_reported_in_steps() -> None:
    loading = Loading()
    loading.asks()
    loading.opens(head())
    assert loading.comes(PROGRESS_STEP - 1) == []
    assert loading.comes(1) == [Progressed(COMMAND, DownloadProgress(PROGRESS_STEP, None))]
    assert loading.comes(PROGRESS_STEP - 1) == []
    assert loading.comes(2) == [Progressed(COMMAND, DownloadProgress(2 * PROGRESS_STEP + 1, None))]
    loading.breaks()
    loading.waits()
    loading.opens(head())
    assert loading.comes(PROGRESS_STEP) == [Progressed(COMMAND, DownloadProgress(PROGRESS_STEP, None))]


def test_what_was_stored_before_is_no_progress() -> None:
    loading = Loading(PROGRESS_STEP, FileVersion('"v1"', None))
    loading.asks()
    loading.opens(head(206, content_range=f"bytes {PROGRESS_STEP}-{4 * PROGRESS_STEP}/*"))
    assert loading.comes(1) == []


def test_a_break_is_gone_on_with() -> None:
    loading = Loading()
    loading.asks()
    loading.opens(whole())
    loading.comes(60)
    assert loading.breaks() == []
    assert not loading.machine.owns(loading.fetch)
    assert loading.waits() == {"range": "bytes=60-", "if-range": '"v1"'}
    assert loading.opens(rest(60)) == loading.stores(None)
    loading.comes(40)
    loading.completes(loading.ends())


def test_what_was_there_is_gone_on_with() -> None:
    loading = Loading(30, FileVersion('"v1"', None))
    assert loading.asks() == {"range": "bytes=30-", "if-range": '"v1"'}
    assert loading.opens(rest(30)) == loading.stores(None)
    loading.comes(70)
    loading.completes(loading.ends())


def test_what_was_there_without_a_tag_is_not() -> None:
    assert Loading(30, FileVersion(None, 100)).asks() == {}
    assert Loading(30, None).asks() == {}


def test_a_file_that_has_changed_begins_anew() -> None:
    loading = Loading(30, VERSION)
    loading.asks()
    assert loading.opens(head(content_length="50", etag='"v2"')) == loading.stores(FileVersion('"v2"', 50))
    loading.comes(50)
    loading.completes(loading.ends(), 50, 50)


@pytest.mark.parametrize("tag", ['W/"v1"', "v1", "", '"a b"', '"' + "x" * 300 + '"'])
def test_only_a_strong_tag_counts(tag: str) -> None:
    loading = Loading()
    loading.asks()
    assert loading.opens(head(etag=tag)) == loading.stores(FileVersion(None, None))


@pytest.mark.parametrize(
    "reply",
    [
        rest(31),
        rest(30, "101"),
        head(206),
        head(206, content_range="bytes */100"),
        head(206, content_range="bytes 30-99/" + "9" * 30),
        head(416),
        head(416, content_range="bytes */20"),
    ],
)
def test_a_part_that_does_not_fit_makes_it_begin_anew(reply: HttpReply) -> None:
    loading = Loading(30, VERSION)
    loading.asks()
    assert loading.cancelled(loading.opens(reply)) == []
    assert loading.waits() == {}
    assert repr(loading.machine) == "<Transfer of video: 0 of None bytes>"


def test_a_part_of_unknown_size_fits() -> None:
    loading = Loading(30, VERSION)
    loading.asks()
    assert loading.opens(rest(30, "*")) == loading.stores(None)
    loading.comes(70)
    loading.completes(loading.ends())


def test_a_part_that_nobody_asked_for_is_none() -> None:
    loading = Loading()
    loading.asks()
    assert loading.cancelled(loading.opens(rest(0))) == []
    assert loading.waits() == {}


def test_everything_was_there() -> None:
    loading = Loading(100, VERSION)
    loading.asks()
    loading.completes(loading.cancelled(loading.opens(head(416, content_range="bytes */100"))))


@pytest.mark.parametrize("size", [99, 101])
def test_a_file_that_ends_too_early_or_too_late_is_not_taken(size: int) -> None:
    loading = Loading()
    loading.asks()
    for _ in range(MAX_TRIES - 1):
        loading.opens(whole())
        loading.comes(size)
        assert loading.ends() == []
        assert loading.waits() == {}
    loading.opens(whole())
    loading.comes(size)
    failure = loading.fails(loading.ends())
    assert (failure.code, failure.retryable) == ("download.malformed", True)
    assert str(size) in failure.text


def test_an_address_whose_time_is_over_is_asked_for_anew_once() -> None:
    loading = Loading(30, VERSION)
    loading.asks()
    (call,) = loading.cancelled(loading.opens(head(403)))
    assert isinstance(call, StartCall)
    assert call.name == LOCATE
    # Until it is located again, nothing can be silent.
    assert loading.machine.deadline is not None
    assert loading.machine.deadline.reason is ClientTimer.TRANSFER_TIMEOUT
    assert loading.asks("https://files.example/again") == {"range": "bytes=30-", "if-range": '"v1"'}
    failure = loading.fails(loading.opens(head(404)), running=True)
    assert (failure.kind, failure.code, failure.status) == (FailureKind.BAD_REQUEST, "download.refused", 404)


@pytest.mark.parametrize("file", RecordingFile)
def test_each_file_has_an_address_of_its_own(file: RecordingFile) -> None:
    recording = Recording("s", "https://video", "https://events", "https://thumbnail", "https://preview")
    assert file.url_in(recording) == f"https://{file}"


@pytest.mark.parametrize(
    ("located", "why", "code"),
    [
        (None, FailureKind.NOT_FOUND, "download.missing"),
        ("file:///etc/passwd", FailureKind.MALFORMED, "download.address"),
        (7, FailureKind.MALFORMED, "download.address"),
        ("https://u:canary@host/", FailureKind.MALFORMED, "download.address"),
        (
            Failure(FailureKind.NOT_FOUND, "gone", code="request.not_found"),
            FailureKind.NOT_FOUND,
            "request.not_found",
        ),
    ],
)
def test_a_file_that_is_nowhere(located: Any, why: FailureKind, code: str) -> None:
    loading = Loading()
    failure = loading.fails(loading.locates(located))
    assert (failure.kind, failure.name) == (why, code)
    assert "canary" not in failure.text


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (head(content_length=str(MAX_FILE_BYTES[RecordingFile.VIDEO] + 1)), "download.too_large"),
        (head(content_encoding="gzip"), "download.malformed"),
        (head(206, content_encoding="br"), "download.malformed"),
        (head(418), "download.refused"),
        (head(302), "download.refused"),
        (head(416), "download.refused"),
    ],
)
def test_a_reply_that_ends_it(reply: HttpReply, code: str) -> None:
    loading = Loading()
    loading.asks()
    assert loading.fails(loading.opens(reply), running=True).code == code


def test_it_can_be_given_up() -> None:
    loading = Loading()
    loading.asks()
    assert loading.machine.abandon(Instant(loading.now), CommandId(8)) is None
    outputs = loading.machine.abandon(Instant(loading.now), COMMAND)
    assert outputs is not None
    assert loading.fails(list(outputs), running=True).kind is FailureKind.ABANDONED


def test_a_part_that_is_shorter_than_was_asked_for_is_gone_on_with() -> None:
    loading = Loading(30, VERSION)
    loading.asks()
    loading.opens(rest(30))
    loading.comes(20)
    assert loading.ends() == []
    assert loading.waits() == {"range": "bytes=50-", "if-range": '"v1"'}
    loading.opens(rest(50))
    loading.comes(50)
    loading.completes(loading.ends())


@pytest.mark.parametrize(
    "wrong", [{"stream_id": ".."}, {"stream_id": 7}, {"file": "sound"}, {"timeout": -1}, {"stored": -1}]
)
def test_a_download_that_is_none(wrong: dict[str, Any]) -> None:
    given: dict[str, Any] = {"stream_id": "s-1", "file": RecordingFile.VIDEO, "timeout": seconds(1), **wrong}
    with pytest.raises(ValueError, match=r"id|file|timeout|stored"):
        Download(**given)
