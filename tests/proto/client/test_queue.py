"""The queue: how often and how long a full house is asked again."""

import pytest
from attrs import evolve

from odyssey_proto.kernel.failures import FailureKind, Phase
from odyssey_proto.kernel.machine import seconds
from odyssey_proto.model.config import Timeouts
from odyssey_proto.model.events import ConnectionStatus as S
from odyssey_proto.seam.commands import Connect
from odyssey_proto.seam.http import HttpReply, json_reply
from odyssey_proto.testing.by_hand import (
    SETTINGS,
)
from odyssey_proto.testing.situations import Situation, reached


def test_a_full_house_is_asked_again_each_second_until_the_queue_is_over() -> None:
    world = reached(Situation.QUEUEING)
    times = []
    while world.requests:
        times.append(world.now)
        world.reply(json_reply({"detail": "full"}, 503))
        if world.the(Connect).pending:
            world.wait(seconds(1))
    assert times == [seconds(n) for n in range(31)]
    failure = world.the(Connect).failure
    assert (failure.kind, failure.phase, failure.retryable) == (FailureKind.TIMED_OUT, Phase.QUEUE, True)
    assert (failure.missing, failure.status) == (("free streamer",), 503)
    assert "30 s" in failure.text
    assert world.statuses == [S.AUTHENTICATING, S.FAILED]
    world.finish()


def test_a_queue_of_part_of_a_second_ends_with_a_last_request() -> None:
    world = reached(Situation.QUEUEING, evolve(SETTINGS, timeouts=Timeouts(queue=0.3)))
    world.reply(HttpReply(503))
    world.wait(seconds(0.3))
    assert len(world.requests) == 1
    world.reply(HttpReply(503))
    assert world.the(Connect).failure.code == "timeout.queue"
    world.finish()


def test_without_a_queue_a_full_house_is_the_end() -> None:
    world = reached(Situation.QUEUEING, evolve(SETTINGS, timeouts=Timeouts(queue=0)))
    world.reply(HttpReply(503))
    assert world.the(Connect).failure.kind is FailureKind.NO_CAPACITY
    world.finish()


@pytest.mark.parametrize(("queue", "patience"), [(5, 5), (0.3, 1), (0, 30)])
def test_a_silent_server_is_no_longer_waited_for_than_the_queue(queue: float, patience: float) -> None:
    world = reached(Situation.QUEUEING, evolve(SETTINGS, timeouts=Timeouts(queue=queue)))
    world.wait(seconds(patience - 0.1))
    assert world.the(Connect).pending
    world.wait(seconds(0.1))
    assert (world.the(Connect).failure.kind, world.the(Connect).failure.phase) == (
        FailureKind.TIMED_OUT,
        Phase.QUEUE,
    )
    world.finish()


def test_the_pace_of_the_queue_is_the_servers() -> None:
    world = reached(Situation.QUEUEING)
    world.reply(HttpReply(503, (("retry-after", "7"),)))
    world.wait(seconds(6.9))
    assert not world.requests
    world.wait(seconds(0.2))
    assert len(world.requests) == 1
    world.reply(HttpReply(503, (("retry-after", "60"),)))
    assert world.the(Connect).failure.retry_after == seconds(60)
    world.finish()


def test_a_server_that_fails_in_the_queue_gets_another_chance() -> None:
    world = reached(Situation.QUEUEING)
    for _ in range(3):
        world.reply(HttpReply(500))
        world.wait(seconds(1))
    world.goes_well()
    assert world.client.session_id == "s1"
    world.finish()
