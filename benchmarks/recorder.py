"""
What recording costs: the same session with and without, side by side in one run.

`python benchmarks/recorder.py` prints a table; the ratio is what counts, because both sides are
measured in turn on the same computer at the same time.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

from core.traced_sessions import SETTINGS, giving, recorded  # noqa: E402  # found by the line above

from odyssey_proto.client.client import Client  # noqa: E402
from odyssey_proto.seam.commands import Connect, EndStream, Interact, StartStream  # noqa: E402
from odyssey_proto.trace import Header, Recorder, Trace, TraceBuffer, difference, lines, read  # noqa: E402
from odyssey_proto.trace.redaction.redactor import redacted  # noqa: E402


def session(trace: Trace, buffer: bool) -> float:
    """Returns how long the steps of a session take, in seconds."""
    client: Any = Client(SETTINGS)
    if buffer:
        kept = TraceBuffer(Header(SETTINGS))
        client = Recorder(client, kept.after, kept.before)
    began = time.perf_counter()
    for step in trace.steps:
        client.step(step.at, step.inp)
        client.deadline  # noqa: B018  the driver asks for it after every step
    return time.perf_counter() - began


def timed(what: Callable[[], object]) -> float:
    """Returns how long something takes, in seconds."""
    began = time.perf_counter()
    what()
    return time.perf_counter() - began


def main() -> None:
    """Measures, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200, help="how often each side runs")
    rounds = parser.parse_args().rounds
    trace = recorded()
    steps = len(trace.steps)
    plain, traced = [], []
    for _ in range(rounds):
        plain.append(session(trace, buffer=False))
        traced.append(session(trace, buffer=True))
    without, recording = statistics.median(plain), statistics.median(traced)
    print(f"a session of {steps} steps, median of {rounds} rounds")
    print(f"  without a recorder  {without / steps * 1e6:8.1f} µs a step")
    print(f"  with a recorder     {recording / steps * 1e6:8.1f} µs a step, ratio {recording / without:.2f}")
    written = list(lines(trace))
    size = sum(len(line) + 1 for line in written)
    print(f"  a file has {size / steps:.0f} bytes a step")
    for name, what in {
        "write": lambda: list(lines(trace)),
        "read": lambda: read(written),
        "replay": lambda: difference(trace, Client),
        "export (redact, search, replay)": lambda: redacted(trace, Client),
    }.items():
        took = statistics.median(timed(what) for _ in range(max(3, rounds // 20)))
        print(f"  {name:32s} {took * 1e3:8.2f} ms, {took / steps * 1e6:.0f} µs a step")
    said = (
        Interact(f"Pet the cat number {number}, {number * 7919} times and again") for number in range(300)
    )
    long = recorded(giving([Connect(), StartStream("A cat"), *said, EndStream()]))
    took = statistics.median(timed(lambda: redacted(long, Client)) for _ in range(3))
    print(f"a session of {len(long.steps)} steps")
    print(f"  export {' ' * 25} {took * 1e3:8.2f} ms, {took / len(long.steps) * 1e6:.0f} µs a step")


if __name__ == "__main__":
    main()
