"""Minted credentials: what they skip, and how they are made."""

from core.gauntlet import advance, begun
from core.material import JWT
from core.session import outcome, statuses, told

from odyssey_proto.kernel.failures import FailureKind
from odyssey_proto.messages.token import sign
from odyssey_proto.model.credentials import ClientCredentials
from odyssey_proto.model.status import ConnectionStatus as S
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.commands import (
    Abandon,
    CommandId,
    ConnectWith,
    MintCredentials,
)


def test_credentials_skip_everything_that_needs_the_key() -> None:
    world = begun(0)
    world.command(ConnectWith(ClientCredentials("wss://sig.example", JWT)))
    for _ in range(4):
        advance(world, 0)
    assert statuses(world) == [S.CONNECTING, S.CONNECTING, S.CONNECTED]
    urls = [out.request.url for _, _, outs in world.steps for out in outs if isinstance(out, o.Request)]
    assert urls == ["https://sig.example/config"]
    world.finish()


def test_expired_credentials_are_refused_before_anything_is_sent() -> None:
    world = begun(0)
    old = sign({"session_id": "s1", "exp": 0}, b"key")
    world.command(ConnectWith(ClientCredentials("wss://sig.example", old)))
    assert outcome(world, 1).code == "credentials.expired"
    assert (world.pending, world.sockets) == ({}, {})
    world.finish()


def test_minting_reserves_a_session_and_opens_nothing() -> None:
    world = begun(0)
    world.command(MintCredentials())
    for _ in range(5):
        advance(world, 0)
    credentials = outcome(world, 1)
    assert (credentials.session_id, credentials.expires_in) == ("s1", 600)
    assert told(world) == []
    world.finish()


def test_an_abandoned_minting_stops() -> None:
    world = begun(0)
    world.command(MintCredentials())
    advance(world, 0)
    world.command(Abandon(CommandId(1)))
    assert outcome(world, 1).kind is FailureKind.ABANDONED
    assert not world.pending
    world.finish()
