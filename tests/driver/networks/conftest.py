"""A service and a client, each in a network of its own, for each test."""

from collections.abc import Iterator

import pytest
from house.far_programs import Service, Viewer, client_on, watching


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    yield service
    service.close()


@pytest.fixture(params=["asyncio", "trio"])
def viewer(request: pytest.FixtureRequest, service: Service) -> Iterator[Viewer]:
    """A client for which a lost session is the end."""
    with watching(client_on(request.param), service.link, service.url) as viewer:
        yield viewer


@pytest.fixture(params=["asyncio", "trio"])
def recovering(request: pytest.FixtureRequest, service: Service) -> Iterator[Viewer]:
    """A client whose lost sessions are replaced."""
    with watching(client_on(request.param), service.link, service.url, recovering=True) as viewer:
        yield viewer
