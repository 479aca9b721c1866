"""Runs benchmarks: each side in turn, again and again, each time in a fresh process."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from attrs import asdict

from benchmarks.benchmark import Benchmark, Figures, Setting, World

ROOT = Path(__file__).parent.parent

KEY = "ody_benchmark"

MEASURING_SECONDS = 300.0
"""How long one measurement may take; they take some seconds."""

type Runs = dict[str, list[Figures]]
"""The figures of each side, run by run."""


def run(benchmark: Benchmark, runs: int, report: Callable[[str], None], *, short: bool = False) -> Runs:
    """Measures all sides of a benchmark by turns, `runs` times."""
    found: Runs = {side: [] for side in benchmark.sides}
    with serving(benchmark.world) as (url, environment):
        setting = json.dumps(asdict(Setting(url, KEY, short)))
        for number in range(runs):
            # The other way round each second time, so that none is always the first.
            for side in list(benchmark.sides)[:: -1 if number % 2 else 1]:
                report(f"{benchmark.name}: {side}, run {number + 1} of {runs}")
                found[side].append(_measured([benchmark.name, side, setting], environment))
    return found


def _measured(arguments: Sequence[str], environment: dict[str, str]) -> Figures:
    command = [sys.executable, "-m", "benchmarks.measure", *arguments]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=MEASURING_SECONDS,
    )
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


@contextmanager
def serving(world: World | None) -> Iterator[tuple[str, dict[str, str]]]:
    """Runs the service of a world, if any; returns its address and the environment that trusts it."""
    environment = dict(os.environ)
    # What is installed is compiled, also where a checkout is not.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment.setdefault("PYTHONPYCACHEPREFIX", str(Path(tempfile.gettempdir()) / "odyssey-benchmarks"))
    if world is None:
        yield "", environment
        return
    command = [sys.executable, "-m", "benchmarks.network.serve", json.dumps(world.plain_data)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None, "it is a pipe"
        assert process.stdin is not None, "it is a pipe"
        try:
            where = json.loads(process.stdout.readline())
            if where["certificate"]:
                environment["SSL_CERT_FILE"] = where["certificate"]
            yield where["url"], environment
        finally:
            process.stdin.close()
            process.wait(30)
