"""How many sessions the clients of a process have at once: a place is taken to connect, and given back."""

import threading
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Protocol, Self

import anyio
import anyio.lowlevel
from attrs import define

from odyssey_anyio.api.arguments import period
from odyssey_anyio.errors.mapping import Calling, error_of, refused
from odyssey_anyio.events.event_stream import EventPublisher
from odyssey_proto.kernel.failures import Failure, FailureKind
from odyssey_proto.model.events import ConnectionStatus, Disconnected, Event, StatusChanged
from odyssey_trio_compat import CallSoon, call_soon


class SessionLimit(Protocol):
    """What `Odyssey(limit=…)` asks for a place; one of your own may keep a limit across machines."""

    async def acquire(self) -> None:
        """Waits for a place and takes it; who is cancelled meanwhile, or whom it raises for, has none."""
        ...

    def release(self) -> None:
        """Gives a place back, in any thread, without waiting."""
        ...


@define(eq=False)
class _Waiting:
    call_soon: CallSoon
    given: anyio.Event
    has_place: bool = False


class ConcurrencyLimit:
    """
    At most `places` sessions at a time, shared by all clients that are given it, in any loop and thread.

    Who waits is served first come, first served.
    `timeout` is how long to wait for a place, in seconds; then `OdysseyTimeoutError` (code
    `timeout.limit`) is raised.
    It is an async context manager too, for whatever else takes a place.
    `OdysseyValueError` is raised for less than one place.

    Example:
        ```python
        limit = ConcurrencyLimit(3)

        async def make(prompt: str) -> Recording:
            async with Odyssey(limit=limit) as client:
                return await client.clip(prompt, seconds=10)
        ```
    """

    def __init__(self, places: int, *, timeout: float | None = None) -> None:
        if isinstance(places, bool) or not isinstance(places, int) or places < 1:
            raise refused(f"places must be a whole number of 1 or more, not {places!r:.100}", Calling.REST)
        self._timeout = None if timeout is None else period(timeout, "timeout") / 1_000_000
        self._lock = threading.Lock()
        self._places = self._free = places
        self._waiting: deque[_Waiting] = deque()

    def __repr__(self) -> str:
        return f"<ConcurrencyLimit {self._free} of {self._places} free, {len(self._waiting)} waiting>"

    async def acquire(self) -> None:
        """Waits for a place and takes it; raises `OdysseyTimeoutError` when the `timeout` is over."""
        await anyio.lowlevel.checkpoint()
        with self._lock:
            if self._free:
                self._free -= 1
                return
            waiting = _Waiting(call_soon(), anyio.Event())
            self._waiting.append(waiting)
        try:
            with anyio.fail_after(self._timeout):
                await waiting.given.wait()
        except TimeoutError:
            self._give_up(waiting)
            text = f"could not connect: timed out, none of {self._places} places became free"
            raise error_of(Failure(FailureKind.TIMED_OUT, text, code="timeout.limit")) from None
        except BaseException:
            self._give_up(waiting)
            raise

    def release(self) -> None:
        """Gives a place back, to whoever waits longest; in any thread."""
        with self._lock:
            while self._waiting:
                first = self._waiting.popleft()
                first.has_place = True
                # One whose loop is gone has no use for it.
                if first.call_soon(first.given.set):
                    return
            self._free = min(self._free + 1, self._places)

    async def __aenter__(self) -> Self:
        await self.acquire()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _give_up(self, waiting: _Waiting) -> None:
        with self._lock:
            if not waiting.has_place:
                self._waiting.remove(waiting)
                return
        # It came just then.
        self.release()


class SessionPlace:
    """The place of one client: taken to connect, given back when its session has ended."""

    def __init__(self, limit: SessionLimit | None, publisher: EventPublisher) -> None:
        self._limit = limit
        self._publisher = publisher
        self._lock = threading.Lock()
        self._taken = False

    def __repr__(self) -> str:
        return f"<SessionPlace{' taken' if self._taken else ''}>"

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Takes a place unless there is one, or no limit; gives it back if the block fails."""
        if self._limit is None or self._taken:
            yield
            return
        await self._limit.acquire()
        with self._lock:
            first, self._taken = not self._taken, True
        if not first:
            # Another task of this client had its place meanwhile.
            self._limit.release()
            yield
            return
        self._publisher.add(self)
        try:
            yield
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Gives the place back, if it was not yet; in any thread."""
        with self._lock:
            taken, self._taken = self._taken, False
        if taken and self._limit is not None:
            self._publisher.remove(self)
            self._limit.release()

    def put(self, event: Event) -> None:
        """Takes an event, which may be the end of a session by itself."""
        match event:
            case Disconnected(failure) if failure is not None:
                self.release()
            case StatusChanged(ConnectionStatus.FAILED):
                self.release()
            case _:
                pass

    def close(self) -> None:
        """The client has ended, and its session with it."""
        self.release()
