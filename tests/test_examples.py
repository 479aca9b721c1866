"""The examples run, each as a program of its own, against servers that share nothing with them."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import pytest
from house.file_server import FileServer
from house.independent_service import Relay
from house.server_thread import server_thread

from odyssey_anyio.local.service import in_thread, serve
from odyssey_proto.service.io.config import TYPICAL_REPLY_SECONDS, ServiceConfig
from odyssey_proto.service.io.faults import Cut, Fault, Moment
from odyssey_proto.service.live.streamer import expanded

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(name: str, url: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLES / name, *arguments],
        env={**os.environ, "ODYSSEY_API_URL": url, "ODYSSEY_API_KEY": "ody_example"},
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@contextmanager
def serving(**settings: Any) -> Iterator[str]:
    """Runs a local service of its own beside the programs, and returns its address."""
    config = ServiceConfig(reply_seconds=TYPICAL_REPLY_SECONDS, **settings)
    with in_thread(serve(config)) as service:
        yield service.url


LOOPS = pytest.mark.parametrize("loop", ["asyncio", pytest.param("trio", marks=pytest.mark.long)])


def run_on(loop: str, name: str, url: str, folder: Path = EXAMPLES) -> str:
    """Runs the `main` of an example on a loop, whichever it names itself."""
    program = (
        f"import anyio, runpy; anyio.run(runpy.run_path({str(EXAMPLES / name)!r})['main'], backend={loop!r})"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=folder,
        env={**os.environ, "ODYSSEY_API_URL": url, "ODYSSEY_API_KEY": "ody_example"},
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_core_runs_under_another_http_library() -> None:
    relay = Relay(regions=("here", "there"))
    with server_thread(relay.application) as stand:
        assert run("own_http.py", stand.url) == "here\nthere\n"
    assert relay.asked == [("POST", "/auth/token"), ("GET", "/regions")]


def test_a_session_is_saved_and_replayed(tmp_path: Path) -> None:
    with serving() as url:
        lines = run("a_trace.py", url, str(tmp_path / "cat.jsonl")).splitlines()
    assert re.fullmatch(r"\d+ steps, all the same again", lines[0])
    assert "Pet the cat" not in (tmp_path / "cat.jsonl").read_text()


@LOOPS
def test_a_simulation_is_watched_and_its_video_loaded(loop: str, tmp_path: Path) -> None:
    depot = FileServer()
    with server_thread(depot.application) as stand:
        lines = run_on(loop, "simulate.py", stand.url, tmp_path).splitlines()
    assert lines == ["pending", "dispatched", "processing", "completed", "stream-1.mp4"]
    assert (tmp_path / "stream-1.mp4").read_bytes() == depot.body


@LOOPS
def test_a_simulation_and_its_files_of_the_local_service(loop: str, tmp_path: Path) -> None:
    with serving() as url:
        *states, video = run_on(loop, "simulate.py", url, tmp_path).splitlines()
        assert "Pet the cat" in run_on(loop, "credentials.py", url)
        recorded, *lines = run_on(loop, "recordings.py", url, tmp_path).splitlines()
    assert states[-1] == "completed"
    with av.open(tmp_path / video) as file:
        assert (file.streams.video[0].width, file.streams.video[0].height) == (1280, 704)
        frames = sum(1 for _ in file.decode(video=0))
        assert abs(frames / file.streams.video[0].average_rate - 10) < 0.1
    name = recorded.split()[0]
    assert lines[-1].endswith(" s: end")
    assert {path.name for path in tmp_path.iterdir()} == {video, "recordings"}
    assert {path.name for path in (tmp_path / "recordings").iterdir()} == {f"{name}.mp4", f"{name}.jpg"}


@LOOPS
def test_recordings_are_listed_and_loaded(loop: str, tmp_path: Path) -> None:
    depot = FileServer()
    depot.body = b'{"timestamp_ms": 0, "start": {"prompt": "A cat"}}\n{"timestamp_ms": 1500, "end": {}}\n'
    size = len(depot.body)
    with server_thread(depot.application) as stand:
        lines = run_on(loop, "recordings.py", stand.url, tmp_path).splitlines()
    files = ["recordings/stream-1.mp4", "recordings/stream-1.jpg"]
    assert lines == ["stream-1 704x1280", f"{size} of {size} bytes", *files, "0.0 s: start", "1.5 s: end"]
    assert {path.name for path in (tmp_path / "recordings").iterdir()} == {"stream-1.mp4", "stream-1.jpg"}


def test_the_quick_start_runs_unchanged() -> None:
    with serving() as url:
        lines = run("quick_start.py", url).splitlines()
    (ready,) = [line for line in lines if line.startswith("Ready: ")]
    assert ready != "Ready: "
    assert lines.count("Frame: 704x1280") > 3
    assert set(lines) == {ready, "Frame: 704x1280"}


@pytest.mark.parametrize("loop", ["asyncio", "trio", "anyio"])
def test_the_recommended_form_runs_on(loop: str) -> None:
    with serving() as url:
        prompt, shape = run(f"on_{loop}.py", url).splitlines()
    assert shape == "(704, 1280, 3)"
    assert "Pet the cat" in prompt


def test_the_recommended_form_is_the_same_on_every_loop() -> None:
    programs = [(EXAMPLES / f"on_{loop}.py").read_text() for loop in ("asyncio", "trio", "anyio")]
    bodies = {program.partition("async def main")[2].partition("if __name__")[0] for program in programs}
    assert len(bodies) == 1


@LOOPS
def test_a_stream_from_an_image(loop: str) -> None:
    with serving() as url:
        frame, code = run_on(loop, "image_to_video.py", url).splitlines()
    assert frame.startswith("<VideoFrame 1280x704")
    assert code == "image.unknown_kind"


@LOOPS
def test_limits_of_time(loop: str) -> None:
    with serving(stream_seconds=3) as url:
        lines = run_on(loop, "limits.py", url).splitlines()
    assert [line.partition(":")[0] for line in lines] == ["A cat", "A cat", "A dog", "A dog"]
    assert lines[1::2] == ["A cat: ended by us", "A dog: ended by us"]
    left = [float(line.split()[-3]) for line in lines[::2]]
    assert all(0 < each <= 1.5 for each in left)


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_a_broadcast_is_watched(loop: str) -> None:
    with serving() as url:
        assert run_on(loop, "spectate.py", url) == "watching 704x1280\n"


# --- lost sessions --------------------------------------------------------------------------------


@contextmanager
def losing(fault: Fault) -> Iterator[dict[str, str]]:
    """Runs a local service with a fault, and returns the environment of a program that uses it."""
    with serving(capacity=1, faults=(fault,)) as url:
        yield {**os.environ, "ODYSSEY_API_URL": url, "ODYSSEY_API_KEY": "ody_example"}


def test_a_program_survives_a_lost_session() -> None:
    command = [sys.executable, "-W", "error", str(EXAMPLES / "reconnect.py")]
    with losing(Cut(Moment.START)) as environment:
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stderr is not None
        with process.stdout, process.stderr:
            try:
                assert [process.stdout.readline() for _ in range(30)] == ["704 1280\n"] * 30
            finally:
                process.kill()
                process.wait()
            assert process.stderr.readline().startswith("reconnecting, attempt 1 in ")


def test_a_program_decides_for_itself_what_follows_a_loss() -> None:
    command = [sys.executable, "-W", "error", str(EXAMPLES / "own_recovery.py")]
    with losing(Cut(Moment.UPDATE)) as environment:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=50)
    assert done.stdout.splitlines() == ["reconnecting", "A cat: lost", f"A dog: {expanded('It runs')}"]
    assert done.returncode == 0
