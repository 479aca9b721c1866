"""The program: reads the table, runs what has no clip yet on the cluster, writes the manifest."""

import argparse
import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
from distributed import Client, LocalCluster, as_completed

from odyssey import Odyssey

from .mint import Mint
from .results import Results
from .table import Row, read_table
from .task import run_row


async def run(rows: list[Row], results: Results, cluster: Client, sessions: int) -> None:
    """Makes the clips that are not there yet; what was made is in the manifest however this ends."""
    left = [row for row in rows if not results.has_clip(row)]
    print(f"{len(rows) - len(left)} of {len(rows)} clips are there")
    results.remove_unfinished()
    mint, folder = Mint.new(), str(results.folder.resolve())
    try:
        async with Odyssey() as account, anyio.create_task_group() as group:
            group.start_soon(mint.serve, cluster, account)
            tasks = {
                cluster.submit(run_row, row, folder, mint, sessions, key=f"{row.key}-{mint.name}"): row
                for row in left
            }
            async for task in as_completed(tasks):
                report(tasks[task], results, await task.exception())
            group.cancel_scope.cancel()
    finally:
        results.write_manifest(rows)


def report(row: Row, results: Results, error: BaseException | None) -> None:
    """Prints what became of a row; a task that brought no result of its own gets one."""
    if error is None and results.of(row) is None:
        error = FileNotFoundError(f"the worker wrote its result, but not into the {results.folder} of here")
    if error is not None:
        results.add(row, {"error": {"message": repr(error)}})
    result = results.of(row) or {}
    print(result.get("file") or f"failed: {row.prompt}: {result['error']['message']}", flush=True)


@asynccontextmanager
async def connected(scheduler: str | None, workers: int) -> AsyncIterator[Client]:
    """Returns a client of a cluster that runs, or of one on this machine."""
    if scheduler is not None:
        async with Client(scheduler, asynchronous=True) as client:
            yield client
        return
    async with (
        # One thread a worker: each has one session at a time.
        LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address=None, asynchronous=True
        ) as cluster,
        Client(cluster, asynchronous=True) as client,
    ):
        yield client


async def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m dataset", description=__doc__)
    parser.add_argument("table", type=Path, help="a CSV file, such as prompts.csv")
    parser.add_argument("folder", type=Path, help="where the results go, and where an earlier run left some")
    parser.add_argument("--sessions", type=int, default=2, help="the most sessions at once")
    parser.add_argument("--workers", type=int, default=2, help="how many workers, on this machine")
    parser.add_argument("--scheduler", help="the address of a cluster that runs, such as tcp://host:8786")
    given = parser.parse_args()
    rows, results = read_table(given.table), Results(given.folder)
    async with connected(given.scheduler, given.workers) as cluster:
        await run(rows, results, cluster, given.sessions)
    return 0 if all(results.has_clip(row) for row in rows) else 1


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
