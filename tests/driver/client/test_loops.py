"""The application's loop: blocked, shared by many clients, and as the home of the media engine."""

import time
from collections.abc import Callable

import anyio
import pytest

from odyssey import FrameAccount, Newest, Odyssey, OdysseyConnectionError, media_here
from odyssey_anyio.local.service import serve
from odyssey_proto.service.io.config import ServiceConfig

pytestmark = pytest.mark.anyio

WITHIN = 30.0
"""More than anything here takes, in seconds."""

CLIENTS = 20


def balanced(account: FrameAccount | None) -> bool:
    assert account is not None
    return account.received == account.delivered + account.pending + sum(account.dropped.values())


async def until(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(WITHIN):
        while not condition():
            await anyio.sleep(0.005)


async def test_a_blocked_loop_is_survived_and_every_frame_accounted_for() -> None:
    async with serve() as service, Odyssey("ody_test", api_url=service.url) as client:
        seen = 0

        def frame(_: object) -> None:
            nonlocal seen
            seen += 1

        await client.connect(on_video_frame=frame)
        async with client.stream("A cat") as live, live.frames(Newest()) as frames:
            for span in (0.1, 0.5, 2.0):
                before = seen
                time.sleep(span)
                await until(lambda before=before: seen > before + 1)
                assert balanced(client.statistics().frames)
                assert balanced(frames.account)
                assert await live.interact("Pet the cat")
            assert client.is_connected


async def test_twenty_clients_of_one_process() -> None:
    async with serve(ServiceConfig(capacity=CLIENTS)) as service:
        ids: set[str] = set()
        live = anyio.Event()

        async def session(number: int) -> None:
            async with Odyssey(f"ody_{number}", api_url=service.url) as client:
                await client.connect()
                ids.add(str(client.current_session_id))
                if len(ids) == CLIENTS:
                    live.set()
                await live.wait()
                assert client.is_connected

        with anyio.fail_after(WITHIN):
            async with anyio.create_task_group() as group:
                for number in range(CLIENTS):
                    group.start_soon(session, number)
        assert len(ids) == CLIENTS


async def test_media_can_live_in_the_applications_loop(anyio_backend_name: str) -> None:
    async with serve() as service, Odyssey("ody_test", api_url=service.url, media=media_here) as client:
        if anyio_backend_name == "trio":
            with pytest.raises(OdysseyConnectionError) as caught:
                await client.connect()
            assert caught.value.code == "network.internal"
            return
        await client.connect()
        async with client.stream("A cat") as live:
            async for frame in live.frames():
                assert frame.data.shape == (frame.height, frame.width, 3)
                break
            assert balanced(client.statistics().frames)
