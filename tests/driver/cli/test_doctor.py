"""`odyssey doctor`: a table for people, an object for programs, an exit status, and the trace."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from house.command import ran

from odyssey.diagnosis import doctor
from odyssey_anyio.local.service import in_thread, serve
from odyssey_proto.service.io.config import ServiceConfig

KEY = "ody_marked0123456789"


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    """A service that knows one key."""
    with in_thread(serve(ServiceConfig(keys=[KEY]))) as local:
        yield local.url


@pytest.fixture(autouse=True)
def environment(service: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("ODYSSEY_API_URL", service)
    monkeypatch.setenv("ODYSSEY_API_KEY", KEY)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(doctor, "WATCH_SECONDS", 0.2)
    monkeypatch.chdir(tmp_path)
    yield
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_all_is_well_and_the_trace_is_kept(tmp_path: Path) -> None:
    done = ran("doctor", "--trace", "doctor.trace")
    assert (done.returncode, done.stderr) == (0, "")
    assert "✓   first frame" in done.stdout
    assert "Not tried: proxy, TLS" in done.stdout
    assert "The trace, without its secrets: doctor.trace" in done.stdout
    assert KEY not in done.stdout + (tmp_path / "doctor.trace").read_text()


def test_what_failed_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODYSSEY_API_KEY", "ody_another_key")
    done = ran("doctor")
    assert done.returncode == 1
    # The words of the service stand between the verdict and the advice that refers to them.
    verdict, words, advice = done.stdout.split("\n  API key: ")
    assert verdict.endswith("API key: the service does not know this API key.")
    assert words.startswith("could not get access with the API key: ")
    assert advice.startswith("Check the key")
    assert "another_key" not in done.stdout + done.stderr


def test_programs_get_one_object() -> None:
    done = ran("doctor", "--no-stream", "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, done.stderr, found["ok"]) == (0, "", True)
    states = {check["name"]: check["state"] for check in found["checks"]}
    assert (states["media connection"], states["stream"]) == ("ok", "not tried")


def test_a_local_service_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ODYSSEY_API_KEY")
    assert ran("doctor", "--local", "--no-stream").returncode == 0
    assert ran("doctor").returncode == 2


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("--api-url", "nowhere"), 2, "api_url"),
        (("--no-stream", "--trace", "missing/doctor.trace"), 1, "the trace cannot be written"),
    ],
)
def test_what_cannot_be_done_is_one_line(arguments: tuple[str, ...], status: int, words: str) -> None:
    done = ran("doctor", *arguments)
    assert done.returncode == status
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
