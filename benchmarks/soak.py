"""
Session after session in one process, and what is left of them: threads, sockets, files, memory.

`python benchmarks/soak.py --sessions 2000` takes hours and prints a line every so often.
It ends with exit status 1 if threads or descriptors grow, or memory beyond what a process settles at.
"""

import argparse
import gc
import os
import sys
import threading
from itertools import count
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import anyio  # noqa: E402  these are found by the line above
from attrs import frozen  # noqa: E402

from odyssey import Odyssey  # noqa: E402
from odyssey_anyio.local.service import serve  # noqa: E402

WARM = 10
"""After so many sessions everything that is made once has been made."""

MOST_GROWTH = 64 * 2**20
"""So much more memory than after the first sessions is a leak, in bytes."""


@frozen
class Left:
    """What a process holds."""

    threads: int
    descriptors: int
    memory: int


def left() -> Left:
    """Looks at this process."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    memory = pages * os.sysconf("SC_PAGE_SIZE")
    return Left(threading.active_count(), len(os.listdir("/proc/self/fd")), memory)


async def session(url: str, number: int, seconds: float) -> None:
    """Lives through one session, every third of which ends without a goodbye to its stream."""
    async with Odyssey("ody_soak", api_url=url) as client:
        await client.connect()
        await client.start_stream(f"Session {number}", portrait=bool(number % 2))
        with anyio.move_on_after(seconds):
            async for frame in client.frames():
                _ = frame.data
        await client.interact("Go on")
        if number % 3:
            await client.end_stream()


async def main(sessions: int, seconds: float, every: int) -> int:
    """Runs sessions; gives the exit status."""
    first: Left | None = None
    async with serve() as service:
        for number in count(1):
            await session(service.url, number, seconds)
            if number == min(WARM, sessions):
                first = left()
            if number % every == 0 or number == sessions:
                now = left()
                size = f"{now.memory / 2**20:.0f} MiB"
                print(
                    f"{number} sessions: {now.threads} threads, {now.descriptors} descriptors, {size}",
                    flush=True,
                )
            if number == sessions:
                break
        assert first is not None
        now = left()
        grown = now.threads > first.threads or now.descriptors > first.descriptors
        return int(grown or now.memory > first.memory + MOST_GROWTH)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=2000, help="how many, one after another")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long each is watched")
    parser.add_argument("--every", type=int, default=25, help="how often a line is printed, in sessions")
    parser.add_argument("--loop", choices=("asyncio", "trio"), default="asyncio")
    given = parser.parse_args()
    sys.exit(anyio.run(main, given.sessions, given.seconds, given.every, backend=given.loop))
