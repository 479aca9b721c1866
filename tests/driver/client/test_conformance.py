"""
One program, every loop: the same events, calls of handlers, results and errors, in the same order.

Each program is a short life of a client against the local service, over real sockets and real WebRTC.
What it reported and what it said to the service is written down; the scripts of all loops must be equal.
Only what depends on time alone is left out: candidates, keepalives, and which region was quicker.
"""

import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import anyio
import pytest
from house.loops import loops, warm_up

from odyssey import (
    ConnectionStatus,
    Disconnected,
    Odyssey,
    OdysseyError,
    StreamFailed,
    Timeouts,
)
from odyssey_anyio.local.service import serve
from odyssey_proto.messages import signaling, stream
from odyssey_proto.seam.http import HttpReply, json_reply
from odyssey_proto.seam.outputs import ChannelSend, CloseSocket, DropPeer, Request, SendText
from odyssey_proto.service.io import faults
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.io.faults import Moment
from odyssey_proto.trace import Trace

WITHIN = 30.0
"""More than any program takes, in seconds."""

type Script = list[Any]
type Program = Callable[[Odyssey, Script], Awaitable[None]]

HANDLERS = (
    "connected",
    "disconnected",
    "stream_started",
    "stream_ended",
    "interact_acknowledged",
    "broadcast_ready",
    "stream_error",
    "error",
    "status_change",
)


def handlers(script: Script) -> dict[str, Any]:
    """Returns handlers that write down their calls."""

    def handler(name: str) -> Callable[..., None]:
        return lambda *given: script.append((name, *map(comparable, given)))

    return {f"on_{name}": handler(name) for name in HANDLERS}


def slow_handlers(script: Script) -> dict[str, Any]:
    """Returns handlers that write down their calls after a short wait."""

    def handler(name: str) -> Callable[..., Awaitable[None]]:
        async def run(*given: Any) -> None:
            await anyio.sleep(0.001)
            script.append((name, *map(comparable, given)))

        return run

    return {f"on_{name}": handler(name) for name in HANDLERS}


def comparable(value: Any) -> Any:
    """Returns what can be compared of something that was reported."""
    if isinstance(value, OdysseyError):
        return type(value).__name__, value.code, str(value)
    return value


async def trying(script: Script, call: Awaitable[Any]) -> None:
    """Writes down what became of a call."""
    try:
        result = await call
    except OdysseyError as error:
        script.append(("raised", *comparable(error), error.retryable))
    else:
        script.append(("returned", result))


# --- programs -------------------------------------------------------------------------------------


async def a_whole_session(client: Odyssey, script: Script) -> None:
    await trying(script, client.connect(**handlers(script)))
    await trying(script, client.start_stream("A cat"))
    for prompt in ("Pet the cat", "Feed it"):
        await trying(script, client.interact(prompt))
    await trying(script, client.end_stream())
    await trying(script, client.start_stream("A dog", portrait=False))
    await trying(script, client.disconnect())
    await trying(script, client.interact("too late"))


async def handlers_that_wait(client: Odyssey, script: Script) -> None:
    # While a handler waits, the ends of calls overtake it: only its own order is promised.
    lane: Script = []
    await client.connect(**slow_handlers(lane))
    await client.start_stream("A cat")
    await client.interact("Pet the cat")
    await client.end_stream()
    await client.disconnect()
    script.extend(lane)


async def blocks_and_iterators(client: Odyssey, script: Script) -> None:
    await client.connect()
    async with client.events() as events, client.stream("A cat") as live:
        script.append(await live.interact("Pet the cat"))
        async for frame in live.frames():
            script.append((frame.width, frame.height))
            break
        await live.end()
        await client.disconnect()
        script.extend([type(event).__name__ async for event in events])


async def calls_at_once(client: Odyssey, script: Script) -> None:
    # Which of the calls comes first is up to the loop: each must get its own answer.
    await client.connect()
    await client.start_stream("A cat")
    results: dict[str, str] = {}

    async def interact(prompt: str) -> None:
        results[prompt] = await client.interact(prompt)

    async with anyio.create_task_group() as group:
        for number in range(5):
            group.start_soon(interact, f"prompt {number}")
    script.append(sorted(results.items()))


