"""
`python -m benchmarks.networks`: what users see in bad networks, of the library and of the plain client.

Service and client each have a network namespace of their own (tests/support/house), which takes a machine
that allows them, and Debian's coturn.
`--before FOLDER` also watches an older checkout of the library, by the same service.
It takes about half a minute for each client in each network.
`--connects N` instead has the library connect so many times over links on which that takes long, each time
until the first picture.
docs/reliability.md has the figures of `docs/networks.json`, where `--json docs/networks.json` puts them.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.floor import seconds_to_picture
from benchmarks.network.conditions import CONDITIONS, Condition, Stage

ROOT = Path(__file__).parent.parent
SUPPORT = ROOT / "tests" / "support"
VIEWER = str(ROOT / "benchmarks" / "network" / "viewer.py")

SLOW_LINKS: Mapping[str, tuple[Mapping[str, float], float]] = {
    "loses 20 % of its packets": ({"loss": 0.2}, seconds_to_picture(loss=0.2)),
    "has a round trip of 300 ms": ({"delay": 0.15}, seconds_to_picture(round_trip=0.3)),
}
"""The links over which only connects are measured, each with the seconds that it forces."""

RUNNING_SECONDS = 4.0
"""For how long a stream runs before a condition strikes."""

CONNECT_SECONDS = 45.0

type Figures = dict[str, float | None]
"""What came of one client in one network, by `COLUMNS`; nothing where it never came to that."""

COLUMNS = {
    "frozen": "longest time without a whole picture, s",
    "corrupt": "broken pictures",
    "reported": "reported after, s",
    "age": "median age of whole pictures, ms",
}


def main() -> int:
    """Measures and prints; 0 unless a client cannot be watched."""
    reads = argparse.ArgumentParser(prog="python -m benchmarks.networks", description=__doc__)
    reads.add_argument("--conditions", nargs="+", metavar="WORDS", help="only those whose names contain them")
    reads.add_argument("--before", type=Path, metavar="FOLDER", help="an older checkout of the library")
    reads.add_argument("--json", type=Path, metavar="FILE", help="write the figures into those of a file")
    reads.add_argument("--connects", type=int, metavar="N", help="only connects, over slow links")
    options = reads.parse_args()
    if options.connects is not None and options.connects < 1:
        reads.error("--connects takes a number above 0")
    before = {} if options.before is None else {"before": ("ours", options.before.resolve())}
    sides = {"ours": ("ours", ROOT), **before, "plain": ("plain", ROOT)}
    sys.path.insert(0, str(SUPPORT))
    if options.connects is not None:
        libraries = [(side, library) for side, (program, library) in sides.items() if program == "ours"]
        for name, (link, forced) in SLOW_LINKS.items():
            print(f"Connects over a link that {name}, where {forced:.1f} s are forced:")
            for side, library in libraries:
                print(f"  {side}: {connects_in_words(connects(library, options.connects, link))}", flush=True)
        return 0
    found: dict[str, dict[str, Figures]] = {}
    for condition in CONDITIONS:
        if options.conditions and not any(words in condition.name for words in options.conditions):
            continue
        found[condition.name] = {}
        for side, (program, library) in sides.items():
            found[condition.name][side] = measure(condition, program, library)
            print(condition.name, side, found[condition.name][side], file=sys.stderr, flush=True)
        if options.json is not None:
            _keep(options.json, found)
    print(table(found))
    return 0


def _keep(file: Path, found: Mapping[str, Mapping[str, Figures]]) -> None:
    """Writes figures beside those of other networks in a file, in the order of the networks."""
    earlier: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    kept = {**earlier, **found}
    ordered = {each.name: kept[each.name] for each in CONDITIONS if each.name in kept}
    file.write_text(json.dumps(ordered, indent=1) + "\n")


def measure(condition: Condition, program: str, library: Path) -> Figures:
    """Watches one client in one network."""
    from house.far_programs import Relays, watching

    with tempfile.TemporaryDirectory() as folder, closing(Relays(Path(folder))) as relays:
        url = relays.service(*condition.servers(relays))
        with watching((VIEWER, program), relays.link, url, environment=_importing(library)) as viewer:
            stage = Stage(viewer, relays, set())
            (condition.strike if condition.from_start else condition.usual)(stage)
            began = viewer.until(lambda each: each["what"] == "connecting", "begin")["at"]
            if not condition.from_start:
                _wait_for_picture(viewer)
                viewer.watch(RUNNING_SECONDS)
                began = time.time()
                condition.strike(stage)
            viewer.watch(condition.lasts)
            if condition.watched:
                condition.usual(stage)
                viewer.watch(condition.watched)
            return figures([each for each in viewer.seen if each["at"] >= began], began, time.time())


def _importing(library: Path) -> dict[str, str]:
    return {"PYTHONPATH": f"{library}:{ROOT}:{SUPPORT}"}


def connects(library: Path, count: int, link: Mapping[str, float]) -> list[Mapping[str, Any]]:
    """Returns of each of so many connects how many `seconds` it took, and its `failure` if it was none."""
    from house.far_programs import Service, watching

    with (
        closing(Service()) as service,
        watching((VIEWER, "connects"), service.link, service.url, environment=_importing(library)) as viewer,
    ):
        viewer.link.become(**link)
        tried = [viewer.until(lambda each: each["what"] == "tried", "end") for _ in range(count)]
        viewer.link.become()
    return tried


def connects_in_words(tried: Sequence[Mapping[str, Any]]) -> str:
    """Returns what came of connects in a line; one that failed counts with the time until then."""
    took = sorted(each["seconds"] for each in tried)
    failed = sum(bool(each["failure"]) for each in tried)
    return (
        f"{len(took)} connects, until the first picture: median {statistics.median(took):.1f} s,"
        f" from {took[0]:.1f} to {took[-1]:.1f} s, {failed} failed"
    )


def _wait_for_picture(viewer: Any) -> None:
    until = time.monotonic() + CONNECT_SECONDS
    while not viewer.count("frame") and time.monotonic() < until:
        viewer.watch(0.1)


REPORTS = ("status", "stalled", "error")
"""What reports to a user that something is wrong, but for the statuses that say that nothing is."""

_GOOD = {"authenticating", "connecting", "connected"}


def figures(seen: Iterable[Mapping[str, Any]], began: float, ended: float) -> Figures:
    """Returns what came of a client, from what was seen between two times."""
    seen = list(seen)
    whole = [each for each in seen if each["what"] == "frame"]
    reports = [each["at"] for each in seen if each["what"] in REPORTS and each.get("status") not in _GOOD]
    times = [began, *(each["at"] for each in whole), ended]
    return {
        "frozen": max(after - before for before, after in pairwise(times)),
        "corrupt": sum(each["what"] == "broken picture" for each in seen),
        "reported": reports[0] - began if reports else None,
        "age": statistics.median(each["age"] for each in whole) * 1000 if whole else None,
    }


def table(found: Mapping[str, Mapping[str, Figures]]) -> str:
    """Returns the figures as a table: a row for each network, in each cell the sides beside each other."""
    sides = " / ".join(next(iter(found.values())))
    lines = [f"| network, since it is so: {sides} | {' | '.join(COLUMNS.values())} |"]
    lines.append(f"|---|{'---|' * len(COLUMNS)}")
    for name, by_side in found.items():
        cells = (" / ".join(_cell(figures[column]) for figures in by_side.values()) for column in COLUMNS)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(figure: float | None) -> str:
    if figure is None:
        return "–"
    return f"{figure:.1f}" if isinstance(figure, float) and figure < 100 else f"{figure:.0f}"


if __name__ == "__main__":
    sys.exit(main())
