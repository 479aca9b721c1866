"""The stream of a lost session in the new one: started again, refused, or over."""

import pytest
from core.recovered_sessions import AT_ONCE, IMAGE, MINUTE, byhand, left, restored, starts, streamed

from odyssey_proto.client.recovery.successor import PICTURE_TIMEOUT
from odyssey_proto.kernel.machine import seconds
from odyssey_proto.messages import stream
from odyssey_proto.messages.stream import FROM_STREAMER
from odyssey_proto.model import events as e
from odyssey_proto.model.config import ReconnectPolicy
from odyssey_proto.model.events import ConnectionStatus as S
from odyssey_proto.seam.commands import Interact
from odyssey_proto.seam.inputs import ChannelText, MediaSeen, PeerId, SocketId
from odyssey_proto.service.io import faults as f
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.io.faults import Moment
from odyssey_proto.service.service import Service
from odyssey_proto.testing.by_hand import RENEWAL
from odyssey_proto.testing.situations import STARTED


@pytest.mark.parametrize("times", [1, 2])
def test_a_start_that_is_refused_for_now_is_another_attempt(times: int) -> None:
    world = streamed(AT_ONCE)
    world.service = Service(
        ServiceConfig(
            capacity=1, faults=(f.FailStream(Moment.START, "concurrent_limit_exceeded", times=times),)
        ),
        seed=b"again",
    )
    world.close_sockets()
    world.wait(MINUTE)
    assert restored(world).attempts == 1 + times
    assert world.events_of(e.StreamFailed) == []
    left(world)


def test_a_start_that_is_refused_for_good_leaves_a_session_without_a_stream() -> None:
    world = streamed(AT_ONCE)
    refusing = (f.FailStream(Moment.START, "moderation_failed"),)
    world.service = Service(ServiceConfig(capacity=1, faults=refusing), seed=b"again")
    prompt = world.give(Interact("Pet the cat"))
    world.close_sockets()
    world.wait(MINUTE)
    (failed,) = world.events_of(e.StreamFailed)
    assert (failed.reason, failed.ends, failed.answered) == ("moderation_failed", True, False)
    assert restored(world).stream_id is None
    assert restored(world).lost_prompts == ("Pet the cat",)
    assert prompt.failure.code == "moderation_failed"
    assert world.start("A dog").result
    left(world)


def test_a_start_without_an_answer_is_another_attempt() -> None:
    world = streamed(AT_ONCE)
    world.service = Service(
        ServiceConfig(capacity=1, faults=(f.Swallow(Moment.START, times=1),)), seed=b"again"
    )
    world.close_sockets()
    world.wait(seconds(100))
    assert restored(world).attempts == 2
    left(world)


def test_a_stream_that_shows_nothing_is_another_attempt() -> None:
    world = streamed(AT_ONCE)
    world.drop(MediaSeen)
    world.close_sockets()
    world.wait(PICTURE_TIMEOUT)
    world.wait(seconds(1))
    cause = world.events_of(e.Reconnecting)[-1].cause
    assert (cause.code, cause.missing) == ("timeout.start", ("video frame",))
    left(world)


def test_a_streamer_that_takes_no_images_shows_none_again() -> None:
    world = streamed(image=IMAGE)
    world.service = Service(ServiceConfig(capacity=1, image_to_video=False), seed=b"again")
    world.close_sockets()
    world.wait(MINUTE)
    (failed,) = world.events_of(e.StreamFailed)
    assert (failed.reason, failed.ends) == ("image.not_taken", True)
    assert restored(world).stream_id is None
    left(world)


def test_a_restarted_stream_that_ends_before_it_shows_is_over() -> None:
    world = streamed(AT_ONCE)
    world.drop(MediaSeen)
    world.close_sockets()
    world.run(MINUTE, until=lambda: len(world.events_of(e.StreamStarted)) == 2)
    world.step(ChannelText(PeerId(2), FROM_STREAMER, stream.encode(stream.StreamEnded())))
    assert restored(world).stream_id is None
    assert world.events_of(e.StreamEnded)
    left(world)


def test_a_stream_may_be_lost_with_its_session_by_policy() -> None:
    world = streamed(ReconnectPolicy(restart_stream=False))
    prompt = world.give(Interact("Pet the cat"))
    world.close_sockets()
    world.wait(MINUTE)
    (failed,) = world.events_of(e.StreamFailed)
    assert (failed.reason, failed.ends, failed.answered) == ("session_lost", True, False)
    assert prompt.failure.retryable
    assert (restored(world).stream_id, restored(world).lost_prompts) == (None, ("Pet the cat",))
    assert len(starts(world)) == 1
    assert world.start("A dog").result
    left(world)


@pytest.mark.parametrize("moment", [0, 0.02, 0.5, 0.75, 1, 1.5, 2.5])
def test_a_stream_that_is_ended_at_any_moment_is_not_shown_again(moment: float) -> None:
    world = streamed(AT_ONCE)
    world.close_sockets()
    world.wait(seconds(moment))
    assert world.end().result is None
    world.wait(MINUTE)
    assert world.client.status is S.CONNECTED
    assert world.start("A dog").result
    left(world)


def test_a_new_peer_of_the_new_session_does_not_start_its_stream_again() -> None:
    world = byhand(AT_ONCE)
    world.start("A cat")
    world.streamer_says(STARTED)
    world.socket_closes(1011)
    world.wait(seconds(0))
    while len(world.sent) < 2:
        world.goes_well()
    before = set(world.peers)
    world.server_says(RENEWAL, SocketId(2))
    (renewed,) = set(world.peers) - before
    world.media_connects(renewed)
    assert len(world.sent) == 2
    world.finish()
