"""Debian's chromium without a window, and the pages of ours that it shows."""

import json
import os
import queue
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio.to_thread
import pytest
from aiohttp import web

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--mute-audio",
)


def binary() -> str:
    """Returns the browser's path; without one the test is skipped, or fails where one is required."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is not None:
        return found
    if "ODYSSEY_BROWSER_REQUIRED" in os.environ:
        pytest.fail("chromium is not installed")
    pytest.skip("chromium is not installed")


def _without_real_time() -> tuple[str, ...]:
    """
    Returns what keeps a browser of root from threads of real time.

    Without a sound card those for sound catch up with the clock, and leave a slow machine no time for others.
    """
    if os.geteuid() or shutil.which("setpriv") is None:
        return ()
    return "setpriv", "--bounding-set=-sys_nice", "--inh-caps=-sys_nice"


@contextmanager
def showing(url: str) -> Iterator[Path]:
    """Shows a page until the block ends, in a profile of its own, whose folder it gives."""
    program = binary()
    with tempfile.TemporaryDirectory(prefix="odyssey-chromium-", ignore_cleanup_errors=True) as profile:
        options = (*FLAGS, f"--user-data-dir={profile}", "--remote-debugging-port=0")
        command = [*_without_real_time(), program, *options, url]
        browser = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            yield Path(profile)
        finally:
            browser.terminate()
            try:
                browser.wait(10)
            except subprocess.TimeoutExpired:
                browser.kill()
                browser.wait()


class Reports:
    """What a page tells by `fetch("/report")`: the page's server fills it, the test reads it."""

    def __init__(self) -> None:
        self._queue: queue.Queue[dict[str, Any]] = queue.Queue()
        self.seen: list[dict[str, Any]] = []

    async def handle(self, request: web.Request) -> web.Response:
        """Takes one report."""
        self._queue.put(json.loads(await request.text()))
        return web.Response()

    async def next(self, what: str, within: float = 40.0) -> dict[str, Any]:
        """Waits for the next report of that kind; an error that the page reports fails the test."""
        return await anyio.to_thread.run_sync(self._wait, what, within)

    def _wait(self, what: str, within: float) -> dict[str, Any]:
        until = time.monotonic() + within
        while (left := until - time.monotonic()) > 0:
            try:
                report = self._queue.get(timeout=left)
            except queue.Empty:
                break
            self.seen.append(report)
            if report["what"] == "error":
                pytest.fail(f"the page reports: {report['text']}")
            if report["what"] == what:
                return report
        pytest.fail(f"the page did not report {what!r} within {within} s; it reported {self.seen}")


def page(path: Path) -> Any:
    """Returns the handler that serves one page."""

    async def handle(_: web.Request) -> web.StreamResponse:
        return web.Response(body=path.read_bytes(), content_type="text/html", charset="utf-8")

    return handle
