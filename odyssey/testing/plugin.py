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
    from odyssey.testing.replayed_test import ReplayedTest
    from odyssey.testing.session_files import SessionFiles

KEY = "ody_test"
"""The key that tests use: good at the local service, and nowhere else."""

MODES = ("once", "none", "all")

_failed = pytest.StashKey[bool]()
_replay: "pytest.StashKey[ReplayedTest]" = pytest.StashKey()
_recorded_files = pytest.StashKey[list[str]]()


class OdysseyServer(NamedTuple):
    """Address and key for the application under test; environment variables have both during the test."""

    url: str
    """What a client takes as `api_url`."""
    api_key: str
    """A key that is good there."""
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
    config.pluginmanager.register(_Recordings())
    if (mode := config.getini("odyssey_record")) not in MODES:
        raise pytest.UsageError(f"odyssey_record is one of {', '.join(MODES)}, not {mode!r}")


# --- what becomes of a test -------------------------------------------------------------------------


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test may run again (pytest-rerunfailures): it begins anew."""
    item.stash[_failed] = False
    if _replay in item.stash:
        del item.stash[_replay]


def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> None:
    """Notes that a fixture uses the service: its client may go on when the test is over."""
    replay = request.node.stash.get(_replay, None)
    if replay is not None and "odyssey_trace" in fixturedef.argnames:
        replay.shared = True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Any:
    """What a test did otherwise than recorded is its failure, or a note to the failure that came of it."""
    try:
        result = yield
    except Exception as error:
        replay = item.stash.get(_replay, None)
        if replay is not None and (difference := replay.difference(whole=False)) is not None:
            error.add_note(f"odyssey_trace: {difference}")
        raise
    replay = item.stash.get(_replay, None)
    if replay is not None and (difference := replay.difference(whole=True)) is not None:
        pytest.fail(f"odyssey_trace: {difference}", pytrace=False)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = yield
    item.stash[_failed] = item.stash.get(_failed, False) or not report.passed
    if call.when == "teardown" and _recorded_files in item.stash:
        # An attribute of the report, because with pytest-xdist that is all that leaves the process.
        report.odyssey_recorded = item.stash[_recorded_files]
        del item.stash[_recorded_files]
    return report


class _Recordings:
    """Says at the end what was recorded: a run that records proves nothing."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._lines += getattr(report, "odyssey_recorded", ())

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._lines:
            terminalreporter.section("sessions recorded by odyssey_trace")
            for line in self._lines:
                terminalreporter.line(line)


# --- fixtures ----------------------------------------------------------------------------------------


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
    import os

    from odyssey.testing.session_files import SessionFileError, unsaved

    with unsaved() as refusals:
        monkeypatch.setenv("ODYSSEY_TRACE_DIR", str(folder))
        yield
    if node.stash.get(_failed, False):
        return
    if refusals:
        raise SessionFileError("; ".join(refusals))
    kept = take.keep(folder)
    node.stash[_recorded_files] = [
        f"{node.nodeid}: {os.path.relpath(path, node.config.rootpath)}" for path in kept
    ]


@contextmanager
def _replayed(
    node: pytest.Item, take: "SessionFiles", *, fast: bool, strict: bool
) -> Iterator[OdysseyServer]:
    """Replays what is kept through a fresh core, and serves it to the test."""
    from odyssey.testing.replayed_test import AGAIN, ReplayedTest, another_way
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
            node.stash[_replay] = ReplayedTest(service, take.first.name)
            yield OdysseyServer(service.url, KEY)
    except UnplayableError as error:
        raise SessionFileError(f"{take.first.name} cannot be played: {error}") from None
    except DivergenceError as error:
        # A test that failed half way did not do the rest, which says nothing.
        rest = all(each.came is None for each in error.divergences)
        if node.stash[_replay].reported or (node.stash[_failed] and rest):
            return
        raise SessionFileError(another_way(take.first.name, error)) from None
