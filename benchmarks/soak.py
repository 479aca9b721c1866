"""
Session after session in one process, and what is left of them: threads, sockets, files, memory.

`python benchmarks/soak.py --sessions 2000` takes hours and prints a line every so often.
The local service runs in a process of its own and is looked at too.
It ends with exit status 1 if threads or descriptors grow, or memory beyond what a process settles at.
"""

import argparse
import gc
import os
import subprocess
import sys
from itertools import count
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import anyio  # noqa: E402  these are found by the line above
from attrs import frozen  # noqa: E402

from odyssey import Odyssey  # noqa: E402

WARM = 30
"""After so many sessions everything that is made once has been made."""

MAX_GROWTH = {"client": 32 * 2**20, "service": 256 * 2**20}
"""
So much more memory than after the first sessions is a leak, in bytes.

The service draws and encodes in threads, and their allocators settle late.
"""


@frozen
class Usage:
    """What a process holds."""

    threads: int
    descriptors: int
    memory: int

    @classmethod
    def by(cls, process: int) -> "Usage":
        """Looks at a process."""
        here = Path(f"/proc/{process}")
        pages = int((here / "statm").read_text().split()[1])
        memory = pages * os.sysconf("SC_PAGE_SIZE")
        return cls(len(os.listdir(here / "task")), len(os.listdir(here / "fd")), memory)

    def __str__(self) -> str:
        return f"{self.threads} threads, {self.descriptors} descriptors, {self.memory / 2**20:.0f} MiB"


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


async def main(processes: dict[str, int], url: str, sessions: int, seconds: float, every: int) -> int:
    """Runs sessions; returns the exit status."""
    first: dict[str, Usage] = {}
    for number in count(1):
        await session(url, number, seconds)
        gc.collect()
        usage = {name: Usage.by(process) for name, process in processes.items()}
        if number == min(WARM, sessions):
            first = usage
        if number % every == 0 or number == sessions:
            report = "; ".join(f"{name}: {each}" for name, each in usage.items())
            print(f"{number} sessions; {report}", flush=True)
        if number == sessions:
            return int(any(grown(name, first[name], usage[name]) for name in usage))
    raise AssertionError("counting has no end")


def grown(name: str, first: Usage, now: Usage) -> bool:
    """Tells whether a process holds more than it should."""
    # A thread or a socket may be on its way out at the moment that is looked at.
    more = now.threads > first.threads + 2 or now.descriptors > first.descriptors + 2
    return more or now.memory > first.memory + MAX_GROWTH[name]


def run(sessions: int, seconds: float, every: int, loop: str) -> int:
    """Starts the service and runs sessions; returns the exit status."""
    command = [sys.executable, "-m", "odyssey", "serve"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout is not None
        try:
            url = next(line.strip() for line in service.stdout if line.startswith("http"))
            processes = {"client": os.getpid(), "service": service.pid}
            return anyio.run(main, processes, url, sessions, seconds, every, backend=loop)
        finally:
            service.terminate()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=2000, help="how many, one after another")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long each is watched")
    parser.add_argument("--every", type=int, default=25, help="how often a line is printed, in sessions")
    parser.add_argument("--loop", choices=("asyncio", "trio"), default="asyncio")
    given = parser.parse_args()
    sys.exit(run(given.sessions, given.seconds, given.every, given.loop))
