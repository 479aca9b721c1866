"""Leaving and closing while something else goes on: every session is given back, and nothing is left."""

from collections.abc import Callable
from typing import Any

import anyio
import anyio.from_thread
import anyio.lowlevel
import pytest
from inmemory import World

from odyssey import Odyssey, OdysseyError, SpectatorConnection, Timeouts, connect_to_stream
from odyssey_anyio.runtime.supervisor import Transports
from odyssey_proto.seam.http import json_reply

pytestmark = pytest.mark.anyio

MOMENTS = 30
"""More turns than a connect takes."""


async def until(condition: Callable[[], bool]) -> None:
    """Waits for a condition, without a clock."""
    while not condition():
        await anyio.lowlevel.checkpoint()


async def turns(count: int) -> None:
    """Lets the loop turn."""
    for _ in range(count):
        await anyio.lowlevel.checkpoint()


@pytest.mark.parametrize("moment", range(0, MOMENTS, 2))
async def test_a_connect_at_every_moment_of_a_close(make: Callable[..., Odyssey], moment: int) -> None:
    world = World()
    client = make(**world.transports)
    codes: list[str] = []
    await client.connect()

    async def connect() -> None:
        await turns(moment)
        try:
            await client.connect()
        except OdysseyError as error:
            codes.append(error.code)

    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(client.aclose)
            group.start_soon(connect)
        await client.aclose()
    assert codes in ([], ["closed_locally"])
    assert world.open == 0
    assert world.received.count("ClientDisconnecting") == world.granted


async def test_what_goes_on_beyond_a_disconnect_ends_with_the_last_call(
    client: Odyssey, world: World
) -> None:
    await client.connect()
    world.stalled.add("/stream-recordings")
    async with anyio.create_task_group() as group:
        group.start_soon(client.list_stream_recordings)
        await until(lambda: world.asked["/stream-recordings"] == 1)
        await client.disconnect()
        assert world.closed["exchanges"] == 0
        world.replies["/stream-recordings"] = world.listing
        world.stalled.clear()
    await until(lambda: world.closed["exchanges"] == 1)
    assert world.closed["media"] == 1


async def test_a_client_that_is_used_again_meanwhile_goes_on(client: Odyssey, world: World) -> None:
    await client.connect()
    world.stalled.add("/stream-recordings")
    world.replies["/stream-recordings"] = world.listing
    async with anyio.create_task_group() as group:
        group.start_soon(client.list_stream_recordings)
        await until(lambda: world.asked["/stream-recordings"] == 1)
        await client.disconnect()
        await client.connect()
        world.stalled.clear()
    await turns(MOMENTS)
    assert client.is_connected
    await client.disconnect()
    assert world.closed == {"exchanges": 1, "media": 1}


async def test_waiting_for_a_simulation_ends_with_the_client(
    make: Callable[..., Odyssey], world: World
) -> None:
    job = {"job_id": "j", "status": "pending", "priority": "normal", "created_at": "2026-01-01T00:00:00Z"}
    world.replies["/simulation-jobs/j"] = json_reply(job)
    codes: list[str] = []

    async def wait(client: Odyssey) -> None:
        try:
            await client.simulation("j").wait(every=60)
        except OdysseyError as error:
            codes.append(error.code)

    async with anyio.create_task_group() as group, make() as client:
        group.start_soon(wait, client)
        await until(lambda: world.asked["/simulation-jobs/j"] == 1)
        await turns(MOMENTS)
    assert codes == ["closed_locally"]
    assert world.closed["exchanges"] == 1
    assert world.asked["/simulation-jobs/j"] == 1


async def test_a_handler_has_its_time_at_every_goodbye(client: Odyssey, world: World) -> None:
    ended: list[str] = []
    world.stalled.add("/stream-recordings")
    world.replies["/stream-recordings"] = world.listing

    async def gone() -> None:
        await turns(MOMENTS)
        ended.append("gone")

    async with anyio.create_task_group() as group:
        group.start_soon(client.list_stream_recordings)
        await until(lambda: world.asked["/stream-recordings"] == 1)
        for _ in range(2):
            await client.connect(on_disconnected=gone)
            assert client._supervisor is not None
            # As if more time had passed since the last goodbye than handlers have.
            client._supervisor._handlers_deadline = 0.0 if ended else None
            await client.connect(on_disconnected=gone)
            await client.disconnect()
        world.stalled.clear()
    assert ended == ["gone", "gone"]


# --- spectators ---------------------------------------------------------------------------------


def transports(world: World, **others: Any) -> Transports:
    return Transports(**{**world.transports, **others})


@pytest.mark.parametrize("which", ["exchanges", "sockets", "media"])
async def test_a_spectator_whose_transport_cannot_be_made_is_released(world: World, which: str) -> None:
    def refuse() -> Any:
        raise ZeroDivisionError

    with anyio.fail_after(10), pytest.raises(OdysseyError):
        await connect_to_stream("http://media/live", "token", transports=transports(world, **{which: refuse}))


@pytest.mark.parametrize(
    ("url", "token", "words"),
    [(None, "t", "webrtc_url must be text"), ("http://media/live", 5, "spectator_token must be text")],
)
async def test_a_spectator_that_is_given_nonsense_asks_nobody(
    world: World, url: Any, token: Any, words: str
) -> None:
    with pytest.raises(OdysseyError, match=words):
        await connect_to_stream(url, token, transports=transports(world))
    assert not world.asked


async def test_a_spectator_that_left_cannot_begin_again(world: World) -> None:
    made: list[SpectatorConnection] = []
    connect = SpectatorConnection.connect

    async def kept(spectator: SpectatorConnection) -> None:
        made.append(spectator)
        await connect(spectator)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SpectatorConnection, "connect", kept)
        with pytest.raises(OdysseyError):
            await connect_to_stream(
                "http://media/live", "token", timeouts=Timeouts(negotiate=0.05), transports=transports(world)
            )
    with anyio.fail_after(10), pytest.raises(OdysseyError):
        await connect(made[0])


async def test_a_spectator_whose_loop_is_gone_is_left(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def begun(spectator: SpectatorConnection) -> None:
        await anyio.lowlevel.checkpoint()

    monkeypatch.setattr(SpectatorConnection, "connect", begun)
    spectator = await connect_to_stream("http://m/live", "t", transports=transports(world))
    with monkeypatch.context() as patch:
        patch.setattr("odyssey_anyio.aio.owner_loop.is_closed", lambda loop: True)
        with anyio.fail_after(10):
            await spectator.disconnect()
    await spectator.disconnect()
    assert world.closed["exchanges"] == 1


@pytest.mark.parametrize("moment", range(0, MOMENTS, 3))
async def test_a_spectator_cancelled_at_every_moment_is_released(moment: int) -> None:
    world = World()
    world.stalled.add("/config")
    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: connect_to_stream("http://m/live", "t", transports=transports(world)))
            await turns(moment)
            group.cancel_scope.cancel()
        await until(lambda: world.closed["exchanges"] == 1 or not world.asked)
