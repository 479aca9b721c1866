"""Connecting: what is announced, in which order, and what a refusal on the way means."""

import pytest
from attrs import evolve

from odyssey_proto.kernel.failures import FailureKind, LocalProtocolError, Phase
from odyssey_proto.kernel.machine import Instant
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.model import events as e
from odyssey_proto.model.events import ConnectionStatus as S
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.commands import (
    Call,
    Command,
    CommandId,
    Connect,
    MintCredentials,
)
from odyssey_proto.seam.http import json_reply
from odyssey_proto.testing.by_hand import (
    SESSION_TOKEN,
    SETTINGS,
    SOCKET,
    ClientByHand,
)
from odyssey_proto.testing.situations import Situation, connected, reached


def test_a_connect_that_goes_well_announces_each_step() -> None:
    world = connected()
    assert world.events == [
        e.StatusChanged(S.AUTHENTICATING, "Authenticating"),
        e.StatusChanged(S.CONNECTING, "Connecting to the streamer"),
        e.StatusChanged(S.CONNECTING),
        e.StatusChanged(S.CONNECTED),
        e.Connected("s1"),
    ]
    assert world.the(Connect).result is None
    assert world.client.session_id == "s1"
    assert world.client.capabilities is not None
    world.finish()


def test_the_session_token_is_fetched_once_and_travels_in_the_query() -> None:
    world = connected()
    urls = [output.request.url for output in world.outputs(o.Request)]
    assert urls.count("https://api.example/sessions/token") == 1
    opened = world.outputs(o.OpenSocket)
    assert opened == [
        o.OpenSocket(SOCKET, "wss://sig.example/client/s1", (("token", Secret(SESSION_TOKEN)),))
    ]
    assert SESSION_TOKEN not in repr(opened)


def test_connecting_twice_is_one_connection() -> None:
    world = connected()
    world.connect()
    assert world.last == (o.Completed(CommandId(2)),)


def test_a_second_connect_meanwhile_is_refused() -> None:
    world = reached(Situation.QUEUEING)
    with pytest.raises(LocalProtocolError, match="already connecting"):
        world.give(Connect())


def test_without_a_key_nothing_is_sent() -> None:

    from odyssey_proto.client.client import Client

    client = Client(evolve(SETTINGS, api_key=Secret("")))
    for what in (Connect(), MintCredentials(), Call("recordings.get", "x")):
        with pytest.raises(LocalProtocolError, match="API key") as caught:
            client.step(Instant(0), Command(CommandId(1), what))
        assert caught.value.failure.kind is FailureKind.AUTH_REFUSED
    assert client.deadline is None


@pytest.mark.parametrize("status", [401, 403, 422])
def test_a_refused_key_is_an_authentication_failure(status: int) -> None:
    world = ClientByHand()
    connect = world.connect()
    world.reply(json_reply({"detail": "account suspended"}, status))
    failure = connect.failure
    assert (failure.kind, failure.phase, failure.status) == (
        FailureKind.AUTH_REFUSED,
        Phase.AUTHENTICATE,
        status,
    )
    assert world.statuses == [S.AUTHENTICATING, S.FAILED]
    assert world.events[-1] == e.ErrorHappened(failure, fatal=True)
    world.finish()


def test_a_malformed_success_is_never_an_authentication_failure() -> None:
    world = ClientByHand()
    connect = world.connect()
    world.reply(json_reply({"invalid": "401"}))
    assert connect.failure.kind is FailureKind.MALFORMED


def test_a_suspended_account_is_recognized_at_any_step() -> None:
    world = reached(Situation.QUEUEING)
    body = {"detail": {"error": "ACCOUNT_SUSPENDED", "message": "suspended", "action": "Contact us"}}
    world.reply(json_reply(body, 403))
    failure = world.the(Connect).failure
    assert failure.kind is FailureKind.USAGE_LIMIT
    assert failure.usage.code == "ACCOUNT_SUSPENDED"


def test_a_token_that_the_server_forgot_is_fetched_once_more() -> None:
    world = reached(Situation.LISTING_REGIONS)
    world.reply(json_reply({"detail": "expired"}, 401))
    world.reply(json_reply({"access_token": "t2", "expires_in": 3600}))
    request = next(iter(world.requests.values()))
    assert request.header("authorization") == Secret("Bearer t2")
    world.reply(json_reply({"detail": "expired"}, 401))
    assert world.the(Connect).pending, "regions may fail without harm"
    world.finish()
