"""
`python -m benchmarks.page FIGURES`: writes docs/performance.md from the JSON of a run.

The figures stay beside the page, in docs/performance.json, so that it can be written anew.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.benchmark import OURS
from benchmarks.report import COLUMNS, Result, cells, results
from benchmarks.rows import load
from benchmarks.waterfall import bars, of_figures, of_floor

DOCS = Path(__file__).parent.parent / "docs"

SHOWN = "connect-50"
"""The benchmark whose waterfall is shown, and its round trip in milliseconds."""
SHOWN_ROUND_TRIP = 50.0

MIN_RUNS = 3
"""How many runs a judgement needs."""

HEAD = """# Performance

How fast the library is, measured by `python -m benchmarks` and written by `python -m benchmarks.page`.
Only ratios mean something: both sides were measured by turns in one run, on the same machine, each time in a fresh process.
Rows may be of different days, on which the machine was not equally fast: figures in different rows cannot be compared.
A ratio is the median over the runs, with the least and the greatest in parentheses.

- **plain** is what a good engineer writes in a day on aiohttp, websockets and aiortc (`benchmarks/plain`): every step after the one before and on a connection of its own, pings awaited for up to a second, the session token fetched again before the WebSocket, one loop for all, each frame converted there.
- **floor** is what the protocol forces (`benchmarks/floor.py` for a connect).

The service is the local one, in a process of its own, behind a network with a round trip: TCP is delayed by a proxy on loopback that adds the handshake, TLS ends behind it, and media are delayed in the service's own sockets.
There are three regions, of which one is slow and one never answers.
"""

COSTS = """## The three largest costs

Profiled on two processors, apart from the runs above.

- **A connect** without a round trip is the import of aiortc and PyAV, about half a second of it, which goes on in the media thread beside the requests; then the checks of ICE, which aiortc sends 20 ms apart, and two handshakes.
- **A REST call** costs 0.4 ms of the processor: a fifth is h11, a sixth the stream and its socket, a seventh the pool of connections, a quarter two steps of the core with what they read and check, and a twentieth their record in the trace; the rest is the caller's side, a task for the request, and five turns of the loop (by sampling; many calls at once have the core stepped for all of them in a turn of its own). h11 on a bare stream costs more than the whole call of aiohttp, whose parser is in C; no single function takes more than a twentieth.
- **A frame** of 1280x704 at 2.5 Mbit/s comes in nine packets: three fifths of what it costs are its decoding, by FFmpeg's own decoder, which takes three quarters of what aiortc's libvpx does; a third is the reading of its packets in the media thread, most of it by aiortc; and a fifteenth is the application's loop, which with aiortc alone does all the reading.
"""


def page(figures: Mapping[str, Any]) -> str:
    """Returns the page for the figures of a run."""
    about, runs = figures["about"], figures["runs"]
    found = [
        result
        for name, benchmark in load().items()
        if name in runs
        for result in results(benchmark, runs[name])
    ]
    machine = f"{about['processors']} processors ({about['machine']}), Python {about['python']}"
    where = f"{about['runs']} runs on {machine}"
    if about["runs"] < MIN_RUNS:
        where += ": too few, and beside other work, to judge by; they show what is measured"
    left_out = [name for name in load() if name not in runs]
    unmeasured = f"\n\nNot measured in this run: {', '.join(left_out)}." if left_out else ""
    rows = f"## The rows\n\n{where}.\n\n{_table(found)}{unmeasured}"
    parts = [HEAD, rows, _missed(found), _waterfalls(runs), COSTS]
    return "\n".join(part.strip() + "\n" for part in parts if part)


def _table(found: list[Result]) -> str:
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    return "\n".join([*lines, *("| " + " | ".join(cells(each)) + " |" for each in found)])


def _missed(found: list[Result]) -> str:
    missed = [each for each in found if each.reached is False]
    if not missed:
        return ""
    lines = ["## Rows that are not reached, and what stands in the way\n"]
    lines += [
        f"- {each.row.what} (against {each.row.against}): {each.row.in_the_way or 'not known yet'}."
        if each.ratio is not None
        else f"- {each.row.what}: {each.row.in_the_way or 'not known yet'}."
        for each in missed
    ]
    return "\n".join(lines)


def _waterfalls(runs: Mapping[str, Any]) -> str:
    ours = of_figures(runs[SHOWN][OURS][-1]) if SHOWN in runs else []
    if not ours:
        return ""
    return f"""## One connect at {SHOWN_ROUND_TRIP:.0f} ms

When each step began and ended, in milliseconds; a request counts the opening of its connection, unless that was opened ahead.

Ours:

```text
{bars(ours)}
```

The floor:

```text
{bars(of_floor(SHOWN_ROUND_TRIP))}
```
"""


def main(source: str) -> None:
    """Writes the page, and keeps the figures beside it."""
    figures = json.loads(Path(source).read_text())
    kept = DOCS / "performance.json"
    kept.write_text(json.dumps(figures, indent=1) + "\n")
    (DOCS / "performance.md").write_text(page(figures))


if __name__ == "__main__":
    main(*sys.argv[1:])
