"""The pool of connections: who gets which, in virtual time, and the laws that hold whatever happens."""

from collections import Counter
from typing import Any

import pytest
from attrs import define
from house.fuzz import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from odyssey_proto.kernel.machine import Instant, seconds
from odyssey_proto.seam.inputs import Wake
from odyssey_proto.wire.pool import (
    IDLE_TIME,
    Ask,
    CloseConnection,
    CloseIdle,
    ConnectionId,
    ConnectionPool,
    Fail,
    OpenAhead,
    OpenConnection,
    Origin,
    PoolInput,
    PoolLimits,
    PoolOutput,
    PoolTimer,
    Release,
    RequestId,
    Stale,
    UseConnection,
)

HERE: Origin = (True, "here.example", 443)
THERE: Origin = (True, "there.example", 443)
GONE = RequestId(7)


@define
class Placed:
    """A request that has a connection."""

    connection: ConnectionId
    kept: bool
    """Whether the connection had served another request before."""


class World:
    """A pool, what a driver would hold for it, and the laws, looked at after each step."""

    def __init__(self, limits: PoolLimits | None = None) -> None:
        self.limits = limits or PoolLimits()
        self.pool = ConnectionPool(self.limits)
        self.now = Instant(1_000_000)
        self.last = 0
        self.asked: dict[RequestId, Ask] = {}
        self.held: dict[RequestId, Placed] = {}
        self.waiting: list[RequestId] = []
        self.opened: dict[ConnectionId, Origin] = {}
        self.idle: dict[ConnectionId, Instant] = {}
        self.ahead: list[RequestId] = []
        self.closed = False

    # --- what a driver does -----------------------------------------------------------------------

    def ask(self, origin: Origin = HERE, safe: bool = True) -> RequestId:
        self.last += 1
        request = RequestId(self.last)
        self.asked[request] = ask = Ask(request, origin, safe)
        self.waiting.append(request)
        self.step(ask)
        return request

    def open_ahead(self, connections: int = 1, origin: Origin = HERE) -> RequestId:
        """Asks for connections to be opened ahead; what is opened is held until it is released."""
        self.last += 1
        request = RequestId(self.last)
        self.asked[request] = Ask(request, origin, safe=True)
        self.ahead.append(request)
        self.step(OpenAhead(request, origin, connections))
        return request

    def stale(self, request: RequestId) -> None:
        self.held.pop(request)
        self.waiting.insert(0, request)
        self.step(Stale(request))
        assert request in self.held, "it keeps its turn"

    def fail(self, request: RequestId, replied: bool = False, sent: bool = True) -> bool:
        """Returns whether the request is repeated."""
        held = self.held.pop(request)
        repeated = held.kept and (self.asked[request].safe or not sent) and not replied
        if repeated:
            self.waiting.insert(0, request)
        self.step(Fail(request, sent, replied))
        assert (request in self.held) == repeated
        assert not repeated or not self.held[request].kept
        return repeated

    def release(self, request: RequestId, reusable: bool = True) -> None:
        if request in self.held:
            held = self.held.pop(request)
            if reusable and not self.closed:
                self.idle[held.connection] = self.now
        elif request in self.waiting:
            self.waiting.remove(request)
        self.step(Release(request, reusable))

    def close(self, *, for_good: bool = True) -> None:
        self.closed = self.closed or for_good
        self.step(CloseIdle(for_good=for_good))
        assert not self.idle

    def wait(self, amount: float) -> None:
        """Lets time pass and wakes the pool whenever it wants to be."""
        end = self.now + seconds(amount)
        while (deadline := self.pool.deadline) is not None and deadline.at <= end:
            assert deadline.reason is PoolTimer.IDLE
            self.now = deadline.at
            self.step(Wake())
        self.now = Instant(end)

    def connection(self, request: RequestId) -> int:
        return self.held[request].connection

    # --- what the pool wants, and the laws --------------------------------------------------------

    def step(self, inp: PoolInput) -> None:
        for output in self.pool.step(self.now, inp):
            self.carry_out(output)
        self.check()

    def carry_out(self, output: PoolOutput) -> None:
        match output:
            case OpenConnection(request, connection):
                origin = self.asked[request].origin
                assert connection not in self.opened
                self.opened[connection] = origin
                self.take_turn(request)
                self.held[request] = Placed(connection, kept=False)
            case UseConnection(request, connection):
                origin = self.asked[request].origin
                assert self.opened[connection] == origin
                mine = [each for each in self.idle if self.opened[each] == origin]
                assert connection == mine[-1], "the newest"
                unused = self.now - self.idle.pop(connection)
                assert unused < self.limits.idle_time
                assert self.asked[request].safe or unused < self.limits.unsafe_idle_time
                self.take_turn(request)
                self.held[request] = Placed(connection, kept=True)
            case CloseConnection(connection):
                assert connection not in {held.connection for held in self.held.values()}
                del self.opened[connection]
                self.idle.pop(connection, None)

    def take_turn(self, request: RequestId) -> None:
        if request in self.ahead:
            return
        origin = self.asked[request].origin
        line = [each for each in self.waiting if self.asked[each].origin == origin]
        opening = sum(each in self.ahead and self.asked[each].origin == origin for each in self.held)
        assert request in line[: opening + 1], "first come, first served, but by what is opened ahead"
        self.waiting.remove(request)

    def check(self) -> None:
        serving = Counter(held.connection for held in self.held.values())
        assert not serving or max(serving.values()) == 1, "one request at a time"
        assert set(self.opened) == set(serving) | set(self.idle), "nothing is open for nobody"
        at = Counter(self.opened.values())
        assert not at or max(at.values()) <= self.limits.max_per_origin
        assert len(self.idle) == self.pool.idle <= self.limits.max_idle
        for origin, waiting in Counter(self.asked[each].origin for each in self.waiting).items():
            here = [each for each in self.held if self.asked[each].origin == origin]
            opening = sum(each in self.ahead for each in here)
            assert len(here) == self.limits.max_per_origin or waiting <= opening, "nobody waits in vain"
        assert all(self.now - since < self.limits.idle_time for since in self.idle.values())
        assert not (self.closed and self.idle)
        deadline = self.pool.deadline
        assert (deadline is None) == (not self.idle)
        assert deadline is None or deadline.at > self.now
        busy, idle, waiting = len(self.held), len(self.idle), len(self.waiting)
        assert repr(self.pool) == f"<ConnectionPool {busy} busy, {idle} idle, {waiting} waiting>"

    def finish(self) -> None:
        """Every request ends, and then every connection."""
        while self.held or self.waiting:
            request = next(iter(self.held))
            self.release(request)
        self.wait(16)
        assert not self.opened


