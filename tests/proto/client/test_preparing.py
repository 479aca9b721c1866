"""Preparing: what a later connect is spared, and that nothing is reserved."""

import pytest

from odyssey_proto.kernel.failures import FailureKind, Phase
from odyssey_proto.kernel.machine import seconds
from odyssey_proto.model.events import ConnectionStatus as S
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.commands import Abandon
from odyssey_proto.seam.http import HttpReply, json_reply
from odyssey_proto.testing.by_hand import ClientByHand


def test_a_connect_that_was_prepared_asks_for_a_session_at_once() -> None:
    world = ClientByHand()
    prepare = world.prepare()
    assert world.outputs(o.Preconnect) == [o.Preconnect("https://api.example")]
    for path in ("/auth/token", "/regions", "/"):
        assert (world.paths, prepare.pending) == ([path], True)
        world.goes_well()
    assert prepare.result is None
    assert world.outputs(o.Preconnect)[1:] == [o.Preconnect("https://r1.example/", 2)]
    assert (world.client.status, world.client.deadline, world.events) == (S.DISCONNECTED, None, [])
    world.connect()
    assert world.paths == ["/sessions/request"]
    world.finish()


def test_to_prepare_again_costs_nothing() -> None:
    world = ClientByHand()
    world.prepare()
    for _ in range(3):
        world.goes_well()
    assert world.prepare().result is None
    assert not world.requests
    world.finish()


def test_without_regions_the_token_is_prepared() -> None:
    world = ClientByHand()
    prepare = world.prepare()
    world.goes_well()
    world.reply(HttpReply(404))
    assert prepare.result is None
    assert world.outputs(o.Preconnect) == [o.Preconnect("https://api.example")]
    world.finish()


def test_a_bad_key_is_known_before_the_button_is_pressed() -> None:
    world = ClientByHand()
    prepare = world.prepare()
    world.reply(json_reply({"detail": "unknown"}, 401))
    assert prepare.failure.kind is FailureKind.AUTH_REFUSED
    assert (world.client.status, world.events) == (S.DISCONNECTED, [])
    world.finish()


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_preparing_ends_in_its_time_and_a_connect_may_follow(steps: int) -> None:
    world = ClientByHand()
    prepare = world.prepare(seconds(0.5))
    for _ in range(steps):
        world.goes_well()
    world.wait(seconds(0.5))
    failure = prepare.failure
    assert (failure.kind, failure.phase) == (FailureKind.TIMED_OUT, Phase.PREPARE)
    assert (world.requests, world.client.deadline) == ({}, None)
    connect = world.connect()
    while connect.pending:
        world.goes_well()
    assert world.client.status is S.CONNECTED
    world.finish()


def test_silent_regions_are_waited_for_no_longer_than_by_a_connect() -> None:
    world = ClientByHand()
    prepare = world.prepare()
    world.goes_well()
    world.goes_well()
    world.wait(seconds(1))
    assert prepare.result is None
    world.finish()


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_who_is_gone_prepares_nothing_more(steps: int) -> None:
    world = ClientByHand()
    prepare = world.prepare()
    for _ in range(steps):
        world.goes_well()
    world.give(Abandon(prepare.id))
    assert prepare.failure.kind is FailureKind.ABANDONED
    assert (world.requests, world.client.deadline) == ({}, None)
    world.give(Abandon(prepare.id))
    world.finish()


def test_preparing_and_minting_go_on_beside_each_other() -> None:
    world = ClientByHand()
    prepare, minting = world.prepare(), world.mint_credentials()
    world.give(Abandon(minting.id))
    assert prepare.pending
    while prepare.pending:
        world.goes_well()
    assert prepare.result is None
    world.finish()


def test_a_prepared_client_that_disconnects_ends_no_preparation() -> None:
    world = ClientByHand()
    prepare = world.prepare()
    world.disconnect()
    for _ in range(3):
        world.goes_well()
    assert prepare.result is None
    world.finish()
