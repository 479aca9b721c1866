"""Ctrl-C and SIGTERM at any moment of a command: a documented status, and not a word."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from odyssey.cli.signals import ENDING, arriving

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals cannot be sent to one process there")

PROGRAM = """
import os, signal, sys

class Trap:
    def find_spec(self, name, path=None, target=None):
        if name == MODULE:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), NUMBER)

sys.meta_path.insert(0, Trap())
from odyssey.cli import program
sys.exit(program())
"""
"""Is a command to which a signal is sent when it begins to import a module, in whatever thread."""

MOMENTS = [
    "typer",
    "odyssey.cli.{command}",
    "anyio",
    "attrs",
    "odyssey_anyio.local.service",
    "aiortc",
    "av",
]


def ended(command: str, moment: str, number: signal.Signals, where: Path) -> tuple[int, str]:
    module = moment.format(command=command)
    text = PROGRAM.replace("MODULE", repr(module)).replace("NUMBER", str(int(number)))
    program = [sys.executable, "-W", "error", "-c", text, command]
    done = subprocess.run(program, cwd=where, capture_output=True, text=True, timeout=50, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize(
    ("command", "number", "status"),
    [
        ("demo", signal.SIGINT, 130),
        ("demo", signal.SIGTERM, 143),
        ("serve", signal.SIGINT, 0),
        ("serve", signal.SIGTERM, 143),
    ],
)
def test_a_command_that_is_asked_to_end_while_it_begins(
    command: str, moment: str, number: signal.Signals, status: int, tmp_path: Path
) -> None:
    assert ended(command, moment, number, tmp_path) == (status, "")


def test_a_trace_command_that_is_interrupted(tmp_path: Path) -> None:
    assert ended("trace", "odyssey.inspect.cursor", signal.SIGINT, tmp_path) == (130, "")


def test_what_is_ignored_by_order_of_the_shell_stays_ignored(tmp_path: Path) -> None:
    text = PROGRAM.replace("MODULE", "'odyssey.cli.trace'").replace("NUMBER", str(int(signal.SIGINT)))
    ignoring = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)" + text
    program = [sys.executable, "-c", ignoring, "trace", "--help"]
    assert subprocess.run(program, cwd=tmp_path, capture_output=True, timeout=50, check=False).returncode == 0


def test_a_stream_that_is_interrupted_while_it_begins_leaves_the_terminal_as_it_was(tmp_path: Path) -> None:
    pty = pytest.importorskip("pty")
    termios = pytest.importorskip("termios")
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    text = PROGRAM.replace("MODULE", repr("anyio._backends._asyncio")).replace(
        "NUMBER", str(int(signal.SIGINT))
    )
    program = [sys.executable, "-c", text, "stream", "--local", "A cat"]
    subprocess.run(program, cwd=tmp_path, stdin=theirs, stdout=theirs, timeout=50, check=False)
    assert termios.tcgetattr(theirs) == before
    os.write(theirs, b".")
    printed = os.read(ours, 65536)
    assert printed.count(b"\x1b[?25l") == printed.count(b"\x1b[?25h")
    os.close(ours)
    os.close(theirs)


@pytest.mark.anyio
async def test_a_window_that_is_closed_ends_a_command() -> None:
    # These tests may themselves run under nohup.
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        async with arriving(*ENDING) as arrived:
            os.kill(os.getpid(), signal.SIGHUP)
            with anyio.fail_after(30):
                await arrived.wait()
    finally:
        signal.signal(signal.SIGHUP, before)
    assert arrived.status == 129


@pytest.mark.anyio
async def test_what_nohup_has_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        async with arriving(*ENDING) as arrived:
            os.kill(os.getpid(), signal.SIGHUP)
            os.kill(os.getpid(), signal.SIGTERM)
            with anyio.fail_after(30):
                await arrived.wait()
    finally:
        signal.signal(signal.SIGHUP, before)
    assert arrived.signals == [signal.SIGTERM]
