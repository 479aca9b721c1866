"""A service and a client, each in a network of its own, and the link between them in the hand of a test."""

import json
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from house.link import Link, receive_link
from house.netns import FORBIDDEN, forbidden

ROOT = Path(__file__).parents[3]
CLIENT, SERVICE = "10.9.0.1", "10.9.0.2"
PATIENCE = 60.0
"""More than anything here takes, in seconds."""


class FarProgram:
    """A program in a namespace of its own, and the descriptor of its link."""

    def __init__(self, address: str, *program: str) -> None:
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-m", "house.netns", "--link", address, str(theirs.fileno())]
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests' / 'support'}"}
        self.process = subprocess.Popen(
            [*command, *program],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            pass_fds=[theirs.fileno()],
        )
        theirs.close()
        with closing(ours):
            try:
                self.link = receive_link(ours)
            except EOFError:
                self._forbidden()

    def _forbidden(self) -> None:
        _, said = self.process.communicate(timeout=PATIENCE)
        if self.process.returncode != FORBIDDEN:
            pytest.fail(said)
        forbidden(said)

    def line(self) -> str:
        """Returns the first line that it prints."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def close(self) -> None:
        """Ends it, if it has not ended."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.terminate()
        self.process.wait(PATIENCE)
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()


class Service:
    """A service that may be killed, and started again at the same address in the same network."""

    def __init__(self) -> None:
        self._keeper = FarProgram(SERVICE, "-m", "house.far_service", SERVICE)
        self.link: int = self._keeper.link
        self.url: str = self._keeper.line()

    def restart(self, away: float) -> None:
        """Kills it, and has it come back after so many seconds."""
        assert self._keeper.process.stdin is not None
        self._keeper.process.stdin.write(f"{away}\n")
        self._keeper.process.stdin.flush()
        assert self._keeper.line() == self.url

    def close(self) -> None:
        """Ends it."""
        self._keeper.close()


class Viewer:
    """What a client sees, and the link that leads to it."""

    def __init__(self, program: FarProgram, link: Link, service: Service) -> None:
        self.link = link
        self.service = service
        self.seen: list[dict[str, Any]] = []
        self._program = program
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, name="viewer", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._program.process.stdout is not None
        for line in self._program.process.stdout:
            self._lines.put(line)

    def close(self) -> None:
        """Ends the client."""
        self.do("leave")
        self._reader.join(PATIENCE)

    def do(self, line: str) -> None:
        """Has the client do something."""
        assert self._program.process.stdin is not None
        self._program.process.stdin.write(f"{line}\n")
        self._program.process.stdin.flush()

    def until(self, found: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        """Returns the next thing that is seen of that kind."""
        end = time.monotonic() + PATIENCE
        while (left := end - time.monotonic()) > 0:
            try:
                self.seen.append(json.loads(self._lines.get(timeout=left)))
            except queue.Empty:
                break
            if found(self.seen[-1]):
                return self.seen[-1]
        others = [each for each in self.seen if each["what"] != "frame"]
        pytest.fail(f"no {what}, but {others} and {self.count('frame')} frames")

    def watch(self, seconds: float) -> list[dict[str, Any]]:
        """Returns what is seen for so long."""
        before = len(self.seen)
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                self.seen.append(json.loads(self._lines.get(timeout=left)))
            except queue.Empty:
                break
        return self.seen[before:]

    def fresh_frame(self) -> dict[str, Any]:
        """Returns the next picture that was drawn after this was called."""
        now = time.time()
        return self.until(
            lambda each: each["what"] == "frame" and each["at"] - each["age"] >= now, "fresh picture"
        )

    def status(self, status: str) -> dict[str, Any]:
        """Waits for a status."""
        return self.until(lambda each: each.get("status") == status, f"status {status}")

    def count(self, what: str) -> int:
        """Counts what was seen."""
        return sum(each["what"] == what for each in self.seen)


@contextmanager
def streaming(backend: str, *how: str) -> Iterator[Viewer]:
    """A client that streams from a service over a link that is good."""
    with ExitStack() as stack:
        service = Service()
        stack.callback(service.close)
        client = FarProgram(CLIENT, "-W", "error", "-m", "house.far_client", backend)
        stack.callback(client.close)
        link = stack.enter_context(Link(client.link, service.link))
        viewer = Viewer(client, link, service)
        stack.callback(viewer.close)
        viewer.do(" ".join([service.url, *how]))
        yield viewer


@pytest.fixture(params=["asyncio", "trio"])
def viewer(request: pytest.FixtureRequest) -> Iterator[Viewer]:
    """A client for which a lost session is the end."""
    with streaming(request.param) as viewer:
        yield viewer


@pytest.fixture(params=["asyncio", "trio"])
def recovering(request: pytest.FixtureRequest) -> Iterator[Viewer]:
    """A client whose lost sessions are replaced."""
    with streaming(request.param, "recovering") as viewer:
        yield viewer
