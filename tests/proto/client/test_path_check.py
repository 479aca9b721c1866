"""A silent peer: whether the way to the service is away, or only what was on it is lost."""

from functools import partial
from typing import Any

import pytest
from attrs import evolve

from odyssey_proto.client.client import Client
from odyssey_proto.client.connecting.release import SHORT_GOODBYE
from odyssey_proto.client.live.path_check import GRACE_TIME, REQUEST_PAUSE, REQUEST_TIMEOUT, PathCheck
from odyssey_proto.client.rest.call_requests import CancelCall, StartCall
from odyssey_proto.kernel.failures import FailureKind
from odyssey_proto.kernel.machine import Span, millis, seconds
from odyssey_proto.messages import signaling
from odyssey_proto.model import events as e
from odyssey_proto.model.config import ReconnectPolicy
from odyssey_proto.model.events import ConnectionStatus as S
from odyssey_proto.seam.http import HttpReply
from odyssey_proto.seam.inputs import (
    MediaSeen,
    PeerFailed,
    PeerState,
    PeerStateChanged,
    SocketAnswered,
    TransportError,
    TransportErrorKind,
)
from odyssey_proto.seam.outputs import DropSocket, PingSocket, Request
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.service import Service
from odyssey_proto.testing.by_hand import PEER, RENEWAL, SOCKET, ClientByHand
from odyssey_proto.testing.hand_driven import path_of
from odyssey_proto.testing.situations import streaming
from odyssey_proto.testing.world import SETTINGS, World

CONFIG = "/config"
SILENCE = seconds(15)
"""The default of `Timeouts.silence`."""


def interrupted() -> ClientByHand:
    """Returns a client whose peer has just fallen silent."""
    world = streaming()
    world.media(PeerStateChanged(PEER, PeerState.DISCONNECTED))
    assert world.client.status is S.RECONNECTING
    return world


def comes_again(world: ClientByHand) -> None:
    world.media(PeerStateChanged(PEER, PeerState.CONNECTED))


def loss(world: ClientByHand | World) -> str:
    """Returns why the session was lost."""
    failure = world.events_of(e.Disconnected)[-1].failure
    assert failure is not None
    return failure.code


# --- what is asked, and what is made of the answers -----------------------------------------------


def test_both_ways_are_asked_at_once() -> None:
    world = interrupted()
    assert PingSocket(SOCKET) in world.last
    assert world.paths == [CONFIG]
    world.finish()


def test_what_a_new_connection_brings_and_those_from_before_do_not_is_a_loss() -> None:
    world = interrupted()
    world.goes_well()
    assert world.wait(Span(GRACE_TIME - 1)) == []
    world.wait(Span(1))
    assert loss(world) == "network.path_lost"
    failure = world.events_of(e.Disconnected)[-1].failure
    assert failure is not None
    assert (failure.kind, failure.retryable) == (FailureKind.UNREACHABLE, True)
    assert world.signaled[-1] == signaling.ClientDisconnecting()
    assert DropSocket(SOCKET) in world.last, "nobody would answer a goodbye"
    assert (world.sockets, world.peers) == ({}, set())
    world.finish()


@pytest.mark.parametrize("when", ["before the answer", "after it"])
@pytest.mark.parametrize("sign", ["media", "frame", "streamer", "pong", "text"])
def test_any_sign_by_what_there_was_ends_it(when: str, sign: str) -> None:
    world = interrupted()
    if when == "after it":
        world.goes_well()
    match sign:
        case "media":
            comes_again(world)
        case "frame":
            world.media(MediaSeen(PEER, 1_000_000))
        case "streamer":
            world.streamer_says('{"type": "news"}')
        case "pong":
            world.step(SocketAnswered(SOCKET))
        case _:
            world.server_says('{"type": "news"}')
    assert world.requests == {}, "nothing more is asked"
    world.wait(Span(SILENCE - 1))
    assert world.events_of(e.Disconnected) == []
    assert world.outputs(PingSocket) == [PingSocket(SOCKET)]
    world.finish()


