"""The dataset of clips: its table and its results; and the whole, with what kills it."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import av
import psutil
import pytest

from examples.dataset.__main__ import report
from examples.dataset.clip import make_clip
from examples.dataset.results import Results
from examples.dataset.table import Row, read_table
from odyssey_anyio.local.service import in_thread, serve
from odyssey_proto.service.io.config import ServiceConfig
from tests.test_examples import EXAMPLES

CAT = Row("cat", "A cat", 2.0)
DOG = Row("dog", "A dog", 2.0)


# --- the table ------------------------------------------------------------------------------------


def table(folder: Path, *lines: str) -> Path:
    path = folder / "prompts.csv"
    path.write_text("\n".join(lines))
    return path


def test_a_table_is_read(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "label,prompt,seconds,orientation,take",
        "cat,A cat,2,,",
        'dog,"A dog, running",1.5,portrait,3',
    )
    assert read_table(path) == [CAT, Row("dog", "A dog, running", 1.5, True, 3)]
    assert len(read_table(EXAMPLES / "dataset" / "prompts.csv")) == 6


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("cat,A cat,long,portrait,1", "long"),
        ("cat,A cat,nan,portrait,1", "nan"),
        ("cat,A cat,0,portrait,1", "more than 0"),
        ("cat,,2,portrait,1", "no prompt"),
        ("cat,A cat,2,round,1", "round"),
        ("cat,A cat", "NoneType"),
        ("cat,A cat,2,,1\ncat,A cat,2,,1", "row 3: it stands twice"),
    ],
)
def test_a_row_that_cannot_be_is_named(tmp_path: Path, line: str, says: str) -> None:
    path = table(tmp_path, "label,prompt,seconds,orientation,take", line)
    with pytest.raises(ValueError, match=r"prompts\.csv, row \d: ") as raised:
        read_table(path)
    assert says in str(raised.value)


def test_a_key_depends_on_the_row_and_on_nothing_else() -> None:
    assert CAT.key == Row("cat", "A cat", 2.0).key
    others = [DOG, Row("cat", "A cat", 3.0), Row("cat", "A cat", 2.0, True), Row("cat", "A cat", 2.0, take=2)]
    assert len({row.key for row in (CAT, *others)}) == 5


# --- the results ----------------------------------------------------------------------------------


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return Results(tmp_path / "out")


def add_clip(results: Results, row: Row, body: bytes = b"video") -> dict[str, Any]:
    written = results.new_clip(row)
    written.write_bytes(body)
    return results.add_clip(row, written, {"frames": 24})


def test_a_clip_has_its_result(results: Results) -> None:
    result = add_clip(results, CAT)
    assert Path(results.folder, result["file"]).read_bytes() == b"video"
    assert result["sha256"] == hashlib.sha256(b"video").hexdigest()
    assert (result["label"], result["prompt"], result["frames"], result["bytes"]) == ("cat", "A cat", 24, 5)
    assert results.has_clip(CAT)
    assert results.of(CAT) == result
    assert not results.has_clip(DOG)


def test_a_clip_that_is_gone_or_cut_is_made_again(results: Results) -> None:
    clip = results.folder / add_clip(results, CAT)["file"]
    clip.write_bytes(b"vid")
    assert not results.has_clip(CAT)
    clip.unlink()
    assert not results.has_clip(CAT)


def test_what_failed_is_made_again(results: Results) -> None:
    results.add(CAT, {"error": {"message": "no capacity"}})
    assert not results.has_clip(CAT)
    add_clip(results, CAT)
    assert results.has_clip(CAT)


def test_who_is_killed_before_the_result_leaves_no_clip(
    results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(results, "add", killed)
        with pytest.raises(SystemExit):
            add_clip(results, CAT)
    assert not results.has_clip(CAT)
    add_clip(results, CAT)
    assert results.has_clip(CAT)


def test_two_workers_at_the_same_row_leave_a_result_that_is_right(results: Results) -> None:
    first, second = add_clip(results, CAT, b"one"), add_clip(results, CAT, b"two")
    results.add(CAT, {name: first[name] for name in ("file", "bytes", "sha256")})
    for each in (first, second):
        body = Path(results.folder, each["file"]).read_bytes()
        assert hashlib.sha256(body).hexdigest() == each["sha256"]
    assert results.has_clip(CAT)


def test_the_manifest_is_in_the_order_of_the_table(results: Results) -> None:
    bird = Row("bird", "A bird", 2.0)
    add_clip(results, DOG)
    results.add(CAT, {"error": {"message": "no capacity"}})
    lines = results.write_manifest([CAT, bird, DOG]).read_text().splitlines()
    assert [json.loads(line)["label"] for line in lines] == ["cat", "dog"]
    assert ["file" in json.loads(line) for line in lines] == [False, True]


def test_what_was_never_finished_goes(results: Results) -> None:
    results.new_clip(CAT).write_bytes(b"half")
    add_clip(results, DOG)
    results.remove_unfinished()
    assert [path.parent.name for path in results.folder.rglob("*.webm")] == ["clips"]


def test_a_task_that_dies_each_time_has_a_result(
    results: Results, capsys: pytest.CaptureFixture[str]
) -> None:
    report(CAT, results, RuntimeError("the worker died"))
    assert not results.has_clip(CAT)
    assert "the worker died" in (results.of(CAT) or {})["error"]["message"]
    assert capsys.readouterr().out.startswith("failed: A cat: ")


def test_a_result_in_a_folder_that_is_not_shared_is_missed(
    results: Results, capsys: pytest.CaptureFixture[str]
) -> None:
    report(CAT, results, None)
    assert not results.has_clip(CAT)
    assert "the worker wrote its result, but not into" in capsys.readouterr().out


def test_a_clip_that_is_there_is_not_made(results: Results) -> None:
    made = add_clip(results, CAT)
    assert anyio.run(make_clip, CAT, results, nullcontext(), dict) == made


# --- the whole ------------------------------------------------------------------------------------

WAIT_SECONDS = 90


def until[T](found: Callable[[], T | None]) -> T:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if (result := found()) is not None:
            return result
        time.sleep(0.05)
    raise AssertionError("it never came")


@contextmanager
def program(url: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Runs the example, and leaves none of its workers."""
    settings = {"ODYSSEY_API_URL": url, "ODYSSEY_API_KEY": "ody_example"}
    # A killed worker's place comes back after that.
    settings["DASK_DISTRIBUTED__SCHEDULER__LOCKS__LEASE_TIMEOUT"] = "5s"
    settings["DASK_DISTRIBUTED__SCHEDULER__LOCKS__LEASE_VALIDATION_INTERVAL"] = "500ms"
    process = subprocess.Popen(
        [sys.executable, "-m", "dataset", *arguments],
        cwd=EXAMPLES,
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def worker_that_records(process: subprocess.Popen[str]) -> psutil.Process | None:
    """Returns the worker that has a clip open, once there is something in it."""
    for child in psutil.Process(process.pid).children(recursive=True):
        with suppress(psutil.Error):
            for file in child.open_files():
                if "/unfinished/" in file.path and Path(file.path).stat().st_size:
                    return child
    return None


@pytest.mark.long
@pytest.mark.timeout(240)
def test_a_run_that_is_stopped_and_loses_a_worker_loses_no_clip(tmp_path: Path) -> None:
    lines = [f"cat,A cat,{seconds},,{take}" for take, seconds in enumerate((1, 2, 2, 2, 1), 1)]
    path = table(tmp_path, "label,prompt,seconds,orientation,take", *lines)
    rows, results = read_table(path), Results(tmp_path / "out")
    arguments = (str(path), str(results.folder), "--sessions", "2", "--workers", "3")

    def made() -> list[Row] | None:
        return [row for row in rows if results.has_clip(row)] or None

    # A session that a killed run had reserved and not joined counts until it is given up.
    with in_thread(serve(ServiceConfig(concurrent=2, unclaimed_seconds=10))) as service:
        with program(service.url, *arguments):
            until(made)
        before = {row: results.of(row) for row in made() or []}
        assert 0 < len(before) < len(rows)
        with program(service.url, *arguments) as process:
            until(lambda: worker_that_records(process)).kill()
            said, _ = process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == 0, said
    assert said.startswith(f"{len(before)} of 5 clips are there")
    assert {row: results.of(row) for row in before} == before
    manifest = [json.loads(line) for line in (results.folder / "manifest.jsonl").read_text().splitlines()]
    assert [line["key"] for line in manifest] == [row.key for row in rows]
    assert len({line["session_id"] for line in manifest}) == 5
    for row, line in zip(rows, manifest, strict=True):
        body = (results.folder / line["file"]).read_bytes()
        assert (hashlib.sha256(body).hexdigest(), len(body)) == (line["sha256"], line["bytes"])
        assert 0 < line["recorded_seconds"] < row.seconds + 1
        with av.open(str(results.folder / line["file"])) as file:
            assert sum(1 for _ in file.decode(video=0)) == line["frames"]


@pytest.mark.long
@pytest.mark.timeout(120)
def test_a_clip_that_cannot_be_made_has_its_trace(tmp_path: Path) -> None:
    """The account has room for less than was said: who finds it full asks again."""
    path = table(tmp_path, "label,prompt,seconds", "cat,A cat,1", "bad,A forbidden cat,1")
    results = Results(tmp_path / "out")
    with (
        in_thread(serve(ServiceConfig(moderated=("forbidden",), concurrent=1))) as service,
        program(service.url, str(path), str(results.folder)) as process,
    ):
        said, _ = process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == 1, said
    cat, bad = (json.loads(line) for line in (results.folder / "manifest.jsonl").read_text().splitlines())
    assert "error" not in cat
    assert not bad["error"]["retryable"]
    assert (results.folder / bad["trace"]).stat().st_size
