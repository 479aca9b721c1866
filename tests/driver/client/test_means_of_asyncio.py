"""Handlers and transports that use asyncio's own means: these work, and what they cancel is only theirs."""

import asyncio
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from inmemory import World, applied

from odyssey import Odyssey
from odyssey_anyio.aio.tasks import calling, take_back
from odyssey_proto.seam.http import HttpReply, HttpRequest


async def until(condition: Callable[[], bool]) -> None:
    """Waits for a condition."""
    while not condition():
        await asyncio.sleep(0.001)


def test_handlers_may_use_the_means_of_asyncio(make: Callable[..., Odyssey], run: Callable[..., Any]) -> None:
    seen: list[str] = []

    async def patient() -> None:
        try:
            async with asyncio.timeout(0.01):
                await asyncio.sleep(1000)
        except TimeoutError:
            seen.append("timeout")

    async def grouped(*_: object) -> None:
        async def fails() -> None:
            raise LookupError

        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(fails())
                await asyncio.sleep(1000)
        except* LookupError:
            seen.append("group")

    async def main() -> None:
        async with make() as client:
            await client.connect(on_connected=patient, on_stream_started=grouped)
            await client.start_stream("a")
            await until(lambda: len(seen) == 2)
            assert client.statistics().handler_errors == 0
            assert await client.interact("b") == applied("b")

    run(main())
    assert seen == ["timeout", "group"]


@pytest.mark.parametrize("who", ["itself", "another task"])
def test_a_handler_can_be_cancelled_and_nothing_else_is(
    make: Callable[..., Odyssey], run: Callable[..., Any], who: str
) -> None:
    running: list[asyncio.Task[Any]] = []
    errors: list[Exception] = []

    async def endless() -> None:
        task = asyncio.current_task()
        assert task is not None
        running.append(task)
        if who == "itself":
            task.cancel()
        await asyncio.sleep(1000)

    async def main() -> None:
        async with make() as client:
            await client.connect(on_connected=endless, on_error=lambda error, fatal: errors.append(error))
            await until(lambda: bool(running))
            if who == "another task":
                running[0].cancel()
            await until(lambda: bool(errors))
            assert await client.start_stream("a")
            assert client.is_connected
            assert running[0].cancelling() == 0

    run(main())
    assert [type(error.__cause__) for error in errors] == [asyncio.CancelledError]


def test_a_handler_that_cancels_itself_and_ends_cancels_nothing_else(
    make: Callable[..., Odyssey], world: World, run: Callable[..., Any]
) -> None:
    async def cancels_itself(*_: object) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()

    async def fails(*_: object) -> None:
        await cancels_itself()
        raise LookupError

    async def main() -> None:
        async with make() as client:
            await client.connect(on_connected=cancels_itself, on_stream_started=fails)
            assert await client.start_stream("a")
            assert await client.interact("b") == applied("b")
            assert client.statistics().handler_errors == 1

    run(main())
    assert world.received.count("ClientDisconnecting") == world.granted == 1


class AsyncioExchanges:
    """A transport of somebody else, with asyncio's own timeouts."""

    def __init__(self, world: World) -> None:
        self._exchanges = world.transports["exchanges"]()
        self.timeouts = 0

    async def exchange(self, request: HttpRequest) -> HttpReply:
        try:
            async with asyncio.timeout(0.01):
                await asyncio.sleep(1000)
        except TimeoutError:
            self.timeouts += 1
        return await self._exchanges.exchange(request)

    def fetch(self, *given: Any) -> Any:
        return self._exchanges.fetch(*given)

    async def aclose(self) -> None:
        try:
            async with asyncio.timeout(0.01):
                await asyncio.sleep(1000)
        except TimeoutError:
            self.timeouts += 1
        await self._exchanges.aclose()


def test_transports_may_use_the_means_of_asyncio(
    make: Callable[..., Odyssey], world: World, run: Callable[..., Any]
) -> None:
    exchanges = AsyncioExchanges(world)

    async def main() -> None:
        async with make(exchanges=lambda: exchanges) as client:
            await client.connect()
            assert client.is_connected

    run(main())
    assert exchanges.timeouts == sum(world.asked.values()) + 1
    assert world.closed["exchanges"] == 1


class CancellingExchanges(AsyncioExchanges):
    """One that cancels the task it runs in, and answers all the same."""

    async def exchange(self, request: HttpRequest) -> HttpReply:
        reply = await self._exchanges.exchange(request)
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        return reply


def test_a_transport_that_cancels_itself_and_answers_has_answered(
    make: Callable[..., Odyssey], world: World, run: Callable[..., Any]
) -> None:
    async def main() -> None:
        async with make(exchanges=lambda: CancellingExchanges(world)) as client:
            await client.connect()
            assert client.is_connected

    run(main())
    assert world.received.count("ClientDisconnecting") == world.granted == 1


@pytest.mark.anyio
async def test_what_a_scope_cancels_is_not_taken_back() -> None:
    taken: list[bool] = []
    with anyio.CancelScope() as scope:
        scope.cancel()
        async with calling(object()):
            try:
                await anyio.sleep(1000)
            except anyio.get_cancelled_exc_class():
                taken.append(take_back())
                raise
    assert taken == [False]
    assert scope.cancelled_caught
