"""Events as async iterators: any number of readers, each with a bounded queue of its own."""

from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self
from weakref import WeakSet

import anyio.lowlevel

from odyssey_anyio.aio.wakeup import Wakeup
from odyssey_anyio.errors.mapping import positive
from odyssey_proto.model.events import Event, Restored

MAX_QUEUE = 1024
"""How many events a reader may leave unread; then its oldest are dropped."""


class EventStream:
    """
    The events of a client from now on, as an async iterator.

    It ends when the application leaves, after the events of that.
    A reader that falls behind by more than `size` events loses the oldest; `dropped` counts them.
    A `size` below 1 raises `OdysseyValueError`.
    """

    def __init__(self, size: int = MAX_QUEUE, check: Callable[[], None] = lambda: None) -> None:
        # Raises where it cannot be read.
        self._check = check
        self._events: deque[Event] = deque(maxlen=positive(size, "size"))
        self._changed = Wakeup()
        self._closed = False
        self.dropped: int = 0
        """How many events were lost because the reader fell behind."""

    def __repr__(self) -> str:
        return f"<EventStream {len(self._events)} unread, {self.dropped} dropped>"

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        self._check()
        await anyio.lowlevel.checkpoint()
        await self._changed.until(lambda: bool(self._events) or self._closed)
        if not self._events:
            raise StopAsyncIteration
        return self._events.popleft()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Takes no more events; what is unread can still be read."""
        self._closed = True
        self._changed.set()

    def put(self, event: Event) -> None:
        """Adds an event."""
        if self._closed:
            return
        if len(self._events) == self._events.maxlen:
            self.dropped += 1
        self._events.append(event)
        self._changed.set()


class Subscriber(Protocol):
    """Whoever wants every event as it comes; it must not block."""

    def put(self, event: Event) -> None:
        """Takes an event."""
        ...

    def close(self) -> None:
        """No more events will come."""
        ...


class EventPublisher:
    """Hands every event to all who subscribed; a subscriber that nobody else holds is forgotten."""

    def __init__(self) -> None:
        self._subscribers: WeakSet[Subscriber] = WeakSet()
        self.recoveries: int = 0
        """How many times a lost session was replaced."""

    def add(self, subscriber: Subscriber) -> None:
        """Hands every event from now on to a subscriber."""
        self._subscribers.add(subscriber)

    def remove(self, subscriber: Subscriber) -> None:
        """Hands a subscriber no more."""
        self._subscribers.discard(subscriber)

    def put(self, event: Event) -> None:
        """Hands an event to everybody."""
        self.recoveries += isinstance(event, Restored)
        for subscriber in list(self._subscribers):
            subscriber.put(event)

    def close(self) -> None:
        """Closes every subscriber until now; it goes on for those that come later."""
        for subscriber in list(self._subscribers):
            subscriber.close()
        self._subscribers.clear()
