"""A lost session is replaced: when it is tried, what is restored, and that one may leave at any moment."""

import pytest
from attrs import evolve
from core.recovered_sessions import AT_ONCE, IMAGE, MINUTE, POLICY, left, restored, starts, streamed, world_of

from odyssey_proto.client.client import Client
from odyssey_proto.client.recovery.recovery import BeginSession, LeaveSession, Recovery
from odyssey_proto.kernel.entropy import Entropy
from odyssey_proto.kernel.failures import Phase, UsageCode, UsageLimit, timed_out
from odyssey_proto.kernel.machine import Instant, millis, seconds
from odyssey_proto.messages.refusals import usage_reply
from odyssey_proto.messages.stream import InteractiveStreamStart
from odyssey_proto.model import events as e
from odyssey_proto.model.config import AdvancedConfig, ReconnectPolicy
from odyssey_proto.model.events import ConnectionStatus as S
from odyssey_proto.seam.commands import RESTART, CommandId, Connect, Disconnect, Interact, StartStream
from odyssey_proto.seam.http import HttpReply
from odyssey_proto.seam.inputs import PeerState, PeerStateChanged
from odyssey_proto.seam.outputs import Completed, Failed
from odyssey_proto.service.io import faults as f
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.io.faults import Moment
from odyssey_proto.service.live.streamer import expanded
from odyssey_proto.service.service import Service
from odyssey_proto.testing.by_hand import PEER
from odyssey_proto.testing.by_hand import SETTINGS as BY_HAND
from odyssey_proto.testing.situations import connected
from odyssey_proto.testing.world import SETTINGS, World

SUSPENDED = UsageLimit(UsageCode.ACCOUNT_SUSPENDED.value, "suspended", "write to us")


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