# --- kept connections -----------------------------------------------------------------------------


def test_a_connection_is_used_again() -> None:
    world = World()
    for _ in range(3):
        request = world.ask()
        assert world.connection(request) == 1
        world.release(request)
    assert world.opened == {1: HERE}
    world.finish()


def test_requests_at_once_have_a_connection_each() -> None:
    world = World()
    requests = [world.ask() for _ in range(50)]
    for request in requests:
        world.release(request)
    again = [world.ask() for _ in range(50)]
    assert len(world.opened) == 50
    assert [world.connection(each) for each in again] == list(range(50, 0, -1)), "the newest first"
    world.finish()


def test_a_connection_serves_its_own_origin_alone() -> None:
    world = World()
    world.release(world.ask(HERE))
    for origin in (THERE, (False, "here.example", 443), (True, "here.example", 8443)):
        assert not world.held[world.ask(origin)].kept
    assert world.held[world.ask(HERE)].kept
    world.finish()


def test_what_cannot_be_used_again_is_closed() -> None:
    world = World()
    world.release(world.ask(), reusable=False)
    assert not world.opened
    world.finish()


def test_an_unused_connection_is_closed_when_its_time_is_over() -> None:
    world = World()
    first, second = world.ask(), world.ask()
    world.release(first)
    world.wait(5)
    world.release(second)
    world.wait(9.999999)
    assert list(world.idle) == [1, 2]
    world.wait(0.000001)
    assert list(world.idle) == [2]
    world.wait(5)
    assert not world.opened


def test_a_connection_whose_time_is_over_is_not_used_though_nobody_was_woken() -> None:
    world = World()
    world.release(world.ask())
    world.now = Instant(world.now + IDLE_TIME)
    assert not world.held[world.ask()].kept
    assert list(world.opened) == [2]
    world.finish()


def test_the_time_never_goes_back() -> None:
    world = World()
    world.release(world.ask())
    late = world.pool.deadline
    world.pool.step(Instant(0), Wake())
    assert world.pool.deadline == late


