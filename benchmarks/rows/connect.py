"""
connect() to ready and to the first frame, with and without a way to go.

Where there is a way to go, both sides have imported everything before; without one, imports count.
"""

import time
from collections.abc import Awaitable, Callable
from functools import partial
from importlib import import_module
from statistics import median

import anyio

from benchmarks.benchmark import (
    ASYNCIO,
    FLOOR,
    PLAIN,
    Benchmark,
    Figures,
    Row,
    Setting,
    Side,
    World,
    on_both,
    ours_on,
)
from benchmarks.floor import ROUND_TRIPS as FORCED
from benchmarks.waterfall import waterfall

ROUND_TRIPS = (20, 50, 100, 200)
"""In milliseconds."""

ON_BOTH_LOOPS = 50
"""The round trip at which trio is measured as well."""

REPETITIONS = 2
"""How often one measurement connects, where that takes less than a second."""

FIRST_FRAME_SECONDS = 20.0

AFTER_PREPARING_SECONDS = 1.5
"""How long after the preparation the connect is asked for."""


async def ours(setting: Setting) -> Figures:
    """Connects with a new client, and once more with the same one."""
    import_module("odyssey_anyio.media.engine")
    import_module("aiortc")
    from odyssey import Odyssey

    async def once() -> Figures:
        async with Odyssey(setting.key, api_url=setting.url) as client:
            cold = await _connected(lambda seen: client.connect(on_video_frame=seen))
            trace = client.trace
            assert trace is not None, "a session is recorded"
            cold |= waterfall(trace.raw)
            await client.disconnect()
            again = await _connected(lambda seen: client.connect(on_video_frame=seen))
        return {**cold, "again": again["ready"]}

    found = await _median_of(setting, once)
    async with Odyssey(setting.key, api_url=setting.url) as client:
        await client.prepare()
        # Longer than a connection is kept for a request that may not be repeated.
        await anyio.sleep(AFTER_PREPARING_SECONDS)
        prepared = await _connected(lambda seen: client.connect(on_video_frame=seen))
    return {**found, "prepared": prepared["ready"]}


async def plain(setting: Setting) -> Figures:
    """The same with the plain client."""
    from benchmarks.plain.client import PlainClient

    async def once() -> Figures:
        async with PlainClient(setting.url, setting.key) as client:
            cold = await _connected(client.connect)
            await client.disconnect()
            again = await _connected(client.connect)
        # The plain client has nothing to prepare with: it begins when it is asked.
        return {**cold, "again": again["ready"], "prepared": cold["ready"]}

    return await _median_of(setting, once)


async def floor(round_trip: int, setting: Setting) -> Figures:
    """What the protocol forces, and no time to compute anything."""
    return {"ready": FORCED * round_trip}


async def ours_imported(setting: Setting) -> Figures:
    """The first connect of the process, from before the import."""
    began = time.perf_counter()
    from odyssey import Odyssey

    async with Odyssey(setting.key, api_url=setting.url) as client:
        await client.connect()
        return {"ready": (time.perf_counter() - began) * 1000}


async def plain_imported(setting: Setting) -> Figures:
    """The same with the plain client."""
    began = time.perf_counter()
    from benchmarks.plain.client import PlainClient

    async with PlainClient(setting.url, setting.key) as client:
        await client.connect()
        return {"ready": (time.perf_counter() - began) * 1000}


async def _connected(connect: Callable[[Callable[[object], None]], Awaitable[None]]) -> Figures:
    """Connects and waits for a frame; returns when each was there."""
    seen = anyio.Event()
    frames: list[float] = []

    def show(frame: object) -> None:
        frames.append(time.perf_counter())
        seen.set()

    began = time.perf_counter()
    await connect(show)
    ready = time.perf_counter()
    with anyio.fail_after(FIRST_FRAME_SECONDS):
        await seen.wait()
    return {"ready": (ready - began) * 1000, "first_frame": (frames[0] - began) * 1000}


async def _median_of(setting: Setting, once: Callable[[], Awaitable[Figures]]) -> Figures:
    found = [await once()]
    # The longer it takes, the less does chance matter.
    while len(found) < setting.often(REPETITIONS) and found[0]["ready"] < 1000:
        found.append(await once())
    return {name: median(each[name] for each in found if name in each) for name in found[0]}


_COMPUTING = (
    "the floor counts nothing but round trips; what both sides compute comes on top, and weighs the more the "
    "smaller the round trip, and an eighth of the nearest ping for the other regions"
)


_IMPORTING = (
    "both import aiortc, two fifths of what ours computes; ours makes some hundred classes of values "
    "besides, whose methods attrs compiles, and the two share one interpreter"
)


def _far(round_trip: int) -> Benchmark:
    where = f"{round_trip} ms round trip"
    # The loop makes no difference that depends on the distance.
    mine = on_both(ours) if round_trip == ON_BOTH_LOOPS else {ours_on(ASYNCIO): Side(ours)}
    return Benchmark(
        f"connect-{round_trip}",
        {**mine, PLAIN: Side(plain), FLOOR: Side(partial(floor, round_trip))},
        (
            Row(f"connect() to ready, cold, {where}", "ready", "ms", goal=0.55),
            Row(f"the same against the floor, {where}", "ready", "ms", 1.1, FLOOR, in_the_way=_COMPUTING),
            Row(f"connect() again, {where}", "again", "ms", goal=0.4),
            Row(f"connect() after prepare(), {where}", "prepared", "ms", goal=0.4),
            Row(f"connect() to first frame, {where}", "first_frame", "ms", goal=0.5),
        ),
        World(round_trip=round_trip, tls=True, regions=True),
    )


BENCHMARKS = (
    *map(_far, ROUND_TRIPS),
    Benchmark(
        "connect-imported",
        {ours_on(ASYNCIO): Side(ours_imported), PLAIN: Side(plain_imported)},
        (
            Row(
                "connect(), no round trip, the process's first, with imports",
                "ready",
                "ms",
                goal=0.9,
                in_the_way=_IMPORTING,
            ),
        ),
        World(),
    ),
)
