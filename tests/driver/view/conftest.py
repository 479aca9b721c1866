"""A session over a client in memory, and a browser that has opened its page."""

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import httpx
import pytest
from inmemory import World

from odyssey import Odyssey
from odyssey.view.app import application
from odyssey.view.live_session import LiveSession

HERE = "http://127.0.0.1:8000"


@pytest.fixture
def world() -> World:
    """Everything outside of the client; the streamer refuses mice."""
    return World(moderated=["mouse"])


@pytest.fixture
async def session(world: World, tmp_path: Path) -> AsyncIterator[LiveSession]:
    """A session that follows its client."""
    async with Odyssey("ody_test", api_url="http://api", **world.transports) as client:
        session = LiveSession(client, tmp_path)
        async with anyio.create_task_group() as group:
            group.start_soon(session.run)
            yield session
            group.cancel_scope.cancel()


@pytest.fixture
async def browser(session: LiveSession) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that has exchanged the token for a cookie."""
    page = application(session)
    headers = {"origin": HERE}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(page), base_url=HERE, headers=headers
    ) as browser:
        assert (await browser.get(f"/{page.query}")).status_code == 303
        yield browser
