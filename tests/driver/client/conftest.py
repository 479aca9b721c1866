"""A client and the world around it, in memory."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from inmemory import World

from odyssey import Odyssey


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
