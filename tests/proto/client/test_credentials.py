"""Minted credentials: what they skip, and how they are made."""

from datetime import UTC, datetime

import pytest
from attrs import evolve

from odyssey_proto.kernel.failures import FailureKind
from odyssey_proto.messages.token import sign
from odyssey_proto.model.credentials import ClientCredentials
from odyssey_proto.model.events import ConnectionStatus as S
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.http import HttpReply
from odyssey_proto.testing.by_hand import SESSION_TOKEN, SETTINGS, ClientByHand


def test_credentials_skip_everything_that_needs_the_key() -> None:
    world = ClientByHand()
    world.connect_with(ClientCredentials("wss://sig.example", SESSION_TOKEN))
    for _ in range(4):
        world.goes_well()
    assert world.statuses == [S.CONNECTING, S.CONNECTING, S.CONNECTED]
    urls = [output.request.url for output in world.outputs(o.Request)]
    assert urls == ["https://sig.example/config"]
    world.finish()


NOW = 1_767_225_600
"""2026-01-01 00:00:00 UTC."""


def world_at(wall: int) -> ClientByHand:
    """Returns a client on a machine whose clock says `wall`."""
    return ClientByHand(evolve(SETTINGS, wall=wall * 1_000_000))


def credentials_until(ends: int) -> ClientCredentials:
    return ClientCredentials("wss://sig.example", sign({"session_id": "s1", "exp": ends}, b"key"))


def test_credentials_that_ended_long_ago_are_refused_before_anything_is_sent() -> None:
    world = world_at(NOW)
    connect = world.connect_with(credentials_until(NOW - 24 * 3600))
    assert connect.failure.code == "credentials.expired"
    assert "2025-12-31 00:00:00 UTC, and the clock of this machine says 2026-01-01" in connect.failure.text
    assert (world.requests, world.sockets) == ({}, {})
    world.finish()


@pytest.mark.parametrize("wrong", [15 * 60, 23 * 3600, -15 * 60, -(10**6)])
def test_fresh_credentials_open_a_session_whatever_our_clock_says(wrong: int) -> None:
    world = world_at(NOW + wrong)
    connect = world.connect_with(credentials_until(NOW + 600))
    while connect.outcome is ...:
        world.goes_well()
    assert connect.outcome is None
    world.finish()


@pytest.mark.parametrize(
    ("ends", "wall", "date", "code", "words"),
    [
        (NOW - 1, NOW - 900, NOW, "credentials.expired", "the clock of the service says 2026-01-01 00:00:00"),
        (NOW - 1, NOW, None, "credentials.expired", "the clock of this machine says 2026-01-01 00:00:00"),
        (NOW + 1, NOW, None, "auth.forbidden", "(HTTP 403)"),
        (NOW + 600, NOW + 900, NOW, "auth.forbidden", "is 900 s ahead of the clock of the service"),
        (NOW + 600, NOW - 900, NOW, "auth.forbidden", "is 900 s behind the clock of the service"),
        (NOW + 600, NOW + 59, NOW, "auth.forbidden", "(HTTP 403)"),
    ],
)
def test_refused_credentials_are_judged_by_the_clock_of_the_service(
    ends: int, wall: int, date: int | None, code: str, words: str
) -> None:
    world = world_at(wall)
    connect = world.connect_with(credentials_until(ends))
    while not world.sockets:
        world.goes_well()
    said = (
        () if date is None else (("date", f"{datetime.fromtimestamp(date, UTC):%a, %d %b %Y %H:%M:%S GMT}"),)
    )
    world.socket_is_refused(HttpReply(403, said))
    assert connect.failure.code == code
    assert words in connect.failure.text
    assert connect.failure.status == 403
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
