"""Ctrl-C in every phase: nothing is printed, nothing is left, the service gets its goodbye."""

import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from anyio.streams.text import TextReceiveStream
from inmemory import World

from odyssey import Odyssey
from odyssey_anyio.local.service import serve
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.io.faults import Moment, NoOffer, Silent, Swallow

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process there")

PROGRAM = """
import sys, threading
import anyio
from odyssey import Odyssey

async def main():
    async with Odyssey(api_key="ody_test", api_url=sys.argv[2]) as client:
        print("begun", flush=True)
        await client.connect()
        print("connected", flush=True)
        async with client.stream("A cat") as live:
            print("started", flush=True)
            await live.interact("Pet the cat")
            async for frame in live.frames():
                print("showing", flush=True)

try:
    anyio.run(main, backend=sys.argv[1])
except KeyboardInterrupt:
    names = [thread.name for thread in threading.enumerate()]
    print("interrupted", [name for name in names if name.startswith("odyssey")])
"""

PHASES = {
    "authenticating": (Silent("/auth/token"), "begun"),
    "asking for a session": (Silent("/sessions/request"), "begun"),
    "negotiating": (NoOffer(), "begun"),
    "connected": (Swallow(Moment.START), "connected"),
    "interacting": (Swallow(Moment.UPDATE), "started"),
    "watching": (None, "showing"),
}


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("phase", PHASES)
def test_ctrl_c(phase: str, backend: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "odyssey.service")
    anyio.run(_interrupted, phase, backend, caplog, backend=backend)


async def _interrupted(phase: str, backend: str, caplog: pytest.LogCaptureFixture) -> None:
    fault, cue = PHASES[phase]
    config = ServiceConfig(faults=() if fault is None else (fault,))
    async with serve(config) as service:
        command = [sys.executable, "-W", "error", "-c", PROGRAM, backend, service.url]
        async with await anyio.open_process(command, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            said = ""
            with anyio.fail_after(30):
                async for text in TextReceiveStream(process.stdout):
                    said += text
                    if cue in said and "interrupted" not in said:
                        if cue == "begun":
                            await _noted(caplog, phase)
                        process.send_signal(signal.SIGINT)
                        cue = "\0"
                errors = "".join([text async for text in TextReceiveStream(process.stderr)])
                status = await process.wait()
        with anyio.fail_after(10):
            while "joined" in caplog.text and "the client leaves" not in caplog.text:
                await anyio.sleep(0.01)
    assert (status, errors) == (0, "")
    # Ctrl-C may strike the program between a word and the end of its line.
    assert said.endswith("interrupted []\n")


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("where", ["exchange", "socket", "media", "handler"])
def test_ctrl_c_that_strikes_a_task_of_the_client(
    backend: str, where: str, make: Callable[..., Odyssey], world: World
) -> None:
    struck = 0

    def strike() -> None:
        nonlocal struck
        struck += 1
        if struck == 1:
            signal.raise_signal(signal.SIGINT)

    def wrap(factory: Callable[[], Any], method: str) -> Callable[[], Any]:
        """Lets Ctrl-C strike in a method of a transport."""
        transport = factory()
        plain = getattr(transport, method)
        setattr(transport, method, lambda *args: (strike(), plain(*args))[1])
        return lambda: transport

    transports = dict(world.transports)
    if where == "exchange":
        transports["exchanges"] = wrap(transports["exchanges"], "exchange")
    if where == "socket":
        transports["sockets"] = wrap(transports["sockets"], "run")
    if where == "media":
        transports["media"] = wrap(transports["media"], "order")

    async def main() -> None:
        async with make(**transports) as client:
            await client.connect(on_connected=strike if where == "handler" else None)
            await client.start_stream()
            await anyio.sleep(20)

    with pytest.raises(KeyboardInterrupt):
        anyio.run(main, backend=backend)
    assert struck > 0
    assert world.open == 0
    assert world.received.count("ClientDisconnecting") == world.granted


async def _noted(caplog: pytest.LogCaptureFixture, phase: str) -> None:
    """Waits until the service has noted that the client is in a phase."""
    mark = "joined" if phase == "negotiating" else "silent on purpose"
    while mark not in caplog.text:
        await anyio.sleep(0.005)
