"""REST calls of the application: one token for all, repeated with patience, within one deadline."""

import pytest

from odyssey_proto.kernel.failures import FailureKind, LocalProtocolError, Phase
from odyssey_proto.kernel.machine import seconds
from odyssey_proto.seam.commands import (
    Call,
)
from odyssey_proto.seam.http import HttpReply
from odyssey_proto.testing.by_hand import (
    ClientByHand,
)
from odyssey_proto.testing.situations import Situation, reached


def test_an_abandoned_call_is_cancelled() -> None:
    world = reached(Situation.LISTING_REGIONS)
    call = world.call("recordings.get", "stream-1")
    world.abandon(call)
    assert call.failure.kind is FailureKind.ABANDONED
    world.finish()


def test_parallel_calls_share_one_access_token() -> None:
    world = ClientByHand()
    for _ in range(5):
        world.call("recordings.get", "stream-1")
    assert [request.url for request in world.requests.values()] == ["https://api.example/auth/token"]
    world.goes_well()
    assert len(world.requests) == 5


@pytest.mark.parametrize(
    "headers",
    [
        (("retry-after", "0"),),
        (("date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")),
    ],
    ids=["seconds", "date"],
)
def test_a_call_that_may_be_repeated_at_once_is_repeated_once(headers: tuple[tuple[str, str], ...]) -> None:
    world = ClientByHand()
    call = world.call("recordings.get", "stream-1")
    world.goes_well()
    for _ in range(2):
        world.reply(HttpReply(429, headers))
        assert len(world.requests) == 1
    world.reply(HttpReply(429, headers))
    assert call.failure.kind is FailureKind.USAGE_LIMIT
    world.finish()


def test_a_date_to_come_back_at_is_kept() -> None:
    world = ClientByHand()
    world.call("recordings.get", "stream-1")
    world.goes_well()
    now, later = "Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:45 GMT"
    world.reply(HttpReply(503, (("date", now), ("retry-after", later))))
    world.wait(seconds(7))
    assert world.requests == {}
    world.wait(seconds(1))
    assert len(world.requests) == 1
    world.finish()


def test_a_safe_call_is_repeated_with_patience_and_within_its_time() -> None:
    world = ClientByHand()
    call = world.call("recordings.get", "stream-1")
    world.goes_well()
    for _ in range(2):
        world.reply(HttpReply(502))
        world.wait(seconds(3))
    world.reply(HttpReply(502))
    assert call.failure.kind is FailureKind.SERVER_BROKE
    assert world.client.deadline is None


def test_a_retry_waits_as_long_as_the_server_asks() -> None:
    world = ClientByHand()
    call = world.call("recordings.get", "stream-1")
    world.goes_well()
    world.reply(HttpReply(503, (("retry-after", "5"),)))
    world.wait(seconds(4.9))
    assert not world.requests
    world.wait(seconds(0.1))
    assert len(world.requests) == 1
    world.reply(HttpReply(503, (("retry-after", "500"),)))
    assert call.failure.retry_after == seconds(500)


def test_a_call_has_one_total_deadline() -> None:
    world = ClientByHand()
    call = world.call("recordings.get", "stream-1")
    world.goes_well()
    world.wait(seconds(30))
    failure = call.failure
    assert (failure.kind, failure.phase) == (FailureKind.TIMED_OUT, Phase.CALL)
    assert not world.requests


BUSY = HttpReply(502, body=b'{"detail": "Back soon"}')
WHY = "could not get the recording: the service failed (HTTP 502): Back soon"


def test_a_timeout_tells_how_the_try_before_it_failed() -> None:
    world = ClientByHand()
    call = world.call("recordings.get", "stream-1")
    world.goes_well()
    world.reply(BUSY)
    world.wait(seconds(3))
    assert len(world.requests) == 1
    world.wait(seconds(30))
    assert (call.failure.kind, call.failure.missing) == (FailureKind.TIMED_OUT, ("reply",))
    assert call.failure.message == f"could not get the recording: timed out, no reply, after this: {WHY}"
    assert call.failure.cause is not None
    assert call.failure.cause.message == WHY


def test_a_call_that_is_woken_late_has_failed_and_not_timed_out() -> None:
    world = ClientByHand()
    call = world.call("recordings.get", "stream-1")
    world.goes_well()
    world.reply(BUSY)
    world.jump(seconds(100))
    world.wait(seconds(0))
    assert call.failure.message == WHY


def test_a_call_that_waits_for_the_token_tells_what_keeps_that() -> None:
    world = ClientByHand()
    first = world.call("recordings.get", "stream-1")
    world.wait(seconds(10))
    world.reply(BUSY)
    world.wait(seconds(3))
    second = world.call("recordings.get", "stream-1")
    world.wait(seconds(60))
    for call in (first, second):
        assert call.failure.kind is FailureKind.TIMED_OUT
        assert "access" in call.failure.text
        assert call.failure.message.endswith("the service failed (HTTP 502): Back soon")


def test_an_unknown_endpoint_is_refused() -> None:
    world = ClientByHand()
    with pytest.raises(LocalProtocolError, match="no endpoint"):
        world.give(Call("nonsense"))
