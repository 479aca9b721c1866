"""Every program on a page runs, against one local service; what cannot is marked, with its reason."""

import ast
import asyncio
import functools
import importlib
import inspect
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import trio
from house.page_programs import FILE, Page, commands, page

from odyssey.cli import main
from odyssey.cli.commands import COMMANDS
from odyssey_anyio.local.service import in_thread, serve
from odyssey_proto.service.io.config import ServiceConfig
from tests.test_docs import PAGES, ROOT, exists

MAX_NOT_RUN = 8
"""The most blocks that no test runs, on all pages."""

READ = [page(path) for path in PAGES]


def named(each: Page) -> str:
    return each.path.relative_to(ROOT).as_posix()


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    with in_thread(serve(ServiceConfig(audio=True))) as served:
        yield served.url


@pytest.fixture
def folder(service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder in which a page's programs run, and the service in the environment."""
    monkeypatch.setenv("ODYSSEY_API_URL", service)
    monkeypatch.setenv("ODYSSEY_API_KEY", "ody_local")
    monkeypatch.setattr(sys, "argv", ["program"])
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    loggers = [logging.getLogger(name) for name in (None, "odyssey", "aioice", "aiortc")]
    before, known = [logger.level for logger in loggers], set(sys.modules)
    yield tmp_path
    for logger, level in zip(loggers, before, strict=True):
        logger.setLevel(level)
    for name in set(sys.modules) - known:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


type Run = Callable[[Any], object]
"""Runs what a block with a top-level `await` gives."""


@contextmanager
def runner(on_trio: bool) -> Iterator[Run]:
    if on_trio:

        async def wait(coroutine: Any) -> None:
            await coroutine

        yield lambda coroutine: trio.run(wait, coroutine)
    else:
        with asyncio.Runner() as kept:
            yield kept.run


@pytest.mark.parametrize(
    "read",
    [
        pytest.param(each, id=named(each), marks=[pytest.mark.long] if each.long else [])
        for each in READ
        if each.programs
    ],
)
@pytest.mark.timeout(120)
def test_the_programs_of_a_page_run(read: Page, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each goes on with the names of those before it, as a reader would who types them in."""
    names: dict[str, Any] = {"__name__": "__main__"}
    tests: list[str] = []
    with runner(read.on_trio) as run:
        for number, block in enumerate(read.programs):
            name = block.says if block.mark == FILE else f"test_{number}.py"
            if block.mark == FILE or block.is_test:
                Path(folder, name).write_text(block.text)
                importlib.invalidate_caches()
            if block.is_test:
                tests.append(name)
                continue
            # On the lines of the page, so that an error names its own.
            placed = "\n" * block.line + block.text
            code = compile(placed, str(read.path), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            result = eval(code, names)
            if inspect.iscoroutine(result):
                run(result)
            printed = capsys.readouterr().out
            assert block.printed in (None, printed)
    if tests:
        run_tests(folder, tests)


def run_tests(folder: Path, tests: list[str]) -> None:
    options = ["-q", "-p", "no:cacheprovider", "-o", "asyncio_mode=auto"]
    command = [sys.executable, "-m", "pytest", *options, *tests]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_not_run_has_a_reason_and_is_little() -> None:
    marked = [block for each in READ for block in each.blocks if block.mark == "not run"]
    assert [block for block in marked if len(block.says.split()) < 3] == []
    assert len(marked) <= MAX_NOT_RUN


def test_what_another_test_runs_is_run_there() -> None:
    files = ("examples", "applications", "example_dataset")
    runs = "".join((ROOT / f"tests/test_{name}.py").read_text() for name in files)
    for each in READ:
        assert not each.run_by or exists(*each.run_by.split("::")), named(each)
        for block in each.blocks:
            if block.mark == "run by":
                assert exists(*block.says.split("::")), f"{named(each)}: {block.says}"
            if block.mark == "generated" and block.language == "python":
                # An application is run as a whole.
                name = block.says.removeprefix("example ").partition("/")[0]
                assert name in runs or name.replace("asyncio", "{loop}") in runs, name


def test_what_is_for_the_console_can_be_typed_there() -> None:
    """There an empty line ends a block, before anything else can be said."""
    (lesson,) = (each for each in READ if each.path.name == "frames-and-clips.md")
    for block in lesson.blocks:
        if block.language == "python" and not block.mark:
            lines = block.text.splitlines()
            for each, after in pairwise(ast.parse(block.text).body):
                assert not hasattr(each, "body") or not lines[after.lineno - 2], block.text


@pytest.fixture
def understood(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[list[str]], bool]:
    """Tells whether a command can be called so, beside the picture that pages name; nothing of it is done."""
    monkeypatch.chdir(tmp_path)
    Path("cat.png").touch()
    for name in COMMANDS:
        for command in importlib.import_module(f"odyssey.cli.{name}").app.registered_commands:
            nothing = functools.wraps(command.callback)(lambda **_: 0)
            monkeypatch.setattr(command, "callback", nothing)
    return lambda arguments: main(arguments) == 0


def test_the_commands_of_every_page_are_understood(understood: Callable[[list[str]], bool]) -> None:
    found = [
        (named(each), arguments)
        for each in READ
        for block in each.blocks
        if block.language == "bash"
        for arguments in commands(block)
        if arguments
    ]
    assert len(found) > 5
    assert [(where, what) for where, what in found if not understood(what)] == []


@pytest.mark.parametrize("wrong", [["serve", "--prot", "1"], ["srve"], ["trace", "shw", "x"]])
def test_a_command_that_is_wrong_is_found(understood: Callable[[list[str]], bool], wrong: list[str]) -> None:
    assert not understood(wrong)
