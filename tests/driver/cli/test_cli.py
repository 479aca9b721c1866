"""The commands as a user runs them: in a process of their own."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import pytest
import typer
from house.command import ran
from PIL import Image

from odyssey import __version__
from odyssey.cli import main
from odyssey.cli.commands import COMMANDS

COMMAND = [sys.executable, "-W", "error", "-m", "odyssey"]


def run(*arguments: str, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*COMMAND, *arguments], cwd=cwd, capture_output=True, text=True, timeout=50, check=False
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("stream", "A cat", "--bogus"),
        ("nothing",),
        ("trace", "show", "nowhere.jsonl"),
        ("doctor", "--api-url", "ftp://somewhere"),
        ("recordings", "list"),
    ],
)
def test_a_program_gets_every_error_as_an_object(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ODYSSEY_API_KEY", raising=False)
    done = ran(*arguments, "--json")
    assert done.returncode == 2
    (said,) = map(json.loads, done.stdout.splitlines())
    assert said["error"].keys() == {"code", "message", "hint", "retryable"}
    assert said["error"]["message"] in done.stderr


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Runs the demo once; returns what it printed and where its results are."""
    home = tmp_path_factory.mktemp("demo")
    Image.new("RGB", (300, 200), (200, 30, 30)).save(home / "red.png")
    arguments = [
        "--landscape",
        "--image",
        "red.png",
        "--seconds",
        "0.9",
        "--prompt",
        "A cat",
        "--prompt",
        "At night",
    ]
    done = run("demo", *arguments, cwd=home)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout, home / "odyssey-demo"


def test_the_demo_tells_what_happens(shown: tuple[str, Path]) -> None:
    for words in (
        "local service at http://127.0.0.1:",
        "connected",
        "started: A cat",
        "prompt applied: At night",
        "received",
        "delivered",
        "dropped",
        "1280x704",
        "stream ended",
        "disconnected",
        "clip.mp4",
    ):
        assert words in shown[0]


def test_the_demo_keeps_a_playable_clip(shown: tuple[str, Path]) -> None:
    with av.open(str(shown[1] / "clip.mp4")) as container:
        frames = list(container.decode(video=0))
    assert len(frames) > 5
    assert (frames[0].width, frames[0].height) == (1280, 704)
    times = [frame.time for frame in frames]
    assert times == sorted(set(times))


