"""One life for every way of using a client: any task, any scope, any order, and its end."""

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from inmemory import World, applied

from odyssey import ConnectionStatus, Odyssey, OdysseyConnectionError, OdysseyError, OdysseyStreamError

S = ConnectionStatus


async def until(condition: Callable[[], bool]) -> None:
    """Waits for a condition, without a clock."""
    while not condition():
        await anyio.lowlevel.checkpoint()


# --- connect and disconnect ---------------------------------------------------------------------


@pytest.mark.anyio
async def test_disconnect_in_any_state_and_any_number_of_times(client: Odyssey, world: World) -> None:
    await client.disconnect()
    await client.aclose()
    await client.connect()
    await client.disconnect()
    await client.disconnect()
    await client.aclose()
    assert client.current_status is S.DISCONNECTED
    assert world.received.count("ClientDisconnecting") == 1
    assert world.open == 0


@pytest.mark.anyio
async def test_the_same_object_connects_again(client: Odyssey, world: World) -> None:
    for _ in range(3):
        await client.connect()
        assert await client.start_stream()
        await client.disconnect()
    assert world.received.count("ClientDisconnecting") == 3
    # The access token outlives a connection.
    assert world.asked["/auth/token"] == 1
    assert world.closed == {"exchanges": 3, "media": 3}


@pytest.mark.anyio
async def test_it_connects_again_after_a_failure(client: Odyssey, world: World) -> None:
    world.silent.add("media")
    with pytest.raises(OdysseyConnectionError):
        await client.connect()
    world.silent.clear()
    await client.disconnect()
    await client.connect()
    assert client.is_connected


@pytest.mark.anyio
async def test_connect_while_connecting_is_refused_and_takes_nothing_from_the_first(
    client: Odyssey, world: World
) -> None:
    world.stalled.add("/sessions/request")
    steps: list[str] = []
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: client.connect(on_connected=lambda: steps.append("first")))
        await until(lambda: world.asked["/sessions/request"] > 0)
        with pytest.raises(OdysseyConnectionError) as caught:
            await client.connect(on_connected=lambda: steps.append("second"))
        assert caught.value.code == "state.connecting"
        world.stalled.clear()
    assert steps == ["first"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "stall", ["/auth/token", "/regions", "/sessions/request", "/sessions/token", "socket"]
)
async def test_disconnect_ends_a_connect_of_another_task(client: Odyssey, world: World, stall: str) -> None:
    world.stalled.add(stall)
    statuses: list[ConnectionStatus] = []
    errors: list[OdysseyError] = []

    async def connect() -> None:
        with pytest.raises(OdysseyConnectionError) as caught:
            await client.connect(on_status_change=lambda status, message: statuses.append(status))
        errors.append(caught.value)

    async with anyio.create_task_group() as group:
        group.start_soon(connect)
        await until(lambda: world.asked[stall] > 0 or world.open > 0)
        world.stalled.clear()
        await client.disconnect()
    assert [error.code for error in errors] == ["closed_locally"]
    assert statuses[-1] is S.DISCONNECTED
    assert world.open == 0


@pytest.mark.anyio
async def test_concurrent_disconnects_all_return(client: Odyssey, world: World) -> None:
    await client.connect()
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(client.disconnect)
        group.start_soon(client.aclose)
    assert world.received.count("ClientDisconnecting") == 1


@pytest.mark.anyio
async def test_disconnect_ends_the_calls_of_a_stream(client: Odyssey, world: World) -> None:
    await client.connect()
    await client.start_stream()
    world.silent |= {"Update", "InteractiveStreamEnd"}
    errors: list[OdysseyError] = []

    async def fails(call: Callable[[], Awaitable[Any]]) -> None:
        with pytest.raises(OdysseyStreamError) as caught:
            await call()
        errors.append(caught.value)

    async with anyio.create_task_group() as group:
        group.start_soon(fails, lambda: client.interact("a"))
        await until(lambda: "Update" in world.received)
        group.start_soon(fails, client.end_stream)
        await until(lambda: "InteractiveStreamEnd" in world.received)
        await client.disconnect()
    assert {error.code for error in errors} == {"closed_locally"}
    assert all(isinstance(error, ConnectionError) for error in errors)


