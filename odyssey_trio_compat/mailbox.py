"""A one-way queue between two threads, bounded, with one wake-up for any number of items."""

import threading
from collections import deque
from collections.abc import Callable

from odyssey_trio_compat.bell import Ring


class Mailbox[T]:
    """
    Hands items to `deliver` in the loop of `ring`, in order.

    `put` may be called from any thread and never waits.
    What comes when `limit` items already wait is refused.
    """

    def __init__(self, ring: Ring, deliver: Callable[[T], None], limit: int) -> None:
        self._ring = ring
        self._deliver = deliver
        self._limit = limit
        self._items: deque[T] = deque()
        self._lock = threading.Lock()
        self._rung = False

    def __repr__(self) -> str:
        return f"<Mailbox {len(self._items)} of {self._limit}>"

    def put(self, item: T) -> bool:
        """Adds an item; `False` if the box is full."""
        with self._lock:
            if len(self._items) >= self._limit:
                return False
            self._items.append(item)
            rung, self._rung = self._rung, True
        if not rung:
            self._ring(self._empty)
        return True

    def _empty(self) -> None:
        with self._lock:
            items, self._items = self._items, deque()
            self._rung = False
        for item in items:
            self._deliver(item)
