"""Fixtures of the whole suite: which loops, and the guards that stand around every test."""

import faulthandler
import gc
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from _pytest.faulthandler import fault_handler_stderr_fd_key
from house.blocking import no_blocking
from house.fuzz import examples
from house.leaks import Snapshot, tasks, tasks_left
from house.loops import CHOICES, chosen, loops, warm_up
from house.names import refuse_invalid_names
from house.purity import pure
from house.session_traces import replay, traced_clients
from hypothesis import settings

# Some machines set it; each of the hundreds of programs that tests start would then compile the library anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# What a command prints, and which way it goes, is that of a plain terminal and a plain network everywhere.
for variable in [
    *("FORCE_COLOR", "GITHUB_ACTIONS", "PY_COLORS", "TERMINAL_WIDTH"),
    *(name for name in os.environ if name.lower().endswith("_proxy")),
]:
    os.environ.pop(variable, None)

# A script has what it runs in the background ignore Ctrl-C, which many tests send.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# What is imported and collected stays: to search it for garbage meanwhile takes a fifth of the time.
gc.disable()

HERE = Path(__file__).parent
PURE_TESTS = (HERE / "proto", HERE / "inspect")
DRIVER_TESTS = HERE / "driver"

LAST_CHANCE = 60.0
"""How long the teardown of a failed test may take, in seconds."""

# How long an example takes says nothing on a busy machine.
settings.register_profile("house", deadline=None, max_examples=examples(100))
settings.load_profile("house")

_failed = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--loops",
        choices=CHOICES,
        default="both",
        help="driver tests run on asyncio and trio, on the extra loops (eager tasks, uvloop), or on all",
    )


@pytest.fixture(scope="module", params=loops())
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    """The loop a test marked `anyio` runs on."""
    warm_up(request.param)
    return request.param


@pytest.fixture(autouse=True, scope="session")
def invalid_names() -> Iterator[None]:
    """Names in .invalid are unknown at once."""
    with pytest.MonkeyPatch.context() as patch:
        refuse_invalid_names(patch)
        yield


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        # Set up early, so that it is torn down late, when the test's other fixtures have let go.
        if _is_driver_test(item.path) and "anyio_backend" in item.fixturenames:
            item.fixturenames.insert(item.fixturenames.index("nothing_left") + 1, "no_task_left")
    wanted = config.getoption("loops")
    config.hook.pytest_deselected(items=[item for item in items if not chosen(item, wanted)])
    items[:] = [item for item in items if chosen(item, wanted)]


def pytest_collection_finish() -> None:
    """Spares every later collection of garbage ten thousand tests, which stay."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = yield
    item.stash[_failed] = item.stash.get(_failed, False) or report.failed
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Any:
    """Ends the whole run if the teardown of a failed test hangs: its loop may be stuck in the test."""
    if not item.stash.get(_failed, False):
        return (yield)
    faulthandler.dump_traceback_later(
        LAST_CHANCE, exit=True, file=item.config.stash[fault_handler_stderr_fd_key]
    )
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Any:
    """Runs tests of what is pure where that cannot reach outside, driver tests where blocking is an error."""
    if any(map(item.path.is_relative_to, PURE_TESTS)):
        with pure():
            return (yield)
    if _is_driver_test(item.path):
        with no_blocking():
            return (yield)
    return (yield)


@pytest.fixture(autouse=True)
def nothing_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a driver test that leaves a thread, a socket or a pipe."""
    if not _is_driver_test(request.node.path):
        yield
        return
    before = Snapshot()
    yield
    if not request.node.stash.get(_failed, False):
        assert before.left() == []


@pytest.fixture(autouse=True)
def everything_replays(request: pytest.FixtureRequest) -> Iterator[None]:
    """Redacts and replays every session of a driver test when it is over."""
    if not _is_driver_test(request.node.path):
        yield
        return
    with traced_clients() as tracers:
        yield
    if not request.node.stash.get(_failed, False):
        replay(tracers)


@pytest.fixture
async def no_task_left(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """Fails a driver test that leaves a task on its loop."""
    before = tasks()
    yield
    if not request.node.stash.get(_failed, False):
        assert await tasks_left(before) == []


def _is_driver_test(path: Path) -> bool:
    return path.is_relative_to(DRIVER_TESTS)