@pytest.mark.anyio
async def test_calls_without_a_connection_outlive_a_disconnect_but_not_a_close(
    client: Odyssey, world: World
) -> None:
    world.stalled.add("/stream-recordings")
    errors: list[str] = []

    async def call() -> None:
        try:
            await client.list_stream_recordings()
        except OdysseyError as error:
            errors.append(error.code)

    async with anyio.create_task_group() as group:
        group.start_soon(call)
        await until(lambda: world.asked["/stream-recordings"] > 0)
        await client.disconnect()
        assert errors == []
        await client.aclose()
    assert errors == ["closed_locally"]
    assert world.closed["exchanges"] == 1


# --- handlers that connect and disconnect -------------------------------------------------------


@pytest.mark.anyio
async def test_a_handler_may_disconnect(client: Odyssey, world: World) -> None:
    steps: list[str] = []

    async def connected() -> None:
        await client.disconnect()
        steps.append("left")

    async with client.events() as events:
        await client.connect(on_connected=connected, on_disconnected=lambda: steps.append("disconnected"))
        # The events end when nothing is left of the client.
        assert [type(event).__name__ async for event in events][-1] == "Disconnected"
    assert steps == ["left", "disconnected"]
    assert world.closed["media"] == 1


@pytest.mark.anyio
async def test_a_handler_may_connect_again(client: Odyssey, world: World) -> None:
    connects: list[str] = []

    async def disconnected() -> None:
        if len(connects) < 3:
            await client.connect(on_connected=lambda: connects.append("again"), on_disconnected=disconnected)
            world.hangs_up()

    await client.connect(on_connected=lambda: connects.append("first"), on_disconnected=disconnected)
    world.hangs_up()
    await until(lambda: len(connects) == 3 and client.current_status is S.FAILED)
    assert connects == ["first", "again", "again"]


@pytest.mark.anyio
async def test_a_handler_that_connects_after_a_disconnect_keeps_the_client_at_work(client: Odyssey) -> None:
    async def disconnected() -> None:
        await client.connect()

    await client.connect(on_disconnected=disconnected)
    await client.disconnect()
    assert client.is_connected


@pytest.mark.anyio
async def test_disconnect_waits_for_handlers_but_not_for_ever(
    make: Callable[..., Odyssey], world: World
) -> None:
    from odyssey import Timeouts

    steps: list[str] = []

    async def slow() -> None:
        for _ in range(5):
            await anyio.lowlevel.checkpoint()
        steps.append("done")

    async def endless() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            steps.append("cancelled")

    client = make(timeouts=Timeouts(leave=0.05))
    await client.connect(on_disconnected=slow)
    await client.disconnect()
    assert steps == ["done"]
    await client.connect(on_disconnected=endless)
    await client.disconnect()
    assert steps == ["done", "cancelled"]


# --- cancellation -------------------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.parametrize(
    "stall", ["/auth/token", "/regions", "/sessions/request", "/sessions/token", "/config", "socket", "peer"]
)
async def test_a_cancelled_connect_is_undone(client: Odyssey, world: World, stall: str) -> None:
    world.stalled.add(stall)
    world.silent.add(stall)
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:

            async def cancel() -> None:
                await until(lambda: world.asked[stall] > 0 or world.open > 0)
                scope.cancel()

            group.start_soon(cancel)
            await client.connect()
    assert scope.cancelled_caught
    world.stalled.clear()
    world.silent.clear()
    await client.connect()
    assert client.is_connected
    await client.start_stream()


