"""Sessions that are watched for a while, each the way its client has it; a callback gets every picture."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import numpy as np
from numpy.typing import NDArray

from benchmarks.benchmark import Setting

SETTLING_SECONDS = 0.5
"""After the first frame, before anything counts."""

FIRST_FRAME_SECONDS = 20.0

type OnFrame = Callable[[Any], None]
"""Gets what a client hands its callback: a `VideoFrame` of ours, or the plain client's array."""


class Watched:
    """Counts what arrives, and passes it on when it counts."""

    def __init__(self, on_frame: OnFrame) -> None:
        self._on_frame = on_frame
        self._seen = anyio.Event()
        self.counting = False
        self.frames = 0

    def __call__(self, frame: Any) -> None:
        self._seen.set()
        if self.counting:
            self.frames += 1
        self._on_frame(frame)

    async def settled(self) -> None:
        """Waits until frames have come for a while."""
        with anyio.fail_after(FIRST_FRAME_SECONDS):
            await self._seen.wait()
        await anyio.sleep(SETTLING_SECONDS)


@asynccontextmanager
async def ours(setting: Setting, on_frame: OnFrame, file: str = "", **options: Any) -> AsyncIterator[Watched]:
    """A stream of ours that has settled; with the name of a `file` it is recorded to that."""
    from odyssey import Odyssey

    watched = Watched(on_frame)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(Odyssey(setting.key, api_url=setting.url, **options))
        await client.connect(on_video_frame=watched)
        if file:
            folder = stack.enter_context(TemporaryDirectory())
            await stack.enter_async_context(client.record(Path(folder, file)))
        await stack.enter_async_context(client.stream("A lighthouse at dusk", portrait=False))
        await watched.settled()
        yield watched


@asynccontextmanager
async def plain(setting: Setting, on_frame: OnFrame) -> AsyncIterator[Watched]:
    """The same with the plain client."""
    from benchmarks.plain.client import PlainClient

    async with _streaming(PlainClient(setting.url, setting.key), on_frame) as watched:
        yield watched


@asynccontextmanager
async def bare(setting: Setting, on_frame: OnFrame) -> AsyncIterator[Watched]:
    """aiortc and nothing else: the plain client that converts nothing, and hands over what was decoded."""
    from aiortc.mediastreams import MediaStreamError

    from benchmarks.plain.client import PlainClient

    class Bare(PlainClient):
        async def _show(self, track: Any) -> None:
            while True:
                try:
                    frame = await track.recv()
                except MediaStreamError:
                    return
                if self.on_frame is not None:
                    self.on_frame(frame)

    async with _streaming(Bare(setting.url, setting.key), on_frame) as watched:
        yield watched


@asynccontextmanager
async def _streaming(client: Any, on_frame: OnFrame) -> AsyncIterator[Watched]:
    watched = Watched(on_frame)
    async with client:
        await client.connect(watched)
        await client.start_stream("A lighthouse at dusk", portrait=False)
        await watched.settled()
        yield watched


def marked(frame: Any) -> NDArray[np.uint8]:
    """Returns the part of a picture that has its marker, at the least cost."""
    planes = getattr(frame, "planes", None)
    picture: NDArray[np.uint8] = frame if planes is None else planes[0]
    return picture


def seen(frame: Any, rate: int) -> float | None:
    """Returns when a picture was made, in seconds on the wall clock; nothing if it does not say so whole."""
    from benchmarks.network.clip import age_ms
    from odyssey_anyio.local.video.marker import read

    marker = read(marked(frame))
    if marker is None:
        return None
    # A picture of a scene has the time, one of a clip only its number.
    return marker.time_ms / 1000 if marker.time_ms else time.time() - age_ms(marker.number, rate) / 1000


async def counted(watched: Watched, seconds: float) -> tuple[float, int]:
    """Watches for so long; returns the time of CPU that it took, in seconds, and the number of frames."""
    watched.frames = 0
    watched.counting = True
    began = time.process_time()
    await anyio.sleep(seconds)
    watched.counting = False
    return time.process_time() - began, watched.frames


def resident_megabytes() -> float:
    """Returns how much memory this process has, in MiB."""
    status = Path("/proc/self/status").read_text()
    return float(status.split("VmRSS:", 1)[1].split()[0]) / 1024


def quantile(values: list[float], share: float) -> float:
    """Returns the value that such a share of them does not exceed."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else float("nan")
