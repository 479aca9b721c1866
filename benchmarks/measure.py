"""
Measures one side of one benchmark once, in this process.

`python -m benchmarks.measure BENCHMARK SIDE SETTING`, with the setting in JSON, prints its figures as JSON.
"""

import json
import sys

import anyio

from benchmarks.benchmark import Setting
from benchmarks.rows import load


def main(name: str, side: str, setting: str) -> None:
    """Measures and prints."""
    what = load()[name].sides[side]
    figures = anyio.run(what.measure, Setting(**json.loads(setting)), backend=what.backend)
    print(json.dumps(figures))


if __name__ == "__main__":
    main(*sys.argv[1:])
