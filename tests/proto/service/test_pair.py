"""The real client against the service, in virtual time."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import pytest
from house.fuzz import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from odyssey_proto.client.client import Client
from odyssey_proto.kernel.errors import LocalProtocolError
from odyssey_proto.kernel.failures import Failure, FailureKind, Phase
from odyssey_proto.kernel.machine import millis, seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages.refusals import detail_reply
from odyssey_proto.model import events as e
from odyssey_proto.seam.commands import (
    Abandon,
    Call,
    Connect,
    ConnectWith,
    Disconnect,
    EndStream,
    Interact,
    MintCredentials,
    StartStream,
)
from odyssey_proto.seam.http import HttpReply
from odyssey_proto.seam.inputs import PeerStateChanged, SocketClosed, SocketText
from odyssey_proto.seam.settings import Settings
from odyssey_proto.service.io import faults as f
from odyssey_proto.service.io.faults import Moment
from odyssey_proto.service.live.streamer import expanded
from odyssey_proto.testing.bad_day import bad_day
from odyssey_proto.testing.pair import Pair, failure_of
from tests.proto.service.guest import FROM_STREAMER, KEY, TO_STREAMER, Guest

BAD_TOKEN = detail_reply(401, "Invalid or expired token")


def beside(guest: Guest, key: str = "ody_test", **more: Any) -> Pair:
    """Returns a client of a service that somebody else may use as well."""
    mine = Settings(api_url="http://localhost", api_key=Secret(key), seed=b"client")
    return Pair(Client(mine), guest.service, **more)


def pair(*faults: f.Fault, **config: Any) -> Pair:
    return beside(Guest(faults=faults, **config))


def connected(*faults: f.Fault, **config: Any) -> Pair:
    both = pair(*faults, **config)
    assert both.does(Connect()) is None
    return both


def told[E](both: Pair, kind: type[E]) -> list[E]:
    return [event for event in both.events if isinstance(event, kind)]


def settle(both: Pair) -> None:
    """Leaves; nothing may be left on either side then."""
    both.does(Disconnect())
    both.run(millis(700_000))
    assert both.client.deadline is None
    assert both.service.deadline is None
    assert len(told(both, e.Connected)) == len(told(both, e.Disconnected))


# --- good days --------------------------------------------------------------------------------


def test_the_whole_story() -> None:
    both = pair()
    assert both.does(Connect()) is None
    stream_id = both.does(StartStream("A cat"))
    assert isinstance(stream_id, str)
    assert both.does(Interact("Pet the cat")) == expanded("Pet the cat")
    assert both.does(Interact("Feed it")) == expanded("Feed it")
    assert both.does(EndStream()) is None
    assert both.does(Disconnect()) is None
    scenes = [show.scene for show in both.shown]
    assert [scene and scene.prompts for scene in scenes] == [
        ("A cat",),
        ("A cat", "Pet the cat"),
        ("A cat", "Pet the cat", "Feed it"),
        None,
    ]
    assert {scene.stream_id for scene in scenes if scene} == {stream_id}
    settle(both)


def test_many_updates_at_once_are_each_acknowledged() -> None:
    both = connected()
    both.does(StartStream("A cat"))
    commands = [both.says(Interact(f"Change {number}")) for number in range(20)]
    both.run(millis(100))
    assert [both.outcome(command) for command in commands] == [expanded(f"Change {n}") for n in range(20)]


def test_a_call_that_is_given_up_is_answered_into_the_void() -> None:
    both = connected()
    command = both.says(Call("recordings.get", "stream-1"))
    both.run(millis(5))
    both.says(Abandon(command))
    both.run(millis(2000))
    assert both.outcome(command).kind is FailureKind.ABANDONED
    assert len(both.ended) == len(set(both.ended))


def test_two_streams_and_two_sessions() -> None:
    both = connected(capacity=1)
    for _ in range(2):
        ids = []
        for _ in range(2):
            ids.append(both.does(StartStream("A cat")))
            both.does(EndStream())
        assert len(set(ids)) == 2
        both.does(Disconnect())
        assert both.does(Connect()) is None
    settle(both)


def test_an_image_goes_over_signaling() -> None:
    both = connected()
    image = "data:image/png;base64," + "A" * 200_000
    assert isinstance(both.does(StartStream("A cat", portrait=False, image=image)), str)
    scene = both.shown[-1].scene
    assert scene is not None
    assert (scene.image, scene.portrait) == (image, False)


def test_credentials_for_another_client() -> None:
    guest = Guest()
    credentials = beside(guest).does(MintCredentials())
    other = beside(guest, key="ody_nobody")
    assert other.does(ConnectWith(credentials)) is None
    assert isinstance(other.does(StartStream("A cat")), str)


def test_a_long_quiet_session_stays() -> None:
    both = connected(stream_seconds=10_000)
    both.does(StartStream("A cat"))
    both.run(millis(3_000_000))
    assert told(both, e.Disconnected) == []
    assert both.does(Interact("Pet it")) == expanded("Pet it")


# --- limits -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "code"),
    [("ody_other", "auth.invalid_key"), ("ody_bad", "auth.denied"), ("nonsense", "auth.malformed_key")],
)
def test_keys_that_are_refused(key: str, code: str) -> None:
    both = beside(Guest(keys=["ody_good"], suspended_keys=["ody_bad"]), key=key)
    failure = failure_of(both.does(Connect()))
    assert (failure.kind, failure.code) == (FailureKind.AUTH_REFUSED, code)
    settle(both)


def test_the_queue_moves() -> None:
    guest = Guest(capacity=1, unclaimed_seconds=5)
    guest.enter()
    guest.grant()
    both = beside(guest)
    assert both.does(Connect()) is None
    assert 5_000_000 < both.now < 7_000_000


def test_the_queue_ends() -> None:
    both = pair(capacity=0)
    failure = failure_of(both.does(Connect()))
    assert (failure.kind, failure.phase, failure.missing) == (
        FailureKind.TIMED_OUT,
        Phase.QUEUE,
        ("free streamer",),
    )
    settle(both)


def test_too_many_sessions_of_one_key() -> None:
    guest = Guest(concurrent=1)
    guest.enter()
    guest.grant()
    failure = failure_of(beside(guest, key=KEY).does(Connect()))
    assert failure.kind is FailureKind.USAGE_LIMIT
    assert failure.code == "usage.concurrent_limit_reached"
    assert beside(guest).does(Connect()) is None


def test_the_stream_limit_ends_the_stream_only() -> None:
    both = connected(stream_seconds=20)
    both.does(StartStream("A cat"))
    both.run(millis(21_000))
    (failed,) = told(both, e.StreamFailed)
    assert failed.reason == "session_timeout"
    assert failed.failure.code == "usage.stream_duration_exceeded"
    assert len(told(both, e.StreamEnded)) == 1
    assert isinstance(both.does(StartStream("A cat")), str)
    assert both.does(EndStream()) is None
    settle(both)


def test_the_connection_limit_ends_the_connection() -> None:
    both = connected(connection_seconds=20)
    both.run(millis(21_000))
    (gone,) = told(both, e.Disconnected)
    assert gone.failure is not None
    assert gone.failure.code == "duration_limit_reached"
    settle(both)


def test_moderation_refuses_the_prompt_only() -> None:
    both = connected(moderated=["dog"])
    failure = failure_of(both.does(StartStream("A dog")))
    assert (failure.kind, failure.code) == (FailureKind.STREAM_REFUSED, "moderation_failed")
    both.does(StartStream("A cat"))
    assert failure_of(both.does(Interact("A dog, please"))).code == "moderation_failed"
    assert both.does(Interact("Pet it")) == expanded("Pet it")
    settle(both)


def test_a_client_that_is_silent_is_sent_away() -> None:
    both = connected()
    both._lost = lambda side, inp: isinstance(inp, SocketText) and side == "service"
    both.run(millis(45_000))
    (gone,) = told(both, e.Disconnected)
    assert gone.failure is not None
    assert gone.failure.kind is FailureKind.CLOSED_BY_PEER
    assert not both.service.deadline


def test_lost_media_frees_the_streamer() -> None:
    both = connected(capacity=1)
    both._deliver(both.media.lose())
    both._lost = lambda side, inp: side == "client" and isinstance(inp, PeerStateChanged)
    both.run(millis(15_000))
    assert both.service.deadline is None
    assert len(told(both, e.Disconnected)) == 1


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
        (f.Garble(Moment.OPEN, "nonsense"), FailureKind.MALFORMED, Phase.NEGOTIATE),
    ],
    ids=repr,
)
def test_faults_on_the_way(fault: f.Fault, why: FailureKind | None, phase: Phase) -> None:
    both = pair(fault)
    failure = failure_of(both.does(Connect()))
    assert why in (failure.kind, None)
    assert failure.phase is phase
    settle(both)


@pytest.mark.parametrize("path", ["/regions", "/config"])
def test_some_calls_may_fail(path: str) -> None:
    assert pair(f.Refuse(path, HttpReply(500))).does(Connect()) is None


@pytest.mark.parametrize(
    "fault",
    [
        f.RefuseSocket(503),
        f.Garble(Moment.OPEN, '{"type": "news"}'),
        f.OfferAgain(),
        f.Garble(Moment.READY, "[]"),
    ],
    ids=repr,
)
def test_faults_that_do_no_harm(fault: f.Fault) -> None:
    both = connected(fault)
    both.run(millis(1000))
    assert isinstance(both.does(StartStream("A cat")), str)
    settle(both)


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
def test_what_is_lost_once_it_stood_is_told_once(fault: f.Fault) -> None:
    both = connected(fault)
    both.run(millis(1000))
    (gone,) = told(both, e.Disconnected)
    assert gone.failure is not None
    assert gone.failure.phase in (Phase.READY, None)
    settle(both)


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
    both = connected(fault(at, *more))
    if at is not Moment.START:
        both.does(StartStream("A cat"))
    result = both.does(what)
    if isinstance(result, Failure):
        assert result.phase in (phase, Phase.READY, None)
        assert (result.kind is FailureKind.TIMED_OUT) == (fault is f.Swallow)
    else:
        assert at is Moment.END
    settle(both)


# --- any day ----------------------------------------------------------------------------------

moments = st.sampled_from(Moment)
any_fault = st.one_of(
    st.builds(f.Refuse, st.sampled_from(["/auth/token", "/config", "/regions"]), st.just(HttpReply(500))),
    st.builds(f.Silent, st.sampled_from(["/sessions/token", "/sessions/request"]), st.integers(1, 3)),
    st.builds(f.RefuseSocket, st.sampled_from([401, 404, 500, 503]), st.integers(1, 7)),
    st.builds(f.Close, moments, st.sampled_from([1000, 1001, 1011, 4000])),
    st.builds(f.Cut, moments),
    st.builds(f.SignalError, moments, st.sampled_from(["streamer_disconnected", "news"])),
    st.builds(f.Garble, moments, st.sampled_from(["", "[]", '{"type":"stream_ended"}'])),
    st.builds(f.Swallow, moments, st.integers(1, 3)),
    st.builds(f.Late, moments, st.floats(0.1, 40), st.integers(1, 3)),
    st.builds(f.Slow, st.sampled_from(["/auth/token", "/config"]), st.floats(0.1, 40), st.integers(1, 3)),
    st.builds(f.FailStream, moments, st.sampled_from(["session_timeout", "lease_denied"])),
    st.builds(f.DropMedia, moments),
    st.builds(f.NoOffer),
    st.builds(f.OfferAgain),
    st.builds(f.WithoutChannel, st.sampled_from([TO_STREAMER, FROM_STREAMER])),
    st.builds(f.WithoutVideo),
)


@settings(max_examples=examples(150), deadline=None)
@given(st.lists(any_fault, max_size=4), st.integers(0, 5))
def test_whatever_goes_wrong_every_command_ends_and_nothing_is_left(faults: list[Any], dropped: int) -> None:
    live_through(faults, dropped)


@settings(max_examples=examples(150), deadline=None)
@given(st.binary(max_size=8), st.integers(1, 6))
def test_bad_days_pass(seed: bytes, troubles: int) -> None:
    live_through(bad_day(seed, troubles), 0)


def live_through(faults: Iterable[f.Fault], dropped: int) -> None:
    both = pair(*faults)
    story: list[Any] = [Connect(), StartStream("A cat"), Interact("Pet it"), Interact("Feed it"), EndStream()]
    for what in story[: len(story) - dropped]:
        with suppress(LocalProtocolError):
            # The phases of a connect, each with its own end, add up to more than a minute.
            both.does(what, within=seconds(300))
    both.run(millis(5000))
    settle(both)
    closed = [
        inp.socket for _, side, inp, _ in both.log if side == "client" and isinstance(inp, SocketClosed)
    ]
    assert len(closed) == len(set(closed))
