"""A forked child, and a loop that is closed: neither says or keeps anything in a client's name."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="nobody forks here")

FORK = """
import os, signal, sys
import anyio
from odyssey import Odyssey

async def main():
    async with Odyssey("ody_key", api_url=sys.argv[2]) as client:
        await client.connect()
        async with client.stream("A cat"):
            child = os.fork()
            if not child:
                # Its copy of the loop shares its pipes with the parent's, and may wait for what that read.
                signal.alarm(8)
                try:
                    END
                finally:
                    forked.append(True)
            while os.waitpid(child, os.WNOHANG) == (0, 0):
                await anyio.sleep(0.01)
            print(await client.interact("Pet it") is not None, client.is_connected)

forked = []
try:
    anyio.run(main, backend=sys.argv[1])
except Exception as error:
    print(repr(error), flush=True)
finally:
    if forked:
        os._exit(0)
"""

MEDIA = """
import os, sys, threading
import anyio
from odyssey import Odyssey

async def watch(after):
    async with Odyssey("ody_key", api_url=sys.argv[1]) as client:
        await client.connect()
        async with client.stream("A cat") as live:
            frames = live.frames()
            await anext(frames)
            await after()
            return (await anext(frames)).width > 0

async def fork():
    child = os.fork()
    if not child:
        seen = []
        thread = threading.Thread(target=lambda: seen.append(anyio.run(watch, anyio.lowlevel.checkpoint)))
        thread.start()
        thread.join(30)
        os._exit(0 if seen == [True] else 1)
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0):
        await anyio.sleep(0.01)
    print(os.waitstatus_to_exitcode(ended[1]))

print(anyio.run(watch, fork))
"""

ANOTHER_LOOP = """
import os, sys, threading
import anyio
from odyssey import Odyssey, OdysseyError

async def use(client):
    print(client.current_status.value)
    try:
        await client.interact("Pet it")
    except OdysseyError as error:
        print(error.code)
    await client.disconnect()
    async with client:
        await client.connect()
        print(await client.start_stream("A dog") is not None)

async def main():
    async with Odyssey("ody_key", api_url=sys.argv[2]) as client:
        await client.connect()
        await client.start_stream("A cat")
        child = os.fork()
        if not child:
            thread = threading.Thread(target=lambda: anyio.run(use, client))
            thread.start()
            thread.join(40)
            sys.stdout.flush()
            os._exit(0)
        while os.waitpid(child, os.WNOHANG) == (0, 0):
            await anyio.sleep(0.01)
        print(await client.interact("Pet it") is not None, client.is_connected)

anyio.run(main, backend=sys.argv[1])
"""

CLOSED = """
import asyncio, os, sys
from odyssey import Odyssey

def leave_behind():
    loop = asyncio.new_event_loop()
    client = Odyssey("ody_key", api_url=sys.argv[1])
    loop.run_until_complete(client.connect())
    loop.close()

def sockets():
    links = [os.path.join("/proc/self/fd", name) for name in os.listdir("/proc/self/fd")]
    return sum(os.readlink(link).startswith("socket:") for link in links if os.path.exists(link))

import threading, time
counts = []
for _ in range(4):
    leave_behind()
    while threading.active_count() > 1:
        time.sleep(0.01)
    counts.append(sockets())
print(counts[0] == counts[-1])
"""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A service in a process of its own."""
    command = [sys.executable, "-m", "odyssey", "serve"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


def ran(program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=50, check=False)


@pytest.mark.parametrize(
    ("backend", "end"),
    [
        ("asyncio", "raise SystemExit"),
        ("asyncio", "await client.disconnect(); return"),
        ("asyncio", "return"),
        # The run of trio cannot go on in a child: it shares its epoll with the parent.
        ("trio", "os._exit(0)"),
    ],
)
def test_a_forked_child_does_not_end_the_session_of_its_parent(url: str, backend: str, end: str) -> None:
    assert ran(FORK.replace("END", end), backend, url).stdout == "True True\n"


def test_a_forked_child_makes_a_media_thread_and_decoders_of_its_own(url: str) -> None:
    assert ran(MEDIA, url).stdout == "0\nTrue\n"


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_loop_of_a_forked_child_does_not_wait_for_that_of_the_parent(url: str, backend: str) -> None:
    """There the client is disconnected, and may have a session of the child's own."""
    seen = ran(ANOTHER_LOOP, backend, url).stdout.splitlines()
    assert seen == ["disconnected", "state.not_connected", "True", "True True"]


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="descriptors cannot be counted here")
def test_loops_that_are_closed_under_clients_do_not_pile_up_connections(url: str) -> None:
    assert ran(CLOSED, url).stdout == "True\n"
