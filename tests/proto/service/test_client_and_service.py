"""The real client against the service, in virtual time."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import pytest
from house.fuzz import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from odyssey_proto.client.client import Client
from odyssey_proto.conversations import Side
from odyssey_proto.kernel.failures import Failure, FailureKind, LocalProtocolError, Phase
from odyssey_proto.kernel.machine import millis, seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages.refusals import detail_reply
from odyssey_proto.model import events as e
from odyssey_proto.model.config import ReconnectPolicy
from odyssey_proto.seam.commands import (
    Call,
    Connect,
    EndStream,
    Interact,
    StartStream,
)
from odyssey_proto.seam.http import HttpReply
from odyssey_proto.seam.inputs import PeerStateChanged, SocketClosed, SocketText
from odyssey_proto.seam.settings import Settings
from odyssey_proto.service.io import faults as f
from odyssey_proto.service.io.faults import Moment
from odyssey_proto.service.live.streamer import expanded
from odyssey_proto.testing.random_faults import random_faults
from odyssey_proto.testing.strategies.clients import policies
from odyssey_proto.testing.strategies.faults import plans, session_plans
from odyssey_proto.testing.world import World
from tests.proto.service.service_by_hand import FROM_STREAMER, KEY, TO_STREAMER, ServiceByHand

BAD_TOKEN = detail_reply(401, "Invalid or expired token")


def beside(guest: ServiceByHand, key: str = "ody_test", **more: Any) -> World:
    """Returns a client of a service that somebody else may use as well."""
    mine = Settings(api_url="http://localhost", api_key=Secret(key), seed=b"client")
    return World(Client(mine), guest.service, **more)


def world_with(*faults: f.Fault, **config: Any) -> World:
    return beside(ServiceByHand(faults=faults, **config))


def connected(*faults: f.Fault, **config: Any) -> World:
    world = world_with(*faults, **config)
    assert world.connect().result is None
    return world


def settle(world: World) -> None:
    """Leaves; nothing may be left on either side then."""
    world.disconnect()
    world.wait(seconds(700))
    assert world.client.deadline is None
    assert world.service.deadline is None
    assert len(world.events_of(e.Connected)) == len(world.events_of(e.Disconnected))


# --- good days --------------------------------------------------------------------------------


def test_the_whole_story() -> None:
    world = world_with()
    assert world.connect().result is None
    stream_id = world.start("A cat").result
    assert isinstance(stream_id, str)
    assert world.interact("Pet the cat").result == expanded("Pet the cat")
    assert world.interact("Feed it").result == expanded("Feed it")
    assert world.end().result is None
    assert world.disconnect().result is None
    scenes = [show.scene for show in world.shown]
    assert [scene and scene.prompts for scene in scenes] == [
        ("A cat",),
        ("A cat", "Pet the cat"),
        ("A cat", "Pet the cat", "Feed it"),
        None,
    ]
    assert {scene.stream_id for scene in scenes if scene} == {stream_id}
    settle(world)


def test_many_updates_at_once_are_each_acknowledged() -> None:
    world = connected()
    world.start("A cat")
    commands = [world.give(Interact(f"Change {number}")) for number in range(20)]
    world.wait(millis(100))
    assert [command.result for command in commands] == [expanded(f"Change {n}") for n in range(20)]


def test_a_call_that_is_given_up_is_answered_into_the_void() -> None:
    world = connected()
    command = world.give(Call("recordings.get", "stream-1"))
    world.wait(millis(5))
    world.abandon(command)
    world.wait(millis(2000))
    assert command.failure.kind is FailureKind.ABANDONED


def test_two_streams_and_two_sessions() -> None:
    world = connected(capacity=1)
    for _ in range(2):
        ids = []
        for _ in range(2):
            ids.append(world.start("A cat").result)
            world.end()
        assert len(set(ids)) == 2
        world.disconnect()
        assert world.connect().result is None
    settle(world)


def test_an_image_goes_over_signaling() -> None:
    world = connected()
    image = "data:image/png;base64," + "A" * 200_000
    assert isinstance(world.start("A cat", portrait=False, image=image).result, str)
    scene = world.shown[-1].scene
    assert scene is not None
    assert (scene.image, scene.portrait) == (image, False)


def test_credentials_for_another_client() -> None:
    guest = ServiceByHand()
    credentials = beside(guest).mint_credentials().result
    other = beside(guest, key="ody_nobody")
    assert other.connect_with(credentials).result is None
    assert isinstance(other.start("A cat").result, str)


def test_a_long_quiet_session_stays() -> None:
    world = connected(stream_seconds=10_000)
    world.start("A cat")
    world.wait(millis(3_000_000))
    assert world.events_of(e.Disconnected) == []
    assert world.interact("Pet it").result == expanded("Pet it")


# --- limits -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "code"),
    [("ody_other", "auth.invalid_key"), ("ody_bad", "auth.denied"), ("nonsense", "auth.malformed_key")],
)
def test_keys_that_are_refused(key: str, code: str) -> None:
    world = beside(ServiceByHand(keys=["ody_good"], suspended_keys=["ody_bad"]), key=key)
    failure = world.connect().failure
    assert (failure.kind, failure.code) == (FailureKind.AUTH_REFUSED, code)
    settle(world)


def test_the_queue_moves() -> None:
    guest = ServiceByHand(capacity=1, unclaimed_seconds=5)
    guest.enter()
    guest.grant()
    world = beside(guest)
    assert world.connect().result is None
    assert 5_000_000 < world.now < 7_000_000


def test_the_queue_ends() -> None:
    world = world_with(capacity=0)
    failure = world.connect().failure
    assert (failure.kind, failure.phase, failure.missing) == (
        FailureKind.TIMED_OUT,
        Phase.QUEUE,
        ("free streamer",),
    )
    settle(world)


def test_too_many_sessions_of_one_key() -> None:
    guest = ServiceByHand(concurrent=1)
    guest.enter()
    guest.grant()
    failure = beside(guest, key=KEY).connect().failure
    assert failure.kind is FailureKind.USAGE_LIMIT
    assert failure.code == "usage.concurrent_limit_reached"
    assert beside(guest).connect().result is None


def test_the_stream_limit_ends_the_stream_only() -> None:
    world = connected(stream_seconds=20)
    world.start("A cat")
    world.wait(millis(21_000))
    (failed,) = world.events_of(e.StreamFailed)
    assert failed.reason == "session_timeout"
    assert failed.failure.code == "usage.stream_duration_exceeded"
    assert len(world.events_of(e.StreamEnded)) == 1
    assert isinstance(world.start("A cat").result, str)
    assert world.end().result is None
    settle(world)


def test_the_connection_limit_ends_the_connection() -> None:
    world = connected(connection_seconds=20)
    world.wait(millis(21_000))
    (gone,) = world.events_of(e.Disconnected)
    assert gone.failure is not None
    assert gone.failure.code == "duration_limit_reached"
    settle(world)


def test_moderation_refuses_the_prompt_only() -> None:
    world = connected(moderated=["dog"])
    failure = world.start("A dog").failure
    assert (failure.kind, failure.code) == (FailureKind.STREAM_REFUSED, "moderation_failed")
    world.start("A cat")
    assert world.interact("A dog, please").failure.code == "moderation_failed"
    assert world.interact("Pet it").result == expanded("Pet it")
    settle(world)


def test_a_client_that_is_silent_is_sent_away() -> None:
    world = connected()
    world.drop(SocketText, to=Side.SERVER)
    world.wait(millis(45_000))
    (gone,) = world.events_of(e.Disconnected)
    assert gone.failure is not None
    assert gone.failure.kind is FailureKind.CLOSED_BY_PEER
    assert not world.service.deadline


def test_lost_media_frees_the_streamer() -> None:
    world = connected(capacity=1)
    world.lose_media()
    world.drop(PeerStateChanged)
    world.wait(millis(15_000))
    assert world.service.deadline is None
    assert len(world.events_of(e.Disconnected)) == 1


# --- faults -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "why", "phase"),
    [
        (f.Refuse("/auth/token", HttpReply(418)), FailureKind.BAD_REQUEST, Phase.AUTHENTICATE),
        (f.Refuse("/auth/token", HttpReply(200, (), b"hello")), FailureKind.MALFORMED, Phase.AUTHENTICATE),
        (f.Refuse("/sessions/request", BAD_TOKEN, f.ALWAYS), FailureKind.AUTH_REFUSED, Phase.QUEUE),
        (f.Refuse("/sessions/token", HttpReply(404)), FailureKind.NOT_FOUND, Phase.PREPARE),
        (f.Silent("/auth/token"), FailureKind.TIMED_OUT, Phase.AUTHENTICATE),
        (f.Silent("/sessions/request"), FailureKind.TIMED_OUT, Phase.QUEUE),
        (f.Silent("/sessions/token"), FailureKind.TIMED_OUT, Phase.PREPARE),
        (f.RefuseSocket(403), FailureKind.AUTH_REFUSED, Phase.SIGNAL),
        (f.RefuseSocket(503, times=f.ALWAYS), FailureKind.SERVER_BROKE, Phase.SIGNAL),
        (f.Close(Moment.OPEN, 1011, "sorry"), FailureKind.CLOSED_BY_PEER, Phase.NEGOTIATE),
        (f.Cut(Moment.OPEN), None, Phase.NEGOTIATE),
        (f.SignalError(Moment.OPEN, "streamer_not_available"), FailureKind.NO_CAPACITY, Phase.NEGOTIATE),
        (f.NoOffer(), FailureKind.TIMED_OUT, Phase.NEGOTIATE),
        (f.WithoutChannel(TO_STREAMER), FailureKind.TIMED_OUT, Phase.NEGOTIATE),
        (f.WithoutChannel(FROM_STREAMER), FailureKind.TIMED_OUT, Phase.NEGOTIATE),
        (f.Garble(Moment.OPEN, '{"type": "offer"}'), FailureKind.MALFORMED, Phase.NEGOTIATE),
    ],
    ids=repr,
)
def test_faults_on_the_way(fault: f.Fault, why: FailureKind | None, phase: Phase) -> None:
    world = world_with(fault)
    failure = world.connect().failure
    assert why in (failure.kind, None)
    assert failure.phase is phase
    settle(world)


@pytest.mark.parametrize("path", ["/regions", "/config"])
def test_some_calls_may_fail(path: str) -> None:
    assert world_with(f.Refuse(path, HttpReply(500))).connect().result is None


@pytest.mark.parametrize(
    "fault",
    [
        f.RefuseSocket(503),
        f.Garble(Moment.OPEN, '{"type": "news"}'),
        f.Garble(Moment.OPEN, "nonsense"),
        f.OfferAgain(),
        f.Garble(Moment.READY, "[]"),
    ],
    ids=repr,
)
def test_faults_that_do_no_harm(fault: f.Fault) -> None:
    world = connected(fault)
    world.wait(millis(1000))
    assert isinstance(world.start("A cat").result, str)
    settle(world)


@pytest.mark.parametrize(
    "fault",
    [
        f.Close(Moment.READY, 1000),
        f.Close(Moment.READY, 4000),
        f.Cut(Moment.READY),
        f.SignalError(Moment.READY, "streamer_disconnected"),
        f.DropMedia(Moment.READY),
    ],
    ids=repr,
)
def test_what_is_lost_once_it_stood_is_reported_once(fault: f.Fault) -> None:
    world = connected(fault)
    world.wait(millis(1000))
    (gone,) = world.events_of(e.Disconnected)
    assert gone.failure is not None
    assert gone.failure.phase in (Phase.READY, None)
    settle(world)


@pytest.mark.parametrize(
    ("at", "what", "phase"),
    [
        (Moment.START, StartStream("A cat"), Phase.START),
        (Moment.UPDATE, Interact("Pet it"), Phase.INTERACT),
        (Moment.END, EndStream(), Phase.END),
    ],
)
@pytest.mark.parametrize("fault", [f.Swallow, f.Close, f.Cut, f.FailStream], ids=lambda kind: kind.__name__)
def test_faults_of_the_stream(at: Moment, what: Any, phase: Phase, fault: Any) -> None:
    more = {f.Close: (1011,), f.FailStream: ("lease_denied",)}.get(fault, ())
    world = connected(fault(at, *more))
    if at is not Moment.START:
        world.start("A cat")
    result = world.do(what).outcome
    if isinstance(result, Failure):
        assert result.phase in (phase, Phase.READY, None)
        assert (result.kind is FailureKind.TIMED_OUT) == (fault is f.Swallow)
    else:
        assert at is Moment.END
    settle(world)


# --- any faults -------------------------------------------------------------------------------


@settings(max_examples=examples(150), deadline=None)
@given(plans, st.integers(0, 5))
def test_whatever_goes_wrong_every_command_ends_and_nothing_is_left(faults: list[Any], dropped: int) -> None:
    live_through(faults, dropped)


@settings(max_examples=examples(150), deadline=None)
@given(st.binary(max_size=8), st.integers(1, 6))
def test_random_faults_are_survived(seed: bytes, count: int) -> None:
    live_through(random_faults(seed, count), 0)


@settings(max_examples=examples(100), deadline=None)
@given(session_plans, policies, st.integers(0, 5))
def test_whatever_is_lost_and_replaced_nothing_is_left(
    faults: list[Any], policy: ReconnectPolicy, dropped: int
) -> None:
    live_through(faults, dropped, policy)


def live_through(faults: Iterable[f.Fault], dropped: int, policy: ReconnectPolicy | None = None) -> None:
    mine = Settings(api_url="http://localhost", api_key=Secret("ody_test"), seed=b"client", reconnect=policy)
    world = World(Client(mine), ServiceByHand(faults=tuple(faults)).service, frames_every=seconds(1))
    story: list[Any] = [Connect(), StartStream("A cat"), Interact("Pet it"), Interact("Feed it"), EndStream()]
    for what in story[: len(story) - dropped]:
        with suppress(LocalProtocolError):
            world.do(what)
    world.wait(millis(5000))
    settle(world)
    closed = [step.input.socket for step in world.steps if isinstance(step.input, SocketClosed)]
    assert len(closed) == len(set(closed))
