"""
For pytest: a local service for each test, and sessions that are recorded once and played after.

Nothing of the library is loaded before a test asks for a fixture.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from odyssey.testing.session_files import SessionFiles

KEY = "ody_test"
"""The key that tests use: good at the local service, and nowhere else."""

AGAIN = "If that is meant, record it anew by --odyssey-record=all."

MODES = ("once", "none", "all")

_failed = pytest.StashKey[bool]()


class OdysseyServer(NamedTuple):
    """Address and key for the application under test; environment variables have both during the test."""

    url: str
    """What a client takes as `api_url`."""
    api_key: str
    recording: bool = False
    """Whether this run is being recorded."""

    def __repr__(self) -> str:
        return f"<OdysseyServer {self.url}{', recording' if self.recording else ''}>"

    @property
    def env(self) -> dict[str, str]:
        """The variables from which a client takes both."""
        return {"ODYSSEY_API_URL": self.url, "ODYSSEY_API_KEY": self.api_key}


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("odyssey", "sessions with the Odyssey service")
    group.addoption(
        "--odyssey-record",
        choices=MODES,
        help="record the sessions of tests that use odyssey_trace: once, where there is no trace yet "
        "(the default); none, so that a missing trace is an error; all, anew",
    )
    group.addoption(
        "--odyssey-api-url",
        metavar="URL",
        help="record against this service, with the key in ODYSSEY_API_KEY; without it, a local one",
    )
    parser.addini("odyssey_record", "what --odyssey-record is unless it is given", default="once")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "odyssey_service(**settings): settings of the local service (fields of ServiceConfig)"
    )
    config.addinivalue_line(
        "markers",
        "odyssey_trace(name, fast=True, strict=True): the file of a test's trace, from its folder on; "
        "whether it is played without its own times; whether the core must answer as it did",
    )
    if (mode := config.getini("odyssey_record")) not in MODES:
        raise pytest.UsageError(f"odyssey_record is one of {', '.join(MODES)}, not {mode!r}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = yield
    item.stash[_failed] = item.stash.get(_failed, False) or not report.passed
    return report


@pytest.fixture
def odyssey_service(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[OdysseyServer]:
    """A local service for the length of the test: real HTTP, WebSocket and WebRTC on loopback."""
    with _local(request.node) as server:
        _point(monkeypatch, server)
        yield server


@pytest.fixture
def odyssey_trace(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[OdysseyServer]:
    """The sessions of the test: recorded when there is no trace yet, played and compared after."""
    from odyssey.testing.session_files import SessionFileError

    node = request.node
    mode = request.config.getoption("--odyssey-record") or request.config.getini("odyssey_record")
    try:
        mark = node.get_closest_marker("odyssey_trace")
        take, fast, strict = _wanted(node, *mark.args, **mark.kwargs) if mark is not None else _wanted(node)
        if mode == "all" or (mode == "once" and not take.files):
            with _upstream(node) as server:
                _point(monkeypatch, server)
                with _recorded(node, take, monkeypatch, tmp_path / "odyssey"):
                    yield server
        else:
            with _replayed(node, take, fast=fast, strict=strict) as server:
                _point(monkeypatch, server)
                yield server
    except SessionFileError as error:
        problem = f"odyssey_trace: {error}"
    else:
        return
    pytest.fail(problem, pytrace=False)


def _point(monkeypatch: pytest.MonkeyPatch, server: OdysseyServer) -> None:
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("ODYSSEY_TRACE_DIR", raising=False)


def _wanted(
    node: pytest.Item, name: str | None = None, *, fast: bool = True, strict: bool = True
) -> tuple["SessionFiles", bool, bool]:
    """Returns what the mark of a test says."""
    from odyssey.testing.session_files import files_named, files_of

    test = node.nodeid.partition("::")[2].replace("::", "-")
    return files_of(node.path, test) if name is None else files_named(node.path, name), fast, strict


@contextmanager
def _local(node: pytest.Item, *, recording: bool = False) -> Iterator[OdysseyServer]:
    from odyssey_anyio.local.service import in_thread, serve
    from odyssey_proto.service.io.config import ServiceConfig

    mark = node.get_closest_marker("odyssey_service")
    with in_thread(serve(ServiceConfig(**(mark.kwargs if mark is not None else {})))) as service:
        yield OdysseyServer(service.url, KEY, recording)


@contextmanager
def _upstream(node: pytest.Item) -> Iterator[OdysseyServer]:
    """Returns what is recorded: the service that was named, or a local one."""
    import os

    url = node.config.getoption("--odyssey-api-url")
    if url is None:
        with _local(node, recording=True) as server:
            yield server
    else:
        yield OdysseyServer(url, os.environ.get("ODYSSEY_API_KEY", ""), recording=True)


@contextmanager
def _recorded(
    node: pytest.Item, take: "SessionFiles", monkeypatch: pytest.MonkeyPatch, folder: Path
) -> Iterator[None]:
    """Records what happens meanwhile, and keeps it if the test passed."""
    from odyssey.testing.session_files import SessionFileError, unsaved

    with unsaved() as refusals:
        monkeypatch.setenv("ODYSSEY_TRACE_DIR", str(folder))
        yield
    if node.stash.get(_failed, False):
        return
    if refusals:
        raise SessionFileError("; ".join(refusals))
    take.keep(folder)


@contextmanager
def _replayed(
    node: pytest.Item, take: "SessionFiles", *, fast: bool, strict: bool
) -> Iterator[OdysseyServer]:
    """Replays what is kept through a fresh core, and serves it to the test."""
    from odyssey.testing.session_files import SessionFileError
    from odyssey_anyio.local.replay import serve_trace
    from odyssey_anyio.local.service import in_thread
    from odyssey_proto.playback import DivergenceError, UnplayableError
    from odyssey_proto.trace import fresh, verdict

    traces = take.load()
    if not traces:
        raise SessionFileError(f"there is no trace {take.first.name}: record it by --odyssey-record=once")
    for trace, path in zip(traces, take.files, strict=True):
        if strict and (found := verdict(trace, fresh).difference) is not None:
            raise SessionFileError(f"the core does not answer as in {path.name}\n{found.text}\n{AGAIN}")
    try:
        with in_thread(serve_trace(*traces, fast=fast)) as service:
            yield OdysseyServer(service.url, KEY)
    except UnplayableError as error:
        raise SessionFileError(f"{take.first.name} cannot be played: {error}") from None
    except DivergenceError as error:
        # A test that failed half way did not do the rest, which says nothing.
        if node.stash.get(_failed, False) and all(each.came is None for each in error.divergences):
            return
        raise SessionFileError(
            f"the test went another way than {take.first.name}\n{error.text}\n{AGAIN}"
        ) from None
