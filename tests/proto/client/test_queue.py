"""The queue: how often and how long a full house is asked again."""

import pytest
from attrs import evolve
from core.gauntlet import advance, begun
from core.material import SETTINGS
from core.session import outcome, reply, statuses, wait

from odyssey_proto.kernel.failures import FailureKind, Phase
from odyssey_proto.kernel.machine import seconds
from odyssey_proto.model.config import Timeouts
from odyssey_proto.model.status import ConnectionStatus as S
from odyssey_proto.seam.http import HttpReply, json_reply


def test_a_full_house_is_asked_again_each_second_until_the_queue_is_over() -> None:
    world = begun(3)
    times = []
    while world.pending:
        times.append(world.now)
        reply(world, json_reply({"detail": "full"}, 503))
        if outcome(world, 1) is ...:
            wait(world, 1)
    assert times == [seconds(n) for n in range(31)]
    failure = outcome(world, 1)
    assert (failure.kind, failure.phase, failure.retryable) == (FailureKind.TIMED_OUT, Phase.QUEUE, True)
    assert (failure.missing, failure.status) == (("free streamer",), 503)
    assert "30 s" in failure.text
    assert statuses(world) == [S.AUTHENTICATING, S.FAILED]
    world.finish()


def test_a_queue_of_part_of_a_second_ends_with_a_last_request() -> None:
    world = begun(3, evolve(SETTINGS, timeouts=Timeouts(queue=0.3)))
    reply(world, HttpReply(503))
    wait(world, 0.3)
    assert len(world.pending) == 1
    reply(world, HttpReply(503))
    assert outcome(world, 1).code == "timeout.queue"
    world.finish()


def test_without_a_queue_a_full_house_is_the_end() -> None:
    world = begun(3, evolve(SETTINGS, timeouts=Timeouts(queue=0)))
    reply(world, HttpReply(503))
    assert outcome(world, 1).kind is FailureKind.NO_CAPACITY
    world.finish()


@pytest.mark.parametrize(("queue", "patience"), [(5, 5), (0.3, 1), (0, 30)])
def test_a_silent_server_is_no_longer_waited_for_than_the_queue(queue: float, patience: float) -> None:
    world = begun(3, evolve(SETTINGS, timeouts=Timeouts(queue=queue)))
    wait(world, patience - 0.1)
    assert outcome(world, 1) is ...
    wait(world, 0.1)
    assert (outcome(world, 1).kind, outcome(world, 1).phase) == (FailureKind.TIMED_OUT, Phase.QUEUE)
    world.finish()


def test_the_pace_of_the_queue_is_the_servers() -> None:
    world = begun(3)
    reply(world, HttpReply(503, (("retry-after", "7"),)))
    wait(world, 6.9)
    assert not world.pending
    wait(world, 0.2)
    assert len(world.pending) == 1
    reply(world, HttpReply(503, (("retry-after", "60"),)))
    assert outcome(world, 1).retry_after == seconds(60)
    world.finish()


def test_a_server_that_stumbles_in_the_queue_gets_another_chance() -> None:
    world = begun(3)
    for _ in range(3):
        reply(world, HttpReply(500))
        wait(world, 1)
    advance(world, 0)
    assert world.client.session_id == "s1"
    world.finish()
