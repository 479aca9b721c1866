"""`odyssey stream` and `odyssey simulate`, in this process against one local service, and at a terminal."""

import json
import os
import pty
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import httpx
import pytest
from house.command import ran
from PIL import Image

from odyssey.diagnosis import doctor
from odyssey_anyio.local.service import in_thread, serve
from odyssey_anyio.tracing.session_trace import SessionTrace
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.service.io.config import ServiceConfig

KEY = "ody_marked0123456789"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with in_thread(serve(ServiceConfig(moderated=["mouse"]))) as service:
        yield service.url


@pytest.fixture(autouse=True)
def environment(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ODYSSEY_API_URL", url)
    monkeypatch.setenv("ODYSSEY_API_KEY", KEY)
    monkeypatch.chdir(tmp_path)


def events(text: str) -> dict[str, dict[str, object]]:
    """Returns the last event of each kind."""
    return {event["event"]: event for event in map(json.loads, text.splitlines())}


def test_a_stream_that_is_steered_from_a_pipe(tmp_path: Path) -> None:
    Image.new("RGB", (300, 200), (200, 30, 30)).save(tmp_path / "red.png")
    options = ["--seconds", "2", "--landscape", "--image", "red.png"]
    done = ran("stream", "A cat", *options, given="Pet the cat\n\nA mouse\n")
    assert (done.returncode, done.stderr) == (0, "")
    for words in ("started: A cat", "prompt applied: Pet the cat", "A mouse: ", " fps ", "stream ended"):
        assert words in done.stdout
    assert done.stdout.endswith("disconnected\n")


def test_a_stream_for_a_program() -> None:
    done = ran("stream", "A cat", "--seconds", "2", "--json", given="Pet it\nA mouse")
    assert (done.returncode, done.stderr) == (0, "")
    seen = events(done.stdout)
    assert list(seen)[:2] == ["status", "started"]
    assert seen["applied"]["prompt"] == "Pet it"
    assert seen["refused"]["prompt"] == "A mouse"
    assert seen["progress"].keys() >= {"seconds", "received", "dropped", "fps", "age", "status"}
    assert seen["ended"]["stream_id"] == seen["started"]["stream_id"]


def test_the_end_of_a_stream_by_the_service_is_the_end_of_the_command() -> None:
    with in_thread(serve(ServiceConfig(stream_seconds=0.3))) as short:
        done = ran("stream", "A cat", "--seconds", "30", "--json", "--api-url", short.url)
    assert (done.returncode, done.stderr) == (1, "odyssey stream: the stream reached its limit of 0.3 s\n")
    assert '"event": "ended"' in done.stdout
    assert '"code": "STREAM_DURATION_EXCEEDED"' in done.stdout


def test_what_is_kept_has_the_sound_of_the_stream(tmp_path: Path) -> None:
    with in_thread(serve(ServiceConfig(audio=True))) as service:
        done = ran("stream", "A cat", "--seconds", "1.5", "--out", "cat.mkv", "--api-url", service.url)
    assert (done.returncode, done.stderr) == (0, "")
    with av.open("cat.mkv") as container:
        assert {each.type for each in container.streams} == {"video", "audio"}
        assert next(container.decode(audio=0)).sample_rate == 48_000


def test_a_trace_that_cannot_be_saved_hides_nothing() -> None:
    done = ran("recordings", "show", "nothing", "--trace", "missing/trace.jsonl")
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert "the trace cannot be written" not in first
    assert "the trace cannot be written" in second
    done = ran("recordings", "list", "--trace", "missing/trace.jsonl")
    assert done.returncode == 1
    assert "the trace cannot be written" in done.stderr


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def test_ctrl_c_ends_the_stream_and_says_goodbye(url: str, tmp_path: Path) -> None:
    main = threading.main_thread().ident or 0

    def interrupt() -> None:
        while not over.wait(0.05):
            if size(tmp_path / "cat.mp4"):
                signal.pthread_kill(main, signal.SIGINT)
                return

    over = threading.Event()
    other = threading.Thread(target=interrupt)
    other.start()
    try:
        done = ran("stream", "A cat", "--seconds", "30", "--out", "cat.mp4", "--trace", "trace.jsonl")
    finally:
        over.set()
        other.join()
    assert (done.returncode, done.stderr) == (130, "")
    assert "stream ended after" in done.stdout
    assert done.stdout.endswith("disconnected\n")
    with av.open("cat.mp4") as container:
        assert next(container.decode(video=0)).width == 704
    story = ran("trace", "show", "trace.jsonl").stdout
    assert "end" in story
    assert ran("trace", "replay", "trace.jsonl").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["A cat", "--seconds", "0"], "--seconds must be over 0"),
        (["A cat", "--seconds", "nan"], "--seconds must be over 0"),
        (["A cat", "--image", "nowhere.png"], "'nowhere.png' does not exist"),
        (["A cat", "--out", "cat.gif"], "the name of --out must end in .mp4, .webm, .mkv: cat.gif"),
        (["A cat", "--out", "nowhere/cat.mp4"], "there is no folder nowhere"),
        (["a\x1bb"], "the control character U+001B"),
        ([], "Missing argument 'PROMPT'"),
    ],
)
def test_a_stream_that_makes_no_sense(arguments: list[str], words: str) -> None:
    done = ran("stream", *arguments)
    assert (done.returncode, done.stderr.count("Traceback")) == (2, 0)
    assert words in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="there are no such terminals there")
