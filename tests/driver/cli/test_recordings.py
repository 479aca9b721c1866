"""`odyssey recordings`, and the options of every command that talks to a service."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import anyio
import av
import pytest
from house.command import ran

from odyssey import Odyssey
from odyssey_anyio.local.service import in_thread, serve

ROOT = Path(__file__).parents[3]

KEY = "ody_marked0123456789"


async def streamed(url: str) -> str:
    async with Odyssey(KEY, api_url=url) as client:
        await client.connect()
        async with client.stream("A cat", portrait=False) as stream:
            async for _ in stream.frames():
                break
    return stream.stream_id


@pytest.fixture(scope="module")
def service() -> Iterator[tuple[str, str]]:
    """A service with one recording: its address, and the id of the stream."""
    with in_thread(serve()) as local:
        yield local.url, anyio.run(streamed, local.url)


@pytest.fixture(autouse=True)
def environment(service: tuple[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("ODYSSEY_API_URL", service[0])
    monkeypatch.setenv("ODYSSEY_API_KEY", KEY)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.chdir(tmp_path)
    yield
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_a_list_of_recordings(service: tuple[str, str]) -> None:
    done = ran("recordings", "list")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{service[1]}   1280x704" in done.stdout
    (line,) = ran("recordings", "list", "--json").stdout.splitlines()
    assert json.loads(line)["stream_id"] == service[1]


def test_a_file_on_standard_output(service: tuple[str, str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "odyssey", "recordings", "download", service[1], "--out", "-"]
    wanted = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=50, check=True).stdout
    ran("recordings", "download", service[1], "--out", str(tmp_path / "video.mp4"))
    assert wanted == (tmp_path / "video.mp4").read_bytes()
    for more in (["--json"], ["--file", "video", "--file", "events"]):
        done = ran("recordings", "download", service[1], "--out", "-", *more)
        assert done.returncode == 2
        assert "--out cannot be standard output: that takes one file" in done.stderr
    assert not Path("-").exists()


def test_a_signal_ends_a_download_that_nobody_reads(service: tuple[str, str]) -> None:
    reads, writes = os.pipe()
    fcntl.fcntl(writes, fcntl.F_SETPIPE_SZ, 4096)
    command = [sys.executable, "-m", "odyssey", "recordings", "download", service[1], "--out", "-"]
    with subprocess.Popen(command, cwd=ROOT, stdout=writes, stderr=subprocess.PIPE) as process:
        os.close(writes)
        try:
            assert os.read(reads, 1), "the command has begun to print"
            process.send_signal(signal.SIGTERM)
            assert (process.wait(50), process.stderr and process.stderr.read()) == (143, b"")
        finally:
            # Whatever waits for a reader goes on.
            os.close(reads)


def test_a_limit_that_is_none_is_refused() -> None:
    done = ran("recordings", "list", "--limit", "0")
    assert (done.returncode, done.stderr) == (2, "odyssey recordings list: --limit must be 1 or more\n")


def test_a_list_that_nobody_reads_is_no_error() -> None:
    reads, writes = os.pipe()
    os.close(reads)
    command = [sys.executable, "-m", "odyssey", "recordings", "list"]
    done = subprocess.run(
        command, cwd=ROOT, stdout=writes, stderr=subprocess.PIPE, text=True, timeout=50, check=False
    )
    os.close(writes)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_recording_is_shown_without_the_addresses_of_its_files(service: tuple[str, str]) -> None:
    shown = json.loads(ran("recordings", "show", service[1], "--json").stdout)
    assert {"video", "thumbnail", "events"} <= set(shown["files"])
    done = ran("recordings", "show", service[1])
    assert "video" in done.stdout
    assert "http" not in done.stdout


def test_files_are_downloaded(service: tuple[str, str], tmp_path: Path) -> None:
    done = ran("recordings", "download", service[1], "--file", "video", "--file", "events", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    video, events = map(json.loads, done.stdout.splitlines())
    assert (video["file"], events["file"]) == ("video", "events")
    assert (tmp_path / events["path"]).stat().st_size == events["bytes"]
    with av.open(str(tmp_path / video["path"])) as container:
        assert next(container.decode(video=0)).width == 1280


def test_no_recordings_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODYSSEY_API_KEY", "ody_somebody_else")
    assert ran("recordings", "list").stdout == "there are no recordings\n"


def test_what_goes_wrong_is_a_line_and_an_object() -> None:
    done = ran("recordings", "show", "nothing", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["code"] == "request.not_found"
    assert done.stderr.startswith("odyssey recordings show: could not get the recording: not found")


@pytest.mark.parametrize("command", [("list",), ("show", "one"), ("download", "one")])
def test_a_local_service_of_this_command_has_recorded_nothing(command: tuple[str, ...]) -> None:
    done = ran("recordings", *command, "--local")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--local starts a service of its own, which has recorded nothing" in done.stderr
    assert "--local" not in ran("recordings", command[0], "--help").stdout


@pytest.mark.parametrize(
    ("command", "offered"), [(("recordings", "list"), False), (("stream", "A cat"), True)]
)
def test_without_a_key_a_local_service_is_offered_where_it_has_something(
    command: tuple[str, ...], offered: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ODYSSEY_API_KEY")
    assert ("try it with --local" in ran(*command).stderr) is offered


def test_a_service_that_has_recorded_nothing() -> None:
    with in_thread(serve()) as empty:
        done = ran("recordings", "list", "--api-url", empty.url)
    assert done.stdout == "there are no recordings\n"


def test_a_key_from_a_file(service: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ODYSSEY_API_KEY")
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    done = ran("recordings", "list", "--api-key-file", file, "--api-url", service[0], "--trace", "t.jsonl")
    assert service[1] in done.stdout
    assert KEY not in done.stdout + done.stderr + (tmp_path / "t.jsonl").read_text()
    assert ran("trace", "replay", "t.jsonl").returncode == 0


@pytest.mark.parametrize(
    ("options", "key", "words"),
    [
        ([], "", "there is no API key: set ODYSSEY_API_KEY, or give --api-key-file FILE"),
        (["--api-key-file", "nowhere"], KEY, "cannot read the API key from nowhere: No such file"),
        (["--api-key-file", "empty"], KEY, "there is no API key"),
        (["--api-key-file", "two"], KEY, "there is more than one API key in two"),
        (["--api-key-file", "binary"], KEY, "cannot read the API key from binary: it is no text"),
        (["--local", "--api-url", "http://127.0.0.1:1"], KEY, "--local starts a service of its own"),
        (["--api-url", "nonsense"], KEY, "api_url"),
        (["--limit", "0"], KEY, "--limit"),
    ],
)
def test_a_service_that_cannot_be_meant(
    options: list[str], key: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ODYSSEY_API_KEY", key)
    (tmp_path / "empty").touch()
    (tmp_path / "two").write_text(f"{KEY}\nody_other\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    done = ran("recordings", "list", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_no_service_there() -> None:
    done = ran("recordings", "list", "--api-url", "http://127.0.0.1:9")
    assert (done.returncode, done.stdout) == (1, "")
    assert "the connection was refused (127.0.0.1:9)" in done.stderr


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_command(number: signal.Signals, status: int) -> None:
    """Of a service that never answers."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:

        def interrupt() -> None:
            with silent.accept()[0]:
                signal.pthread_kill(threading.main_thread().ident or 0, number)
                over.wait(10)

        over = threading.Event()
        other = threading.Thread(target=interrupt)
        other.start()
        done = ran("recordings", "list", "--api-url", f"http://127.0.0.1:{silent.getsockname()[1]}")
        over.set()
        other.join()
    assert (done.returncode, done.stdout, done.stderr) == (status, "", "")
