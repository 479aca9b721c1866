"""A page in Debian's chromium, asked by its DevTools protocol: what it computes, what went wrong."""

import itertools
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from house.chromium import showing
from websockets.sync.client import ClientConnection, connect

WITHIN = 30.0
"""How long the browser may take to start, and the page to answer, in seconds."""


class Page:
    """One page; `troubles` holds what it logged as an error or threw."""

    def __init__(self, line: ClientConnection, session: str) -> None:
        self._line = line
        self._session = session
        self._numbers = itertools.count(1)
        self.troubles: list[str] = []

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Sends one command of the protocol and returns its result."""
        return command(self._line, next(self._numbers), method, parameters, self._session, self._hear)

    def order(self, method: str) -> None:
        """Sends one command that may never be answered, such as one that ends the page."""
        order = {"id": next(self._numbers), "method": method, "sessionId": self._session}
        self._line.send(json.dumps(order))

    def run(self, program: str) -> Any:
        """Runs JavaScript and returns its value; what it throws fails the test."""
        reply = self.ask("Runtime.evaluate", expression=program, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in reply, reply
        return reply["result"].get("value")

    def until(self, program: str) -> None:
        """Waits until an expression is true."""
        ends = time.monotonic() + WITHIN
        while not self.run(program):
            assert time.monotonic() < ends, f"{program} never came true; {self.troubles}"
            time.sleep(0.02)

    def _hear(self, event: dict[str, Any]) -> None:
        method, said = event.get("method"), event.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.troubles.append(json.dumps(said["exceptionDetails"]))
        if method == "Log.entryAdded" and said["entry"]["level"] == "error":
            self.troubles.append(said["entry"]["text"])


@contextmanager
def inspected(url: str) -> Iterator[Page]:
    """Opens a page and returns what can be asked of it."""
    with showing("about:blank") as profile:
        address = _address(profile / "DevToolsActivePort")
        with connect(address, max_size=2**26, open_timeout=WITHIN) as line:
            made = command(line, 1, "Target.createTarget", {"url": "about:blank"})
            reply = command(line, 2, "Target.attachToTarget", {"targetId": made["targetId"], "flatten": True})
            page = Page(line, reply["sessionId"])
            for domain in ("Runtime", "Log", "Page"):
                page.ask(f"{domain}.enable")
            page.ask("Page.navigate", url=url)
            yield page


def command(
    line: ClientConnection,
    number: int,
    method: str,
    parameters: dict[str, Any],
    session: str | None = None,
    hear: Any = lambda event: None,
) -> dict[str, Any]:
    order = {"id": number, "method": method, "params": parameters}
    line.send(json.dumps(order if session is None else order | {"sessionId": session}))
    while True:
        reply = json.loads(line.recv(timeout=WITHIN))
        if reply.get("id") == number and reply.get("sessionId") == session:
            assert "error" not in reply, reply
            return reply["result"]
        hear(reply)


def _address(file: Path) -> str:
    ends = time.monotonic() + WITHIN
    while not (file.exists() and "\n" in file.read_text()):
        assert time.monotonic() < ends, "the browser does not start"
        time.sleep(0.02)
    port, path = file.read_text().split("\n")[:2]
    return f"ws://127.0.0.1:{port}{path}"
