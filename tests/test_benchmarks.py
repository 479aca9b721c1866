"""The longer jobs, as short as they can be: that they run, not what they measure."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"

SMOKE = {
    "hosts.py": ["--rounds", "1", "--seconds", "0.6"],
    "many_tasks.py": ["--rounds", "1", "--tasks", "50"],
    "recorder.py": ["--rounds", "3"],
    "soak.py": ["--sessions", "3", "--seconds", "0.2", "--every", "1"],
}


def test_each_has_a_short_form() -> None:
    assert {path.name for path in BENCHMARKS.glob("*.py")} == set(SMOKE)


@pytest.mark.parametrize("name", SMOKE)
def test_it_runs(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", BENCHMARKS / name, *SMOKE[name]],
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) > 2
