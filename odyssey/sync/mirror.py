"""What mirrors have in common: each stands in front of one object that lives in the loop of a portal."""

import threading
from collections.abc import AsyncIterator, Callable
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, Self

import anyio.to_thread

from odyssey.sync.portal import Portal
from odyssey_anyio.aio.tasks import is_awaited


class Mirror[T]:
    """Stands in front of `original`."""

    def __init__(self, portal: Portal, original: T) -> None:
        self._portal = portal
        self._original = original

    def __repr__(self) -> str:
        return f"<sync {self._original!r}".replace("<sync <", "<sync ", 1)

    def _repr_html_(self) -> str | None:
        """Shows in a notebook what the original does; one that shows nothing stands in one line."""
        show = getattr(self._original, "_repr_html_", None)
        return None if show is None else show()


class Reader[T: AsyncIterator[Any], Item](Mirror[T]):
    """Stands in front of an async iterator."""

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Item:
        try:
            return self._portal.read(self._next)
        except StopAsyncIteration:
            raise StopIteration from None

    async def _next(self) -> Item:
        item: Item = await anext(self._original)
        return item

    def __del__(self) -> None:
        # A loop that was left by `break` holds nothing but this object.
        self._portal.release(self._original)


def in_thread(handler: Any) -> Any:
    """
    Returns a handler that calls another one in a thread, where that may block and call the client.

    A coroutine function runs in the loop of the client, as it is; what is no function is for the client to
    refuse.
    """
    if not callable(handler) or iscoroutinefunction(handler):
        return handler
    return _threaded(handler)


def _threaded(handler: Callable[..., object]) -> Callable[..., object]:
    @wraps(handler, updated=())
    async def call(*arguments: object) -> None:
        result: Any
        if threading.main_thread().is_alive():
            # One that hangs does not keep the client from closing.
            result = await anyio.to_thread.run_sync(handler, *arguments, abandon_on_cancel=True)
        else:
            # The interpreter shuts down, and starts no threads any more.
            result = handler(*arguments)
        if is_awaited(result):
            await result

    return call
