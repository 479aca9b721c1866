"""Calls that wait while a session is lost: carried over, failed or refused."""

import pytest
from core.recovered_sessions import AT_ONCE, MINUTE, byhand, left, restored, starts, streamed, world_of

from odyssey_proto.kernel.failures import FailureKind, LocalProtocolError
from odyssey_proto.kernel.machine import millis, seconds
from odyssey_proto.messages import stream
from odyssey_proto.model import events as e
from odyssey_proto.model.config import ReconnectPolicy
from odyssey_proto.model.events import ConnectionStatus as S
from odyssey_proto.seam.commands import Connect, EndStream, Interact, StartStream
from odyssey_proto.service.io import faults as f
from odyssey_proto.service.io.faults import Moment
from odyssey_proto.service.live.streamer import expanded


def test_calls_that_wait_are_carried_over_in_their_order() -> None:
    world = streamed()
    waiting = [world.give(Interact(prompt)) for prompt in ("one", "two")]
    world.close_sockets()
    world.wait(millis(20))
    waiting += [world.give(Interact("three"))]
    world.wait(MINUTE)
    assert [command.result for command in waiting] == [expanded(prompt) for prompt in ("one", "two", "three")]
    said = [event.prompt for event in world.events_of(e.InteractAcknowledged)]
    assert said == [expanded(prompt) for prompt in ("one", "two", "three")]
    assert world.client.last_applied_prompt == expanded("three")
    assert restored(world).lost_prompts == ()
    left(world)


def test_a_start_that_waits_is_carried_over() -> None:
    world = world_of()
    world.connect()
    start = world.give(StartStream("A cat"))
    world.close_sockets()
    assert world.do(Connect()).result is None, "which waits for the session"
    world.wait(seconds(10))
    assert start.result == world.events_of(e.StreamStarted)[-1].stream_id
    left(world)


def test_calls_that_wait_may_fail_by_policy() -> None:
    world = streamed(ReconnectPolicy(carry_over=False))
    prompt, end = world.give(Interact("Pet the cat")), world.give(EndStream())
    world.close_sockets()
    world.wait(millis(20))
    assert end.result is None, "with its session the stream is over"
    assert prompt.failure.kind is FailureKind.STREAM_ENDED
    world.wait(MINUTE)
    assert restored(world).stream_id is None
    assert world.start("A cat").result
    prompt = world.give(Interact("Pet the cat"))
    world.close_sockets()
    world.wait(millis(20))
    assert (prompt.failure.code, prompt.failure.retryable) == ("network.closed", True)
    with pytest.raises(LocalProtocolError) as refused:
        world.give(Interact("Feed it"))
    failure = refused.value.failure
    assert (failure.code, failure.retryable) == ("state.reconnecting", True)
    assert failure.cause is not None
    world.wait(MINUTE)
    assert world.events_of(e.Restored)[-1].lost_prompts == ("Pet the cat",)
    left(world)


def test_the_end_of_a_stream_ends_what_waited_before_it() -> None:
    world = world_of()
    world.connect()
    start, end = world.give(StartStream("A cat")), world.give(EndStream())
    world.close_sockets()
    world.wait(millis(20))
    assert (start.failure.code, end.result) == ("stream.ended", None)
    again = world.give(StartStream("A dog"))
    world.wait(MINUTE)
    assert again.result == world.events_of(e.StreamStarted)[-1].stream_id
    left(world)


def test_while_a_session_is_lost_the_same_calls_are_refused_as_with_it() -> None:
    world = streamed()
    world.close_sockets()
    world.wait(millis(20))
    with pytest.raises(LocalProtocolError, match="already running"):
        world.give(StartStream("A dog"))
    world.give(EndStream())
    with pytest.raises(LocalProtocolError, match="no stream is running"):
        world.give(Interact("Pet the cat"))
    first = world.give(StartStream("A dog"))
    with pytest.raises(LocalProtocolError, match="already running"):
        world.give(StartStream("A bird"))
    with pytest.raises(LocalProtocolError, match="no stream is running"):
        world.give(Interact("Pet the dog"))
    world.wait(MINUTE)
    assert first.result
    left(world)


def test_who_is_gone_waits_no_longer() -> None:
    world = streamed()
    world.close_sockets()
    world.wait(millis(20))
    prompt, connect = world.give(Interact("Pet the cat")), world.give(Connect())
    for command in (prompt, connect):
        world.abandon(command)
        assert command.failure.kind is FailureKind.ABANDONED
    assert world.abandon(prompt).pending is False
    world.wait(MINUTE)
    assert world.client.status is S.CONNECTED
    left(world)


def test_a_start_whose_caller_is_gone_is_not_carried_over() -> None:
    world = streamed()
    start = world.the(StartStream)
    world.close_sockets()
    world.wait(millis(20))
    world.abandon(start)
    world.wait(MINUTE)
    assert restored(world).stream_id is None
    assert len(starts(world)) == 1
    left(world)


def test_a_prompt_that_ends_two_sessions_is_not_given_to_a_third() -> None:
    world = world_of(AT_ONCE, f.Cut(Moment.UPDATE, times=2))
    world.connect()
    world.start("A cat")
    prompt = world.give(Interact("Break"))
    world.wait(seconds(30))
    assert (prompt.failure.code, prompt.failure.retryable) == ("signaling.closed", True)
    assert len(world.events_of(e.Restored)) == 2
    assert world.interact("Pet the cat").result == expanded("Pet the cat")
    left(world)


def test_a_prompt_that_nobody_may_send_is_not_sent() -> None:
    world = byhand(AT_ONCE)
    world.start("A cat")
    world.streamer_says(stream.StreamStarted("stream-1", "\x00"))
    world.interact("Pet the cat")
    world.streamer_says(stream.UpdateAcknowledged("\x00"))
    world.socket_closes(1011)
    assert world.client.last_applied_prompt == "A cat"
    world.finish()
