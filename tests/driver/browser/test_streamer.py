"""Debian's chromium as the streamer that our client connects to, as the real service's may be."""

import anyio
import numpy as np
import pytest
from house.chromium import Reports, showing
from house.independent_service import Relay
from house.server_thread import ServerThread

from odyssey import Odyssey, VideoFrame

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.timeout(120),
    pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"], scope="module"),
]


async def test_a_browser_streams_to_our_client(studio: ServerThread, relay: Relay, reports: Reports) -> None:
    frames: list[VideoFrame] = []

    async def painted(colour: tuple[int, int, int]) -> VideoFrame:
        """Waits for a frame of that colour."""
        while True:
            if frames and np.abs(np.median(frames[-1].data, axis=(0, 1)) - colour).max() < 40:
                return frames[-1]
            await anyio.sleep(0.02)

    with showing(f"{studio.url}/studio"):
        async with Odyssey(api_url=studio.url, api_key="ody_browser") as client:
            await client.connect(on_video_frame=frames.append)
            assert client.is_connected
            assert await client.start_stream("crimson", portrait=False) == "browser-1"
            assert client.last_applied_prompt == "crimson, painted"
            with anyio.fail_after(20):
                frame = await painted((220, 20, 60))
            assert frame.data.shape == (frame.height, frame.width, 3)
            assert await client.interact("royalblue") == "royalblue, painted"
            with anyio.fail_after(20):
                await painted((65, 105, 225))
                # The video goes on.
                while len(frames) <= 10:
                    await anyio.sleep(0.02)
            await client.end_stream()
        await reports.next("received")
        said = [message["type"] for message in relay.said]
        assert said[0] == "answer"
        assert said[-1] == "client_disconnecting"
    assert relay.closed_with == 1000
