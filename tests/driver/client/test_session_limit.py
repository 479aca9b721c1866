"""At most so many sessions at a time: across clients, loops and threads."""

from typing import Any

import anyio
import anyio.to_thread
import pytest
from inmemory import World

from odyssey import (
    ConcurrencyLimit,
    Odyssey,
    OdysseyConnectionError,
    OdysseyTimeoutError,
    OdysseyValueError,
    Timeouts,
)
from odyssey_proto.seam.http import json_reply
from odyssey_proto.seam.inputs import PeerState

pytestmark = pytest.mark.anyio


async def waiting(limit: ConcurrencyLimit, count: int) -> None:
    while f"{count} waiting" not in repr(limit):
        await anyio.sleep(0.001)


async def test_places_are_given_in_the_order_in_which_they_are_asked_for() -> None:
    limit = ConcurrencyLimit(1)
    order: list[int] = []

    async def take(number: int) -> None:
        async with limit:
            order.append(number)

    await limit.acquire()
    async with anyio.create_task_group() as group:
        for number in range(3):
            group.start_soon(take, number)
            await waiting(limit, number + 1)
        limit.release()
    assert order == [0, 1, 2]
    assert repr(limit) == "<ConcurrencyLimit 1 of 1 free, 0 waiting>"


async def test_who_is_cancelled_or_out_of_time_has_no_place() -> None:
    limit = ConcurrencyLimit(1, timeout=0.01)
    async with limit:
        with pytest.raises(OdysseyTimeoutError) as caught:
            await limit.acquire()
        assert caught.value.code == "timeout.limit"
        with anyio.move_on_after(0.001):
            await limit.acquire()
    assert repr(limit) == "<ConcurrencyLimit 1 of 1 free, 0 waiting>"


async def test_a_place_that_comes_as_its_waiter_is_cancelled_goes_on() -> None:
    limit = ConcurrencyLimit(1)
    await limit.acquire()
    async with anyio.create_task_group() as group:
        group.start_soon(limit.acquire)
        await waiting(limit, 1)
        limit.release()
        group.cancel_scope.cancel()
    assert repr(limit) == "<ConcurrencyLimit 1 of 1 free, 0 waiting>"


async def test_a_limit_is_shared_with_loops_of_other_threads() -> None:
    limit = ConcurrencyLimit(1)
    await limit.acquire()

    async def elsewhere() -> None:
        async with limit:
            pass

    async with anyio.create_task_group() as group:
        group.start_soon(anyio.to_thread.run_sync, lambda: anyio.run(elsewhere))
        await waiting(limit, 1)
        limit.release()
    assert repr(limit) == "<ConcurrencyLimit 1 of 1 free, 0 waiting>"


@pytest.mark.parametrize("wrong", [0, -1, True, 1.5, "three"])
def test_a_limit_without_places_is_refused(wrong: Any) -> None:
    with pytest.raises(OdysseyValueError, match="places"):
        ConcurrencyLimit(wrong)


async def test_a_client_waits_until_the_session_of_another_has_ended(make: Any, world: World) -> None:
    limit = ConcurrencyLimit(1)
    first, second = make(limit=limit), make(limit=limit)
    async with first, second, anyio.create_task_group() as group:
        await first.connect()
        await first.connect()
        group.start_soon(second.connect)
        await waiting(limit, 1)
        assert world.opened == 1
        await first.disconnect()
        while not second.is_connected:
            await anyio.sleep(0.001)
    assert repr(limit) == "<ConcurrencyLimit 1 of 1 free, 0 waiting>"


async def test_a_place_is_given_back_when_connecting_fails_and_when_the_session_is_lost(
    make: Any, world: World
) -> None:
    limit = ConcurrencyLimit(1)
    client: Odyssey
    async with make(limit=limit) as client:
        world.replies["/sessions/request"] = json_reply({"detail": "no"}, 400)
        with pytest.raises(OdysseyConnectionError):
            await client.connect()
        assert "1 of 1 free" in repr(limit)
        del world.replies["/sessions/request"]
        await client.connect()
        assert "0 of 1 free" in repr(limit)
        world.hangs_up()
        while client.is_connected:
            await anyio.sleep(0.001)
        while "0 of 1 free" in repr(limit):
            await anyio.sleep(0.001)


async def test_a_client_that_waits_for_a_place_is_connecting(make: Any) -> None:
    limit = ConcurrencyLimit(1)
    async with limit, make(limit=limit) as client, anyio.create_task_group() as group:
        group.start_soon(client.connect)
        await waiting(limit, 1)
        with anyio.fail_after(5), pytest.raises(OdysseyConnectionError) as caught:
            await client.connect()
        assert caught.value.code == "state.connecting"
        group.cancel_scope.cancel()
    assert repr(limit) == "<ConcurrencyLimit 1 of 1 free, 0 waiting>"


async def test_two_connects_at_once_take_one_place(make: Any) -> None:
    limit = ConcurrencyLimit(2)
    refused: list[str] = []

    async def connect(client: Odyssey) -> None:
        try:
            await client.connect()
        except OdysseyConnectionError as error:
            refused.append(error.code)

    async with make(limit=limit) as client:
        async with anyio.create_task_group() as group:
            group.start_soon(connect, client)
            group.start_soon(connect, client)
        assert refused == ["state.connecting"]
        assert client.is_connected
        assert "1 of 2 free" in repr(limit)
    assert "2 of 2 free" in repr(limit)


def goodbye_hangs(world: World) -> None:
    world.silent.add("ClientDisconnecting")
    world.stalled.add("close")


async def given_back(limit: ConcurrencyLimit) -> None:
    with anyio.fail_after(5):
        while "0 of 1 free" in repr(limit):
            await anyio.sleep(0.001)


async def test_a_place_is_kept_until_the_goodbye_is_said_even_if_nobody_waits_for_it(
    make: Any, world: World
) -> None:
    limit = ConcurrencyLimit(1)
    async with make(limit=limit) as client:
        await client.connect()
        goodbye_hangs(world)
        with anyio.move_on_after(0.01) as scope:
            await client.disconnect()
        assert scope.cancelled_caught
        assert "0 of 1 free" in repr(limit)
        world.stalled.clear()
        await given_back(limit)


async def test_the_place_of_a_lost_session_is_kept_until_its_goodbye_is_said(make: Any, world: World) -> None:
    limit = ConcurrencyLimit(1)
    async with make(limit=limit) as client:
        await client.connect()
        goodbye_hangs(world)
        assert world.engine is not None
        world.engine.move(PeerState.FAILED)
        while client.is_connected:
            await anyio.sleep(0.001)
        assert "0 of 1 free" in repr(limit)
        world.stalled.clear()
        await given_back(limit)


async def test_a_goodbye_that_is_not_answered_keeps_a_place_for_a_bounded_time(
    make: Any, world: World
) -> None:
    limit = ConcurrencyLimit(1)
    async with make(limit=limit, timeouts=Timeouts(leave=0.05)) as client:
        await client.connect()
        goodbye_hangs(world)
        await client.disconnect()
        await given_back(limit)


async def test_what_is_no_limit_is_refused() -> None:
    with pytest.raises(OdysseyValueError, match=r"limit must have acquire\(\) and release\(\), not 3"):
        Odyssey("ody_test", limit=3)  # type: ignore[arg-type]  # what is tested