def test_the_oldest_unused_ones_are_closed_beyond_the_bound() -> None:
    world = World(PoolLimits(max_idle=2))
    requests = [world.ask(HERE), world.ask(THERE), world.ask(HERE)]
    for request in requests:
        world.release(request)
    assert list(world.idle) == [2, 3]
    world.finish()


def test_a_pool_that_keeps_nothing() -> None:
    world = World(PoolLimits(max_idle=0))
    world.release(world.ask())
    assert not world.opened


# --- connections that are opened ahead ------------------------------------------------------------


def test_a_connection_that_was_opened_ahead_serves_a_request_of_any_kind() -> None:
    world = World()
    world.release(world.open_ahead())
    assert world.held[world.ask(safe=False)] == Placed(ConnectionId(1), kept=True)
    world.finish()


def test_no_more_are_opened_ahead_than_are_not_in_use() -> None:
    world = World()
    world.release(world.ask())
    assert world.open_ahead(1) not in world.held, "one is kept"
    first, second = world.open_ahead(2), world.open_ahead(2)
    assert (first in world.held, second in world.held) == (True, False)
    assert world.open_ahead(1, THERE) in world.held
    world.finish()


def test_who_asks_meanwhile_waits_for_what_is_opened_ahead_and_the_next_does_not() -> None:
    world = World()
    ahead = world.open_ahead()
    first, second = world.ask(), world.ask()
    assert world.waiting == [first]
    assert world.connection(second) == 2
    assert world.open_ahead(1) in world.held, "the other one is spoken for"
    world.release(ahead)
    assert world.connection(first) == 1
    world.finish()


def test_who_waits_for_one_that_cannot_be_opened_gets_a_fresh_one() -> None:
    world = World()
    ahead, request = world.open_ahead(), world.ask()
    world.release(ahead, reusable=False)
    assert world.held[request] == Placed(ConnectionId(2), kept=False)
    world.finish()


def test_nothing_is_opened_ahead_beyond_the_bound_or_after_the_end() -> None:
    world = World(PoolLimits(max_per_origin=1))
    request = world.ask()
    assert world.open_ahead(1) not in world.held
    world.release(request)
    assert world.open_ahead(2) not in world.held, "the one that is kept counts"
    world.close()
    assert world.open_ahead(1) not in world.held
    world.finish()


# --- the bound for one origin ---------------------------------------------------------------------


def test_more_requests_than_connections_wait_in_line() -> None:
    world = World(PoolLimits(max_per_origin=2))
    requests = [world.ask() for _ in range(5)]
    assert world.waiting == requests[2:]
    assert world.held.keys() >= {world.ask(THERE)}, "another origin has its own line"
    for number, request in enumerate(requests):
        assert request in world.held
        world.release(request, reusable=number != 1)
    assert [each for each in world.opened if world.opened[each] == HERE] == [1, 4]
    world.finish()


def test_who_has_waited_enough_leaves_the_line() -> None:
    world = World(PoolLimits(max_per_origin=1))
    first, second, third = (world.ask() for _ in range(3))
    world.ask(THERE), world.ask(THERE)
    world.release(second)
    world.release(first)
    assert world.connection(third) == 1
    world.release(third)
    world.finish()


def test_at_least_one_connection_is_allowed() -> None:
    with pytest.raises(ValueError, match="max_per_origin"):
        PoolLimits(max_per_origin=0)


# --- connections that end -------------------------------------------------------------------------


def test_a_stale_connection_is_replaced_by_the_next_one_and_then_by_a_fresh_one() -> None:
    world = World(PoolLimits(max_per_origin=2))
    requests = [world.ask(), world.ask()]
    for each in requests:
        world.release(each)
    request = world.ask(safe=False)
    assert world.connection(request) == 2
    world.stale(request)
    assert (world.held[request], list(world.opened)) == (Placed(ConnectionId(1), kept=True), [1])
    world.stale(request)
    assert (world.held[request], list(world.opened)) == (Placed(ConnectionId(3), kept=False), [3])
    world.finish()


def test_a_stale_connection_is_replaced_before_anybody_in_line_has_a_turn() -> None:
    world = World(PoolLimits(max_per_origin=1))
    world.release(world.ask())
    second, third = world.ask(), world.ask()
    world.stale(second)
    assert third in world.waiting
    world.finish()


