"""What a browser that streams may do besides: other codecs and sizes, less of everything, and being gone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import numpy as np
import pytest
from anyio.to_thread import run_sync
from attrs import define, field
from house.independent_service import Relay
from house.inspector import Page, inspected
from house.server_thread import ServerThread

from odyssey import ConnectionStatus, Odyssey, VideoFrame

PATIENCE = 40.0

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.long,
    pytest.mark.timeout(120),
    pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"], scope="module"),
]


@define
class Watched:
    """A stream of a browser: its page, and what our client sees."""

    page: Page
    frames: list[VideoFrame] = field(factory=list)
    statuses: list[ConnectionStatus] = field(factory=list)

    async def frame(self, height: int, width: int) -> None:
        """Waits for a crimson frame of that size."""
        with anyio.fail_after(PATIENCE):
            while not (self.frames and self._is_crimson(self.frames[-1], (height, width))):
                await anyio.sleep(0.02)

    async def fresh_frames(self, count: int = 10) -> None:
        """Waits for so many further frames."""
        wanted = len(self.frames) + count
        with anyio.fail_after(PATIENCE):
            while len(self.frames) < wanted:
                await anyio.sleep(0.02)

    @staticmethod
    def _is_crimson(frame: VideoFrame, size: tuple[int, int]) -> bool:
        median = np.median(frame.data, axis=(0, 1))
        return frame.data.shape[:2] == size and bool(np.abs(median - (220, 20, 60)).max() < 40)


@asynccontextmanager
async def streaming(studio: ServerThread, codecs: str = "") -> AsyncIterator[Watched]:
    """A browser that streams to our client."""
    with inspected(f"{studio.url}/studio?codecs={codecs}") as page:
        watched = Watched(page)
        async with Odyssey(api_url=studio.url, api_key="ody_browser") as client:
            await client.connect(
                on_video_frame=watched.frames.append,
                on_status_change=lambda status, _: watched.statuses.append(status),
            )
            await client.start_stream("crimson", portrait=False)
            await watched.frame(352, 640)
            yield watched


@pytest.mark.parametrize("codecs", ["H264,VP8", "VP8,H264", "AV1,VP9,H264", "rtx,red,ulpfec,VP9,VP8"])
async def test_codecs_are_offered_in_any_order(studio: ServerThread, codecs: str) -> None:
    async with streaming(studio, codecs) as watched:
        await watched.fresh_frames()


async def test_a_picture_may_change_its_size_and_become_less(studio: ServerThread) -> None:
    async with streaming(studio) as watched:
        await run_sync(watched.page.run, "tunings.shrink()")
        await watched.frame(176, 320)
        await run_sync(watched.page.run, "tunings.resize()")
        await watched.frame(320, 240)
        await run_sync(watched.page.run, "tunings.throttle()")
        await watched.fresh_frames()
        assert watched.statuses[-1] is ConnectionStatus.CONNECTED


async def test_a_browser_hides_its_addresses_behind_names(studio: ServerThread, relay: Relay) -> None:
    """Names in .local, which are found by asking the network (RFC 6762), or by what comes from them."""
    async with streaming(studio) as watched:
        await watched.fresh_frames()
    named = [each["candidate"] for each in relay.streamed if each["type"] == "ice_candidate"]
    assert named
    assert all(".local" in each for each in named)


@pytest.mark.parametrize("end", ["Page.close", "Page.crash"])
async def test_a_tab_that_is_gone_is_reported(studio: ServerThread, end: str) -> None:
    async with streaming(studio) as watched:
        watched.page.order(end)
        with anyio.fail_after(PATIENCE):
            while watched.statuses[-1] is ConnectionStatus.CONNECTED:
                await anyio.sleep(0.02)
