"""A client and the world around it, in memory, and the loops of asyncio that it may be used in."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from house.loops import eager, fast
from inmemory import World

from odyssey import Odyssey
from odyssey_proto.client.rest import calls
from odyssey_proto.client.rest.backoff import Backoff
from odyssey_proto.kernel.machine import millis

LOOPS = {"asyncio": asyncio.new_event_loop, "eager": eager, "uvloop": fast}


@pytest.fixture
def world() -> World:
    """Everything outside of a client."""
    return World()


@pytest.fixture
def make(world: World) -> Callable[..., Odyssey]:
    """Makes clients in that world."""

    def make(**arguments: Any) -> Odyssey:
        given = {"api_key": "ody_test", "api_url": "http://api", **world.transports, **arguments}
        return Odyssey(**given)

    return make


@pytest.fixture
async def client(make: Callable[..., Odyssey]) -> AsyncIterator[Odyssey]:
    """A client that is closed after the test."""
    client = make()
    yield client
    await client.aclose()


@pytest.fixture(scope="module")
def quick_retries() -> Iterator[None]:
    """Makes retries of calls quick, for as long as traces of a module are replayed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calls, "RETRY_DELAYS", Backoff(millis(1), millis(2)))
        yield


@pytest.fixture(scope="module", params=LOOPS)
def loop_factory(request: pytest.FixtureRequest) -> Callable[[], asyncio.AbstractEventLoop]:
    """What makes each kind of loop."""
    if request.param == "uvloop":
        pytest.importorskip("uvloop")
    # What a loop opens once for the whole process is none of what a test leaves.
    LOOPS[request.param]().close()
    return LOOPS[request.param]


@pytest.fixture
def run(loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> Callable[..., Any]:
    """Runs a program as `asyncio.run` does, on each kind of loop."""

    def run(main: Any) -> Any:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            return runner.run(main)

    return run