def test_a_count_that_has_not_grown_is_no_sign() -> None:
    world = streaming()
    world.media(MediaSeen(PEER, 7))
    world.media(PeerStateChanged(PEER, PeerState.DISCONNECTED))
    world.media(MediaSeen(PEER, 7))
    world.goes_well()
    world.wait(GRACE_TIME)
    assert loss(world) == "network.path_lost"
    world.finish()


def test_what_is_asked_anew_is_asked_once() -> None:
    check = PathCheck()
    assert len(check.begin("https://a.example")) == 1
    cancelled, started = check.begin("https://a.example")
    assert (cancelled, type(started)) == (CancelCall("path_check"), StartCall)


def test_a_streamer_that_is_silent_beside_a_signaling_that_answers_has_its_time() -> None:
    world = interrupted()
    world.goes_well()
    world.step(SocketAnswered(SOCKET))
    world.wait(SILENCE)
    assert loss(world) == "media.interrupted"
    world.finish()


def test_while_the_link_is_away_the_question_is_repeated_and_nothing_is_lost() -> None:
    world = interrupted()
    world.wait(Span(SILENCE - 1))
    asked = [each for each in world.outputs(Request) if path_of(each.request) == CONFIG]
    # The one of the connect, and those of the silence.
    assert len(asked) - 1 == -(-SILENCE // (REQUEST_TIMEOUT + REQUEST_PAUSE))
    assert len(world.requests) <= 1, "one at a time"
    comes_again(world)
    world.wait(seconds(60))
    assert world.client.status is S.CONNECTED
    world.finish()


def test_a_request_that_fails_at_once_is_repeated_after_a_pause() -> None:
    world = interrupted()
    world.reply(HttpReply(404), CONFIG)
    assert world.requests == {}
    world.wait(REQUEST_PAUSE)
    assert world.paths == [CONFIG]
    world.goes_well()
    world.wait(GRACE_TIME)
    assert loss(world) == "network.path_lost"
    world.finish()


def test_a_link_that_comes_back_without_what_was_on_it() -> None:
    world = interrupted()
    world.wait(seconds(10))
    world.goes_well()
    world.wait(GRACE_TIME)
    assert loss(world) == "network.path_lost"
    world.finish()


def test_each_silence_is_asked_about_anew() -> None:
    world = interrupted()
    comes_again(world)
    world.media(PeerStateChanged(PEER, PeerState.DISCONNECTED))
    assert world.outputs(PingSocket) == [PingSocket(SOCKET)] * 2
    assert world.paths == [CONFIG]
    world.finish()


@pytest.mark.parametrize("answered", [False, True])
def test_a_silence_that_is_reported_again_is_the_same_one(answered: bool) -> None:
    world = interrupted()
    if answered:
        world.goes_well()
    before = world.events
    assert world.media(PeerStateChanged(PEER, PeerState.DISCONNECTED)) == []
    assert world.events == before
    world.finish()


@pytest.mark.parametrize("answered", [False, True])
def test_an_offer_of_another_peer_ends_it(answered: bool) -> None:
    world = interrupted()
    if answered:
        world.goes_well()
    world.server_says(RENEWAL)
    assert CONFIG not in world.paths
    world.finish()


@pytest.mark.parametrize("how", ["left", "closed"])
def test_nothing_is_asked_for_a_session_that_is_over(how: str) -> None:
    world = interrupted()
    if how == "closed":
        world.socket_closes(1011)
    else:
        world.disconnect()
    assert world.requests == {}
    world.finish()


# --- what is slow is not lost ---------------------------------------------------------------------


@pytest.mark.parametrize("sign", [0.25, 0.5, 0.7])
def test_what_comes_soon_after_the_answer_keeps_the_session(sign: float) -> None:
    """A driver asks a silent peer four times a second, and a question or two may be lost."""
    world = interrupted()
    world.wait(seconds(4))
    world.goes_well()
    world.wait(seconds(sign))
    comes_again(world)
    world.wait(seconds(60))
    assert world.client.status is S.CONNECTED
    assert world.events_of(e.Disconnected) == []
    world.finish()


@pytest.mark.parametrize("delay", [10, 150, 300])
@pytest.mark.parametrize("away", [0.3, 2, 4, 8])
def test_a_link_that_was_away_keeps_its_session(away: float, delay: int) -> None:
    """Nothing arrives for a while, and then all of it does, however long its way is."""
    world = World(Client(SETTINGS), delay=millis(delay), frames_every=seconds(1))
    assert world.connect().result is None
    assert world.start("A cat").result
    world.wait(seconds(5))
    back = world.now + seconds(away)
    world.intercept(lambda side, inp: inp if world.now >= back else None)
    if away > 2.5:
        world.wait(seconds(2.5))
        world.step(PeerStateChanged(PEER, PeerState.DISCONNECTED))
        world.wait(Span(back - world.now + millis(delay)))
        world.step(PeerStateChanged(PEER, PeerState.CONNECTED))
    world.wait(seconds(60))
    assert world.client.status is S.CONNECTED
    assert world.events_of(e.Disconnected) == []


# --- what a policy makes of it --------------------------------------------------------------------


def recovering(**config: Any) -> World:
    """Returns a client with a policy whose stream has run for some seconds."""
    client = Client(evolve(SETTINGS, reconnect=ReconnectPolicy()))
    service = Service(ServiceConfig(**config), seed=b"service")
    world = World(client, service, frames_every=seconds(1))
    assert world.connect().result is None
    assert world.start("A cat").result
    world.wait(seconds(5))
    return world


def restored_after(world: World, within: Span) -> float:
    """Waits for a recovery; returns the seconds since this was called."""
    began = world.now
    world.run(within, until=lambda: bool(world.events_of(e.Restored)))
    assert world.client.status is S.CONNECTED
    return (world.now - began) / 1_000_000


def test_a_nat_that_forgets_costs_less_than_five_seconds() -> None:
    world = recovering()
    world.forget_flows()
    assert restored_after(world, seconds(60)) < 5
    (recovery,) = world.events_of(e.Reconnecting)
    assert recovery.cause.code == "network.path_lost"


def test_the_clients_of_a_host_that_is_gone_do_not_come_back_all_at_once() -> None:
    delays = list[float]()
    for seed in range(12):
        client = Client(evolve(SETTINGS, reconnect=ReconnectPolicy(), seed=bytes([seed])))
        world = World(client, Service(ServiceConfig(), seed=b"service"), frames_every=seconds(1))
        assert world.connect().result is None
        world.forget_flows()
        world.run(seconds(30), until=partial(world.events_of, e.Reconnecting))
        (recovery,) = world.events_of(e.Reconnecting)
        assert recovery.cause.code == "network.path_lost"
        delays.append(recovery.delay)
    assert max(delays) <= 0.5
    assert len(set(delays)) == len(delays)


def test_where_the_account_has_room_for_one_session_the_old_one_is_waited_for() -> None:
    world = recovering(capacity=1)
    world.forget_flows()
    # Until the service finds out that nothing comes by the WebSocket.
    assert 5 < restored_after(world, seconds(120)) < 40


def test_an_address_that_is_gone_costs_a_short_goodbye() -> None:
    world = recovering()
    world.intercept(lambda side, inp: None)
    world.step(PeerFailed(PEER, TransportError(TransportErrorKind.UNREACHABLE)))
    before = len(world.obligations.requests)
    world.wait(Span(SHORT_GOODBYE))
    assert len(world.obligations.requests) == before + 1, "the next session is asked for"
    (recovery,) = world.events_of(e.Reconnecting)
    assert recovery.delay == 0


def test_another_loss_has_its_pause_and_the_whole_goodbye() -> None:
    world = recovering()
    world.intercept(lambda side, inp: None)
    world.step(PeerFailed(PEER, TransportError(TransportErrorKind.INTERNAL)))
    before = len(world.obligations.requests)
    world.wait(Span(SHORT_GOODBYE))
    assert len(world.obligations.requests) == before
    (recovery,) = world.events_of(e.Reconnecting)
    assert recovery.delay > 0
