"""
Where media lives: in a thread of its own or in the application's loop, side by side in one run.

`python benchmarks/hosts.py` prints a table.
A local service runs in a process of its own; the sides take turns at watching the same stream.
The ratios are what counts: everything else depends on the computer.
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import anyio  # noqa: E402  these are found by the line above
from attrs import define, field  # noqa: E402

from odyssey import Odyssey, VideoFrame, media_here  # noqa: E402
from odyssey_anyio.local.video.marker import read  # noqa: E402
from odyssey_anyio.runtime.default_transports import media  # noqa: E402

TICK = 0.005
"""The application's own work comes round so often, in seconds."""

BLOCK = 0.3
"""So long the application blocks its loop, twice a second where it does, in seconds."""

SIDES: dict[str, tuple[str, Callable[[], Any]]] = {
    "asyncio, own thread": ("asyncio", media),
    "asyncio, in the loop": ("asyncio", media_here),
    "trio, own thread": ("trio", media),
}


@define
class Seen:
    """What one side measured, in seconds."""

    late: list[float] = field(factory=list)
    """How late the application's own work came round."""
    old: list[float] = field(factory=list)
    """From the moment a frame was drawn until the application had it."""
    received: int = 0
    watched: float = 0.0


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


async def watch(url: str, make: Callable[[], Any], seconds: float, seen: Seen, *, blocks: bool) -> None:
    """Watches a stream, with a ticker beside it, or with an application that blocks its loop."""

    def frame(frame: VideoFrame) -> None:
        planes = frame.planes
        marker = None if planes is None else read(planes[0])
        if marker is not None:
            seen.old.append(time.time() - marker.time_ms / 1000)

    async with Odyssey("ody_benchmark", api_url=url, media=make) as client:
        await client.connect(on_video_frame=frame)
        async with client.stream("A lighthouse at dusk"):
            await anyio.sleep(0.5)
            seen.old.clear()
            account = client.statistics().frames
            before = 0 if account is None else account.received
            began = time.perf_counter()
            while (now := time.perf_counter()) < began + seconds:
                if blocks:
                    time.sleep(BLOCK)
                    await anyio.sleep(0.5 - BLOCK)
                else:
                    await anyio.sleep(TICK)
                    seen.late.append(time.perf_counter() - now - TICK)
            account = client.statistics().frames
            seen.received += (0 if account is None else account.received) - before
            seen.watched += time.perf_counter() - began


def spread(values: list[float]) -> str:
    """Returns the median, the 95th and the 99th percentile, in milliseconds."""
    if len(values) < 2:
        return "none"
    cuts = statistics.quantiles(values, n=100)
    return " ".join(f"{cuts[place - 1] * 1e3:7.2f}" for place in (50, 95, 99))


def main() -> None:
    """Measures, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each side watches")
    parser.add_argument("--seconds", type=float, default=4.0, help="how long each time")
    arguments = parser.parse_args()
    for blocks in (False, True):
        sides = {name: Seen() for name in SIDES}
        with service() as url:
            for _ in range(arguments.rounds):
                for name, (backend, make) in SIDES.items():
                    once = partial(watch, url, make, arguments.seconds, sides[name], blocks=blocks)
                    anyio.run(once, backend=backend)
        what = (
            f"an application that blocks its loop for {BLOCK} s twice a second"
            if blocks
            else "a well-behaved application"
        )
        print(f"{what}, {arguments.rounds} rounds of {arguments.seconds} s; p50 p95 p99 in ms")
        print(f"  {'':22} {'lateness of its ticker':>24} {'age of a frame':>24} {'frames a second':>16}")
        for name, seen in sides.items():
            rate = seen.received / seen.watched
            print(f"  {name:22} {spread(seen.late):>24} {spread(seen.old):>24} {rate:16.1f}")
        first, second = (sides[name] for name in list(SIDES)[:2])
        print(f"  in the loop / own thread: age p50 {ratio(second.old, first.old):.2f}", end="")
        print("" if blocks else f", lateness p95 {ratio(second.late, first.late, 95):.2f}")


def ratio(above: list[float], below: list[float], place: int = 50) -> float:
    """Returns the ratio of two percentiles."""
    return statistics.quantiles(above, n=100)[place - 1] / statistics.quantiles(below, n=100)[place - 1]


if __name__ == "__main__":
    main()
