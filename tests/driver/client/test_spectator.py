"""Watching a broadcast over real sockets and real WebRTC, against the local service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from house.video_files import read_back, sound_seconds

from odyssey import (
    Bounded,
    BroadcastInfo,
    IcePolicy,
    Odyssey,
    OdysseyAuthError,
    OdysseyConnectionError,
    OdysseyTimeoutError,
    SpectatorConnection,
    Timeouts,
    connect_to_stream,
)
from odyssey_anyio.local.service import serve
from odyssey_anyio.local.video.marker import read
from odyssey_proto.model.events import Disconnected
from odyssey_proto.service.io.config import ServiceConfig

pytestmark = pytest.mark.anyio

WITHIN = 25.0


@asynccontextmanager
async def broadcasting(**config: Any) -> AsyncIterator[tuple[Odyssey, BroadcastInfo]]:
    """A client whose stream can be watched."""
    ready: list[BroadcastInfo] = []
    async with (
        serve(ServiceConfig(**config)) as service,
        Odyssey("ody_test", api_url=service.url) as client,
    ):
        await client.connect(on_broadcast_ready=ready.append)
        await client.start_stream("A cat", broadcast=True)
        with anyio.fail_after(WITHIN):
            while not ready:
                await anyio.sleep(0.01)
            yield client, ready[0]


async def numbers(spectator: SpectatorConnection, count: int) -> set[int]:
    """Returns the numbers that are written in so many frames."""
    found: set[int] = set()
    async for frame in spectator.frames():
        marker = read(frame.data)
        assert marker is not None
        found.add(marker.number)
        if len(found) == count:
            break
    return found


async def test_several_watch_the_same_picture_until_the_host_ends_it() -> None:
    seen: list[set[int]] = []
    gone: list[str] = []
    frames: list[Any] = []

    async def watch(spectator: SpectatorConnection) -> None:
        seen.append(await numbers(spectator, 20))

    async with broadcasting() as (client, info):
        one = await connect_to_stream(
            info.webrtc_url, info.spectator_token, frames.append, lambda: gone.append("one")
        )
        two = await connect_to_stream(
            info.webrtc_url, info.spectator_token, on_disconnected=lambda: gone.append("two")
        )
        assert one.is_connected
        assert not hasattr(one, "peer_connection")
        async with anyio.create_task_group() as group:
            group.start_soon(watch, one)
            group.start_soon(watch, two)
        assert len(seen[0] & seen[1]) > 5, "the same frames, not only the same scene"
        events = one.events()
        await client.end_stream()
        reported = [event async for event in events]
        assert [event.failure.code for event in reported if isinstance(event, Disconnected)] == [
            "broadcast.ended"
        ]
        assert [frame async for frame in two.frames()] == []
        for spectator in (one, two):
            await spectator.disconnect()
            await spectator.disconnect()
            assert not spectator.is_connected
    assert sorted(gone) == ["one", "two"]
    assert frames
    assert one.account.received >= one.account.delivered > 0


async def test_who_leaves_is_gone_at_once_and_makes_room() -> None:
    async with broadcasting(viewers=1) as (_, info):
        gone: list[bool] = []
        async with await connect_to_stream(
            info.webrtc_url, info.spectator_token, on_disconnected=lambda: gone.append(True)
        ) as spectator:
            assert len(await numbers(spectator, 3)) == 3
            with pytest.raises(OdysseyConnectionError) as caught:
                await connect_to_stream(info.webrtc_url, info.spectator_token)
            assert caught.value.status == 503
        assert gone == [True]
        async with await connect_to_stream(info.webrtc_url, info.spectator_token) as spectator:
            assert spectator.is_connected
            assert spectator.trace is not None


async def test_who_may_not_watch() -> None:
    gone: list[bool] = []
    async with broadcasting() as (_, info):
        with pytest.raises(OdysseyAuthError) as caught:
            await connect_to_stream(
                info.webrtc_url, "canary-token", on_disconnected=lambda: gone.append(True)
            )
        assert isinstance(caught.value, ValueError)
        assert "canary" not in f"{caught.value!r}{caught.value}"
        with pytest.raises(OdysseyConnectionError) as missing:
            await connect_to_stream(f"{info.webrtc_url}x", info.spectator_token)
        assert missing.value.status == 404
    assert gone == [], "what never came up is not over"


async def test_nobody_is_there() -> None:
    async with broadcasting() as (_, info):
        pass
    with pytest.raises(OdysseyConnectionError):
        await connect_to_stream(info.webrtc_url, info.spectator_token)


async def test_its_session_is_kept_where_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ODYSSEY_TRACE_DIR", str(tmp_path))
    # Whom nobody knows leaves at once.
    with anyio.fail_after(WITHIN), pytest.raises(OdysseyConnectionError):
        await connect_to_stream(
            "http://127.0.0.1:9/live/s", "hush-hush-token", timeouts=Timeouts(leave=10 * WITHIN)
        )
    (file,) = tmp_path.iterdir()
    assert "hush-hush-token" not in file.read_text()


@pytest.mark.parametrize("url", ["", "nowhere at all", "ftp://host/live/s"])
async def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        await connect_to_stream(url, "token")
    assert "token" not in str(caught.value)


async def test_a_relay_that_cannot_be_had_ends_in_time() -> None:
    async with broadcasting() as (_, info):
        with pytest.raises(OdysseyConnectionError) as caught:
            await connect_to_stream(
                info.webrtc_url,
                info.spectator_token,
                ice=IcePolicy(relay_only=True, gather_timeout=0.3),
            )
        assert caught.value.code == "network.no_relay"


async def test_a_silent_media_server_is_a_typed_timeout() -> None:
    async with broadcasting() as (_, info):
        hasty = Timeouts(negotiate=0.002, leave=0.2)
        with pytest.raises(OdysseyTimeoutError) as caught:
            await connect_to_stream(info.webrtc_url, info.spectator_token, timeouts=hasty)
        assert caught.value.phase == "spectate"


@pytest.mark.parametrize("moments", range(0, 20, 2))
async def test_a_connect_that_is_cancelled_leaves_nothing(moments: int) -> None:
    async def watch(info: BroadcastInfo) -> None:
        async with await connect_to_stream(info.webrtc_url, info.spectator_token):
            await anyio.sleep_forever()

    async with broadcasting(viewers=1) as (_, info), anyio.create_task_group() as group:
        group.start_soon(watch, info)
        await anyio.sleep(0.004 * moments)
        group.cancel_scope.cancel()


async def test_what_is_watched_is_recorded(tmp_path: Path) -> None:
    async with (
        broadcasting(audio=True) as (client, info),
        await connect_to_stream(info.webrtc_url, info.spectator_token, audio=True) as spectator,
        spectator.record(tmp_path / "cat.webm") as recorder,
    ):
        sound = spectator.audio(Bounded(1000))
        while recorder.frames < 5 or sound.account.received < 30:
            await anyio.sleep(0.01)
        await client.end_stream()
        while spectator.is_connected:
            await anyio.sleep(0.01)
    found = read_back(recorder.path)
    assert len(found) == recorder.frames
    assert {(width, height) for _, width, height in found} == {(704, 1280)}
    assert sound_seconds(recorder.path) > 0.2