def test_the_demo_shows_how_the_prompts_changed_the_picture(shown: tuple[str, Path]) -> None:
    sheet = np.asarray(Image.open(shown[1] / "sheet.png").convert("RGB")).astype(int)
    one, two = sheet[:700, :1280], sheet[:700, -1280:]
    assert sheet.shape[1] == 2 * 1280 + 16
    assert np.abs(one - two).mean() > 2
    assert one[20, 640, 0] > one[20, 640, 2] + 60, "the red image is the background"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["demo", "--seconds", "0"], "--seconds must be over 0"),
        (["demo", "--seconds", "nan"], "--seconds must be over 0"),
        (["demo", "--image", "nowhere.png"], "'nowhere.png' does not exist"),
        (["demo", "--out", "/proc/nowhere/x"], "cannot make the folder"),
        (["demo", "--prompt", "a", "--prompt", " "], "--prompt is empty"),
        (["demo", "--prompt", "a\x1bb"], "--prompt holds the control character U+001B"),
        (["demo", "--seconds", "7"], "--seconds must be over 0 and at most 6.6 for 3 prompts"),
        (["demo", "--out", "-"], "--out cannot be standard output: it is a folder"),
        (["stream", "--local", "A cat", "--out", "-"], "--out cannot be standard output: what"),
        (["stream", "--local", "A cat", "--trace", "-"], "--trace cannot be standard output: what"),
        (["serve", "--port", "70000"], "'--port': a port is a whole number from 0 to 65535, not 70000"),
        (["serve", "--capacity", "-1"], "--capacity must be a whole number from 0 to 10,000, not -1"),
        (["serve", "--concurrent", "-1"], "--concurrent must be a whole number of 0 or more, not -1"),
        (
            ["serve", "--idle-seconds", "0"],
            "--idle-seconds must be a number above 0 and at most 1,000,000,000",
        ),
        (["serve", "--allow-origin", "example.com"], "an origin looks like https://example.com:8443"),
        (["serve", "--allow-script-origin", "x"], "an origin looks like https://example.com:8443"),
        (["serve", "--host", "nowhere.invalid"], "the host name nowhere.invalid is unknown"),
        (["serve", "--host", "::1%nowhere"], "the host name ::1%nowhere is unknown"),
        (["dance"], "No such command 'dance'"),
        ([], "Missing command"),
        (["--dance"], "No such option: --dance"),
        (["serve", "--dance"], "No such option: --dance"),
        (["serve", "--port", "x"], "'--port': a whole number is wanted, not x"),
        (["serve", "--capacity", "x"], "'--capacity': a whole number is wanted, not x"),
        (["demo", "--seconds", "x"], "'--seconds': a number of seconds is wanted, not x"),
        (["serve", "--key-file", "nowhere"], "cannot read the API key from nowhere: No such file"),
        (["serve", "--key-file", os.devnull], f"there is no API key in {os.devnull}"),
        (["serve", "--fault", "x"], "'x' is not one of 'failing-service'"),
        (["trace", "show", "nowhere"], "odyssey trace show: cannot read nowhere"),
        (["trace", "html"], "odyssey trace html: Missing argument 'FILE'; odyssey trace html --help says"),
        (["trace", "dance"], "odyssey trace: No such command 'dance'; odyssey trace --help says"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert printed.err.startswith("odyssey")
    assert words in printed.err


def test_a_port_that_is_taken_is_an_error_that_names_it(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", "--port", str(port)]) == 2
    said = f"odyssey serve: cannot listen at loopback, port {port}: Address already in use\n"
    assert capsys.readouterr().err == said


def test_the_version_is_that_of_the_library() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"odyssey {__version__}\n", "")


def test_an_output_that_is_closed_is_no_error() -> None:
    closed = [shutil.which("sh") or "sh", "-c", 'exec "$@" >&-', "sh"]
    done = subprocess.run([*closed, *COMMAND, "--version"], capture_output=True, timeout=50, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("command", ["serve", "stream A --local", "view --local --no-open"])
def test_a_pipe_that_nobody_reads_ends_a_command_without_a_word(command: str) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    done = subprocess.run(
        [*COMMAND, *command.split()],
        stdin=subprocess.DEVNULL,
        stdout=writes,
        stderr=subprocess.PIPE,
        timeout=50,
        check=False,
    )
    os.close(writes)
    assert (done.returncode, done.stderr) == (0, b"")


def test_help_lists_every_command_and_loads_none(capsys: pytest.CaptureFixture[str]) -> None:
    program = (
        "import sys; from odyssey.cli import main; assert main(['--help']) == 0; "
        "assert not {'anyio', 'av', 'numpy', 'odyssey.cli.demo', 'odyssey_proto'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    for name in COMMANDS:
        assert f" {name} " in done.stdout


def test_without_the_extra_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "typer", None)
    monkeypatch.delitem(sys.modules, "odyssey.cli.commands", raising=False)
    assert main(["demo"]) == 2
    said = "odyssey: the command line needs the extra 'cli': pip install 'odyssey-client[cli]'\n"
    assert capsys.readouterr().err == said


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_can_complete(
    shell: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    assert main(["--show-completion", shell]) == 0
    assert "_ODYSSEY_COMPLETE" in capsys.readouterr().out


def test_completion_is_installed_for_a_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert main(["--install-completion", "bash"]) == 0
    assert "completion installed" in capsys.readouterr().out
    assert "_ODYSSEY_COMPLETE" in (tmp_path / ".bash_completions" / "odyssey.sh").read_text()


def test_completion_knows_commands_and_their_options(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_ODYSSEY_COMPLETE", "complete_bash")
    for words, at, found in (("odyssey se", 1, "serve"), ("odyssey serve --stream", 2, "--stream-seconds")):
        monkeypatch.setenv("COMP_WORDS", words)
        monkeypatch.setenv("COMP_CWORD", str(at))
        assert main([]) == 0
        assert found in capsys.readouterr().out.split()


def commands() -> Iterator[tuple[str, Any]]:
    """Returns every command that can be run, with its full name."""
    for name in COMMANDS:
        command = typer.main.get_command(import_module(f"odyssey.cli.{name}").app)
        inner = getattr(command, "commands", {})
        yield from ((f"{name} {each}", found) for each, found in inner.items())
        if not inner:
            yield name, command


@pytest.mark.parametrize(("name", "command"), [pytest.param(*each, id=each[0]) for each in commands()])
def test_every_command_has_an_example_and_says_what_its_options_are_without(name: str, command: Any) -> None:
    assert command.help
    assert f"\nodyssey {name}" in command.epilog
    for each in command.params:
        assert each.help
        valued = each.param_type_name == "option" and not each.is_flag
        assert not valued or each.show_default or each.default is not None, each.name


@pytest.mark.parametrize(("keys", "words"), [([], "with any key"), (["--key", "ody_x"], "one of the keys")])
def test_listening_to_everybody_is_said(keys: list[str], words: str) -> None:
    arguments = [*COMMAND, "serve", "--host", "0.0.0.0", *keys]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 143
    assert "whoever can reach this machine at 0.0.0.0 can use the service" in errors
    assert words in errors


def test_what_goes_wrong_in_the_demo_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "odyssey-demo" / "clip.mp4").mkdir(parents=True)
    done = run("demo", "--seconds", "0.3", cwd=tmp_path)
    assert done.returncode == 1
    clip = Path("odyssey-demo") / "clip.mp4"
    assert done.stderr == f"odyssey demo: the file cannot be written: [Errno 21] Is a directory: '{clip}'\n"


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGTERM to be handled there")
def test_a_demo_that_is_terminated_says_goodbye_and_finishes_its_clip(tmp_path: Path) -> None:
    arguments = ["demo", "--seconds", "6", "--landscape"]
    with subprocess.Popen(
        [*COMMAND, *arguments], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        while "frames: " not in (line := process.stdout.readline()):
            assert line
        process.send_signal(signal.SIGTERM)
        said, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (143, "")
    assert "disconnected" in said
    with av.open(str(tmp_path / "odyssey-demo" / "clip.mp4")) as container:
        assert list(container.decode(video=0))


def test_every_limit_of_the_service_can_be_set() -> None:
    arguments = [
        "--suspended-key",
        "ody_denied",
        "--moderate",
        "mouse",
        "--no-images",
        "--audio",
        "--concurrent",
        "1",
    ]
    with subprocess.Popen(
        [*COMMAND, "serve", "--json", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        url = said["url"]
        assert said["environment"] == {"ODYSSEY_API_URL": url, "ODYSSEY_API_KEY": "ody_local"}
        with httpx.Client(base_url=url) as http:
            denied = http.post("/auth/token", json={"api_key": "ody_denied"})
            assert denied.status_code == 403
            token = http.post("/auth/token", json={"api_key": "ody_fine"}).json()["access_token"]
            asks = {"headers": {"authorization": f"Bearer {token}"}, "json": {}}
            granted = http.post("/sessions/request", **asks)
            assert granted.json()["capabilities"]["image_to_video"] is False
            assert http.post("/sessions/request", **asks).status_code == 429
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


@pytest.mark.skipif(os.name == "nt", reason="signals cannot be sent to one process there")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_serve_prints_its_address_and_stops_at_a_signal(number: signal.Signals, status: int) -> None:
    with subprocess.Popen(
        [*COMMAND, "serve"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        export = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        assert export == f"export ODYSSEY_API_URL={url} ODYSSEY_API_KEY=ody_local"
        assert httpx.get(f"{url}/nowhere").status_code in (401, 404)
        process.send_signal(number)
        _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (status, "")


TRACES = Path(__file__).parents[2] / "traces" / "1"


@contextmanager
def serving(name: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Serves a trace; returns its address."""
    arguments = ["serve", "--fast", "--trace", str(TRACES / name)]
    pipe = subprocess.PIPE
    with subprocess.Popen([*COMMAND, *arguments], stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), process


def test_a_recording_is_served_until_it_was_played() -> None:
    with serving("refused-key.jsonl") as (url, process):
        refused = httpx.post(f"{url}/auth/token", json={"api_key": "ody_anything"})
        assert refused.status_code == 401
        _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")


def test_what_differs_from_a_trace_is_reported_at_the_end() -> None:
    with serving("refused-key.jsonl") as (url, process):
        assert httpx.get(f"{url}/regions").status_code == 400
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "HTTP: GET /regions: not in the trace" in errors
    assert "HTTP: POST /auth/token: in the trace, but it did not come" in errors


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--fast"], "--fast goes with --trace FILE"),
        (["--trace", str(TRACES / "cut.jsonl")], "steps are missing"),
        (["--trace", str(TRACES / "none.jsonl")], "No such file"),
    ],
)
def test_a_recording_that_cannot_be_served_is_refused(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", *arguments]) == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert words in printed.err