def test_at_a_terminal_prompts_are_typed_while_it_runs(url: str) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-W", "error", "-m", "odyssey", "stream", "A cat"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120", "LINES": "30"}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        seen = until(ours, "fps")
        os.write(ours, "Pet hx\x7f\x7f\x1b[Ait möhr\x15Brush it\n".encode())
        seen += until(ours, "prompt applied: Brush it")
        os.write(ours, b"\x04")
        seen += until(ours, "disconnected")
        assert process.wait(20) == 0
    os.close(ours)
    assert "> " in seen
    assert "stream ended after" in seen


def until(descriptor: int, words: str) -> str:
    """Reads what a terminal shows until these words."""
    text = b""
    while words.encode() not in text:
        try:
            read = os.read(descriptor, 4096)
        except OSError:  # nobody writes any more
            read = b""
        assert read, f"the end, without {words!r}: {text.decode(errors='replace')}"
        text += read
    return text.decode(errors="replace")


SCRIPT = [
    {"timestamp_ms": 0, "start": {"prompt": "A cat"}},
    {"timestamp_ms": 300, "interact": {"prompt": "It wakes up"}},
    {"timestamp_ms": 600, "end": {}},
]
YAML = """
- timestamp_ms: 0
  start: {prompt: A cat}
- timestamp_ms: 600
  end: {}
"""


def test_a_simulation_is_waited_for_and_loaded(tmp_path: Path) -> None:
    (tmp_path / "script.json").write_text(json.dumps([SCRIPT, SCRIPT]))
    (tmp_path / "films").mkdir()
    done = ran("simulate", "script.json", "--wait", "--every", "0.1", "--out", "films", "--landscape")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("job ")
    assert " s  completed\n" in done.stdout
    films = done.stdout.splitlines()[-2:]
    for film in films:
        assert film.startswith("films/")
        with av.open(film) as container:
            assert next(container.decode(video=0)).width == 1280


def test_a_simulation_for_a_program(tmp_path: Path) -> None:
    done = ran("simulate", "-", "--json", given=YAML)
    assert (done.returncode, done.stderr) == (0, "")
    assert events(done.stdout)["queued"]["status"] in ("pending", "processing")
    done = ran("simulate", "-", "--json", "--wait", "--every", "0.1", given=YAML)
    assert done.returncode == 0
    *_, file, completed = map(json.loads, done.stdout.splitlines())
    assert completed["stream_ids"] == [file["stream_id"]]
    assert Path(file["path"]).stat().st_size == file["bytes"]


