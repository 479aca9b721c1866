"""The pool of connections: who gets which, in virtual time."""

import pytest
from core.pool_world import HERE, THERE, Placed, World

from odyssey_proto.kernel.machine import Instant
from odyssey_proto.seam.inputs import Wake
from odyssey_proto.wire.pool import (
    IDLE_TIME,
    ConnectionId,
    Fail,
    PoolInput,
    PoolLimits,
    Release,
    RequestId,
    Stale,
)

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
