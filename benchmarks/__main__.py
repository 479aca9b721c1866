"""
`python -m benchmarks`: measures every row, or those that are named, and prints one table.

Only ratios mean something: both sides are measured by turns in one run, on the same machine.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.report import plain_data, results, table
from benchmarks.rows import load
from benchmarks.runner import Runs, run

RUNS = 3


def parser() -> argparse.ArgumentParser:
    """Returns what reads the command line."""
    reads = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    reads.add_argument("--rows", nargs="+", metavar="NAME", help="only benchmarks whose names begin so")
    reads.add_argument("--runs", type=int, default=RUNS, help=f"how often each side is measured ({RUNS})")
    reads.add_argument("--short", action="store_true", help="one short run: that it runs, not what it says")
    reads.add_argument("--json", type=Path, metavar="FILE", help="write the figures of each run")
    reads.add_argument("--plots", type=Path, metavar="FOLDER", help="draw the ratios (extra: benchmarks)")
    reads.add_argument("--list", action="store_true", help="print the names of the benchmarks")
    return reads


def main() -> int:
    """Measures and prints; 0 unless a side cannot be measured."""
    options = parser().parse_args()
    chosen = {
        name: benchmark
        for name, benchmark in load().items()
        if options.rows is None or name.startswith(tuple(options.rows))
    }
    if options.list or not chosen:
        print("\n".join(chosen or load()))
        return 0 if chosen else 2
    found: dict[str, Runs] = {}
    began = time.monotonic()
    for name, benchmark in chosen.items():
        found[name] = run(benchmark, 1 if options.short else options.runs, _reporter(), short=options.short)
    lines = [line for name, benchmark in chosen.items() for line in results(benchmark, found[name])]
    print(table(lines))
    if options.json is not None:
        about = {
            "processors": os.cpu_count(),
            "machine": platform.machine(),
            "python": platform.python_version(),
            "runs": 1 if options.short else options.runs,
            "seconds": round(time.monotonic() - began),
        }
        options.json.write_text(json.dumps(plain_data(about, found), indent=1) + "\n")
    if options.plots is not None:
        from benchmarks.plots import draw

        draw(lines, options.plots)
    return 0


def _reporter() -> Callable[[str], None]:
    """Shows on a terminal what is measured just now."""
    if not sys.stderr.isatty():
        return lambda text: None
    return lambda text: print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
