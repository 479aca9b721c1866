"""A lost session is replaced: what the application learns, what is shown again, what becomes of its calls."""

from typing import Any

import pytest
from attrs import evolve

from odyssey_proto.client.client import Client
from odyssey_proto.client.recovery.recovery import BeginSession, LeaveSession, Recovery
from odyssey_proto.client.recovery.successor import PICTURE_TIMEOUT
from odyssey_proto.kernel.entropy import Entropy
from odyssey_proto.kernel.failures import (
    FailureKind,
    LocalProtocolError,
    Phase,
    UsageCode,
    UsageLimit,
    timed_out,
)
from odyssey_proto.kernel.machine import Instant, millis, seconds
from odyssey_proto.messages import stream
from odyssey_proto.messages.refusals import usage_reply
from odyssey_proto.messages.stream import FROM_STREAMER, InteractiveStreamStart
from odyssey_proto.model import events as e
from odyssey_proto.model.config import AdvancedConfig, ReconnectPolicy
from odyssey_proto.model.events import ConnectionStatus as S
from odyssey_proto.seam.commands import (
    RESTART,
    CommandId,
    Connect,
    Disconnect,
    EndStream,
    Interact,
    StartStream,
)
from odyssey_proto.seam.http import HttpReply
from odyssey_proto.seam.inputs import (
    ChannelText,
    MediaSeen,
    PeerId,
    PeerState,
    PeerStateChanged,
    SocketId,
)
from odyssey_proto.seam.outputs import ChannelSend, Completed, Failed, SendText
from odyssey_proto.service.io import faults as f
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.io.faults import Moment
from odyssey_proto.service.live.streamer import expanded
from odyssey_proto.service.service import Service
from odyssey_proto.testing.by_hand import PEER, RENEWAL, ClientByHand
from odyssey_proto.testing.by_hand import SETTINGS as BY_HAND
from odyssey_proto.testing.situations import STARTED, connected
from odyssey_proto.testing.world import SETTINGS, World

POLICY = ReconnectPolicy()
AT_ONCE = ReconnectPolicy(first_delay=0, longest_delay=0)
IMAGE = "data:image/png;base64,AAAA"
SUSPENDED = UsageLimit(UsageCode.ACCOUNT_SUSPENDED.value, "suspended", "write to us")
MINUTE = seconds(60)


def world_of(policy: ReconnectPolicy | None = POLICY, *faults: f.Fault, **config: Any) -> World:
    """Returns a client with a policy and a service with room for one session, whose video flows."""
    client = Client(evolve(SETTINGS, reconnect=policy))
    service = Service(ServiceConfig(**{"capacity": 1, "faults": faults, **config}), seed=b"service")
    return World(client, service, frames_every=seconds(1))


def streamed(policy: ReconnectPolicy | None = POLICY, *faults: f.Fault, **start: Any) -> World:
    """Returns one whose stream has run for some seconds."""
    world = world_of(policy, *faults)
    assert world.connect().result is None
    assert world.start(**{"prompt": "A cat", **start}).result
    world.wait(seconds(5))
    world.expect(*world.events)
    return world


def left(world: World) -> None:
    """Leaves; nothing may be left on either side then."""
    world.disconnect()
    world.wait(MINUTE)
    world.obligations.settled()
    assert "0 of" in repr(world.service), "no session is left behind"


def starts(world: World) -> list[InteractiveStreamStart]:
    """Returns every start that was sent."""
    texts = [text.text for text in world.outputs(ChannelSend)] + [
        text.text for text in world.outputs(SendText)
    ]
    said = [stream.decode(text) for text in texts if "interactive_stream_start" in text]
    return [message for message in said if isinstance(message, InteractiveStreamStart)]


def restored(world: World) -> e.Restored:
    """Returns the only recovery so far."""
    (event,) = world.events_of(e.Restored)
    return event


# --- what is restored -----------------------------------------------------------------------------


def test_a_lost_session_is_replaced_and_its_stream_shows_again() -> None:
    world = streamed(portrait=False)
    before = world.client.session_id
    world.close_sockets()
    world.wait(MINUTE)
    world.expect(e.StatusChanged, e.Reconnecting, e.StreamStarted, e.StatusChanged(S.CONNECTED), e.Restored)
    again = restored(world)
    assert again.session_id == world.client.session_id != before
    assert again.stream_id == world.events_of(e.StreamStarted)[-1].stream_id
    assert (again.attempts, again.lost_prompts) == (1, ())
    assert 0 < again.seconds < 5
    assert starts(world)[-1] == InteractiveStreamStart(expanded("A cat"), portrait=False)
    left(world)


