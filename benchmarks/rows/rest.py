"""
REST calls a second: one after another, and fifty at once.

aiohttp has a parser in C; httpx stands on h11, as we do.
Both keep their connections, and get the access token once, before they are measured.
"""

import time
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import anyio

from benchmarks.benchmark import ASYNCIO, Benchmark, Figures, Row, Setting, Side, World, on_both, ours_on

IN_TURN = 300
AT_ONCE = 50
CALLS = 500
"""How many are made by `AT_ONCE` callers together."""

AIOHTTP, HTTPX = "aiohttp", "httpx"

PATH = "/stream-recordings"

type Call = Callable[[], Awaitable[object]]


async def ours(setting: Setting) -> Figures:
    """Lists recordings."""
    from odyssey import Odyssey

    async with Odyssey(setting.key, api_url=setting.url) as client:
        return await _paced(setting, client.list_stream_recordings)


async def ours_counted(setting: Setting) -> Figures:
    """The same through a proxy that counts connections."""
    from benchmarks.network.delayed_tcp import DelayedTcp, listening
    from odyssey import Odyssey

    counted = DelayedTcp(urlsplit(setting.url).port or 80, 0.0)
    url = f"http://127.0.0.1:{await listening(counted.accept)}"
    async with Odyssey(setting.key, api_url=url) as client:
        await _paced(setting, client.list_stream_recordings)
    return {"connections": counted.connections}


async def with_aiohttp(setting: Setting) -> Figures:
    """The same call, with one session of aiohttp."""
    import aiohttp

    async with aiohttp.ClientSession(setting.url, raise_for_status=True) as http:
        async with http.post("/auth/token", json={"api_key": setting.key}) as reply:
            token = (await reply.json())["access_token"]

        async def call() -> object:
            async with http.get(PATH, headers={"Authorization": f"Bearer {token}"}) as reply:
                return await reply.json()

        return await _paced(setting, call)


async def with_httpx(setting: Setting) -> Figures:
    """The same call, with one client of httpx."""
    import httpx

    async with httpx.AsyncClient(base_url=setting.url) as http:
        reply = await http.post("/auth/token", json={"api_key": setting.key})
        headers = {"Authorization": f"Bearer {reply.json()['access_token']}"}

        async def call() -> object:
            return (await http.get(PATH, headers=headers)).raise_for_status().json()

        return await _paced(setting, call)


async def _paced(setting: Setting, call: Call) -> Figures:
    """Returns how many calls a second there are, and what each costs of the processor."""
    await call()
    rate_in_turn, cost = await _rate(call, setting.often(IN_TURN), 1)
    rate_at_once, cost_at_once = await _rate(call, setting.often(CALLS), AT_ONCE)
    return {
        "in_turn": rate_in_turn,
        "cost": cost,
        "at_once": rate_at_once,
        "cost_at_once": cost_at_once,
    }


async def _rate(call: Call, calls: int, at_once: int) -> tuple[float, float]:
    left = iter(range(calls))

    async def caller() -> None:
        for _ in left:
            await call()

    began, before = time.perf_counter(), time.process_time()
    async with anyio.create_task_group() as group:
        for _ in range(at_once):
            group.start_soon(caller)
    taken, spent = time.perf_counter() - began, time.process_time() - before
    return calls / taken, spent / calls * 1000


_COSTS = (
    "of a call's time on the processor h11 in Python takes a fifth, the stream and its socket a sixth, the "
    "pool of connections a seventh, and two steps of the core with their record in the trace three tenths; "
    "the rest is the caller's side, a task for the request and five turns of the loop; h11 on a bare stream "
    "alone costs more than the whole call of aiohttp"
)

BENCHMARKS = (
    Benchmark(
        "rest",
        {**on_both(ours), AIOHTTP: Side(with_aiohttp), HTTPX: Side(with_httpx)},
        tuple(
            Row(what, figure, unit, goal, side, at_least, in_the_way=_COSTS)
            for what, figure, unit, goals, at_least in (
                ("REST calls a second, in turn", "in_turn", "1/s", (0.7, 1.5), True),
                ("REST calls a second, 50 at once", "at_once", "1/s", (0.7, 1.5), True),
                ("processor per REST call, in turn", "cost", "ms", (None, None), False),
                ("processor per REST call, 50 at once", "cost_at_once", "ms", (None, None), False),
            )
            for side, goal in zip((AIOHTTP, HTTPX), goals, strict=True)
        ),
        World(canned=True),
    ),
    Benchmark(
        "rest-connections",
        {ours_on(ASYNCIO): Side(ours_counted)},
        (Row("connections for 500 REST calls, 50 at once", "connections", "", limit=AT_ONCE),),
        World(canned=True),
    ),
)
