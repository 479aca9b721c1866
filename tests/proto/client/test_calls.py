"""REST calls of the application: one token for all, repeated with patience, within one deadline."""

import pytest
from core.gauntlet import advance, begun
from core.session import (
    outcome,
    reply,
    wait,
)

from odyssey_proto.kernel.errors import LocalProtocolError
from odyssey_proto.kernel.failures import FailureKind, Phase
from odyssey_proto.kernel.machine import seconds
from odyssey_proto.seam.commands import (
    Abandon,
    Call,
    Command,
    CommandId,
)
from odyssey_proto.seam.http import HttpReply


def test_an_abandoned_call_is_cancelled() -> None:
    world = begun(1)
    world.command(Call("recordings.get", "stream-1"))
    world.command(Abandon(CommandId(2)))
    assert outcome(world, 2).kind is FailureKind.ABANDONED
    world.finish()


def test_parallel_calls_share_one_access_token() -> None:
    world = begun(0)
    for _ in range(5):
        world.command(Call("recordings.get", "stream-1"))
    assert [request.url for request in world.pending.values()] == ["https://api.example/auth/token"]
    advance(world, 0)
    assert len(world.pending) == 5


@pytest.mark.parametrize(
    "headers",
    [
        (("retry-after", "0"),),
        (("date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")),
    ],
    ids=["seconds", "date"],
)
def test_a_call_that_may_be_repeated_at_once_is_repeated_once(headers: tuple[tuple[str, str], ...]) -> None:
    world = begun(0)
    world.command(Call("recordings.get", "stream-1"))
    advance(world, 0)
    for _ in range(2):
        reply(world, HttpReply(429, headers))
        assert len(world.pending) == 1
    reply(world, HttpReply(429, headers))
    assert outcome(world, 1).kind is FailureKind.USAGE_LIMIT
    world.finish()


def test_a_date_to_come_back_at_is_kept() -> None:
    world = begun(0)
    world.command(Call("recordings.get", "stream-1"))
    advance(world, 0)
    now, later = "Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:45 GMT"
    reply(world, HttpReply(503, (("date", now), ("retry-after", later))))
    wait(world, 7)
    assert world.pending == {}
    wait(world, 1)
    assert len(world.pending) == 1
    world.finish()


def test_a_safe_call_is_repeated_with_patience_and_within_its_time() -> None:
    world = begun(0)
    world.command(Call("recordings.get", "stream-1"))
    advance(world, 0)
    for _ in range(2):
        reply(world, HttpReply(502))
        wait(world, 3)
    reply(world, HttpReply(502))
    assert outcome(world, 1).kind is FailureKind.SERVER_BROKE
    assert world.client.deadline is None


def test_a_retry_waits_as_long_as_the_server_asks() -> None:
    world = begun(0)
    world.command(Call("recordings.get", "stream-1"))
    advance(world, 0)
    reply(world, HttpReply(503, (("retry-after", "5"),)))
    wait(world, 4.9)
    assert not world.pending
    wait(world, 0.1)
    assert len(world.pending) == 1
    reply(world, HttpReply(503, (("retry-after", "500"),)))
    assert outcome(world, 1).retry_after == seconds(500)


def test_a_call_has_one_total_deadline() -> None:
    world = begun(0)
    world.command(Call("recordings.get", "stream-1"))
    advance(world, 0)
    wait(world, 30)
    failure = outcome(world, 1)
    assert (failure.kind, failure.phase) == (FailureKind.TIMED_OUT, Phase.CALL)
    assert not world.pending


def test_an_unknown_endpoint_is_refused() -> None:
    world = begun(0)
    with pytest.raises(LocalProtocolError, match="no endpoint"):
        world.step(Command(CommandId(1), Call("nonsense")))