def test_the_last_applied_prompt_is_shown_again_however_often() -> None:
    world = streamed(image=IMAGE, broadcast=True, bypass_prompt_expansion=False)
    world.interact("Pet the cat")
    for _ in range(3):
        world.close_sockets()
        world.wait(MINUTE)
    shown = InteractiveStreamStart(
        expanded("Pet the cat"), image=IMAGE, broadcast=True, bypass_prompt_expansion=False
    )
    assert starts(world)[1:] == [shown] * 3, "a prompt is not expanded once more with each loss"
    assert len(world.events_of(e.BroadcastReady)) == 4, "spectators have a new address"
    left(world)


def test_a_session_without_a_stream_is_replaced_as_well() -> None:
    world = world_of()
    world.connect()
    world.wait(seconds(5))
    world.close_sockets()
    world.wait(MINUTE)
    assert restored(world).stream_id is None
    assert starts(world) == []
    assert world.start("A cat").result
    left(world)


@pytest.mark.parametrize("ended", ["by a call", "by the streamer", "while the session is lost"])
def test_a_stream_that_ended_is_not_shown_again(ended: str) -> None:
    world = streamed()
    if ended == "by a call":
        world.end()
    if ended == "by the streamer":
        world.wait(seconds(150))
    world.close_sockets()
    world.wait(millis(100))
    if ended == "while the session is lost":
        assert world.end().result is None
    world.wait(MINUTE)
    assert restored(world).stream_id is None
    assert len(starts(world)) == 1
    left(world)


def test_the_service_may_be_started_again() -> None:
    world = streamed()
    world.restart_service(Service(ServiceConfig(capacity=1), seed=b"another"))
    world.wait(MINUTE)
    assert restored(world).stream_id
    assert world.client.status is S.CONNECTED
    left(world)


def test_a_streamer_that_crashes_ten_times_in_an_hour() -> None:
    world = streamed(ReconnectPolicy(per_loss=5, per_session=20))
    for _ in range(10):
        world.lose_media()
        world.wait(seconds(145))
        world.end()
        world.start("A cat")
        world.wait(seconds(145))
        world.end()
        world.wait(seconds(70))
        world.start("A cat")
    assert len(world.events_of(e.Restored)) == 10
    assert max(event.seconds for event in world.events_of(e.Restored)) < 5
    left(world)


def test_the_link_away_for_a_minute() -> None:
    world = streamed()
    back = world.now + MINUTE
    world.intercept(lambda side, inp: inp if world.now >= back else None)
    world.step(PeerStateChanged(PEER, PeerState.DISCONNECTED))
    world.wait(seconds(300))
    assert world.client.status is S.CONNECTED
    assert 60 < restored(world).seconds < 120
    left(world)


# --- when it is tried, and when not ---------------------------------------------------------------


def test_without_a_policy_a_loss_is_final() -> None:
    world = streamed(None)
    world.close_sockets()
    world.wait(MINUTE)
    world.expect(e.StatusChanged, e.ErrorHappened, e.Disconnected)
    assert world.client.status is S.FAILED


def test_a_connect_that_never_succeeded_is_not_recovered() -> None:
    world = world_of(POLICY, f.SignalError(Moment.OPEN, "streamer_disconnected"))
    assert world.connect().failure.code == "streamer_disconnected"
    assert world.events_of(e.Reconnecting) == []


def test_a_session_of_credentials_is_not_recovered() -> None:
    world = world_of()
    credentials = world.mint_credentials().result
    assert world.connect_with(credentials).result is None
    world.close_sockets()
    world.wait(MINUTE)
    assert world.client.status is S.FAILED
    assert world.events_of(e.Reconnecting) == []


def test_what_cannot_pass_is_not_tried_again() -> None:
    world = connected(evolve(BY_HAND, reconnect=AT_ONCE))
    world.media(PeerStateChanged(PEER, PeerState.FAILED))
    world.wait(seconds(1))
    world.socket_closes(1000)
    world.wait(seconds(1))
    world.reply(usage_reply(SUSPENDED))
    changed, error, gone = world.events[-3:]
    assert isinstance(changed, e.StatusChanged)
    assert changed.status is S.FAILED
    assert isinstance(error, e.ErrorHappened)
    assert isinstance(gone, e.Disconnected)
    assert gone.failure is not None
    assert gone.failure.code == "usage.account_suspended"
    assert gone.failure.cause is not None
    assert gone.failure.cause.code == "media.failed", "the loss that it began with"
    assert len(world.events_of(e.Reconnecting)) == 1
    world.finish()


@pytest.mark.parametrize("wait", [299, 301])
def test_the_service_may_say_when_to_come_again(wait: int) -> None:
    world = connected(evolve(BY_HAND, reconnect=AT_ONCE, advanced=AdvancedConfig(queue_timeout_s=0)))
    world.socket_closes(1011)
    world.wait(seconds(1))
    world.reply(HttpReply(503, (("retry-after", str(wait)),)))
    assert (world.client.status is S.RECONNECTING) == (wait == 299)
    world.wait(seconds(298))
    assert world.paths == []
    world.wait(seconds(2))
    assert world.paths == (["/sessions/request"] if wait == 299 else [])
    world.finish()