async def a_connect_that_fails(client: Odyssey, script: Script) -> None:
    await trying(script, client.connect(**handlers(script)))
    script.append((client.current_status, client.current_session_id))


async def fails_then_connects(client: Odyssey, script: Script) -> None:
    await a_connect_that_fails(client, script)
    await a_connect_that_fails(client, script)
    await trying(script, client.disconnect())
    await trying(script, client.disconnect())


async def a_stream_that_fails(client: Odyssey, script: Script) -> None:
    await client.connect(**handlers(script))
    async with client.events() as events:
        await trying(script, client.start_stream("A cat"))
        await trying(script, client.interact("Pet the cat"))
        with suppress(OdysseyError):
            await client.end_stream()
        await client.disconnect()
        script.extend([type(event).__name__ async for event in events])


async def end_is_reported(client: Odyssey, script: Script) -> None:
    await client.connect()
    async with client.events() as events:
        await trying(script, client.start_stream("A cat"))
        async for event in events:
            script.append(type(event).__name__)
            if isinstance(event, Disconnected | StreamFailed):
                break
    script.append((client.is_connected, client.current_status))


async def media_is_lost(client: Odyssey, script: Script) -> None:
    # Which part of the peer goes first is chance, on any loop: the code is not compared.
    await client.connect()
    async with client.events() as events:
        with suppress(OdysseyError):
            await client.start_stream("A cat")
        async for event in events:
            script.append(type(event).__name__)
            if isinstance(event, Disconnected):
                script.append(event.failure and event.failure.kind)
                break


async def disconnected_meanwhile(client: Odyssey, script: Script) -> None:
    async def connect() -> None:
        await trying(script, client.connect(**handlers(script)))

    async with anyio.create_task_group() as group:
        group.start_soon(connect)
        while client.current_status is not ConnectionStatus.CONNECTING:
            await anyio.sleep(0.001)
        await client.disconnect()
    script.append(client.current_status)


async def cancelled_and_again(client: Odyssey, script: Script) -> None:
    await client.connect(**handlers(script))
    await client.start_stream("A cat")
    with anyio.move_on_after(0.2) as scope:
        await client.interact("answered too late")
    script.append(("cancelled", scope.cancelled_caught))
    await trying(script, client.interact("answered"))
    await client.disconnect()


async def bad_input(client: Odyssey, script: Script) -> None:
    bad: Any = 7
    await trying(script, client.interact("not connected"))
    await client.connect(**handlers(script))
    await trying(script, client.start_stream(bad))
    await trying(script, client.start_stream("A cat", image=b"not an image"))
    await trying(script, client.interact("no stream"))
    await trying(script, client.get_recording("../../etc/passwd"))
    await trying(script, client.simulate(bad))


async def calls_without_a_session(client: Odyssey, script: Script) -> None:
    credentials = await client.create_client_credentials()
    script.append(type(credentials).__name__)
    await trying(script, client.get_recording("nobody"))
    listed = await client.list_simulations()
    script.append((listed.total, listed.jobs))
    await trying(script, client.connect_with_credentials(credentials, **handlers(script)))
    await trying(script, client.disconnect())


def refused(path: str, status: int, body: Any) -> faults.Refuse:
    return faults.Refuse(path, json_reply(body, status))


QUICK = Timeouts(start=0.4, interact=0.4, end=0.4)
BRIEF = Timeouts(negotiate=1.5)

LIMIT = {"detail": {"error": "CONCURRENT_LIMIT_REACHED", "message": "too many", "action": "Wait"}}