@pytest.mark.anyio
async def test_a_cancelled_call_leaves_the_client_usable(client: Odyssey, world: World) -> None:
    await client.connect()
    world.silent.add("InteractiveStreamStart")
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:

            async def cancel() -> None:
                await until(lambda: "InteractiveStreamStart" in world.received)
                scope.cancel()

            group.start_soon(cancel)
            await client.start_stream("never answered")
    world.silent.clear()
    # The streamer knows that nobody wants the stream any more.
    await until(lambda: "InteractiveStreamEnd" in world.received)
    assert await client.start_stream("another") == world.stream_ids[-1] or world.stream_ids == 1
    assert await client.interact("a") == applied("a")


@pytest.mark.anyio
async def test_disconnect_under_a_cancelled_scope_still_leaves(client: Odyssey, world: World) -> None:
    await client.connect()
    with anyio.CancelScope() as scope:
        scope.cancel()
        await client.disconnect()
    await until(lambda: world.closed["media"] == 1)
    assert "ClientDisconnecting" in world.received
    assert client.current_status is S.DISCONNECTED


@pytest.mark.anyio
async def test_a_block_that_is_cancelled_leaves(make: Callable[..., Odyssey], world: World) -> None:
    with anyio.CancelScope() as scope:
        async with make() as client:
            await client.connect()
            scope.cancel()
            await anyio.sleep_forever()
    await until(lambda: world.closed["media"] == 1)
    assert "ClientDisconnecting" in world.received


@pytest.mark.anyio
async def test_the_task_that_connected_may_end(client: Odyssey) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(client.connect)
    async with anyio.create_task_group() as group:
        group.start_soon(client.start_stream)
    assert await client.interact("a") == applied("a")


@pytest.mark.anyio
async def test_many_clients_never_meet(world: World, make: Callable[..., Odyssey]) -> None:
    worlds = [World() for _ in range(20)]
    clients = [make(**each.transports) for each in worlds]
    async with anyio.create_task_group() as group:
        for each in clients:
            group.start_soon(each.connect)
    assert all(each.is_connected for each in clients)
    async with anyio.create_task_group() as group:
        for each in clients:
            group.start_soon(each.disconnect)
    assert all(each.closed == {"exchanges": 1, "media": 1} for each in worlds)


# --- what should never happen -------------------------------------------------------------------


@pytest.mark.anyio
async def test_a_core_that_breaks_ends_every_call_and_can_be_begun_anew(
    client: Odyssey, world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from odyssey_proto.client.client import Client

    world.stalled.add("/stream-recordings")
    codes: list[str] = []

    async def call(method: Callable[[], Awaitable[Any]]) -> None:
        try:
            await method()
        except OdysseyConnectionError as error:
            codes.append(error.code)

    def broken(*given: Any) -> Any:
        raise ZeroDivisionError

    async with anyio.create_task_group() as group:
        group.start_soon(call, client.list_stream_recordings)
        await until(lambda: world.asked["/stream-recordings"] > 0)
        monkeypatch.setattr(Client, "step", broken)
        group.start_soon(call, client.connect)
    assert codes == ["internal", "internal"]
    assert "the client broke" in caplog.text
    assert "ZeroDivisionError" in caplog.text
    monkeypatch.undo()
    await client.connect()
    assert world.closed["exchanges"] == 1


@pytest.mark.anyio
@pytest.mark.parametrize("which", ["exchanges", "sockets", "media"])
async def test_a_transport_that_cannot_be_made_is_what_the_log_tells_of(
    world: World, which: str, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse() -> Any:
        raise ZeroDivisionError

    transports = world.transports | {which: refuse}
    async with Odyssey("ody_key", api_url="http://api", **transports) as client:
        with pytest.raises(OdysseyConnectionError) as caught:
            await client.connect()
        assert caught.value.code == "internal"
    assert "the client broke: ZeroDivisionError" in caplog.text
    assert world.closed["exchanges"] == (which != "exchanges")
