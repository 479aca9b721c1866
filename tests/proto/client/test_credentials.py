"""Minted credentials: what they skip, and how they are made."""

from odyssey_proto.kernel.failures import FailureKind
from odyssey_proto.messages.token import sign
from odyssey_proto.model.credentials import ClientCredentials
from odyssey_proto.model.events import ConnectionStatus as S
from odyssey_proto.seam import outputs as o
from odyssey_proto.testing.by_hand import SESSION_TOKEN, ClientByHand


def test_credentials_skip_everything_that_needs_the_key() -> None:
    world = ClientByHand()
    world.connect_with(ClientCredentials("wss://sig.example", SESSION_TOKEN))
    for _ in range(4):
        world.goes_well()
    assert world.statuses == [S.CONNECTING, S.CONNECTING, S.CONNECTED]
    urls = [output.request.url for output in world.outputs(o.Request)]
    assert urls == ["https://sig.example/config"]
    world.finish()


def test_expired_credentials_are_refused_before_anything_is_sent() -> None:
    world = ClientByHand()
    old = sign({"session_id": "s1", "exp": 0}, b"key")
    connect = world.connect_with(ClientCredentials("wss://sig.example", old))
    assert connect.failure.code == "credentials.expired"
    assert (world.requests, world.sockets) == ({}, {})
    world.finish()


def test_minting_reserves_a_session_and_opens_nothing() -> None:
    world = ClientByHand()
    minting = world.mint_credentials()
    for _ in range(5):
        world.goes_well()
    credentials = minting.outcome
    assert (credentials.session_id, credentials.expires_in) == ("s1", 600)
    assert world.events == []
    world.finish()


def test_an_abandoned_minting_stops() -> None:
    world = ClientByHand()
    minting = world.mint_credentials()
    world.goes_well()
    world.abandon(minting)
    assert minting.failure.kind is FailureKind.ABANDONED
    assert not world.requests
    world.finish()
