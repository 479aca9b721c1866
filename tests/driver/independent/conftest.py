"""A service and a streamer made of other libraries, for our client."""

from collections.abc import Iterator

import pytest
from house.independent_service import Relay
from house.independent_streamer import Streamer
from house.server_thread import ServerThread, server_thread


@pytest.fixture
def relay() -> Relay:
    return Relay(regions=("here",))


@pytest.fixture
def streamer() -> Streamer:
    return Streamer()


@pytest.fixture
def service(relay: Relay, streamer: Streamer) -> Iterator[ServerThread]:
    with server_thread(relay.application) as stand:
        stand.run(streamer.join(stand.url))
        yield stand
        stand.run(streamer.leave())
