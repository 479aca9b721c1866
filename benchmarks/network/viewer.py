"""
One client that is watched, in a network of its own:
`python benchmarks/network/viewer.py ours|plain|connects`.

It is run by its path, so that the library is the one that PYTHONPATH leads to, which may be an older one.
It reads a line of JSON with the `url` of a service, and prints a line of JSON for whatever its user sees.
`address A` as a further line changes the address of its machine, any other ends it.
"""

import asyncio
import importlib
import json
import sys
import time
from typing import Any

from house.netns import set_link_address

CONNECT_SECONDS = 45.0
"""After so long no first picture is waited for any more."""


def show(what: str, **more: object) -> None:
    """Prints what was seen."""
    sys.stdout.write(f"{json.dumps({'what': what, 'at': time.time(), **more})}\n")
    sys.stdout.flush()


def show_frame(frame: Any) -> None:
    """Prints whether a picture is whole, and how old it is."""
    from odyssey_anyio.local.video import marker

    # An array has `data` as well.
    picture = frame if type(frame).__name__ == "ndarray" else frame.data
    seen = marker.read(picture)
    if seen is None:
        show("broken picture")
    else:
        show("frame", age=time.time() - seen.time_ms / 1000)


def show_status(status: Any, why: object = None) -> None:
    """Prints a status; `why` may be anything that can be printed."""
    show("status", status=str(getattr(status, "value", status)), why=str(why))


async def ours(url: str) -> None:
    """Streams with the library; a lost session is replaced where it can do that."""
    import odyssey
    from odyssey import Odyssey

    policy = getattr(odyssey, "ReconnectPolicy", None)
    recovery = {} if policy is None else {"reconnect": policy()}
    async with Odyssey("ody_networks", api_url=url, **recovery) as client:
        watching = None
        try:
            await client.connect(on_video_frame=show_frame, on_status_change=show_status)
            watching = asyncio.create_task(_events(client))
            await client.start_stream("A cat")
            await asyncio.sleep(3600)
        except odyssey.OdysseyError as error:
            show("error", text=str(error))
            await asyncio.sleep(3600)
        finally:
            if watching is not None:
                watching.cancel()


async def _events(client: Any) -> None:
    async for event in client.events():
        if type(event).__name__ == "FramesStalled":
            show("stalled")


async def connects(url: str) -> None:
    """Connects with the library again and again, each time until the first picture."""
    from odyssey import Odyssey, OdysseyError

    while True:
        began, failure = time.monotonic(), ""
        async with Odyssey("ody_networks", api_url=url) as client:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await _first_picture(client)
            except (OdysseyError, TimeoutError) as error:
                failure = f"{type(error).__name__}: {error}"
            show("tried", seconds=time.monotonic() - began, failure=failure)


async def _first_picture(client: Any) -> None:
    first = asyncio.Event()
    await client.connect(on_video_frame=lambda _: first.set())
    await client.start_stream("A cat")
    await first.wait()


async def plain(url: str) -> None:
    """Streams with the plain client; its user sees what its peer connection says."""
    from benchmarks.plain.client import PlainClient

    async with PlainClient(url, "ody_networks") as client:
        try:
            await client.connect(show_frame)
            peer: Any = client._pc
            peer.on("connectionstatechange", lambda: show_status(peer.connectionState))
            await client.start_stream("A cat")
        except Exception as error:  # noqa: BLE001  # whatever a user would get
            show("error", text=f"{type(error).__name__}: {error}")
        await asyncio.sleep(3600)


async def main(side: str) -> None:
    """Streams until it is asked to leave."""
    loop = asyncio.get_running_loop()
    url = json.loads(await loop.run_in_executor(None, sys.stdin.readline))["url"]
    # What takes long to load is no part of a connect.
    importlib.import_module("aiortc")
    importlib.import_module("benchmarks.plain.client" if side == "plain" else "odyssey_anyio.client")
    show("connecting")
    streaming = asyncio.create_task({"ours": ours, "plain": plain, "connects": connects}[side](url))
    while (line := await loop.run_in_executor(None, sys.stdin.readline)).startswith("address"):
        set_link_address(line.split()[1])
    streaming.cancel()
    await asyncio.wait([streaming], timeout=5)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
