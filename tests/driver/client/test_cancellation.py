"""
Every public call, cancelled at every moment.

A moment is a turn of the loop, so nothing here depends on a clock.
Whatever the moment: the caller is released, the client is usable, the service knows, nothing is left.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from inmemory import World, applied
from pictures import file, quarters

from odyssey import End, Odyssey, OdysseyError, Start
from odyssey_proto.seam.http import json_reply

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
    assert world.received.count("ClientDisconnecting") == world.granted - reserved
    assert not client.is_connected
    assert client._core is None or client._core.client.deadline is None


CALLS: dict[str, Callable[[Odyssey], Awaitable[Any]]] = {
    "start_stream": lambda client: client.start_stream("a"),
    "start_stream with an image": lambda client: client.start_stream("a", image=PNG),
    "interact": lambda client: client.interact("b"),
    "end_stream": lambda client: client.end_stream(),
    "get_recording": lambda client: client.get_recording("r"),
    "events of a recording": lambda client: client.recording("r").events(),
    "read of a recording": lambda client: client.recording("r").read("thumbnail"),
    "list_stream_recordings": lambda client: client.list_stream_recordings(),
    "all recordings": lambda client: every(client.recordings()),
    "simulate": lambda client: client.simulate([Start("a"), End(at=1)]),
    "get_simulate_status": lambda client: client.get_simulate_status("j"),
    "list_simulations": lambda client: client.list_simulations(),
    "all simulations": lambda client: every(client.simulations()),
    "cancel_simulation": lambda client: client.cancel_simulation("j"),
    "a simulation": lambda client: client.simulation("j").wait(),
    "create_client_credentials": lambda client: client.create_client_credentials(),
    "save_trace": lambda client: client.save_trace(Path(mkdtemp()) / "trace.jsonl"),
}

THREADS = {"start_stream with an image", "events of a recording", "read of a recording", "save_trace"}
"""What works in a thread takes turns without number."""

FILES = {"stream_id": "r", "events_url": "http://files/e", "thumbnail_url": "http://files/e"}


async def every(items: AsyncIterator[Any]) -> list[Any]:
    """Goes through all pages of a list."""
    return [item async for item in items]


def furnish(world: World, name: str) -> None:
    """Lets a world answer a call."""
    world.replies["/recordings/r"] = json_reply(FILES)
    world.files["http://files/e"] = b'{"timestamp_ms": 1500, "end": {}}'
    world.replies["/stream-recordings"] = world.listing
    world.replies["/simulation-jobs/j"] = json_reply({**JOB, "status": "completed"})
    jobs = {"jobs": [], "total": 0, "limit": 50, "offset": 0}
    made = json_reply({**JOB, "status": "pending"}, 201)
    world.replies["/simulation-jobs"] = made if name == "simulate" else json_reply(jobs)


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
        furnish(world, name)
        under_way = await cancelled_after(moment, lambda client=client: CALLS[name](client))
        interrupted += under_way
        # A start with an image goes by signaling; the end, by the data channel, may overtake it.
        await turns(MOMENTS)
        await client.end_stream()
        assert await client.start_stream("again")
        assert await client.interact("c") == applied("c")
        await leave(client, world, reserved=int("credentials" in name and not under_way))
        if not under_way and moment and name not in THREADS:
            # Once it ends before it can be cancelled, it does so at every later moment too.
            break
    else:
        assert name in THREADS
    assert interrupted > (name not in THREADS)


async def test_closing_gives_back_what_is_being_reserved(make: Callable[..., Odyssey]) -> None:
    reserved = 0
    for moment in range(MOMENTS):
        world = World()
        client = make(**world.transports)
        ended = False

        async def mint(client: Odyssey = client) -> None:
            nonlocal ended
            with suppress(OdysseyError):
                await client.create_client_credentials()
                ended = True

        async with anyio.create_task_group() as group:
            group.start_soon(mint)
            await turns(moment)
            await client.aclose()
        # What was asked of it only after that has begun anew.
        await client.aclose()
        reserved += world.granted
        assert world.received.count("ClientDisconnecting") == world.granted - ended
    assert reserved > 1


async def test_credentials(make: Callable[..., Odyssey]) -> None:
    interrupted = 0
    for moment in range(MOMENTS):
        world = World()
        client = make(**world.transports)
        interrupted += await cancelled_after(
            moment,
            lambda client=client, world=world: client.connect_with_credentials(world.credentials()),
        )
        await client.connect_with_credentials(world.credentials())
        assert await client.start_stream()
        await client.aclose()
        # Where the socket was opened, the service got its goodbye.
        assert world.received.count("ClientDisconnecting") == world.opened
        assert world.open == 0
    assert 2 < interrupted < MOMENTS


@pytest.mark.parametrize("iterate", [lambda client: client.events(), lambda client: client.frames()])
async def test_waiting_for_what_happens(make: Callable[..., Odyssey], iterate: Any) -> None:
    for moment in range(0, MOMENTS, 4):
        world = World()
        client = make(**world.transports)
        await client.connect()
        items = iterate(client)
        assert await cancelled_after(moment, lambda items=items: every(items))
        # Nothing was lost: what comes next still arrives.
        await client.start_stream()
        world.shows()
        assert await anext(items)
        await leave(client, world)


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
    if "InteractiveStreamStart" in world.received and world.stream_ids:
        assert "ClientDisconnecting" in world.received
