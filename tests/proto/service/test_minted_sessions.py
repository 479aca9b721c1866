"""A session that was reserved for somebody else, and that nobody will use, is given back to the service."""

import pytest

from odyssey_proto.kernel.failures import FailureKind
from odyssey_proto.kernel.machine import Span, after, millis, seconds
from odyssey_proto.messages.refusals import detail_reply
from odyssey_proto.messages.regions import Region
from odyssey_proto.model import events as e
from odyssey_proto.model.credentials import ClientCredentials
from odyssey_proto.seam.commands import Abandon, Connect, ConnectWith, Disconnect, MintCredentials
from odyssey_proto.seam.http import HttpReply, json_reply
from odyssey_proto.seam.outputs import OpenSocket
from odyssey_proto.service.io import faults as f
from odyssey_proto.testing.pair import Pair, failure_of
from tests.proto.service.guest import Guest
from tests.proto.service.test_pair import beside, pair

REGIONS = (Region("near", "http://localhost/ping"), Region("far", "http://localhost/ping"))

LEAVE = seconds(3)
"""The time for leaving, as it is by default."""


def nothing_is_left(both: Pair, within: Span = LEAVE) -> None:
    """Lets the time for leaving pass; long before the service would give up a session by itself."""
    both.run(within)
    assert both.client.deadline is None
    assert both.service.deadline is None, "no session is held"


def inputs_of_a_minting() -> int:
    """Returns how many inputs client and service take until the credentials are there."""
    both = pair(regions=REGIONS)
    both.does(MintCredentials())
    return len(both.log)


@pytest.mark.parametrize("moment", range(1, inputs_of_a_minting() + 1))
def test_a_minting_that_is_cancelled_at_any_moment_leaves_no_session(moment: int) -> None:
    both = pair(regions=REGIONS, unclaimed_seconds=500)
    minting = both.says(MintCredentials())
    both.run(seconds(10), until=lambda: len(both.log) >= moment)
    assert len(both.log) == moment
    both.says(Abandon(minting))
    result = both.outcome(minting)
    # The last moment is the one of the credentials, which the caller does not take any more.
    assert isinstance(result, ClientCredentials) == (moment == inputs_of_a_minting())
    assert isinstance(result, ClientCredentials) or failure_of(result).kind is FailureKind.ABANDONED
    nothing_is_left(both)
    assert both.events == [], "a minting is no session of this client"
    assert both.does(Connect()) is None


def test_a_minting_that_is_cancelled_in_the_queue_leaves_no_session() -> None:
    guest = Guest(capacity=1, unclaimed_seconds=2)
    guest.enter()
    guest.grant()
    both = beside(guest)
    minting = both.says(MintCredentials())
    both.run(millis(500))
    both.says(Abandon(minting))
    assert both.client.deadline is None, "a request that was refused is not followed"
    both.run(seconds(5))
    assert both.service.deadline is None


@pytest.mark.parametrize("path", ["/sessions/request", "/sessions/token"])
@pytest.mark.parametrize("late", [0.5, 2.0])
def test_what_is_granted_late_is_given_back(path: str, late: float) -> None:
    both = pair(f.Slow(path, late))
    minting = both.says(MintCredentials())
    both.run(millis(50))
    both.says(Abandon(minting))
    assert failure_of(both.outcome(minting)).kind is FailureKind.ABANDONED
    nothing_is_left(both)


@pytest.mark.parametrize("path", ["/sessions/request", "/sessions/token"])
def test_a_silent_service_is_not_waited_for_longer_than_leaving_may_take(path: str) -> None:
    both = pair(f.Silent(path))
    minting = both.says(MintCredentials())
    both.run(millis(100))
    both.says(Abandon(minting))
    begun = both.now
    both.run(seconds(10), until=lambda: both.client.deadline is None)
    assert both.now == after(begun, LEAVE)


def test_leaving_waits_for_what_is_given_back() -> None:
    both = pair(f.Slow("/sessions/request", 1.0))
    minting = both.says(MintCredentials())
    both.run(millis(50))
    both.says(Abandon(minting))
    assert both.does(Disconnect()) is None
    assert 1_000_000 < both.now < 1_200_000
    both.run(millis(20))
    assert both.service.deadline is None


def test_abandoning_is_over_when_all_is_given_back() -> None:
    both = pair(f.Slow("/sessions/request", 1.0))
    minting = both.says(MintCredentials())
    both.run(millis(50))
    assert both.does(Abandon(minting)) is None
    assert 1_000_000 < both.now < 1_200_000
    assert both.client.deadline is None


def test_leaving_does_not_end_a_minting() -> None:
    both = pair(f.Slow("/sessions/request", 1.0))
    minting = both.says(MintCredentials())
    both.run(millis(50))
    assert both.does(Disconnect()) is None
    assert both.now == 50_000
    both.run(seconds(2))
    assert isinstance(both.outcome(minting), ClientCredentials)


def test_credentials_that_were_taken_stay_usable() -> None:
    guest = Guest()
    both = beside(guest)
    minting = both.says(MintCredentials())
    both.run(seconds(11))
    credentials = both.outcome(minting)
    # So late that nobody can still be on the way to them.
    both.says(Abandon(minting))
    other = beside(guest)
    assert other.does(ConnectWith(credentials)) is None
    other.does(Disconnect())


def test_abandoning_twice_gives_back_once() -> None:
    both = pair()
    minting = both.says(MintCredentials())
    both.run(seconds(1), until=lambda: minting in both.results)
    both.says(Abandon(minting))
    both.says(Abandon(minting))
    nothing_is_left(both)
    opened = [out for _, _, _, outs in both.log for out in outs if isinstance(out, OpenSocket)]
    assert len(opened) == 1


def test_several_mintings_are_each_their_own() -> None:
    both = pair(concurrent=5)
    commands = [both.says(MintCredentials()) for _ in range(3)]
    both.run(millis(15))
    both.says(Abandon(commands[1]))
    both.run(seconds(5))
    one, other = (both.outcome(commands[number]) for number in (0, 2))
    assert one.session_id != other.session_id
    assert failure_of(both.outcome(commands[1])).kind is FailureKind.ABANDONED


def test_a_session_whose_token_cannot_be_read_is_given_back_as_far_as_possible() -> None:
    both = pair(f.Refuse("/sessions/token", json_reply({"session_token": "x.y.z", "expires_in": 60})))
    failure = failure_of(both.does(MintCredentials()))
    assert failure.kind is FailureKind.MALFORMED
    both.run(LEAVE)
    assert both.client.deadline is None
    opened = [out for _, _, _, outs in both.log for out in outs if isinstance(out, OpenSocket)]
    assert len(opened) == 1


@pytest.mark.parametrize("reply", [HttpReply(500), detail_reply(401, "no")])
def test_a_ping_that_is_refused_costs_nothing_but_its_latency(reply: HttpReply) -> None:
    """Above all it has no second access token fetched, because it carries none."""
    both = pair(f.Refuse("/ping", reply), regions=REGIONS)
    assert isinstance(both.does(MintCredentials()), ClientCredentials)
    paths = [inp.request.url for _, side, inp, _ in both.log if side == "service" and hasattr(inp, "request")]
    assert paths == ["/auth/token", "/regions", "/ping", "/ping", "/sessions/request", "/sessions/token"]


def test_a_connect_that_is_cancelled_is_told_once_and_gives_back() -> None:
    both = pair(f.Slow("/sessions/request", 0.5))
    connect = both.says(Connect())
    both.run(millis(50))
    both.says(Abandon(connect))
    nothing_is_left(both)
    assert [event for event in both.events if isinstance(event, e.Disconnected)] == []
