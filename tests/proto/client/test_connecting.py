"""Connecting: what is announced, in which order, and what a refusal on the way means."""

import pytest
from attrs import evolve
from core.gauntlet import begun
from core.material import JWT, READY, SETTINGS
from core.session import SOCKET, last, outcome, reply, statuses, told

from odyssey_proto.kernel.errors import LocalProtocolError
from odyssey_proto.kernel.failures import FailureKind, Phase
from odyssey_proto.kernel.machine import Instant
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.model import events as e
from odyssey_proto.model.status import ConnectionStatus as S
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.commands import (
    Call,
    Command,
    CommandId,
    Connect,
    MintCredentials,
)
from odyssey_proto.seam.http import json_reply


def test_a_connect_that_goes_well_announces_each_step() -> None:
    world = begun(READY)
    assert told(world) == [
        e.StatusChanged(S.AUTHENTICATING, "Authenticating"),
        e.StatusChanged(S.CONNECTING, "Connecting to the streamer"),
        e.StatusChanged(S.CONNECTING),
        e.StatusChanged(S.CONNECTED),
        e.Connected("s1"),
    ]
    assert outcome(world, 1) is None
    assert world.client.session_id == "s1"
    assert world.client.capabilities is not None
    world.finish()


def test_the_session_token_is_fetched_once_and_travels_in_the_query() -> None:
    world = begun(READY)
    requests = [out.request for _, _, outs in world.steps for out in outs if isinstance(out, o.Request)]
    assert [request.url for request in requests].count("https://api.example/sessions/token") == 1
    opened = [out for _, _, outs in world.steps for out in outs if isinstance(out, o.OpenSocket)]
    assert opened == [o.OpenSocket(SOCKET, "wss://sig.example/client/s1", (("token", Secret(JWT)),))]
    assert JWT not in repr(opened)


def test_connecting_twice_is_one_connection() -> None:
    world = begun(READY)
    world.command(Connect())
    assert last(world) == (o.Completed(CommandId(2)),)


def test_a_second_connect_meanwhile_is_refused() -> None:
    world = begun(3)
    with pytest.raises(LocalProtocolError, match="already connecting"):
        world.step(Command(CommandId(9), Connect()))


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
    world = begun(0)
    world.command(Connect())
    reply(world, json_reply({"detail": "account suspended"}, status))
    failure = outcome(world, 1)
    assert (failure.kind, failure.phase, failure.status) == (
        FailureKind.AUTH_REFUSED,
        Phase.AUTHENTICATE,
        status,
    )
    assert statuses(world) == [S.AUTHENTICATING, S.FAILED]
    assert told(world)[-1] == e.ErrorHappened(failure, fatal=True)
    world.finish()


def test_a_malformed_success_is_never_an_authentication_failure() -> None:
    world = begun(0)
    world.command(Connect())
    reply(world, json_reply({"invalid": "401"}))
    assert outcome(world, 1).kind is FailureKind.MALFORMED


def test_a_suspended_account_is_told_as_such_at_any_step() -> None:
    world = begun(3)
    body = {"detail": {"error": "ACCOUNT_SUSPENDED", "message": "suspended", "action": "Contact us"}}
    reply(world, json_reply(body, 403))
    failure = outcome(world, 1)
    assert failure.kind is FailureKind.USAGE_LIMIT
    assert failure.usage.code == "ACCOUNT_SUSPENDED"


def test_a_token_that_the_server_forgot_is_fetched_once_more() -> None:
    world = begun(1)
    reply(world, json_reply({"detail": "expired"}, 401))
    reply(world, json_reply({"access_token": "t2", "expires_in": 3600}))
    request = next(iter(world.pending.values()))
    assert request.header("authorization") == Secret("Bearer t2")
    reply(world, json_reply({"detail": "expired"}, 401))
    assert outcome(world, 1) is ..., "regions may fail without harm"
    world.finish()
