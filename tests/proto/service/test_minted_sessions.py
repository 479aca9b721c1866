"""A session that was reserved for somebody else, and that nobody will use, is given back to the service."""

import pytest

from odyssey_proto.kernel.failures import FailureKind
from odyssey_proto.kernel.machine import Span, after, millis, seconds
from odyssey_proto.messages.refusals import detail_reply
from odyssey_proto.model import events as e
from odyssey_proto.model.address import Region
from odyssey_proto.model.credentials import ClientCredentials
from odyssey_proto.seam.commands import Abandon, Connect, MintCredentials
from odyssey_proto.seam.http import HttpReply, json_reply
from odyssey_proto.seam.outputs import OpenSocket, Request
from odyssey_proto.service.io import faults as f
from odyssey_proto.testing.hand_driven import path_of
from odyssey_proto.testing.world import World
from tests.proto.service.service_by_hand import ServiceByHand
from tests.proto.service.test_client_and_service import beside, world_with

REGIONS = (Region("near", "http://localhost/ping"), Region("far", "http://localhost/ping"))

LEAVE = seconds(3)
"""The time for leaving, as it is by default."""


def nothing_is_left(world: World, within: Span = LEAVE) -> None:
    """Lets the time for leaving pass; long before the service would give up a session by itself."""
    world.wait(within)
    assert world.client.deadline is None
    assert world.service.deadline is None, "no session is held"


def inputs_taken(world: World) -> int:
    return len(world.steps) + len(world.service_steps)


def inputs_of_a_minting() -> int:
    """Returns how many inputs client and service take until the credentials are there."""
    world = world_with(regions=REGIONS)
    world.mint_credentials()
    return inputs_taken(world)


@pytest.mark.parametrize("moment", range(1, inputs_of_a_minting() + 1))
def test_a_minting_that_is_cancelled_at_any_moment_leaves_no_session(moment: int) -> None:
    world = world_with(regions=REGIONS, unclaimed_seconds=500)
    minting = world.give(MintCredentials())
    world.run(seconds(10), until=lambda: inputs_taken(world) >= moment)
    assert inputs_taken(world) == moment
    world.abandon(minting)
    result = minting.outcome
    # The last moment is the one of the credentials, which the caller does not take any more.
    assert isinstance(result, ClientCredentials) == (moment == inputs_of_a_minting())
    assert isinstance(result, ClientCredentials) or minting.failure.kind is FailureKind.ABANDONED
    nothing_is_left(world)
    assert world.events == [], "a minting is no session of this client"
    assert world.connect().result is None


def test_a_minting_that_is_cancelled_in_the_queue_leaves_no_session() -> None:
    guest = ServiceByHand(capacity=1, unclaimed_seconds=2)
    guest.enter()
    guest.grant()
    world = beside(guest)
    minting = world.give(MintCredentials())
    world.wait(millis(500))
    world.abandon(minting)
    assert world.client.deadline is None, "a request that was refused is not followed"
    world.wait(seconds(5))
    assert world.service.deadline is None


@pytest.mark.parametrize("path", ["/sessions/request", "/sessions/token"])
@pytest.mark.parametrize("late", [0.5, 2.0])
def test_what_is_granted_late_is_given_back(path: str, late: float) -> None:
    world = world_with(f.Slow(path, late))
    minting = world.give(MintCredentials())
    world.wait(millis(50))
    world.abandon(minting)
    assert minting.failure.kind is FailureKind.ABANDONED
    nothing_is_left(world)


@pytest.mark.parametrize("path", ["/sessions/request", "/sessions/token"])
def test_a_silent_service_is_not_waited_for_longer_than_leaving_may_take(path: str) -> None:
    world = world_with(f.Silent(path))
    minting = world.give(MintCredentials())
    world.wait(millis(100))
    world.abandon(minting)
    begun = world.now
    world.run(seconds(10), until=lambda: world.client.deadline is None)
    assert world.now == after(begun, LEAVE)


def test_leaving_waits_for_what_is_given_back() -> None:
    world = world_with(f.Slow("/sessions/request", 1.0))
    minting = world.give(MintCredentials())
    world.wait(millis(50))
    world.abandon(minting)
    assert world.disconnect().result is None
    assert 1_000_000 < world.now < 1_200_000
    world.wait(millis(20))
    assert world.service.deadline is None


def test_abandoning_is_over_when_all_is_given_back() -> None:
    world = world_with(f.Slow("/sessions/request", 1.0))
    minting = world.give(MintCredentials())
    world.wait(millis(50))
    assert world.do(Abandon(minting.id)).result is None
    assert 1_000_000 < world.now < 1_200_000
    assert world.client.deadline is None


def test_leaving_does_not_end_a_minting() -> None:
    world = world_with(f.Slow("/sessions/request", 1.0))
    minting = world.give(MintCredentials())
    world.wait(millis(50))
    assert world.disconnect().result is None
    assert world.now == 50_000
    world.wait(seconds(2))
    assert isinstance(minting.result, ClientCredentials)


def test_credentials_that_were_taken_stay_usable() -> None:
    guest = ServiceByHand()
    world = beside(guest)
    minting = world.give(MintCredentials())
    world.wait(seconds(11))
    credentials = minting.result
    # So late that nobody can still be on the way to them.
    world.abandon(minting)
    other = beside(guest)
    assert other.connect_with(credentials).result is None
    other.disconnect()


def test_abandoning_twice_gives_back_once() -> None:
    world = world_with()
    minting = world.give(MintCredentials())
    world.run(seconds(1), until=lambda: not minting.pending)
    world.abandon(minting)
    world.abandon(minting)
    nothing_is_left(world)
    opened = world.outputs(OpenSocket)
    assert len(opened) == 1


def test_several_mintings_are_each_their_own() -> None:
    world = world_with(concurrent=5)
    commands = [world.give(MintCredentials()) for _ in range(3)]
    world.wait(millis(15))
    world.abandon(commands[1])
    world.wait(seconds(5))
    one, other = (commands[number].result for number in (0, 2))
    assert one.session_id != other.session_id
    assert commands[1].failure.kind is FailureKind.ABANDONED


def test_a_session_whose_token_cannot_be_read_is_given_back_as_far_as_possible() -> None:
    world = world_with(f.Refuse("/sessions/token", json_reply({"session_token": "x.y.z", "expires_in": 60})))
    failure = world.mint_credentials().failure
    assert failure.kind is FailureKind.MALFORMED
    world.wait(LEAVE)
    assert world.client.deadline is None
    opened = world.outputs(OpenSocket)
    assert len(opened) == 1


@pytest.mark.parametrize("reply", [HttpReply(500), detail_reply(401, "no")])
def test_a_ping_that_is_refused_costs_nothing_but_its_latency(reply: HttpReply) -> None:
    """Above all it has no second access token fetched, because it carries none."""
    world = world_with(f.Refuse("/ping", reply), regions=REGIONS)
    assert isinstance(world.mint_credentials().result, ClientCredentials)
    paths = [path_of(output.request) for output in world.outputs(Request)]
    assert paths == ["/auth/token", "/regions", "/ping", "/ping", "/sessions/request", "/sessions/token"]


def test_a_connect_that_is_cancelled_is_reported_once_and_gives_back() -> None:
    world = world_with(f.Slow("/sessions/request", 0.5))
    connect = world.give(Connect())
    world.wait(millis(50))
    world.abandon(connect)
    nothing_is_left(world)
    assert [event for event in world.events if isinstance(event, e.Disconnected)] == []