def test_the_bounds_are_kept_for_each_loss_and_in_all() -> None:
    policy = ReconnectPolicy(per_loss=3, per_session=4)
    world = streamed(policy)
    world.close_sockets()
    world.wait(MINUTE)
    assert world.client.status is S.CONNECTED
    world.service = Service(ServiceConfig(capacity=0), seed=b"full")
    world.close_sockets()
    world.wait(seconds(600))
    attempts = [event.attempt for event in world.events_of(e.Reconnecting)]
    assert attempts == [1, 1, 2, 3], "the next would be one too many for this loss, and in all"
    assert world.client.status is S.FAILED
    last = world.events[-1]
    assert isinstance(last, e.Disconnected)
    assert last.failure is not None
    assert last.failure.code == "timeout.queue"
    assert last.failure.cause is not None


def test_the_pauses_grow_and_are_drawn_from_the_seed() -> None:
    def delays(seed: bytes) -> list[float]:
        client = Client(evolve(SETTINGS, seed=seed, reconnect=ReconnectPolicy(per_loss=8)))
        world = World(client)
        world.connect()
        world.service = Service(ServiceConfig(capacity=0), seed=b"full")
        world.close_sockets()
        world.wait(seconds(1000))
        return [event.delay for event in world.events_of(e.Reconnecting)]

    one = delays(b"one")
    assert one == delays(b"one") != delays(b"two")
    bounds = [min(30, 2**number) for number in range(8)]
    assert all(delay <= bound for delay, bound in zip(one, bounds, strict=True))


def test_a_lost_session_is_given_back_before_the_next_is_asked_for() -> None:
    world = streamed(AT_ONCE)
    world.lose_media()
    world.run(MINUTE, until=lambda: bool(world.events_of(e.Restored)))
    assert world.events_of(e.Reconnecting)[0].attempt == 1
    assert restored(world).attempts == 1, "with room for one session only, the first attempt finds it free"
    left(world)


# --- the stream in the new session ----------------------------------------------------------------


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
    world.inject(ChannelText(PeerId(2), FROM_STREAMER, stream.encode(stream.StreamEnded())))
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


# --- calls that wait ------------------------------------------------------------------------------


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


def byhand(policy: ReconnectPolicy) -> ClientByHand:
    """Returns a client by hand that is connected, with a policy."""
    return connected(evolve(BY_HAND, reconnect=policy))


# --- leaving --------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", [0, 0.02, 0.1, 0.2, 0.5, 0.75, 1, 1.5, 2.5])
@pytest.mark.parametrize("how", ["disconnect", "abandon"])
def test_leaving_is_possible_at_any_moment(moment: float, how: str) -> None:
    world = streamed(evolve(AT_ONCE, first_delay=0.5, longest_delay=1))
    world.close_sockets()
    world.wait(seconds(moment))
    pending = world.give(Interact("Pet the cat"))
    if how == "disconnect":
        world.give(Disconnect())
    else:
        world.abandon(world.the(Connect))
    assert not pending.pending
    changed, *_ = world.events[-2:]
    assert changed == e.StatusChanged(S.DISCONNECTED)
    left(world)


def test_who_gives_up_on_a_start_ends_its_stream_also_after_a_recovery() -> None:
    world = world_of()
    world.connect()
    start = world.start("A cat")
    world.wait(seconds(5))
    world.lose_media()
    world.wait(seconds(40))
    assert world.events_of(e.Restored)
    world.abandon(start)
    world.wait(seconds(5))
    assert world.events_of(e.StreamEnded)
    # It names nobody else's stream.
    assert world.start("A dog").result
    world.abandon(start)
    world.wait(seconds(5))
    assert len(world.events_of(e.StreamEnded)) == 1
    left(world)


def test_what_ends_in_the_session_in_use_says_nothing_of_the_one_that_comes_up() -> None:
    recovery = Recovery(ReconnectPolicy(renew_before=5), Entropy(b"seed"))
    recovery.given(CommandId(1), StartStream("A cat"))
    recovery.ended(Instant(0), Completed(CommandId(1), "stream"), coming=False)
    assert recovery.renew() == [BeginSession()]
    recovery.connected(Instant(0), "next")
    failed = Failed(RESTART, timed_out(Phase.INTERACT, ("reply",)))
    for end in (Completed(RESTART, "a prompt"), failed):
        assert recovery.ended(Instant(0), end, coming=False) == []
    assert recovery.ended(Instant(0), failed, coming=True) == [LeaveSession(failed.failure)]
