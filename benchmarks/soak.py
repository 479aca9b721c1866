"""
`python -m benchmarks.soak --hours 1`: sessions, reconnects and restarts for hours, and what is left of them.

One process streams round after round; in every fifth round the service is killed and started again while
somebody watches, and the client replaces its session.
After each round the process is looked at: threads and descriptors must be as many as they were after the
first rounds, and memory may be more by no more than allocators keep.
It prints a line a minute, draws what it saw with `--plot`, and ends with 1 if anything grew.
"""

import argparse
import gc
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import anyio
from attrs import define, field, frozen

from odyssey import Odyssey, ReconnectPolicy

ROOT = Path(__file__).parent.parent

WARM_ROUNDS = 10
"""After so many rounds everything that is made once has been made; a shorter run takes half of its rounds."""

MAX_GROWTH = 48 * 2**20
"""So much more memory than after the first rounds is a leak, in bytes."""

RESTART_EVERY = 5
"""In so many rounds the service is started again once."""

SETTLING_SECONDS = 15.0
"""How long what is on its way out may take: a thread that is not needed ends after ten seconds."""

PICTURE_SECONDS = 40.0
"""How long a picture may take, also after a restart."""

REPORT_SECONDS = 60.0


@frozen
class Usage:
    """What a process holds."""

    threads: int
    descriptors: int
    memory: int
    """In bytes."""

    @classmethod
    def by(cls, process: int) -> "Usage":
        """Looks at a process."""
        here = Path(f"/proc/{process}")
        pages = int((here / "statm").read_text().split()[1])
        memory = pages * os.sysconf("SC_PAGE_SIZE")
        return cls(len(os.listdir(here / "task")), len(os.listdir(here / "fd")), memory)

    def __str__(self) -> str:
        return f"{self.threads} threads, {self.descriptors} descriptors, {self.memory / 2**20:.0f} MiB"

    def over(self, first: "Usage") -> list[str]:
        """Says what is more than it was."""
        grown = {
            "threads": self.threads - first.threads,
            "descriptors": self.descriptors - first.descriptors,
            "MiB": max(0, self.memory - first.memory - MAX_GROWTH) // 2**20,
        }
        return [f"{count} {what} more" for what, count in grown.items() if count > 0]


@define
class Service:
    """A local service in a process of its own, that can be killed and started again at its address."""

    port: int
    process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Starts it, and waits until it can be asked."""
        command = [sys.executable, "-m", "odyssey", "serve", "--port", str(self.port)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        next(line for line in self.process.stdout if line.startswith("http"))

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Ends it."""
        if self.process is not None:
            with self.process:
                self.process.send_signal(how)
            self.process = None


@contextmanager
def service() -> Iterator[Service]:
    """A service on a port that was free."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    running = Service(port)
    running.start()
    try:
        yield running
    finally:
        running.stop()


async def one_round(served: Service, number: int, seconds: float) -> int:
    """Lives through one session, and through a restart in some; returns how often it was recovered."""
    restarted = number % RESTART_EVERY == 1
    # The service may take its time to start: how long that is, is bounded below.
    policy = ReconnectPolicy(per_loss=1000, per_session=None, first_delay=0.2, longest_delay=2)
    async with Odyssey("ody_soak", api_url=served.url, reconnect=policy) as client:
        await client.connect()
        await client.start_stream(f"Round {number}", portrait=bool(number % 2))
        await watch(client, seconds)
        if restarted:
            served.stop(signal.SIGKILL)
            await anyio.to_thread.run_sync(served.start)
            with anyio.fail_after(PICTURE_SECONDS):
                while client.statistics().recoveries == 0:
                    await anyio.sleep(0.1)
            await watch(client, seconds)
        await client.interact("Go on")
        if number % 3:
            await client.end_stream()
        return int(client.statistics().recoveries)


async def watch(client: Odyssey, seconds: float) -> None:
    """Looks at frames for a while, from the first that comes."""
    ends = None
    with anyio.fail_after(PICTURE_SECONDS + seconds):
        async for frame in client.frames():
            _ = frame.data
            ends = time.monotonic() + seconds if ends is None else ends
            if time.monotonic() > ends:
                return


@define
class Soak:
    """Rounds, and what the process held after each."""

    served: Service
    goes_on: Callable[[int], bool]
    """Whether there is another round after so many."""
    seconds: float
    seen: list[tuple[float, Usage]] = field(factory=list)
    """What was held, with the time in seconds since the beginning."""
    recoveries: int = 0

    async def run(self, warm: int) -> list[str]:
        """Makes rounds; returns what grew since the first `warm` of them."""
        began = reported = time.monotonic()
        first, number = None, 0
        while self.goes_on(number):
            self.recoveries += await one_round(self.served, number, self.seconds)
            number += 1
            gc.collect()
            usage = Usage.by(os.getpid())
            self.seen.append((time.monotonic() - began, usage))
            if number == warm:
                first = usage = await self._settled(usage)
            if time.monotonic() - reported > REPORT_SECONDS or not self.goes_on(number):
                reported = time.monotonic()
                print(f"{number} rounds, {self.recoveries} recoveries; {usage}", flush=True)
        return [] if first is None else (await self._settled(first)).over(first)

    async def _settled(self, first: Usage) -> Usage:
        """Returns what is held when no more than before is, or when waiting is of no use."""
        with suppress(TimeoutError), anyio.fail_after(SETTLING_SECONDS):
            while Usage.by(os.getpid()).over(first):
                await anyio.sleep(0.2)
                gc.collect()
        return Usage.by(os.getpid())


def draw(seen: list[tuple[float, Usage]], path: Path) -> None:
    """Draws memory, threads and descriptors over time, as SVG."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot

    minutes = [at / 60 for at, _ in seen]
    rows = {
        "memory, MiB": [usage.memory / 2**20 for _, usage in seen],
        "threads": [usage.threads for _, usage in seen],
        "descriptors": [usage.descriptors for _, usage in seen],
    }
    figure, all_axes = pyplot.subplots(len(rows), figsize=(9, 7), sharex=True, layout="constrained")
    for axes, (what, values) in zip(all_axes, rows.items(), strict=True):
        axes.plot(minutes, values)
        axes.set_ylabel(what)
        axes.set_ylim(bottom=0)
    all_axes[-1].set_xlabel("minutes")
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def main() -> int:
    """Runs and prints; 1 if anything grew."""
    reads = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    reads.add_argument("--hours", type=float, default=1.0, help="for how long (1)")
    reads.add_argument("--rounds", type=int, help="so many rounds instead")
    reads.add_argument("--seconds", type=float, default=3.0, help="how long each picture is watched (3)")
    reads.add_argument("--loop", choices=("asyncio", "trio"), default="asyncio")
    reads.add_argument("--plot", type=Path, metavar="FILE", help="draw what was seen (extra: benchmarks)")
    given = reads.parse_args()
    ends = time.monotonic() + given.hours * 3600
    warm = WARM_ROUNDS if given.rounds is None else min(WARM_ROUNDS, given.rounds // 2)

    def goes_on(number: int) -> bool:
        # It is never over before there is something to compare with.
        return number < given.rounds if given.rounds is not None else time.monotonic() < ends or number < warm

    with service() as served:
        soak = Soak(served, goes_on, given.seconds)
        grown = anyio.run(soak.run, warm, backend=given.loop)
    if given.plot is not None:
        draw(soak.seen, given.plot)
    print("; ".join(grown) or "nothing grew")
    return int(bool(grown))


if __name__ == "__main__":
    sys.exit(main())
