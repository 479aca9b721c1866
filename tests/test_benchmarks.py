"""The longer jobs, as short as they can be: that they run, not what they measure."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from house.turn_server import TURNSERVER

from benchmarks.benchmark import FLOOR, OURS, PLAIN, Benchmark, Row, Side
from benchmarks.floor import ROUND_TRIPS, seconds_to_picture
from benchmarks.networks import connects_in_words, figures, table
from benchmarks.page import page
from benchmarks.plots import draw
from benchmarks.report import cells, results
from benchmarks.rows import load
from benchmarks.runner import Runs

ROOT = Path(__file__).parent.parent

SCRIPTS = {
    "hosts.py": ["--rounds", "1", "--seconds", "0.6"],
    "recorder.py": ["--rounds", "3"],
}


ALIKE = {"connect-20", "connect-100", "connect-200"}
"""The same as another, at other round trips."""

QUICK = {"core", "import", "rest-connections"}
"""Those that take two seconds or so; `.ci/run` asks for the others as well."""


def chosen() -> list[Any]:
    """Returns the name of each benchmark to try, the slow ones marked as such."""
    names = sorted(set(load()) - ALIKE)
    return [name if name in QUICK else pytest.param(name, marks=pytest.mark.long) for name in names]


def ended(*command: str | Path) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, *command]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=115, check=False)


@pytest.mark.long
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_runs(name: str) -> None:
    done = ended("-W", "error", ROOT / "benchmarks" / name, *SCRIPTS[name])
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) > 2


@pytest.mark.long
@pytest.mark.skipif(not Path("/dev/net/tun").exists(), reason="this machine has no TUN interfaces")
def test_connects_over_slow_links_are_measured() -> None:
    done = ended("-m", "benchmarks.networks", "--connects", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("ours: 1 connects, until the first picture: median ") == 2


def test_connects_have_a_median_and_failures() -> None:
    words = connects_in_words(
        [
            {"seconds": 2.0, "failure": ""},
            {"seconds": 45.0, "failure": "late"},
            {"seconds": 1.0, "failure": ""},
        ]
    )
    assert words.startswith("3 connects")
    assert words.endswith("median 2.0 s, from 1.0 to 45.0 s, 1 failed")


def test_what_a_link_forces_is_its_round_trips_and_what_is_lost_in_them() -> None:
    assert seconds_to_picture() == 0
    assert seconds_to_picture(round_trip=0.3) == pytest.approx(13 * 0.3)
    # Of 13 exchanges 9 / 16 fail before each succeeds, on average.
    assert seconds_to_picture(loss=0.2) == pytest.approx(13 * 9 / 16 * 0.2, abs=0.2)
    assert seconds_to_picture(0.3, 0.2) == seconds_to_picture(0.3) + seconds_to_picture(loss=0.2)


def test_what_came_of_a_client_is_read_from_what_was_seen() -> None:
    seen = [
        {"what": "status", "status": "connected", "at": 10.1},
        {"what": "frame", "at": 10.5, "age": 0.1},
        {"what": "broken picture", "at": 11.0},
        {"what": "status", "status": "reconnecting", "at": 12.0},
        {"what": "frame", "at": 14.0, "age": 0.3},
    ]
    ours = figures(seen, 10.0, 15.0)
    assert ours == {"frozen": 3.5, "corrupt": 1, "reported": 2.0, "age": pytest.approx(200)}
    lines = table({"fog": {"ours": ours, "plain": figures([], 10.0, 15.0)}}).splitlines()
    assert "ours / plain" in lines[0]
    assert lines[2] == "| fog | 3.5 / 5.0 | 1 / 0 | 2.0 / – | 200 / – |"


@pytest.mark.long
@pytest.mark.timeout(120)
@pytest.mark.skipif(TURNSERVER is None, reason="there is no turnserver here (Debian's coturn)")
@pytest.mark.skipif(not Path("/dev/net/tun").exists(), reason="this machine has no TUN interfaces")
def test_a_bad_network_is_measured(tmp_path: Path) -> None:
    file = tmp_path / "networks.json"
    done = ended("-m", "benchmarks.networks", "--conditions", "for 1 s", "--json", file)
    assert done.returncode == 0, done.stdout + done.stderr
    sides = json.loads(file.read_text())["the link away for 1 s"]
    assert set(sides) == {"ours", "plain"}
    assert sides["ours"]["corrupt"] == 0
    assert sides["ours"]["frozen"] >= 1


@pytest.mark.long
@pytest.mark.timeout(120)
def test_nothing_is_left_of_a_few_rounds_with_a_restart(tmp_path: Path) -> None:
    plot = tmp_path / "soak.svg"
    done = ended("-m", "benchmarks.soak", "--rounds", "5", "--seconds", "0.3", "--plot", plot)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 rounds, 1 recoveries" in done.stdout
    assert done.stdout.splitlines()[-1] == "nothing grew"
    assert "<svg" in plot.read_text()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", chosen())
def test_every_side_of_a_benchmark_can_be_measured(name: str, tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    done = ended("-m", "benchmarks", "--short", "--rows", name, "--json", figures)
    assert done.stderr == ""
    assert done.returncode == 0
    found = json.loads(figures.read_text())["runs"]
    for each, benchmark in load().items():
        if each.startswith(name):
            assert set(found[each]) == set(benchmark.sides)
            assert all(row.figure in found[each][row.of][0] for row in benchmark.rows)
            assert all(row.what in done.stdout for row in benchmark.rows)


async def nothing(setting: object) -> dict[str, float]:
    return {}


SIDES = {OURS: Side(nothing), PLAIN: Side(nothing), FLOOR: Side(nothing)}
RUNS: Runs = {
    OURS: [{"time": 1.0}, {"time": 3.0}, {"time": 2.0}],
    PLAIN: [{"time": 4.0}, {"time": 4.0}, {"time": 4.0}],
    FLOOR: [{"time": 2.0}, {"time": 2.0}, {"time": 2.0}],
}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (Row("it", "time", "ms", goal=0.5), ("≤ 0.5", "reached")),
        (Row("it", "time", "ms", goal=0.4), ("≤ 0.4", "not reached")),
        (Row("it", "time", "ms", goal=0.6, at_least=True), ("≥ 0.6", "not reached")),
        (Row("it", "time", "ms", limit=2), ("≤ 2 ms", "reached")),
        (Row("it", "time", "ms"), ("", "")),
    ],
)
def test_a_row_has_both_ratios_their_spread_and_its_goal(row: Row, said: tuple[str, str]) -> None:
    (result,) = results(Benchmark("one", SIDES, (row,)), RUNS)
    assert cells(result) == (
        *("it", "ms", "2", "–", "4 plain", "2", "0.50 (0.25 to 0.75)", "1.00 (0.50 to 1.50)"),
        *said,
    )


def test_the_floor_of_a_connect_is_sixteen_round_trips() -> None:
    assert ROUND_TRIPS == 16


def test_a_page_has_the_rows_what_is_missed_and_the_waterfalls() -> None:
    ours = {"ready": 900.0, "began: GET /regions": 0.0, "ended: GET /regions": 50.0}
    runs = {"connect-50": {OURS: [ours], PLAIN: [{"ready": 2700.0}], FLOOR: [{"ready": 800.0}]}}
    about = {"runs": 1, "processors": 2, "machine": "x", "python": "3"}
    text = page({"about": about, "runs": runs})
    for part in (
        "| connect() to ready, cold, 50 ms round trip | ms | 900 | – | 2,700 plain | 800 | 0.33",
        "| not reached |",
        "the floor counts nothing but round trips",
        "GET /regions      0     50  ████",
        "POST /sessions/request",
    ):
        assert part in text
    assert "connect() again" not in text, "nothing was found for it"


def test_ratios_are_drawn(tmp_path: Path) -> None:
    drawn = draw(results(Benchmark("one", SIDES, (Row("it", "time", "ms", goal=0.5),)), RUNS), tmp_path)
    assert [path.name for path in drawn] == ["one.svg"]
    assert "<svg" in drawn[0].read_text()
