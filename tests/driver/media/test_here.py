"""Media in the application's own loop: a whole session, cut short at every stage, and never closed."""

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from odyssey import Odyssey, media_here, media_thread
from odyssey_anyio.local.service import LocalService, in_thread, serve

AT_ONCE = 3.0
"""Less than the end of a program takes that waits for something in vain, in seconds."""


@pytest.fixture
def service() -> Iterator[LocalService]:
    """A service in a loop of its own."""
    with in_thread(serve()) as service:
        yield service


@pytest.fixture
def unhandled(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What loops complained of, such as tasks that were destroyed while they waited."""
    said: list[str] = []

    def note(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        said.append(f"{context['message']}: {context.get('exception')!r} of {context.get('future')!r}")

    monkeypatch.setattr(asyncio.BaseEventLoop, "call_exception_handler", note)
    yield said
    gc.collect()
    assert said == []


def run(main: Callable[[], Awaitable[None]]) -> float:
    """Runs a program; returns how long its end took, in seconds."""

    async def timed() -> float:
        await main()
        return time.monotonic()

    return time.monotonic() - asyncio.run(timed())


def test_a_whole_session_and_another(service: LocalService, unhandled: list[str]) -> None:
    async def main() -> None:
        async with Odyssey("ody_test", api_url=service.url, media=media_here) as client:
            for _ in range(2):
                await client.connect()
                async with client.stream("A cat") as live:
                    async for frame in live.frames():
                        assert frame.data.shape == (frame.height, frame.width, 3)
                        break
                    assert await live.interact("Pet the cat")
                await client.disconnect()
            account = client.statistics().frames
            assert account.received == account.delivered + account.pending + sum(account.dropped.values())

    assert run(main) < AT_ONCE


@pytest.mark.parametrize("stream", [False, True], ids=["connected", "streaming"])
def test_a_client_that_is_never_closed_holds_up_nothing(
    service: LocalService, unhandled: list[str], *, stream: bool
) -> None:
    clients: list[Odyssey] = []

    async def main() -> None:
        client = Odyssey("ody_test", api_url=service.url, media=media_here)
        clients.append(client)
        await client.connect()
        if stream:
            await client.start_stream("A cat")
            await anext(client.frames())

    for _ in range(2):
        assert run(main) < AT_ONCE
    assert [client.is_connected for client in clients] == [False, False]


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.02, 0.04, 0.06, 0.1, 0.2])
def test_a_connect_that_is_cut_short_is_undone(
    service: LocalService, unhandled: list[str], seconds: float
) -> None:
    async def main() -> None:
        async with Odyssey("ody_test", api_url=service.url, media=media_here) as client:
            try:
                async with asyncio.timeout(seconds):
                    await client.connect()
            except TimeoutError:
                assert not client.is_connected
            await client.connect()
            assert client.is_connected

    assert run(main) < AT_ONCE


@pytest.mark.parametrize("make", [media_here, media_thread])
def test_a_largest_picture_without_pixels_is_refused(make: Callable[..., object]) -> None:
    with pytest.raises(ValueError, match="max_pixels must be at least 1, not 0"):
        make(max_pixels=0)
