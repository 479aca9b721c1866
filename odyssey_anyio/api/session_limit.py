"""How many sessions the clients of a process have at once: a place is taken to connect, and given back."""

import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Protocol, Self

import anyio
import anyio.lowlevel
from attrs import define

from odyssey_anyio.api.arguments import period
from odyssey_anyio.errors.mapping import error_of, positive
from odyssey_anyio.events.event_stream import EventPublisher
from odyssey_proto.kernel.failures import Failure, FailureKind
from odyssey_proto.model.events import Event
from odyssey_proto.seam.commands import CommandId
from odyssey_proto.trace.values import Step
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
        self._timeout = None if timeout is None else period(timeout, "timeout") / 1_000_000
        self._lock = threading.Lock()
        self._places = self._free = positive(places, "places")
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
    """
    The place of one client: taken to connect, given back when its session has ended.

    It is shown each step of the core, and asks `occupied` whether a session is left: one that says goodbye
    is, for at most `Timeouts.leave`.
    """

    def __init__(
        self, limit: SessionLimit | None, publisher: EventPublisher, occupied: Callable[[], bool]
    ) -> None:
        self._limit = limit
        self._publisher = publisher
        self._occupied = occupied
        self._lock = threading.Lock()
        self._taking = False
        self._taken = False
        self._connecting = 0

    def __repr__(self) -> str:
        return f"<SessionPlace{' taken' if self._taken else ''}>"

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """
        Takes a place unless there is one, or no limit; it is given back if no session is left by the block.

        Raises `OdysseyConnectionError` while another task waits for the place of this client.
        """
        if self._limit is None:
            yield
            return
        await self._take(self._limit)
        try:
            yield
        finally:
            self._publisher.add(self)
            with self._lock:
                self._connecting -= 1
            self._settle()

    def asked(self, command: CommandId) -> None:
        """A call begins, which changes nothing yet."""

    def stepped(self, step: Step) -> None:
        """The core has made a step, after which no session may be left."""
        self._settle()

    def put(self, event: Event) -> None:
        """An event says nothing here: what it tells of the end comes before the goodbye."""

    def close(self) -> None:
        """The client has ended, and its session with it."""
        self._release()

    async def _take(self, limit: SessionLimit) -> None:
        with self._lock:
            if self._taking:
                # As the core says it once there is a place.
                raise error_of(Failure(FailureKind.STATE, "already connecting", code="state.connecting"))
            self._connecting += 1
            if self._taken:
                return
            self._taking = True
        try:
            await limit.acquire()
        except BaseException:
            with self._lock:
                self._taking = False
                self._connecting -= 1
            raise
        with self._lock:
            self._taking, self._taken = False, True

    def _settle(self) -> None:
        if self._taken and not self._occupied():
            self._release()

    def _release(self) -> None:
        with self._lock:
            # Whoever connects just now needs it.
            over = self._taken and not self._connecting
            if over:
                self._taken = False
        if over and self._limit is not None:
            self._publisher.remove(self)
            self._limit.release()
