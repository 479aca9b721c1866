"""How a file is loaded: which bytes are asked for, what each reply means, how it ends."""

from typing import Any

import pytest

from odyssey_proto.client.jobs.transfer import (
    SILENCE,
    TRIES,
    Begin,
    BrokeOff,
    Came,
    Fetch,
    Finished,
    Headed,
    Locate,
    Located,
    Mark,
    Over,
    Take,
    Transfer,
)
from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.kernel.entropy import Entropy
from odyssey_proto.kernel.failures import Failure, FailureKind, Phase
from odyssey_proto.kernel.machine import Instant, seconds
from odyssey_proto.seam.http import HttpReply
from odyssey_proto.seam.inputs import TransportError, TransportErrorKind, Wake

URL = "https://files.example/v.mp4?sig=canary"
CLOSED = BrokeOff(TransportError(TransportErrorKind.CLOSED))
MARK = Mark('"v1"', 100)


class Loading:
    """A transfer and its time."""

    def __init__(self, have: int = 0, mark: Mark | None = None) -> None:
        self.machine = Transfer("video", 1000, seconds(600), Entropy(b"seed"))
        self.now = 0
        assert self.says(Begin(have, mark)) == [Locate()]

    def says(self, inp: Any) -> list[Any]:
        return list(self.machine.step(Instant(self.now), inp))

    def asks(self, url: str = URL) -> dict[str, str]:
        """Locates the file; returns the header fields that it is asked for with."""
        return self.fetched(self.says(Located(url)))

    def waits(self) -> dict[str, str]:
        """Waits for the next try; returns the header fields of it."""
        assert self.machine.deadline is not None
        assert self.machine.deadline.reason is ClientTimer.TRANSFER_RETRY
        self.now = self.machine.deadline.at
        return self.fetched(self.says(Wake()))

    def fetched(self, outputs: list[Any]) -> dict[str, str]:
        (fetch,) = outputs
        assert isinstance(fetch, Fetch)
        assert fetch.url.reveal().startswith("https://files.example/")
        assert "canary" not in repr(fetch)
        return {name: str(value) for name, value in fetch.headers if name in ("range", "if-range")}

    def ends(self, inp: Any) -> Failure:
        (over,) = self.says(inp)
        assert isinstance(over, Over)
        assert isinstance(over.failure, Failure)
        assert over.failure.phase is Phase.TRANSFER
        assert self.machine.deadline is None
        assert self.says(Wake()) == []
        return over.failure


def head(status: int = 200, **headers: str) -> Headed:
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Headed(HttpReply(status, pairs))


def whole() -> Headed:
    return head(content_length="100", etag='"v1"')


def rest(begin: int, total: str = "100") -> Headed:
    return head(206, content_range=f"bytes {begin}-99/{total}")


def test_a_file_from_beginning_to_end() -> None:
    loading = Loading()
    assert loading.asks() == {}
    assert loading.says(whole()) == [Take(MARK)]
    assert loading.says(Came(60)) == loading.says(Came(40)) == []
    assert (loading.machine.have, loading.machine.total) == (100, 100)
    assert loading.says(Finished()) == [Over(None)]
    assert repr(loading.machine) == "<Transfer of video: 100 of 100 bytes, over>"


def test_a_break_is_gone_on_with() -> None:
    loading = Loading()
    loading.asks()
    loading.says(whole())
    loading.says(Came(60))
    assert loading.says(CLOSED) == []
    assert loading.waits() == {"range": "bytes=60-", "if-range": '"v1"'}
    assert loading.says(rest(60)) == [Take(None)]
    loading.says(Came(40))
    assert loading.says(Finished()) == [Over(None)]


def test_what_was_there_is_gone_on_with() -> None:
    loading = Loading(30, Mark('"v1"', None))
    assert loading.asks() == {"range": "bytes=30-", "if-range": '"v1"'}
    assert loading.says(rest(30)) == [Take(None)]
    assert loading.machine.total == 100


def test_what_was_there_without_a_tag_is_not() -> None:
    assert Loading(30, Mark(None, 100)).asks() == {}
    assert Loading(30, None).asks() == {}


def test_a_file_that_has_changed_begins_anew() -> None:
    loading = Loading(30, MARK)
    loading.asks()
    assert loading.says(head(content_length="50", etag='"v2"')) == [Take(Mark('"v2"', 50))]
    assert loading.machine.have == 0


@pytest.mark.parametrize("tag", ['W/"v1"', "v1", "", '"a b"', '"' + "x" * 300 + '"'])
def test_only_a_strong_tag_counts(tag: str) -> None:
    loading = Loading()
    loading.asks()
    assert loading.says(head(etag=tag)) == [Take(Mark(None, None))]


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
def test_a_part_that_does_not_fit_makes_it_begin_anew(reply: Headed) -> None:
    loading = Loading(30, MARK)
    loading.asks()
    assert loading.says(reply) == []
    assert loading.waits() == {}
    assert loading.machine.have == 0


def test_a_part_of_unknown_size_fits() -> None:
    loading = Loading(30, MARK)
    loading.asks()
    assert loading.says(rest(30, "*")) == [Take(None)]
    assert loading.machine.total == 100


