"""How a file is loaded: which bytes are asked for, what each reply means, how it ends."""

from typing import Any

import pytest

from odyssey_proto.client.jobs.transfer import (
    LOCATE,
    MAX_FILE_BYTES,
    MAX_TRIES,
    PROGRESS_STEP,
    REPORT_INTERVAL,
    SILENCE,
    Transfer,
)
from odyssey_proto.client.rest.call_requests import CancelCall, StartCall
from odyssey_proto.client.rest.ids import IdSource
from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.kernel.entropy import Entropy
from odyssey_proto.kernel.failures import Failure, FailureKind, Phase
from odyssey_proto.kernel.machine import Instant, Span, seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages.recordings import GET_RECORDING
from odyssey_proto.model.recordings import DownloadProgress, FileVersion, Recording, RecordingFile
from odyssey_proto.seam.commands import CommandId, Download
from odyssey_proto.seam.http import HttpReply
from odyssey_proto.seam.inputs import (
    FetchedBytes,
    FetchEnded,
    FetchFailed,
    FetchId,
    FetchOpened,
    TransportError,
    TransportErrorKind,
)
from odyssey_proto.seam.outputs import CancelFetch, Completed, Failed, Fetch, Progressed, StoreBody
from odyssey_proto.seam.settings import Settings

URL = "https://files.example/v.mp4?sig=canary"
VERSION = FileVersion('"v1"', 100)
COMMAND = CommandId(7)
SETTINGS = Settings(api_url="https://api.example", api_key=Secret("ody_transfer"))
QUIET = Span(SILENCE + REPORT_INTERVAL)


class Loading:
    """A transfer, its time, and the fetch that runs."""

    def __init__(self, stored: int = 0, version: FileVersion | None = None) -> None:
        what = Download("s-1", RecordingFile.VIDEO, seconds(600), stored, version)
        self.machine = Transfer(COMMAND, what, SETTINGS, IdSource(), Entropy(b"seed"))
        self.now = 0
        self.fetch = FetchId(0)
        (call,) = self.machine.begin(Instant(0))
        assert isinstance(call, StartCall)
        request = call.request
        assert (call.name, request.endpoint, request.params) == (LOCATE, GET_RECORDING, "s-1")
        assert (request.within, request.phase) == (seconds(SETTINGS.timeouts.call), Phase.CALL)

    def locates(self, url: str | Failure | None) -> list[Any]:
        """The recording comes, with this address, or does not."""
        result: Any = url if isinstance(url, Failure) else Recording("s-1", video_url=url)
        return list(self.machine.on_result(Instant(self.now), result))

    def asks(self, url: str = URL) -> dict[str, str]:
        """Locates the file; returns the header fields that it is asked for with."""
        return self._fetched(self.locates(url))

    def wakes(self, later: int = 0) -> list[Any]:
        """Lets time pass."""
        self.now += later
        return list(self.machine.wake(Instant(self.now)))

    def waits(self) -> dict[str, str]:
        """Waits for the next try; returns the header fields of it."""
        assert self.machine.deadline is not None
        assert self.machine.deadline.reason is ClientTimer.TRANSFER_RETRY
        return self._fetched(self.wakes(self.machine.deadline.at - self.now))

    # --- what the driver says, and what comes of it ---------------------------------------------

    def opens(self, head: HttpReply) -> list[Any]:
        return self._hears(FetchOpened(self.fetch, head))

    def comes(self, count: int) -> list[Any]:
        return self._hears(FetchedBytes(self.fetch, count))

    def ends(self) -> list[Any]:
        return self._hears(FetchEnded(self.fetch))

    def breaks(self, kind: TransportErrorKind = TransportErrorKind.CLOSED) -> list[Any]:
        return self._hears(FetchFailed(self.fetch, TransportError(kind)))

    # --- what must be done then -----------------------------------------------------------------

    def stores(self, restart: FileVersion | None) -> list[Any]:
        return [StoreBody(self.fetch, restart)]

    def cancelled(self, outputs: list[Any]) -> list[Any]:
        """Returns what is done besides breaking off the fetch."""
        first, *others = outputs
        assert first == CancelFetch(self.fetch)
        assert not self.machine.owns(self.fetch)
        return others

    def completes(self, outputs: list[Any], received: int = 100, total: int | None = 100) -> None:
        assert outputs == [Progressed(COMMAND, DownloadProgress(received, total)), Completed(COMMAND)]
        self._over()

    def fails(self, outputs: list[Any], *, running: bool = False) -> Failure:
        """Returns the failure with which it is over; `running` if there is a fetch to break off."""
        off, end = self.cancelled(outputs) if running else outputs
        assert off == CancelCall(LOCATE)
        assert isinstance(end, Failed)
        assert end.command == COMMAND
        assert end.failure.phase is Phase.TRANSFER
        self._over()
        return end.failure

    def _over(self) -> None:
        assert self.machine.deadline is None
        assert self.machine.done
        assert self.wakes() == []

    def _hears(self, inp: Any) -> list[Any]:
        return list(self.machine.on_fetch(Instant(self.now), inp))

    def _fetched(self, outputs: list[Any]) -> dict[str, str]:
        (fetch,) = outputs
        assert isinstance(fetch, Fetch)
        assert fetch.command == COMMAND
        assert fetch.fetch > self.fetch, "no name is used twice"
        self.fetch = fetch.fetch
        assert self.machine.owns(fetch.fetch)
        assert fetch.signed_url.reveal().startswith("https://files.example/")
        assert fetch.accepts == MAX_FILE_BYTES[RecordingFile.VIDEO]
        assert "canary" not in repr(fetch)
        return {name: str(value) for name, value in fetch.headers if name in ("range", "if-range")}


