"""A one-way queue between two threads, bounded, with one wake-up for any number of items."""

import threading
from collections import deque
from collections.abc import Callable

from odyssey_trio_compat.call_soon import CallSoon


class Mailbox[T]:
    """
    Hands items to `deliver` in the loop of `call_soon`, in order.

    `put` may be called from any thread and never waits.
    All that waits weighs at most `limit`; an item weighs 1 unless `weigh` says otherwise.
    What `deliver` raises goes to the loop, and the items behind are delivered all the same.
    """

    def __init__(
        self,
        call_soon: CallSoon,
        deliver: Callable[[T], None],
        limit: int,
        weigh: Callable[[T], int] = lambda item: 1,
    ) -> None:
        self._call_soon = call_soon
        self._deliver = deliver
        self._limit = limit
        self._weigh = weigh
        self._items: deque[T] = deque()
        self._weight = 0
        self._lock = threading.Lock()
        self._scheduled = False

    def __repr__(self) -> str:
        return f"<Mailbox {len(self._items)} items, {self._weight} of {self._limit}>"

    def put(self, item: T, *, force: bool = False) -> bool:
        """
        Adds an item; returns `False` if the box has no room for it.

        With `force` there is always room, for what must arrive and is rare.
        """
        weight = self._weigh(item)
        with self._lock:
            if self._weight + weight > self._limit and not force:
                return False
            self._items.append(item)
            self._weight += weight
            scheduled, self._scheduled = self._scheduled, True
        if not scheduled:
            self._call_soon(self._empty)
        return True

    def _empty(self) -> None:
        with self._lock:
            items, self._items = self._items, deque()
            self._weight = 0
            self._scheduled = False
        try:
            while items:
                self._deliver(items.popleft())
        finally:
            if items:
                self._put_back(items)

    def _put_back(self, items: deque[T]) -> None:
        with self._lock:
            self._items.extendleft(reversed(items))
            self._weight += sum(map(self._weigh, items))
            scheduled, self._scheduled = self._scheduled, True
        if not scheduled:
            self._call_soon(self._empty)
