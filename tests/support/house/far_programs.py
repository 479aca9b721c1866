"""Services and clients, each in a network of its own, and the link between them in the hand of a test."""

import json
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from house.link import Link, receive_link
from house.netns import FORBIDDEN, forbidden

ROOT = Path(__file__).parents[3]
PATIENCE = 60.0
"""More than anything here takes, in seconds."""


@frozen
class Place:
    """The addresses of a program's machine, with commas between them, and options of house/netns.py."""

    addresses: str
    options: tuple[str, ...] = ()


CLIENT, SERVICE = Place("10.9.0.1"), Place("10.9.0.2")


class FarProgram:
    """A program in a namespace of its own, and the descriptor of its link."""

    def __init__(self, where: Place, *program: str, **environment: str) -> None:
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-m", "house.netns", *where.options]
        command += ["--link", where.addresses, str(theirs.fileno())]
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests' / 'support'}", **environment}
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
        """Returns the next line that it prints; fails with what went wrong if there is none."""
        assert self.process.stdout is not None
        if line := self.process.stdout.readline().strip():
            return line
        self.process.terminate()
        _, said = self.process.communicate(timeout=PATIENCE)
        pytest.fail(f"the program printed no line: {said}")

    def do(self, line: str) -> None:
        """Has it do something, unless it has ended by itself."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.write(f"{line}\n")
            self.process.stdin.flush()

    def close(self) -> None:
        """Ends it, if it has not ended."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.terminate()
        self.process.wait(PATIENCE)
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()


class Service:
    """A service that may be killed, and started again at the same address in the same network."""

    def __init__(self, where: Place = SERVICE) -> None:
        self._keeper = FarProgram(where, "-m", "house.far_service", where.addresses.split(",")[0])
        self.link: int = self._keeper.link
        self.url: str = self._keeper.line()

    def restart(self, away: float) -> None:
        """Kills it, and has it come back after so many seconds."""
        self._keeper.do(str(away))
        assert self._keeper.line() == self.url

    def close(self) -> None:
        """Ends it."""
        self._keeper.close()
        os.close(self.link)


@frozen
class TurnServer:
    """What a service names: the address of a TURN server, and the user and password for it."""

    url: str
    user: str
    password: str


class Relays:
    """A TURN server and a proxy in a network of their own, and services beside them that name servers."""

    def __init__(self, folder: Path) -> None:
        self._program = FarProgram(SERVICE, "-m", "house.far_relays", SERVICE.addresses, str(folder))
        self.link: int = self._program.link
        about = json.loads(self._program.line())
        self.udp, self.tcp, self.tls = (str(about[transport]) for transport in ("udp", "tcp", "tls"))
        self.turn_port: int = about["turn_port"]
        self.proxy_port: int = about["proxy_port"]
        self.trusting = {"SSL_CERT_FILE": about["authority"]}
        """What the environment of a client has that trusts the authority of all that speak TLS here."""

    def service(self, *servers: TurnServer, tls: bool = False) -> str:
        """Starts a service that names these servers; returns its address."""
        named = [[each.url, each.user, each.password] for each in servers]
        self._program.do(json.dumps({"servers": named, "tls": tls}))
        return self._program.line()

    def close(self) -> None:
        """Ends everything."""
        self._program.close()
        os.close(self.link)


class Viewer:
    """What a client sees, and the link that leads to it."""

    def __init__(self, program: FarProgram, link: Link) -> None:
        self.link = link
        self.seen: list[dict[str, Any]] = []
        self._program = program
        self._lines: queue.Queue[str] = queue.Queue()
        """An empty one is the last."""
        self._reader = threading.Thread(target=self._read, name="viewer", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._program.process.stdout is not None
        for line in self._program.process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def close(self) -> None:
        """Ends the client."""
        self.do("leave")
        self._reader.join(PATIENCE)

    def do(self, line: str) -> None:
        """Has the client do something."""
        self._program.do(line)

    def until(self, found: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        """Returns the next thing that is seen of that kind."""
        end = time.monotonic() + PATIENCE
        while self._see(end):
            if found(self.seen[-1]):
                return self.seen[-1]
        others = [each for each in self.seen if each["what"] != "frame"]
        pytest.fail(f"no {what}, but {others} and {self.count('frame')} frames")

    def watch(self, seconds: float) -> list[dict[str, Any]]:
        """Returns what is seen for so long."""
        before = len(self.seen)
        end = time.monotonic() + seconds
        while self._see(end):
            pass
        return self.seen[before:]

    def _see(self, end: float) -> bool:
        """Waits for the next thing; returns whether there was one before that time."""
        try:
            line = self._lines.get(timeout=max(0.0, end - time.monotonic()))
        except queue.Empty:
            return False
        if line:
            self.seen.append(json.loads(line))
        return bool(line)

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

    def runs(self) -> float:
        """Waits until the stream runs; returns the seconds from the connect to the first picture."""
        self.until(lambda each: each["what"] == "started", "stream")
        first = self.until(lambda each: each["what"] in ("frame", "broken picture"), "picture")
        self.fresh_frame()
        return self._since_connect(first)

    def fails(self) -> tuple[str, float]:
        """Waits for an error; returns what it says, and the seconds from the connect to it."""
        error = self.until(lambda each: each["what"] == "error", "error")
        return error["text"], self._since_connect(error)

    def _since_connect(self, seen: dict[str, Any]) -> float:
        return float(seen["at"] - next(each for each in self.seen if each["what"] == "connecting")["at"])

    def is_whole(self) -> None:
        """Fails if a picture was broken, or the session ended."""
        assert self.count("broken picture") == 0
        assert self.count("over") == 0


def client_on(backend: str) -> tuple[str, ...]:
    """Returns the program of a client on asyncio or trio, for which warnings are errors."""
    return "-W", "error", "-m", "house.far_client", backend


@contextmanager
def watching(
    program: tuple[str, ...],
    service_link: int,
    url: str,
    where: Place = CLIENT,
    environment: Mapping[str, str] | None = None,
    **how: Any,
) -> Iterator[Viewer]:
    """A client that is watched, over a link of which this is the service's end; it stays open."""
    with ExitStack() as stack:
        client = FarProgram(where, *program, **(environment or {}))
        stack.callback(client.close)
        link = stack.enter_context(Link(client.link, os.dup(service_link)))
        viewer = Viewer(client, link)
        stack.callback(viewer.close)
        viewer.do(json.dumps({"url": url, **how}))
        yield viewer