def head(status: int = 200, **headers: str) -> HttpReply:
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return HttpReply(status, pairs)


def whole() -> HttpReply:
    return head(content_length="100", etag='"v1"')


def rest(begin: int, total: str = "100") -> HttpReply:
    return head(206, content_range=f"bytes {begin}-99/{total}")


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


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
def test_what_passes_is_waited_out(status: int) -> None:
    loading = Loading()
    loading.asks()
    for _ in range(MAX_TRIES - 1):
        assert loading.cancelled(loading.opens(head(status))) == []
        loading.waits()
    failure = loading.fails(loading.cancelled(loading.opens(head(status))))
    assert (failure.code, failure.status, failure.retryable) == ("download.unavailable", status, True)


def test_the_service_may_ask_for_a_longer_pause() -> None:
    loading = Loading()
    loading.asks()
    loading.opens(head(503, retry_after="20"))
    loading.waits()
    assert loading.now == seconds(20)


def test_bytes_that_came_forgive_the_misses_before() -> None:
    loading = Loading()
    loading.asks()
    loading.opens(whole())
    for stored in range(1, 3 * MAX_TRIES):
        loading.comes(1)
        loading.breaks()
        assert loading.waits()["range"] == f"bytes={stored}-"
        loading.opens(rest(stored))


def test_what_will_not_pass_ends_it() -> None:
    loading = Loading()
    loading.asks()
    assert loading.fails(loading.breaks(TransportErrorKind.INVALID)).code == "network.invalid"


def test_a_body_over_the_limit_is_reported_as_that_wherever_it_is_found() -> None:
    loading = Loading()
    loading.asks()
    loading.opens(head())
    assert loading.fails(loading.breaks(TransportErrorKind.TOO_LARGE)).code == "download.too_large"


def test_silence_is_a_break() -> None:
    loading = Loading()
    loading.asks()
    loading.opens(whole())
    for _ in range(3):
        assert loading.wakes(QUIET - 1) == []
        assert loading.comes(1) == []
    assert loading.wakes(QUIET) == [CancelFetch(loading.fetch)]
    # What had come and was not counted yet is stored as well, before the next try asks for the rest.
    assert loading.comes(2) == []
    assert loading.breaks() == []
    assert loading.waits() == {"range": "bytes=5-", "if-range": '"v1"'}


def test_silence_before_the_head_is_one_too() -> None:
    loading = Loading()
    loading.asks()
    for _ in range(MAX_TRIES - 1):
        assert loading.wakes(QUIET) == [CancelFetch(loading.fetch)]
        assert loading.breaks() == []
        loading.waits()
    assert loading.wakes(QUIET) == [CancelFetch(loading.fetch)]
    failure = loading.fails(loading.breaks())
    assert (failure.code, failure.missing) == ("timeout.transfer", ("more of the video",))


@pytest.mark.parametrize("late", [whole(), head(503)], ids=["whole", "unavailable"])
def test_a_head_that_crosses_the_breaking_off_is_nothing(late: HttpReply) -> None:
    loading = Loading()
    loading.asks()
    assert loading.wakes(QUIET) == [CancelFetch(loading.fetch)]
    assert loading.opens(late) == []
    assert loading.breaks() == []
    assert "range" not in loading.waits()


def test_a_body_that_ends_just_when_it_is_broken_off_is_whole() -> None:
    loading = Loading()
    loading.asks()
    loading.opens(whole())
    assert loading.wakes(QUIET) == [CancelFetch(loading.fetch)]
    loading.comes(100)
    loading.completes(loading.ends())


def test_patience_ends() -> None:
    loading = Loading()
    failure = loading.fails(loading.wakes(seconds(600)))
    assert (failure.kind, failure.missing) == (FailureKind.TIMED_OUT, ("end of the video",))


def test_the_end_of_patience_tells_how_the_last_try_failed() -> None:
    loading = Loading()
    loading.asks()
    loading.breaks()
    *_, end = loading.wakes(seconds(600))
    assert isinstance(end, Failed)
    late, _, before = end.failure.message.partition(", after this: ")
    assert late == "could not load the video: timed out, no end of the video"
    assert before == "could not load the video: the connection broke"


def test_patience_ends_while_bytes_come() -> None:
    loading = Loading()
    loading.asks()
    loading.opens(head())
    while loading.now < seconds(599):
        assert loading.wakes(seconds(1)) == []
        loading.comes(1000)
    assert loading.fails(loading.wakes(seconds(1)), running=True).code == "timeout.transfer"


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
