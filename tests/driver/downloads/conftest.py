"""A server of recordings that shares nothing with ours, and a client of it."""

from collections.abc import AsyncIterator, Iterator

import pytest
from house.file_server import FileServer
from house.server_thread import ServerThread, server_thread

from odyssey import Odyssey
from odyssey_proto.client.jobs import transfer
from odyssey_proto.client.rest.backoff import Backoff
from odyssey_proto.kernel.machine import millis


@pytest.fixture(scope="module", autouse=True)
def patience() -> Iterator[None]:
    """Makes retries quick, for as long as traces of a module are replayed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfer, "RETRIES", Backoff(millis(1), millis(2)))
        yield


@pytest.fixture
def depot() -> FileServer:
    return FileServer()


@pytest.fixture
def server(depot: FileServer) -> Iterator[ServerThread]:
    with server_thread(depot.application) as stand:
        yield stand


@pytest.fixture
async def client(server: ServerThread) -> AsyncIterator[Odyssey]:
    async with Odyssey(api_key="ody_files", api_url=server.url) as client:
        yield client
