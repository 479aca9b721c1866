"""The benchmarks, a module for each subject; each has them in `BENCHMARKS`."""

from importlib import import_module
from pkgutil import iter_modules

from benchmarks.benchmark import Benchmark


def load() -> dict[str, Benchmark]:
    """Returns every benchmark by its name; modules import what they measure only when they measure."""
    found: dict[str, Benchmark] = {}
    for module in sorted(iter_modules(__path__), key=lambda module: module.name):
        for benchmark in import_module(f"{__name__}.{module.name}").BENCHMARKS:
            found[benchmark.name] = benchmark
    return found
