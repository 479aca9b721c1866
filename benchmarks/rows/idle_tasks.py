"""What a call costs in a large program: beside 10,000 tasks of the application, and beside none."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from statistics import median

import anyio

from benchmarks.benchmark import Benchmark, Figures, Row, Setting, World, on_both

TASKS = 10_000
ROUNDS = 5
CALLS = 50


async def ours(setting: Setting) -> Figures:
    """Times calls by turns; the figure is the ratio of the medians."""
    from odyssey import Odyssey

    times: dict[int, list[float]] = {0: [], TASKS: []}
    async with Odyssey(setting.key, api_url=setting.url) as client:
        await client.list_stream_recordings()
        for _ in range(setting.often(ROUNDS)):
            for count, taken in times.items():
                async with _idle(count):
                    for _ in range(CALLS):
                        before = time.process_time()
                        await client.list_stream_recordings()
                        taken.append(time.process_time() - before)
    return {"ratio": median(times[TASKS]) / median(times[0])}


@asynccontextmanager
async def _idle(count: int) -> AsyncIterator[None]:
    """Has as many tasks wait for the length of the block."""
    async with anyio.create_task_group() as group:
        for _ in range(count):
            group.start_soon(anyio.sleep_forever)
        await anyio.sleep(0.2)
        yield
        group.cancel_scope.cancel()


BENCHMARKS = (
    Benchmark(
        "idle-tasks",
        on_both(ours),
        (Row("processor per REST call with 10,000 idle tasks ÷ without", "ratio", "", limit=1.1),),
        World(canned=True),
    ),
)
