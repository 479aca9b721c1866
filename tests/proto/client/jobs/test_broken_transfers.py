"""A transfer that breaks or falls silent: what is waited out, how long, and what ends it."""

import pytest
from core.file_transfer import Loading, head, rest, whole

from odyssey_proto.client.jobs.transfer import MAX_TRIES, REPORT_INTERVAL, SILENCE
from odyssey_proto.kernel.failures import FailureKind
from odyssey_proto.kernel.machine import Span, seconds
from odyssey_proto.seam.http import HttpReply
from odyssey_proto.seam.inputs import TransportErrorKind
from odyssey_proto.seam.outputs import CancelFetch, Failed

QUIET = Span(SILENCE + REPORT_INTERVAL)


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