@pytest.mark.parametrize("safe", [True, False])
def test_what_may_not_be_repeated_takes_no_connection_that_was_unused_for_long(safe: bool) -> None:
    world = World(PoolLimits(max_per_origin=1))
    world.release(world.ask())
    world.wait(0.999999)
    request = world.ask(safe=False)
    assert world.held[request].kept
    world.release(request)
    world.wait(1)
    assert world.held[world.ask(safe=safe)].kept is safe
    assert len(world.opened) == 1
    world.finish()


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("safe", [True, False])
@pytest.mark.parametrize("replied", [True, False])
@pytest.mark.parametrize("sent", [True, False])
def test_what_is_repeated(kept: bool, safe: bool, replied: bool, sent: bool) -> None:
    world = World()
    if kept:
        world.release(world.ask())
    request = world.ask(safe=safe)
    assert world.held[request].kept == kept
    assert world.fail(request, replied, sent) == (kept and (safe or not sent) and not replied)
    if request in world.held:
        assert not world.fail(request), "it is repeated once"
    assert not world.opened
    world.finish()


def test_a_request_is_repeated_on_a_fresh_connection_though_others_are_kept() -> None:
    world = World()
    requests = [world.ask(), world.ask()]
    for each in requests:
        world.release(each)
    request = world.ask()
    assert world.fail(request)
    assert (world.connection(request), list(world.idle)) == (3, [1])
    world.finish()


def test_a_failure_makes_room_for_the_next_in_line() -> None:
    world = World(PoolLimits(max_per_origin=1))
    first, second = world.ask(), world.ask()
    assert not world.fail(first)
    assert world.held[second] == Placed(ConnectionId(2), kept=False)
    world.finish()


@pytest.mark.parametrize(
    "late", [Stale(RequestId(7)), Fail(RequestId(7), False, False), Release(RequestId(7), True)]
)
def test_what_comes_of_a_request_that_is_over_does_nothing(late: PoolInput) -> None:
    world = World()
    world.release(world.ask())
    assert world.pool.step(world.now, late) == []
    world.check()


# --- the end --------------------------------------------------------------------------------------


def test_closing_closes_what_is_unused_now_and_the_rest_when_it_is_released() -> None:
    world = World(PoolLimits(max_per_origin=2))
    unused, busy = world.ask(), world.ask()
    world.release(unused)
    world.close()
    assert list(world.opened) == [world.connection(busy)]
    late, last = world.ask(), world.ask()
    world.release(busy)
    assert not world.held[last].kept
    world.release(late)
    world.release(last)
    assert not world.opened
    assert world.pool.deadline is None


def test_after_a_loss_nothing_is_used_again_that_was_kept_before() -> None:
    world = World()
    unused, busy = world.ask(), world.ask()
    world.release(unused)
    world.close(for_good=False)
    fresh = world.ask()
    assert not world.held[fresh].kept
    # What was in use has served its request since.
    connection = world.connection(busy)
    world.release(busy)
    assert world.connection(world.ask()) == connection


# --- whatever happens -----------------------------------------------------------------------------

actions = st.tuples(
    st.sampled_from(
        ["ask", "ask", "ask", "ahead", "done", "done", "broken", "fail", "stale", "leave", "wait", "close"]
    ),
    st.integers(0, 20),
    st.booleans(),
)


def perform(world: World, action: str, which: int, flag: bool) -> None:
    held = list(world.held)
    busy: Any = held[which % len(held)] if held else None
    match action:
        case "ask":
            world.ask(HERE if which % 3 else THERE, safe=flag)
        case "ahead":
            world.open_ahead(which % 4, HERE if which % 3 else THERE)
        case "done" | "broken" if held:
            world.release(busy, reusable=action == "done")
        case "fail" if held and busy not in world.ahead:
            world.fail(busy, replied=flag)
        case "stale" if held and world.held[busy].kept:
            world.stale(busy)
        case "leave" if world.waiting:
            world.release(world.waiting[which % len(world.waiting)], reusable=flag)
        case "wait":
            world.wait(which)
        case "close" if which == 0 or not flag:
            world.close(for_good=flag)


@given(st.builds(PoolLimits, max_idle=st.integers(0, 4), max_per_origin=st.integers(1, 4)), st.lists(actions))
@settings(max_examples=examples(300), deadline=None)
def test_whatever_happens_the_laws_hold(limits: PoolLimits, script: list[tuple[str, int, bool]]) -> None:
    world = World(limits)
    for action in script:
        perform(world, *action)
    world.finish()