def test_a_part_that_nobody_asked_for_is_none() -> None:
    loading = Loading()
    loading.asks()
    assert loading.says(rest(0)) == []
    assert loading.waits() == {}


def test_everything_was_there() -> None:
    loading = Loading(100, MARK)
    loading.asks()
    assert loading.says(head(416, content_range="bytes */100")) == [Over(None)]


@pytest.mark.parametrize("size", [99, 101])
def test_a_file_that_ends_too_early_or_too_late_is_not_taken(size: int) -> None:
    loading = Loading()
    loading.asks()
    for _ in range(TRIES - 1):
        loading.says(whole())
        loading.says(Came(size))
        assert loading.says(Finished()) == []
        assert loading.waits() == {}
    loading.says(whole())
    loading.says(Came(size))
    failure = loading.ends(Finished())
    assert (failure.code, failure.retryable) == ("download.malformed", True)
    assert str(size) in failure.text


def test_an_address_whose_time_is_over_is_asked_for_anew_once() -> None:
    loading = Loading(30, MARK)
    loading.asks()
    assert loading.says(head(403)) == [Locate()]
    assert loading.asks("https://files.example/again") == {"range": "bytes=30-", "if-range": '"v1"'}
    failure = loading.ends(head(404))
    assert (failure.kind, failure.code, failure.status) == (FailureKind.BAD_REQUEST, "download.refused", 404)


@pytest.mark.parametrize(
    ("located", "why", "code"),
    [
        (None, FailureKind.NOT_FOUND, "download.missing"),
        ("file:///etc/passwd", FailureKind.MALFORMED, "download.address"),
        ("https://u:canary@host/", FailureKind.MALFORMED, "download.address"),
        (7, FailureKind.MALFORMED, "download.address"),
        (
            Failure(FailureKind.NOT_FOUND, "gone", code="request.not_found"),
            FailureKind.NOT_FOUND,
            "request.not_found",
        ),
    ],
)
def test_a_file_that_is_nowhere(located: Any, why: FailureKind, code: str) -> None:
    assert "canary" not in repr(Located(located))
    failure = Loading().ends(Located(located))
    assert (failure.kind, failure.name) == (why, code)
    assert "canary" not in failure.text


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (head(content_length="1001"), "download.too_large"),
        (head(content_encoding="gzip"), "download.malformed"),
        (head(206, content_encoding="br"), "download.malformed"),
        (head(418), "download.refused"),
        (head(302), "download.refused"),
        (head(416), "download.refused"),
    ],
)
def test_a_reply_that_ends_it(reply: Headed, code: str) -> None:
    loading = Loading()
    loading.asks()
    assert loading.ends(reply).code == code


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
def test_what_passes_is_waited_out(status: int) -> None:
    loading = Loading()
    loading.asks()
    for _ in range(TRIES - 1):
        assert loading.says(head(status)) == []
        loading.waits()
    failure = loading.ends(head(status))
    assert (failure.code, failure.status, failure.retryable) == ("download.unavailable", status, True)


def test_the_service_may_ask_for_a_longer_pause() -> None:
    loading = Loading()
    loading.asks()
    loading.says(head(503, retry_after="20"))
    loading.waits()
    assert loading.now == seconds(20)


def test_bytes_that_came_forgive_the_misses_before() -> None:
    loading = Loading()
    loading.asks()
    loading.says(whole())
    for _ in range(3 * TRIES):
        loading.says(Came(1))
        loading.says(CLOSED)
        loading.waits()
        loading.says(rest(loading.machine.have))


def test_what_will_not_pass_ends_it() -> None:
    loading = Loading()
    loading.asks()
    assert loading.ends(BrokeOff(TransportError(TransportErrorKind.INVALID))).code == "network.invalid"


def test_a_body_over_the_limit_is_told_as_that_wherever_it_is_noticed() -> None:
    loading = Loading()
    loading.asks()
    loading.says(head())
    assert loading.ends(BrokeOff(TransportError(TransportErrorKind.TOO_LARGE))).code == "download.too_large"


def test_silence_is_a_break() -> None:
    loading = Loading()
    loading.asks()
    loading.says(whole())
    for _ in range(3):
        loading.now += SILENCE - 1
        assert loading.says(Came(1)) == []
    loading.now += SILENCE
    assert loading.says(Wake()) == []
    assert loading.waits() == {"range": "bytes=3-", "if-range": '"v1"'}


def test_patience_ends() -> None:
    loading = Loading()
    loading.now = seconds(600)
    failure = loading.ends(Wake())
    assert (failure.kind, failure.missing) == (FailureKind.TIMED_OUT, ("end of the video",))


def test_a_part_that_is_shorter_than_was_asked_for_is_gone_on_with() -> None:
    loading = Loading(30, MARK)
    loading.asks()
    loading.says(rest(30))
    loading.says(Came(20))
    assert loading.says(Finished()) == []
    assert loading.waits() == {"range": "bytes=50-", "if-range": '"v1"'}
    loading.says(rest(50))
    loading.says(Came(50))
    assert loading.says(Finished()) == [Over(None)]
