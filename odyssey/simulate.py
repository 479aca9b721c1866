"""
`python -m odyssey.simulate`: sessions by the thousand, in virtual time, with all that may go wrong.

Each run is drawn from the seed and its number, so a run that fails can be had again.
It is then made as small as it can be, and what its clients went through is saved as traces.
A run that hangs ends the command, where the platform has a timer for it (all but Windows).
"""

import argparse
import gc
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from attrs import define, field

from odyssey_proto.client.client import Client
from odyssey_proto.seam.outputs import ClientInput, ClientOutput
from odyssey_proto.seam.settings import Settings
from odyssey_proto.testing.simulation import Coverage, Plan, broken_law, drawn, shrunk, simulate
from odyssey_proto.testing.simulation.coverage import NEVER_TAKEN
from odyssey_proto.trace import Header, Recorder, TraceBuffer, lines

RUNS_AT_ONCE = 200
"""So many runs a process makes before it reports."""

MAX_FAILED_RUNS = 10
"""After so many that failed no more are made: each is made small, which takes many runs."""


YOUNG_VALUES = 20_000
"""So many values are made before the garbage collector looks at them: hardly any are in a circle."""

MAX_RUN_SECONDS = 30.0
"""Processor time that no run needs, by far: with more it hangs."""


class RunHangs(BaseException):
    """A run took more than `MAX_RUN_SECONDS`; nothing on its way may take that for an error of its own."""


@define
class Batch:
    """What came of some runs."""

    begun: int = 0
    established: int = 0
    steps: int = 0
    coverage: Coverage = field(factory=Coverage)
    processor_seconds: float = field(default=0.0, eq=False)
    """What they took: a busy machine does not change it much."""
    failed: list[int] = field(factory=list)
    """The numbers of the runs that broke a law."""
    hung: list[int] = field(factory=list)
    """The numbers of the runs that did not end."""

    def add(self, other: "Batch") -> None:
        """Adds what came of others."""
        self.begun += other.begun
        self.established += other.established
        self.steps += other.steps
        self.coverage.add(other.coverage)
        self.processor_seconds += other.processor_seconds
        self.failed += other.failed
        self.hung += other.hung

    def make(self, seed: str, number: int) -> None:
        """Makes one run, and adds what came of it."""
        plan = plan_of(seed, number)
        try:
            with limited():
                run = simulate(plan)
        except RunHangs:
            self.hung.append(number)
        except Exception:  # noqa: BLE001  whatever a machine raises is a finding, and is looked at later
            self.failed.append(number)
        else:
            self.begun += run.begun
            self.established += run.established
            self.steps += run.steps
            for client in run.clients:
                self.coverage.add_statuses(client.statuses)


def plan_of(seed: str, number: int) -> Plan:
    """Returns the plan of one run."""
    return drawn(f"{seed}/{number}".encode())


