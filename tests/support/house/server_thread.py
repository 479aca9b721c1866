"""
Independent servers: aiohttp on an asyncio loop in a thread of its own.

The test itself may then run on any loop, and shares no code with what it talks to.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

READY = 10.0
"""How long the server may take to come up or to go, in seconds."""


class ServerThread:
    """A running server: its address, and its loop for whoever must do something there."""

    def __init__(self, loop: asyncio.AbstractEventLoop, url: str) -> None:
        self.loop = loop
        self.url = url

    def run[T](self, work: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine on the server's loop and waits for it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(READY)


@contextmanager
def server_thread(make: Callable[[], web.Application], host: str = "127.0.0.1") -> Iterator[ServerThread]:
    """Runs an application until the block ends."""
    up: list[ServerThread] = []
    came = threading.Event()
    stop: list[Callable[[], object]] = []
    broke: list[BaseException] = []

    async def serve() -> None:
        runner = web.AppRunner(make(), shutdown_timeout=1.0)
        await runner.setup()
        site = web.TCPSite(runner, host, 0)
        await site.start()
        port = runner.addresses[0][1]
        loop = asyncio.get_running_loop()
        leave = asyncio.Event()
        stop.append(lambda: loop.call_soon_threadsafe(leave.set))
        up.append(ServerThread(loop, f"http://{host}:{port}"))
        came.set()
        await leave.wait()
        await runner.cleanup()

    def main() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:  # noqa: BLE001 - handed to the test's thread
            broke.append(error)
            came.set()

    thread = threading.Thread(target=main, name="server", daemon=True)
    thread.start()
    if not came.wait(READY):
        raise TimeoutError("the server did not come up")
    try:
        if broke:
            raise broke[0]
        yield up[0]
    finally:
        for leave in stop:
            leave()
        thread.join(READY)
    if broke:
        raise broke[0]
