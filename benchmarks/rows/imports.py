"""What `import odyssey` takes, beside an interpreter that imports nothing."""

import subprocess
import sys
import time
from statistics import median

import anyio.to_thread

from benchmarks.benchmark import OURS, Benchmark, Figures, Row, Setting, Side

REPETITIONS = 5

PROGRAMS = {"import": "import odyssey", "client": "from odyssey import Odyssey"}


async def imported(setting: Setting) -> Figures:
    """Starts interpreters by turns, with and without the import."""

    def started(program: str) -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", program], check=True)
        return (time.perf_counter() - began) * 1000

    def more(program: str) -> float:
        return started(program) - started("pass")

    found = {}
    for name, program in PROGRAMS.items():
        # The first one compiles.
        started(program)
        taken = [await anyio.to_thread.run_sync(more, program) for _ in range(setting.often(REPETITIONS))]
        found[name] = median(taken)
    return found


BENCHMARKS = (
    Benchmark(
        "import",
        {OURS: Side(imported)},
        (
            Row("import odyssey, more than a bare interpreter", "import", "ms", limit=60),
            Row("the class of clients as well", "client", "ms"),
        ),
    ),
)
