"""Our client against a service made of aiohttp and a streamer made of aiortc."""

import base64
import io

import anyio
import numpy as np
import PIL.Image
import pytest
from house.independent_service import SESSION, Relay
from house.independent_streamer import Streamer
from house.server_thread import ServerThread

from odyssey import ConnectionStatus, Odyssey, VideoFrame

pytestmark = pytest.mark.anyio


async def test_a_whole_session(service: ServerThread, relay: Relay, streamer: Streamer) -> None:
    frames: list[VideoFrame] = []
    statuses: list[ConnectionStatus] = []
    gone: list[bool] = []
    async with Odyssey(api_url=service.url, api_key="ody_independent") as client:
        await client.connect(
            on_video_frame=frames.append,
            on_status_change=lambda status, message: statuses.append(status),
            on_disconnected=lambda: gone.append(True),
        )
        assert client.is_connected
        assert client.current_session_id == SESSION
        assert await client.start_stream("a lighthouse", portrait=False) == "aiortc-1"
        applied: list[str] = []

        async def interact(prompt: str) -> None:
            applied.append(f"{prompt} → {await client.interact(prompt)}")

        async with anyio.create_task_group() as group:
            for prompt in ("one", "two", "three"):
                group.start_soon(interact, prompt)
        assert sorted(applied) == ["one → ONE", "three → THREE", "two → TWO"]
        with anyio.fail_after(20):
            while len(frames) < 10:
                await anyio.sleep(0.02)
        await client.end_stream()
    assert (frames[-1].width, frames[-1].height) == (640, 480)
    assert frames[-1].data.shape == (480, 640, 3)
    assert statuses[0] is ConnectionStatus.AUTHENTICATING
    assert statuses[-2:] == [ConnectionStatus.CONNECTED, ConnectionStatus.DISCONNECTED]
    assert gone == [True]
    # One token of each kind, and the ping of the one region; no call twice (except those by nobody).
    assert sorted(relay.asked) == sorted(
        [
            ("POST", "/auth/token"),
            ("GET", "/regions"),
            ("GET", "/ping"),
            ("POST", "/sessions/request"),
            ("POST", "/sessions/token"),
            ("GET", "/config"),
            ("GET", f"/client/{SESSION}"),
            ("GET", "/streamer"),
        ]
    )
    start = next(each for each in streamer.received if each["type"] == "interactive_stream_start")
    assert start["prompt"] == "a lighthouse"
    assert start["portrait"] is False
    assert relay.said[-1] == {"type": "client_disconnecting"}
    assert relay.closed_with == 1000


async def test_a_large_start_travels_by_signaling(service: ServerThread, streamer: Streamer) -> None:
    """An image does not fit into a message of this peer's data channels (docs/protocol.md#message-size)."""
    noise = np.random.default_rng(7).integers(0, 256, (704, 1280, 3), np.uint8)
    png = io.BytesIO()
    PIL.Image.fromarray(noise).save(png, "png")
    async with Odyssey(api_url=service.url, api_key="ody_independent") as client:
        await client.connect()
        assert await client.start_stream("a portrait", portrait=False, image=png.getvalue()) == "aiortc-1"
    start = next(each for each in streamer.received if each["type"] == "interactive_stream_start")
    kind, data = start["input_image_base64"].split(";base64,")
    assert kind.startswith("data:image/")
    received = PIL.Image.open(io.BytesIO(base64.b64decode(data)))
    assert received.size == (1280, 704)
    assert len(data) > 400_000
