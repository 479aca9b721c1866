"""The public API over real sockets and real WebRTC, against the local service."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import anyio.from_thread
import anyio.lowlevel
import pytest

from odyssey import ConnectionStatus, Odyssey, OdysseyAuthError, OdysseyConnectionError
from odyssey_anyio.local.service import LocalService, serve
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.io.faults import Slow

WITHIN = 20.0
"""More than anything here takes, in seconds."""


async def until(condition: Callable[[], bool]) -> None:
    """Waits for a condition."""
    with anyio.fail_after(WITHIN):
        while not condition():
            await anyio.sleep(0.005)


@pytest.mark.anyio
async def test_a_session_from_end_to_end() -> None:
    reported: list[Any] = []
    async with serve() as service, Odyssey("ody_test", api_url=service.url) as client:
        await client.connect(
            on_video_frame=lambda frame: reported.append((frame.width, frame.height)),
            on_stream_started=reported.append,
        )
        async with client.stream("A cat", portrait=False) as live:
            assert live.stream_id in reported
            applied = await live.interact("Pet the cat")
            assert client.last_applied_prompt == applied
            async for frame in live.frames():
                if (frame.width, frame.height) == (1280, 704):
                    assert frame.data.shape == (704, 1280, 3)
                    break
            await until(lambda: (1280, 704) in reported)
        frames = client.statistics().frames
        assert frames.received == frames.delivered + frames.pending + sum(frames.dropped.values())
        await client.disconnect()
        assert client.current_status is ConnectionStatus.DISCONNECTED


@pytest.mark.anyio
async def test_a_bad_key() -> None:
    config = ServiceConfig(keys=["ody_good"])
    async with serve(config) as service, Odyssey("ody_bad", api_url=service.url) as client:
        with pytest.raises(OdysseyAuthError) as caught:
            await client.connect()
    assert (caught.value.status, caught.value.code) == (401, "auth.invalid_key")


@pytest.mark.anyio
async def test_nobody_listens() -> None:
    async with Odyssey("ody_test", api_url="http://127.0.0.1:9") as client:
        with pytest.raises(OdysseyConnectionError) as caught:
            await client.connect()
    assert caught.value.code == "network.refused"


@pytest.mark.anyio
async def test_the_slot_is_free_again_after_every_way_out() -> None:
    config = ServiceConfig(capacity=1)
    async with serve(config) as service:

        def client() -> Odyssey:
            return Odyssey("ody_test", api_url=service.url)

        async with client() as first:
            await first.connect()
        second = client()
        with anyio.CancelScope() as scope:
            async with second:
                await second.connect()
                scope.cancel()
                await anyio.lowlevel.checkpoint()
        third = client()
        with anyio.move_on_after(0.05):
            await third.connect()
        await third.disconnect()
        async with client() as last:
            await last.connect()
            assert last.is_connected


@pytest.mark.anyio
async def test_disconnect_during_connect_ends_both() -> None:
    errors: list[str] = []
    async with serve() as service, Odyssey("ody_test", api_url=service.url) as client:

        async def connect() -> None:
            try:
                await client.connect()
            except OdysseyConnectionError as error:
                errors.append(error.code)

        async with anyio.create_task_group() as group:
            group.start_soon(connect)
            await until(lambda: client.current_status is ConnectionStatus.CONNECTING)
            await client.disconnect()
        assert errors == ["closed_locally"]


@pytest.mark.anyio
async def test_the_end_of_the_service_is_an_error() -> None:
    disconnected = anyio.Event()
    async with serve() as service:
        client = Odyssey("ody_test", api_url=service.url)
        await client.connect(on_disconnected=disconnected.set)
    with anyio.fail_after(WITHIN):
        await disconnected.wait()
    assert not client.is_connected
    await client.disconnect()


# --- loops of their own -------------------------------------------------------------------------


@contextmanager
def served(config: ServiceConfig | None = None) -> Iterator[LocalService]:
    """Runs a service on a loop in another thread."""
    begin = anyio.from_thread.start_blocking_portal
    with begin() as portal, portal.wrap_async_context_manager(serve(config)) as service:
        yield service


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("slow", ["/sessions/token", "/config"])
def test_a_loop_that_ends_during_a_connect_gives_the_session_back(
    backend: str, slow: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "odyssey.service")
    config = ServiceConfig(capacity=1, faults=(Slow(slow, 0.1),))
    with served(config) as service:

        async def cut_off() -> None:
            async with anyio.create_task_group() as group, Odyssey("ody_test", api_url=service.url) as client:
                group.start_soon(client.connect)
                await until(lambda: "POST /sessions/request: 200" in caplog.text)
                group.cancel_scope.cancel()

        anyio.run(cut_off, backend=backend)
        anyio.run(until, lambda: "the client leaves" in caplog.text)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_loop_that_ends_without_a_disconnect_says_goodbye_and_leaves_nothing(
    backend: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "odyssey.service")
    with served(ServiceConfig(capacity=1)) as service:
        threads = {thread.name for thread in threading.enumerate()}
        client = Odyssey("ody_test", api_url=service.url)
        for _ in range(2):
            # One slot: the second session needs the first to have been given back.
            anyio.run(client.connect, backend=backend)
            assert client.current_status is ConnectionStatus.DISCONNECTED
        assert caplog.text.count("the client leaves") == 2
        left = {thread.name for thread in threading.enumerate()} - threads
        assert {name for name in left if name.startswith("odyssey")} == set()