@contextmanager
def limited() -> Iterator[None]:
    """Ends its block with `RunHangs` when it takes too long, in the main thread of a process."""
    if sys.platform == "win32":
        yield
        return

    def end(*_: object) -> None:
        raise RunHangs

    before = signal.signal(signal.SIGPROF, end)
    signal.setitimer(signal.ITIMER_PROF, MAX_RUN_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


@contextmanager
def rarely_collected() -> Iterator[None]:
    """Has the garbage collector look at new values less often inside of its block."""
    before = gc.get_threshold()
    gc.set_threshold(YOUNG_VALUES, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def run_batch(seed: str, first: int, runs: int) -> Batch:
    """Makes so many runs, beginning with the one of this number."""
    batch = Batch()
    began = time.process_time()
    with batch.coverage.counting(), rarely_collected():
        for number in range(first, first + runs):
            batch.make(seed, number)
    batch.processor_seconds = time.process_time() - began
    return batch


def run_sessions(seed: str, sessions: int, jobs: int) -> Batch:
    """
    Makes runs until so many sessions were begun, some runs failed, or one hangs.

    What is found does not depend on `jobs`.
    """
    batch = Batch()
    firsts = count(0, RUNS_AT_ONCE)
    with ProcessPoolExecutor(jobs) as pool:
        waiting: deque[Future[Batch]] = deque()
        while batch.begun < sessions and not batch.hung and len(batch.failed) < MAX_FAILED_RUNS:
            while len(waiting) < 2 * jobs:
                waiting.append(pool.submit(run_batch, seed, next(firsts), RUNS_AT_ONCE))
            batch.add(waiting.popleft().result())
        pool.shutdown(cancel_futures=True)
    return batch


def save(plan: Plan, folder: Path) -> list[Path]:
    """Runs a plan and writes what each of its clients went through; returns the files."""
    buffers: list[TraceBuffer] = []

    def recorded(settings: Settings) -> Recorder[ClientInput, ClientOutput]:
        buffer = TraceBuffer(Header(settings, (("odyssey", "simulated"),)))
        buffers.append(buffer)
        return Recorder(Client(settings), buffer.after, buffer.before)

    with suppress(Exception, RunHangs), limited():
        simulate(plan, recorded)
    folder.mkdir(parents=True, exist_ok=True)
    name = plan.seed.decode().replace("/", "-")
    files = [folder / f"simulated-{name}-client-{number}.jsonl" for number, _ in enumerate(buffers)]
    for file, buffer in zip(files, buffers, strict=True):
        file.write_text("".join(f"{line}\n" for line in lines(buffer.trace())), encoding="utf-8")
    return files


def fails(plan: Plan) -> bool:
    """Tells whether a run of a plan breaks a law; one that hangs is another finding."""
    with suppress(RunHangs), limited():
        return broken_law(plan) is not None
    return False


def report(batch: Batch, seed: str, folder: Path) -> Iterator[str]:
    """Says what was found, line by line; runs that failed are made small and saved meanwhile."""
    coverage = batch.coverage
    yield "changes of status:"
    for (before, after), times in coverage.statuses.most_common():
        yield f"  {before.value} -> {after.value}: {times}"
    yield "edges of the tables, by how often they were taken:"
    for edge, times in coverage.edges.most_common():
        yield f"  {' '.join(edge)}: {times}"
    for edge, why in NEVER_TAKEN.items():
        yield f"  {' '.join(edge)}: {coverage.edges[edge]}, {why}"
    for edge in coverage.missing():
        yield f"FOUND: no run has taken {' '.join(edge)}"
    for number in batch.failed:
        plan = shrunk(plan_of(seed, number), fails)
        yield f"FOUND: run {number} of seed {seed}: {broken_law(plan)}"
        yield f"  {plan}"
        yield from (f"  {file}" for file in save(plan, folder))
    for number in batch.hung:
        # It is not made smaller: each try could take as long.
        plan = plan_of(seed, number)
        yield f"FOUND: run {number} of seed {seed} hangs: it took more than {MAX_RUN_SECONDS:g} s"
        yield f"  {plan}"
        yield from (f"  {file}" for file in save(plan, folder))


def parser() -> argparse.ArgumentParser:
    """Returns what reads the command line."""
    reads = argparse.ArgumentParser(prog="python -m odyssey.simulate", description=__doc__)
    reads.add_argument("--sessions", type=int, default=20_000, help="how many are begun, at least")
    reads.add_argument("--seed", default="0", help="another seed gives other runs")
    reads.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many processes")
    reads.add_argument("--save", type=Path, default=Path("simulated"), help="where traces of failed runs go")
    return reads


def main() -> int:
    """Runs and prints; 1 if a law was broken or an edge of a table was never taken."""
    options = parser().parse_args()
    batch = run_sessions(options.seed, options.sessions, options.jobs)
    for line in report(batch, options.seed, options.save):
        print(line)
    took = batch.processor_seconds
    print(
        f"{batch.begun} sessions begun, {batch.established} established, {batch.steps} steps"
        f" in {took:.0f} s of processor time: {batch.begun / took:.0f} sessions a second and core;"
        f" {len(batch.failed) + len(batch.hung)} runs failed"
    )
    return int(bool(batch.failed or batch.hung or batch.coverage.missing()))


if __name__ == "__main__":
    sys.exit(main())
