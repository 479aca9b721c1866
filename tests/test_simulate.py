"""`python -m odyssey.simulate`: what it prints, what it saves of a run that fails, and how it ends."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import pytest

from odyssey import simulate
from odyssey.simulate import Batch, fails, plan_of, report, run_batch, run_sessions, save
from odyssey_proto.client.client import Client
from odyssey_proto.testing.simulation import Coverage, Plan, Run
from odyssey_proto.testing.simulation.run import Make
from odyssey_proto.testing.simulation.run import simulate as one_run
from odyssey_proto.trace import check, fresh, read

ROOT = Path(__file__).parent.parent


@pytest.mark.long
def test_what_is_found_does_not_depend_on_the_number_of_processes() -> None:
    batch = run_batch("jobs", 0, simulate.RUNS_AT_ONCE)
    assert batch.begun >= 300
    assert batch.failed == []
    assert run_sessions("jobs", 300, 2) == batch


def test_it_prints_the_edges_and_ends_with_1_if_one_is_missing(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-m", "odyssey.simulate", "--sessions", "10", "--jobs", "1"]
    done = subprocess.run(
        [*command, "--save", tmp_path], cwd=ROOT, capture_output=True, text=True, timeout=55, check=False
    )
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert "  disconnected -> authenticating: " in done.stdout
    assert "  stream IDLE client InteractiveStreamStart: " in done.stdout
    assert "sessions begun" in lines[-1]
    assert lines[-1].endswith("0 runs failed")
    assert done.returncode == int("FOUND: no run has taken" in done.stdout)


def test_a_run_that_fails_is_made_small_and_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("odyssey_proto.testing.simulation.run.MAX_STEPS", 25)
    batch = run_batch("broken", 0, 3)
    assert batch.failed
    first = Batch(coverage=Coverage(), failed=batch.failed[:1])
    found = list(report(first, "broken", tmp_path))
    (said,) = [number for number, line in enumerate(found) if line.startswith("FOUND: run")]
    assert found[said].endswith("AssertionError: no machine runs in circles")
    assert found[said + 1].startswith("  Plan(")
    for file in found[said + 2 :]:
        assert read(Path(file.strip()).read_text().splitlines()).steps


def test_where_every_run_fails_the_command_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(plan: Plan) -> Run:
        raise AssertionError("broken")

    monkeypatch.setattr(simulate, "simulate", broken)
    monkeypatch.setattr(simulate, "ProcessPoolExecutor", ThreadPoolExecutor)
    monkeypatch.setattr(simulate, "limited", nullcontext)
    batch = run_sessions("broken", 1000, 1)
    assert batch.begun == 0
    assert batch.failed == list(range(simulate.RUNS_AT_ONCE))


@pytest.mark.skipif(sys.platform == "win32", reason="there is no timer for it")
def test_a_run_that_hangs_is_ended_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hangs(plan: Plan, make: Make = Client) -> Run:
        run = one_run(plan, make)
        while plan.seed == b"hung/1":
            pass
        return run

    monkeypatch.setattr(simulate, "simulate", hangs)
    monkeypatch.setattr("odyssey_proto.testing.simulation.shrinking.simulate", hangs)
    monkeypatch.setattr(simulate, "MAX_RUN_SECONDS", 0.5)
    batch = run_batch("hung", 0, 3)
    assert (batch.hung, batch.failed) == ([1], [])
    found = list(report(batch, "hung", tmp_path))
    (said,) = [number for number, line in enumerate(found) if line.startswith("FOUND: run")]
    assert found[said].startswith("FOUND: run 1 of seed hung hangs")
    assert found[said + 1] == f"  {plan_of('hung', 1)}"
    assert len(found[said + 2 :]) == plan_of("hung", 1).clients
    assert not fails(plan_of("hung", 1)), "a smaller plan that hangs is not the one that was looked for"


def test_a_run_that_hangs_ends_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def one_hangs(seed: str, first: int, runs: int) -> Batch:
        return Batch(begun=1, processor_seconds=1.0, hung=[first])

    monkeypatch.setattr(simulate, "ProcessPoolExecutor", ThreadPoolExecutor)
    monkeypatch.setattr(simulate, "run_batch", one_hangs)
    monkeypatch.setattr(sys, "argv", ["simulate", "--jobs", "1", "--save", str(tmp_path)])
    assert simulate.main() == 1
    printed = capsys.readouterr().out
    assert "FOUND: run 0 of seed 0 hangs" in printed
    assert printed.rstrip().endswith("1 runs failed")


def test_a_saved_run_replays(tmp_path: Path) -> None:
    files = save(plan_of("saved", 0), tmp_path)
    assert len(files) == plan_of("saved", 0).clients
    for file in files:
        check(read(file.read_text().splitlines()), fresh)