@pytest.mark.parametrize(
    ("given", "options", "words"),
    [
        ("[]", [], "a script is a list of entries"),
        ("{}", [], "a script is a list of entries"),
        ("[{", [], "line 1: it is neither JSON nor YAML"),
        ("- timestamp_ms: 0\n  start: {}", [], "entry 0: start has no prompt"),
        (YAML, ["--out", "."], "--out goes with --wait"),
        (YAML, ["--local"], "--local goes with --wait"),
        (YAML, ["--wait", "--out", "nowhere"], "there is no folder nowhere"),
        (
            YAML,
            ["--wait", "--every", "nan"],
            "--every must be a number of seconds above 0 and at most 1,000,000,000, not nan",
        ),
        (
            YAML,
            ["--wait", "--timeout", "-1"],
            "--timeout must be a number of seconds above 0 and at most 1,000,000,000, not -1",
        ),
    ],
)
def test_a_simulation_that_makes_no_sense(given: str, options: list[str], words: str) -> None:
    done = ran("simulate", "-", *options, given=given)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    (said,) = map(json.loads, ran("simulate", "-", *options, "--json", given=given).stdout.splitlines())
    assert said["error"].keys() == {"code", "message", "hint", "retryable"}
    assert words in said["error"]["message"]
    assert ran("simulate", "nowhere.yaml").returncode == 2


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Everything that is made a secret in this process."""
    found: set[str] = set()
    make, save = Secret.__init__, SessionTrace.save

    def collecting(self: Secret, text: str) -> None:
        found.add(text)
        make(self, text)

    def saving(self: SessionTrace, *arguments: Any) -> Path:
        # What stands in the file instead of secrets is none.
        with monkeypatch.context() as patch:
            patch.setattr(Secret, "__init__", make)
            return save(self, *arguments)

    monkeypatch.setattr(Secret, "__init__", collecting)
    monkeypatch.setattr(SessionTrace, "save", saving)
    return found


def test_no_command_prints_a_secret(
    url: str, secrets: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the key nor a token nor the address of a file, in either form, also when it goes wrong."""
    monkeypatch.setattr(doctor, "WATCH_SECONDS", 0.1)
    (tmp_path / "key").write_text(KEY)
    (tmp_path / "script.json").write_text(json.dumps(SCRIPT))
    printed = ran("stream", "A cat", "--seconds", "0.3", "--json", "--trace", "trace.jsonl").stdout
    stream_id = str(events(printed)["started"]["stream_id"])
    for arguments in (
        ["stream", "A mouse", "--seconds", "0.3"],
        ["simulate", "script.json", "--json", "--api-key-file", "key"],
        ["recordings", "list"],
        ["recordings", "list", "--json"],
        ["recordings", "show", stream_id],
        ["recordings", "show", stream_id, "--json"],
        ["recordings", "download", stream_id],
        ["recordings", "show", "nothing"],
        ["recordings", "list", "--api-url", "http://127.0.0.1:9"],
        ["demo", "--seconds", "0.1", "--prompt", "A cat"],
        ["doctor", "--trace", "doctor.jsonl"],
        ["doctor", "--no-stream", "--json"],
        ["doctor", "--api-url", "http://127.0.0.1:9"],
    ):
        done = ran(*arguments)
        printed += done.stdout + done.stderr
    known = frozenset(secrets)  # What a trace is read with stands for secrets, and is none.
    for arguments in (
        ["trace", "show", "trace.jsonl", "--all"],
        ["trace", "show", "doctor.jsonl", "--json"],
        ["trace", "html", "doctor.jsonl", "-o", "-"],
        ["trace", "replay", "doctor.jsonl"],
        ["trace", "redact", "trace.jsonl", "-"],
        ["trace", "diff", "trace.jsonl", "doctor.jsonl"],
    ):
        done = ran(*arguments)
        printed += done.stdout + done.stderr
    printed += (tmp_path / "trace.jsonl").read_text() + (tmp_path / "doctor.jsonl").read_text()
    assert KEY in known
    assert len(known) > 5
    assert [secret for secret in known if len(secret) > 6 and secret in printed] == []
    (address,) = {httpx.URL(each).path for each in files_of(url, stream_id)}
    assert address not in printed
    assert "signature" not in printed.lower()


def test_a_service_prints_no_secret_of_its_clients(
    secrets: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the key that it was given nor the tokens that it hands out, also where it logs."""
    command = [sys.executable, "-m", "odyssey", "serve", "--verbose", "--key", KEY]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline()
        assert process.stdout.readline() == f"export ODYSSEY_API_URL={address}"
        monkeypatch.setenv("ODYSSEY_API_URL", address.strip())
        assert ran("stream", "A cat", "--seconds", "0.1").returncode == 0
        process.terminate()
        printed = process.stdout.read()
        assert process.wait(20) == 143
    assert "the client leaves" in printed
    assert KEY in secrets
    assert [secret for secret in secrets if len(secret) > 6 and secret in printed] == []


def files_of(url: str, stream_id: str) -> list[str]:
    """Returns the address of the video, as the service gives it to a client."""
    with httpx.Client(base_url=url) as http:
        token = http.post("/auth/token", json={"api_key": KEY}).json()["access_token"]
        found = http.get(f"/recordings/{stream_id}", headers={"authorization": f"Bearer {token}"})
    return [found.json()["video_url"]]
