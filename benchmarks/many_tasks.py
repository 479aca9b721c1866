"""
What a call costs in a large program: beside 10,000 tasks of the application and beside none, in one run.

`python benchmarks/many_tasks.py` prints a table.
A local service runs in a process of its own.
The two sides take turns, and the ratio of their medians is what counts: 1.0 is the aim.
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import anyio  # noqa: E402  these are found by the line above

from odyssey import Odyssey  # noqa: E402


@contextmanager
def service() -> Iterator[str]:
    """Returns the address of a local service in a process of its own."""
    command = [sys.executable, "-m", "odyssey", "serve"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield next(line.strip() for line in process.stdout if line.startswith("http"))
        finally:
            process.terminate()


@asynccontextmanager
async def idle(count: int) -> AsyncIterator[None]:
    """Has as many tasks wait for the length of the block."""
    async with anyio.create_task_group() as group:
        for _ in range(count):
            group.start_soon(anyio.sleep_forever)
        await anyio.sleep(0.5)
        yield
        group.cancel_scope.cancel()


async def timed(work: Callable[[], Awaitable[object]]) -> float:
    """Returns how long something takes, in seconds."""
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


async def rest(url: str) -> list[float]:
    """Times REST calls of one client."""
    async with Odyssey("ody_bench", api_url=url) as client:
        await client.list_stream_recordings()
        return [await timed(client.list_stream_recordings) for _ in range(50)]


async def connect(url: str) -> list[float]:
    """Times a connect."""
    async with Odyssey("ody_bench", api_url=url) as client:
        return [await timed(client.connect)]


async def measure(url: str, tasks: int, rounds: int) -> dict[str, dict[int, list[float]]]:
    """Returns the times of each call, beside so many tasks."""
    times: dict[str, dict[int, list[float]]] = {work.__name__: {0: [], tasks: []} for work in (rest, connect)}
    for number in range(rounds + 1):
        for count in (0, tasks):
            async with idle(count):
                for work in (rest, connect):
                    taken = await work(url)
                    # The first round loads what is loaded once.
                    times[work.__name__][count] += taken if number else []
    return times


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=10_000, help="tasks of the application (10,000)")
    parser.add_argument("--rounds", type=int, default=5, help="how often the sides take turns (5)")
    options = parser.parse_args()
    print(f"{'':16} {'alone':>10} {'in a crowd':>12} {'ratio':>7}")
    with service() as url:
        for backend in ("asyncio", "trio"):
            found = anyio.run(measure, url, options.tasks, options.rounds, backend=backend)
            for name, sides in found.items():
                alone, crowd = (statistics.median(each) * 1000 for each in sides.values())
                print(f"{f'{backend}, {name}':16} {alone:8.2f} ms {crowd:9.2f} ms {crowd / alone:7.2f}")


if __name__ == "__main__":
    main()
