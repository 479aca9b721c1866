"""
Every public call, cancelled at every moment.

A moment is a turn of the loop, so nothing here depends on a clock.
Whatever the moment: the caller is released, the client is usable, the service is told, nothing is left.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from inmemory import World
from pictures import file, quarters

from odyssey import Odyssey
from odyssey_proto.exchange import json_reply

pytestmark = pytest.mark.anyio

PNG = file(quarters(), "PNG")

JOB = {"job_id": "j", "priority": "normal", "created_at": "2026-01-01T00:00:00Z"}

MOMENTS = 40
"""More turns than any call here takes; that is checked."""


async def turns(count: int) -> None:
    """Lets the loop turn."""
    for _ in range(count):
        await anyio.lowlevel.checkpoint()


async def cancelled_after(moment: int, call: Callable[[], Awaitable[Any]]) -> bool:
    """Cancels a call after so many turns; tells whether it was still under way."""
    ended = False

    async def run() -> None:
        nonlocal ended
        await call()
        ended = True

    async with anyio.create_task_group() as group:
        group.start_soon(run)
        await turns(moment)
        group.cancel_scope.cancel()
    return not ended


async def leave(client: Odyssey, world: World, reserved: int = 0) -> None:
    """Leaves, and looks for what is left: every session that was granted is given back."""
    await client.aclose()
    assert (world.open, world.fetching) == (0, 0)
    assert world.heard.count("ClientDisconnecting") == world.granted - reserved
    assert not client.is_connected


CALLS: dict[str, Callable[[Odyssey], Awaitable[Any]]] = {
    "start_stream": lambda client: client.start_stream("a"),
    "start_stream with an image": lambda client: client.start_stream("a", image=PNG),
    "interact": lambda client: client.interact("b"),
    "end_stream": lambda client: client.end_stream(),
    "get_recording": lambda client: client.get_recording("r"),
    "events of a recording": lambda client: client.recording("r").events(),
    "a simulation": lambda client: client.simulation("j").wait(),
    "create_client_credentials": lambda client: client.create_client_credentials(),
}


@pytest.mark.parametrize("reused", [False, True], ids=["first connect", "connect again"])
async def test_connect(make: Callable[..., Odyssey], reused: bool) -> None:
    interrupted = 0
    for moment in range(MOMENTS):
        world = World()
        client = make(**world.transports)
        if reused:
            await client.connect()
            await client.disconnect()
        interrupted += await cancelled_after(moment, client.connect)
        # Released, undone, and good for another try at once.
        await client.connect()
        assert await client.start_stream()
        await leave(client, world)
    assert 5 < interrupted < MOMENTS


@pytest.mark.parametrize("name", CALLS)
async def test_a_call(make: Callable[..., Odyssey], name: str) -> None:
    interrupted = 0
    for moment in range(MOMENTS):
        world = World()
        client = make(**world.transports)
        await client.connect()
        if name in ("interact", "end_stream"):
            await client.start_stream("a")
        world.replies["/recordings/r"] = json_reply({"stream_id": "r", "events_url": "http://files/e"})
        world.files["http://files/e"] = b'{"timestamp_ms": 1500, "end": {}}'
        world.replies["/simulation-jobs/j"] = json_reply({**JOB, "status": "completed"})
        interrupted += await cancelled_after(moment, lambda client=client: CALLS[name](client))
        # A start with an image goes by signaling; the end, by the data channel, may overtake it.
        await turns(MOMENTS)
        await client.end_stream()
        assert await client.start_stream("again")
        assert await client.interact("c") == "c!"
        await leave(client, world, reserved=world.granted - 1 if "credentials" in name else 0)
    assert interrupted > 1
    # What works in a thread takes turns without number.
    assert interrupted < MOMENTS or name in ("start_stream with an image", "events of a recording")


async def test_disconnect(make: Callable[..., Odyssey]) -> None:
    for moment in range(MOMENTS):
        world = World()
        client = make(**world.transports)
        await client.connect()
        await client.start_stream()
        await cancelled_after(moment, client.disconnect)
        # Once begun it goes on.
        while world.closed["media"] == 0:
            await anyio.lowlevel.checkpoint()
        await leave(client, world)
        await client.connect()
        await leave(client, world)


@pytest.mark.parametrize("moment", range(0, MOMENTS, 2))
async def test_a_close_at_every_moment_of_a_disconnect(make: Callable[..., Odyssey], moment: int) -> None:
    world = World()
    client = make(**world.transports)
    await client.connect(on_disconnected=lambda: anyio.lowlevel.checkpoint())
    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(client.disconnect)
            await turns(moment)
            await client.aclose()
    await leave(client, world)


@pytest.mark.parametrize("moment", range(0, MOMENTS, 2))
async def test_disconnect_at_every_moment_of_a_connect(make: Callable[..., Odyssey], moment: int) -> None:
    world = World()
    client = make(**world.transports)
    errors: list[str] = []

    async def connect() -> None:
        try:
            await client.connect()
        except ConnectionError as error:
            errors.append(str(error))

    async with anyio.create_task_group() as group:
        group.start_soon(connect)
        await turns(moment)
        await client.disconnect()
    await leave(client, world)


@pytest.mark.parametrize("moment", range(0, MOMENTS, 2))
async def test_a_block_left_at_every_moment_of_its_stream(make: Callable[..., Odyssey], moment: int) -> None:
    world = World()

    async def use() -> None:
        async with make(**world.transports) as client:
            await client.connect()
            async with client.stream("a") as live:
                async for _ in live.frames():
                    pass

    await cancelled_after(moment, use)
    while world.open or world.closed["media"] < (world.engine is not None):
        await anyio.lowlevel.checkpoint()
    if "InteractiveStreamStart" in world.heard and world.streams:
        assert "ClientDisconnecting" in world.heard
