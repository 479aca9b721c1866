"""Debian's chromium as a spectator of the local service, beside one of ours."""

from urllib.parse import quote

import anyio
import pytest
from house.chromium import Reports, showing
from house.server_thread import ServerThread

from odyssey import BroadcastInfo, Odyssey, connect_to_stream
from odyssey_anyio.local.service import serve
from odyssey_proto.service.io.config import ServiceConfig

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.timeout(120),
    pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"], scope="module"),
]


async def test_a_browser_watches_and_hears_beside_us(fanout: ServerThread, reports: Reports) -> None:
    ready: list[BroadcastInfo] = []
    async with (
        serve(ServiceConfig(audio=True)) as service,
        Odyssey("ody_test", api_url=service.url) as client,
    ):
        await client.connect(on_broadcast_ready=ready.append)
        await client.start_stream("A cat", portrait=False, broadcast=True)
        with anyio.fail_after(20):
            while not ready:
                await anyio.sleep(0.01)
        (info,) = ready
        async with await connect_to_stream(info.webrtc_url, info.spectator_token) as ours:
            query = f"url={quote(info.webrtc_url)}&token={quote(info.spectator_token)}"
            with showing(f"{fanout.url}/spectator?{query}"):
                answered = await reports.next("answered")
                assert answered["status"] == 201
                assert answered["location"].startswith("/live/")
                picture = await reports.next("picture")
                assert (picture["width"], picture["height"]) == (1280, 704)
                assert (await reports.next("left"))["status"] == 200
                await reports.next("done")
            assert ours.is_connected