CASES: dict[str, tuple[Program, ServiceConfig, Timeouts | None]] = {
    "a whole session": (a_whole_session, ServiceConfig(), None),
    "handlers that wait": (handlers_that_wait, ServiceConfig(), None),
    "blocks and iterators": (blocks_and_iterators, ServiceConfig(), None),
    "calls at once": (calls_at_once, ServiceConfig(), None),
    "a bad key": (a_connect_that_fails, ServiceConfig(keys=["other"]), None),
    "a usage limit": (
        a_connect_that_fails,
        ServiceConfig(faults=[refused("/sessions/request", 429, LIMIT)]),
        None,
    ),
    "nonsense": (
        a_connect_that_fails,
        ServiceConfig(faults=[faults.Refuse("/sessions/request", HttpReply(200, (), b"nonsense"))]),
        None,
    ),
    "no offer": (fails_then_connects, ServiceConfig(faults=[faults.NoOffer()]), Timeouts(negotiate=0.3)),
    "no video": (a_connect_that_fails, ServiceConfig(faults=[faults.WithoutVideo()]), BRIEF),
    "an error on signaling": (
        fails_then_connects,
        ServiceConfig(faults=[faults.SignalError(Moment.ANSWER, "streamer_not_found")]),
        None,
    ),
    "a refused stream": (a_stream_that_fails, ServiceConfig(moderated=["cat"]), None),
    "a start that is not answered": (
        a_stream_that_fails,
        ServiceConfig(faults=[faults.Swallow(Moment.START), faults.Swallow(Moment.END)]),
        QUICK,
    ),
    "a change that is not answered": (
        a_stream_that_fails,
        ServiceConfig(faults=[faults.Swallow(Moment.UPDATE)]),
        QUICK,
    ),
    "a normal close": (
        end_is_reported,
        ServiceConfig(faults=[faults.Close(Moment.START, 1000, "")]),
        None,
    ),
    "a cut connection": (end_is_reported, ServiceConfig(faults=[faults.Cut(Moment.START)]), None),
    "lost media": (media_is_lost, ServiceConfig(faults=[faults.DropMedia(Moment.START)]), None),
    "the end of a stream's time": (end_is_reported, ServiceConfig(stream_seconds=0.3), None),
    "disconnected meanwhile": (disconnected_meanwhile, ServiceConfig(), None),
    "cancelled and again": (
        cancelled_and_again,
        ServiceConfig(faults=[faults.Late(Moment.UPDATE, 0.4)]),
        None,
    ),
    "bad input": (bad_input, ServiceConfig(), None),
    "calls without a session": (calls_without_a_session, ServiceConfig(), None),
}


@pytest.fixture(autouse=True, scope="module")
def warm() -> None:
    for loop in usable():
        warm_up(loop.values[0])


def usable() -> list[Any]:
    """Returns the loops that are installed."""
    return [loop for loop in loops() if not any(mark.args[0] for mark in loop.marks)]


@pytest.mark.parametrize("case", CASES)
def test_every_loop_tells_the_same(case: str) -> None:
    program, config, timeouts = CASES[case]
    scripts = {loop.id: played(loop.values[0], program, config, timeouts) for loop in usable()}
    first = scripts["asyncio"]
    assert len(first) > 1
    for script in scripts.values():
        assert script == first


def played(loop: Any, program: Program, config: ServiceConfig, timeouts: Timeouts | None) -> Script:
    """Runs a program on a loop of its own and returns its script: what it reported, then what it said."""
    backend, options = (loop, {}) if isinstance(loop, str) else loop
    script: Script = []

    async def main() -> None:
        with anyio.fail_after(WITHIN):
            async with serve(config) as service:
                async with Odyssey("ody_test", api_url=service.url, timeouts=timeouts) as client:
                    await program(client, script)
                    kept = client.trace
                if kept is not None:
                    script.extend(said(kept.raw))

    anyio.run(main, backend=backend, backend_options=options)
    return nameless(script)


def said(trace: Trace) -> Script:
    """Returns what a client said to the service, in order."""
    return [line for step in trace.steps for line in map(spoken, step.outputs) if line not in (None, *TIMELY)]


TIMELY = ("KeepAlive", "IceCandidate")


def spoken(output: Any) -> Any:
    match output:
        case Request(_, request):
            return request.method, request.url.rpartition("/")[2]
        case SendText(_, text):
            return type(signaling.decode(text)).__name__
        case ChannelSend(_, _, text):
            return type(stream.decode(text)).__name__
        case CloseSocket() | DropPeer():
            return type(output).__name__
        case _:
            return None


RANDOM = re.compile(r"\b[0-9a-z]{24}\b|127\.0\.0\.1:\d+")


def nameless(script: Script) -> Script:
    """Returns a script with ids and ports numbered in the order in which they occur."""
    names: dict[str, str] = {}

    def name(found: re.Match[str]) -> str:
        return names.setdefault(found[0], f"<{len(names)}>")

    return [RANDOM.sub(name, repr(line)) for line in script]
