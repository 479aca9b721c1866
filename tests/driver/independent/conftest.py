"""A service and a streamer made of other libraries, for our client."""

from collections.abc import Iterator

import pytest
from house.relay import Relay
from house.stand import Stand, standing
from house.streamer import Streamer


@pytest.fixture
def relay() -> Relay:
    return Relay(regions=("here",))


@pytest.fixture
def streamer() -> Streamer:
    return Streamer()


@pytest.fixture
def service(relay: Relay, streamer: Streamer) -> Iterator[Stand]:
    with standing(relay.application) as stand:
        stand.run(streamer.join(stand.url))
        yield stand
        stand.run(streamer.leave())
