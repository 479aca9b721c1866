"""The queue in which handlers are called and calls are released."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
import anyio.lowlevel
import pytest

from odyssey_anyio.events.dispatcher import MAX_QUEUED_EVENTS, Callbacks, DeliveryQueue
from odyssey_anyio.events.handlers import ConnectHandlers
from odyssey_proto.kernel.failures import Failure, FailureKind
from odyssey_proto.model.events import (
    BroadcastInfo,
    BroadcastReady,
    Connected,
    ConnectionStatus,
    Disconnected,
    DurationLimit,
    ErrorHappened,
    FramesResumed,
    FramesStalled,
    InteractAcknowledged,
    LimitApproaching,
    QualityChanged,
    Reconnecting,
    Renewed,
    Restored,
    StatusChanged,
    StreamEnded,
    StreamFailed,
    StreamStarted,
)

NAMES = (
    "connected disconnected stream_started stream_ended interact_acknowledged broadcast_ready "
    "stream_error status_change"
)

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def working(queue: DeliveryQueue) -> AsyncIterator[None]:
    """Works off a queue beside a block, and to its end."""
    async with anyio.create_task_group() as group:
        group.start_soon(queue.run)
        yield
        queue.close()


def acknowledged(prompt: str) -> InteractAcknowledged:
    return InteractAcknowledged(prompt)


async def test_every_event_has_its_handler() -> None:
    calls: list[object] = []
    names = NAMES.split()
    handlers = ConnectHandlers(
        on_error=lambda error, fatal: calls.append((str(error), fatal)),
        **{f"on_{name}": lambda *given, name=name: calls.append((name, *given)) for name in names},
    )
    failure = Failure(FailureKind.UNREACHABLE, "gone")
    info = BroadcastInfo(None, "https://watch", "token")
    queue = DeliveryQueue(Callbacks())
    queue.adopt(handlers)
    for event in (
        StatusChanged(ConnectionStatus.CONNECTED, "text"),
        Connected("s"),
        StreamStarted("id", "prompt"),
        acknowledged("a"),
        BroadcastReady(info),
        FramesStalled(3),
        FramesResumed(4),
        QualityChanged(None),
        LimitApproaching(DurationLimit.STREAM, 15.0),
        Reconnecting(failure, 1, 0.5),
        Restored("s", "id", 1, 2.5),
        Renewed("s", "id"),
        StreamFailed("reason", "message", failure),
        StreamEnded(),
        ErrorHappened(failure, fatal=True),
        Disconnected(failure),
    ):
        queue.put(event)
    async with working(queue):
        pass
    assert calls == [
        ("status_change", ConnectionStatus.CONNECTED, "text"),
        ("connected",),
        ("stream_started", "id"),
        ("interact_acknowledged", "a"),
        ("broadcast_ready", info),
        ("stream_error", "reason", "message"),
        ("stream_ended",),
        ("gone", True),
        ("disconnected",),
    ]


async def test_a_release_keeps_its_place() -> None:
    calls: list[str] = []
    queue = DeliveryQueue(Callbacks())
    queue.adopt(ConnectHandlers(on_interact_acknowledged=calls.append))
    async with working(queue):
        queue.put(acknowledged("before"))
        queue.release(lambda: calls.append("release"))
        queue.put(acknowledged("after"))
    assert calls == ["before", "release", "after"]


async def test_handlers_change_in_their_place() -> None:
    first: list[str] = []
    second: list[str] = []
    queue = DeliveryQueue(Callbacks())
    queue.adopt(ConnectHandlers(on_interact_acknowledged=first.append))
    queue.put(acknowledged("a"))
    queue.adopt(ConnectHandlers(on_interact_acknowledged=second.append))
    queue.put(acknowledged("b"))
    async with working(queue):
        pass
    assert (first, second) == (["a"], ["b"])


async def test_while_a_coroutine_waits_releases_overtake_events_but_events_keep_their_order() -> None:
    calls: list[str] = []
    may_go = anyio.Event()

    async def slow(prompt: str) -> None:
        calls.append(f"{prompt} begins")
        if prompt == "a":
            await may_go.wait()
        calls.append(f"{prompt} ends")

    queue = DeliveryQueue(Callbacks())
    queue.adopt(ConnectHandlers(on_interact_acknowledged=slow))
    queue.put(acknowledged("a"))
    queue.release(lambda: calls.append("queued behind it"))
    async with working(queue):
        while not calls:
            await anyio.lowlevel.checkpoint()
        queue.put(acknowledged("b"))
        queue.release(lambda: calls.append("at once"))
        assert calls[-1] == "at once"
        may_go.set()
    assert calls == ["queued behind it", "a begins", "at once", "a ends", "b begins", "b ends"]


async def test_a_queue_behind_a_handler_that_waits_is_bounded() -> None:
    calls: list[str] = []
    may_go = anyio.Event()

    async def slow() -> None:
        await may_go.wait()

    callbacks = Callbacks()
    queue = DeliveryQueue(callbacks)
    queue.adopt(ConnectHandlers(on_connected=slow, on_interact_acknowledged=calls.append))
    async with working(queue):
        queue.put(Connected("s"))
        await anyio.lowlevel.checkpoint()
        await anyio.lowlevel.checkpoint()
        for number in range(MAX_QUEUED_EVENTS + 10):
            queue.put(acknowledged(str(number)))
        may_go.set()
    assert calls == [str(number) for number in range(10, MAX_QUEUED_EVENTS + 10)]
    assert callbacks.dropped == 10


async def test_handlers_that_were_dropped_from_the_queue_still_count() -> None:
    calls: list[str] = []
    may_go = anyio.Event()

    async def slow() -> None:
        await may_go.wait()

    queue = DeliveryQueue(Callbacks())
    queue.adopt(ConnectHandlers(on_connected=slow))
    async with working(queue):
        queue.put(Connected("s"))
        await anyio.lowlevel.checkpoint()
        await anyio.lowlevel.checkpoint()
        queue.adopt(ConnectHandlers(on_interact_acknowledged=calls.append))
        for number in range(MAX_QUEUED_EVENTS):
            queue.put(acknowledged(str(number)))
        may_go.set()
    assert len(calls) == MAX_QUEUED_EVENTS


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_what_a_handler_raises_reaches_the_error_handler(
    asynchronous: bool, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[tuple[Exception, bool]] = []
    problem = LookupError("mine")

    def bad(prompt: str) -> None:
        raise problem

    async def bad_later(prompt: str) -> None:
        await anyio.lowlevel.checkpoint()
        raise problem

    async def tell(error: Exception, fatal: bool) -> None:
        await anyio.lowlevel.checkpoint()
        calls.append((error, fatal))

    handler: Callable[[str], object] = bad_later if asynchronous else bad
    callbacks = Callbacks()
    queue = DeliveryQueue(callbacks)
    queue.adopt(ConnectHandlers(on_interact_acknowledged=handler, on_error=tell))
    async with working(queue):
        queue.put(acknowledged("a"))
        queue.put(acknowledged("b"))
    assert calls == [(problem, False)] * 2
    assert callbacks.errors == 2
    assert [record.exc_info is not None for record in caplog.records] == [True, True]


async def test_a_closed_queue_releases_at_once_and_is_idle() -> None:
    calls: list[str] = []
    queue = DeliveryQueue(Callbacks())
    async with working(queue):
        await queue.idle()
        queue.put(Connected("s"))
        await queue.idle()
    queue.release(lambda: calls.append("released"))
    assert calls == ["released"]
