"""What `import odyssey` takes, beside an interpreter that imports nothing."""

import subprocess
import sys
import time
from statistics import median

import anyio.to_thread

from benchmarks.benchmark import OURS, Benchmark, Figures, Row, Setting, Side

REPETITIONS = 7


async def imported(setting: Setting) -> Figures:
    """Starts interpreters by turns, with and without the import."""

    def started(program: str) -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", program], check=True)
        return (time.perf_counter() - began) * 1000

    def more() -> float:
        return started("import odyssey; odyssey.Odyssey") - started("pass")

    taken = [await anyio.to_thread.run_sync(more) for _ in range(setting.often(REPETITIONS))]
    return {"import": median(taken)}


BENCHMARKS = (
    Benchmark(
        "import",
        {OURS: Side(imported)},
        (Row("import odyssey, more than a bare interpreter", "import", "ms", limit=60),),
    ),
)
