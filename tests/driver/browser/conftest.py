"""What both pages need: their reports, and a server for them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web
from house.chromium import Reports, page
from house.independent_service import Relay
from house.server_thread import ServerThread, server_thread

PAGES = Path(__file__).parent / "pages"


@pytest.fixture
def reports() -> Reports:
    return Reports()


@pytest.fixture
def relay() -> Relay:
    return Relay()


@pytest.fixture
def fanout(reports: Reports) -> Iterator[ServerThread]:
    """Serves the pages of viewers from an address that is not the service's."""

    def make() -> web.Application:
        application = web.Application()
        application.add_routes(
            [
                web.get("/viewer", page(PAGES / "viewer.html")),
                web.get("/spectator", page(PAGES / "spectator.html")),
                web.post("/report", reports.handle),
            ]
        )
        return application

    with server_thread(make) as stand:
        yield stand


@pytest.fixture
def studio(relay: Relay, reports: Reports) -> Iterator[ServerThread]:
    """Serves REST and signaling, and the page that plays the streamer."""

    def make() -> web.Application:
        application = relay.application()
        application.add_routes(
            [web.get("/studio", page(PAGES / "streamer.html")), web.post("/report", reports.handle)]
        )
        return application

    with server_thread(make) as stand:
        yield stand
