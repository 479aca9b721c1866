"""Debian's chromium as the streamer that our client connects to, as the real service's may be."""

from typing import Any

import anyio
import numpy as np
import pytest
from aioice import ice
from house.chromium import Reports, showing
from house.independent_service import Relay
from house.server_thread import ServerThread

from odyssey import ConnectionStatus, Odyssey, VideoFrame

PATIENCE = 40.0
"""More than a browser takes for a change of its picture, in seconds."""

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
            with anyio.fail_after(PATIENCE):
                frame = await painted((220, 20, 60))
            assert frame.data.shape == (frame.height, frame.width, 3)
            assert await client.interact("royalblue") == "royalblue, painted"
            with anyio.fail_after(PATIENCE):
                await painted((65, 105, 225))
                # The video goes on.
                while len(frames) <= 10:
                    await anyio.sleep(0.02)
            await client.end_stream()
        await reports.next("received")
        # One that takes long to come up is kept alive meanwhile.
        said = [message["type"] for message in relay.said if message["type"] != "keepalive"]
        assert said[0] == "answer"
        assert said[-1] == "client_disconnecting"
    assert relay.closed_with == 1000


CHANGES = [
    *(
        pytest.param(alone, marks=pytest.mark.long)
        for alone in (["add_audio"], ["restart"], ["pause", "resume"])
    ),
    ["add_audio", "remove_audio", "add_audio", "restart", "remove_audio", "restart", "pause", "resume"],
]


@pytest.mark.parametrize("changes", CHANGES, ids=",".join)
async def test_a_browser_that_changes_its_mind_keeps_its_session(
    changes: list[str],
    studio: ServerThread,
    relay: Relay,
    reports: Reports,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Consent is asked for more often than usual, so that one that is refused for good is seen here."""
    request, answered = ice.StunProtocol.request, 0

    async def counted(protocol: ice.StunProtocol, *args: Any, **more: Any) -> Any:
        nonlocal answered
        answer = await request(protocol, *args, **more)
        # Nothing but consent is asked for once.
        answered += more.get("retransmissions") == 0
        return answer

    monkeypatch.setattr(ice.StunProtocol, "request", counted)
    monkeypatch.setattr(ice, "CONSENT_INTERVAL", 0.1)
    frames: list[VideoFrame] = []
    statuses: list[ConnectionStatus] = []

    async def painted(colour: tuple[int, int, int]) -> None:
        with anyio.fail_after(PATIENCE):
            while not (frames and np.abs(np.median(frames[-1].data, axis=(0, 1)) - colour).max() < 40):
                await anyio.sleep(0.02)

    with showing(f"{studio.url}/studio"):
        async with Odyssey(api_url=studio.url, api_key="ody_browser") as client:
            await client.connect(
                on_video_frame=frames.append, on_status_change=lambda status, _: statuses.append(status)
            )
            await reports.next("negotiated")
            await client.start_stream("crimson", portrait=False)
            await painted((220, 20, 60))
            for number, change in enumerate(changes):
                await anyio.to_thread.run_sync(studio.run, relay.order({"type": "change", "what": change}))
                assert (await reports.next("negotiated"))["state"] == "stable"
                colour = ("royalblue", (65, 105, 225)) if number % 2 == 0 else ("crimson", (220, 20, 60))
                assert await client.interact(colour[0]) == f"{colour[0]}, painted"
                if change != "pause":
                    await painted(colour[1])
            seen, before = len(frames), answered
            with anyio.fail_after(PATIENCE):
                while len(frames) <= seen or answered < before + 5:
                    await anyio.sleep(0.02)
            assert statuses[-1] is ConnectionStatus.CONNECTED
            assert statuses.count(ConnectionStatus.CONNECTED) == 1
            assert [message["type"] for message in relay.said].count("answer") == 1 + len(changes)
