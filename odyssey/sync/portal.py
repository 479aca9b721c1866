"""A loop in a thread of its own, in which a synchronous client has its work done."""

import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from typing import Any

import anyio
from anyio.from_thread import BlockingPortal

from odyssey.sync.deadline import remaining
from odyssey_anyio.aio.tasks import current_loop
from odyssey_anyio.errors.classes import OdysseyConnectionError
from odyssey_anyio.errors.mapping import Calling, error_of, refused
from odyssey_anyio.events.dispatcher import HANDLER_CALL
from odyssey_proto.kernel.failures import Failure, FailureKind
from odyssey_trio_compat import CallSoon, call_soon

BACKENDS = ("asyncio", "trio")

CANCELLING_SECONDS = 5.0
"""How long a call that was interrupted may take to end."""

LIVENESS_SECONDS = 1.0
"""How often a call looks whether the loop is still there."""

ENDING_SECONDS = 1.0
"""How long the calls of other threads may take to return when their client is closed."""

EXIT_POLL_SECONDS = 0.5
"""How often a loop looks whether the main thread of the program has ended."""

_INSIDE = Failure(
    FailureKind.STATE,
    "a synchronous call would block the event loop that runs in this thread: use odyssey.Odyssey and await,"
    " or call from another thread",
    code="state.inside_loop",
)
_FORKED = Failure(
    FailureKind.STATE,
    "this client was used before the process forked, and its loop stayed in the parent: make a client in"
    " each process",
    code="state.forked",
)
_CLOSED = Failure(FailureKind.STATE, "this client is closed: make another one", code="state.closed")
_ENDED = Failure(FailureKind.CLOSED_LOCALLY, "the client was closed while the call was waiting")


class Portal:
    """
    The loop of one client: any thread has work done in it, and waits for the outcome.

    Its thread begins with the first call, and ends with `close`, when the last who uses it is gone, or
    when the main thread of the program has ended; what is open is given back then, in bounded time.
    """

    def __init__(self, backend: str) -> None:
        self._backend = _installed(backend)
        self._lock = threading.Lock()
        self._loop: _Loop | None = None
        self._closed = False

    def __repr__(self) -> str:
        return f"<Portal {self._backend}{', closed' if self._closed else ''}>"

    def __del__(self) -> None:
        loop = getattr(self, "_loop", None)
        if loop is not None and loop.here:
            loop.stop()

    def call[**P, T](self, work: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Returns or raises what comes of a coroutine function."""
        self.check()
        with self._lock:
            if self._closed:
                raise error_of(_CLOSED)
            if self._loop is None or not self._loop.alive:
                self._loop = _Loop(self._backend)
            loop = self._loop
        try:
            return loop.run(partial(work, *args, **kwargs))
        except _LoopEndedError:
            raise error_of(_ENDED) from None

    def finish[**P, T](
        self, work: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Does what `call` does for what ends something: without the loop, a short one does it."""
        self.check()
        loop = self._loop
        if loop is not None and loop.alive:
            with suppress(_LoopEndedError):
                return loop.run(partial(work, *args, **kwargs))
        return in_place(self._backend, work, *args, **kwargs)

    def read[**P, T](self, work: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Does what `call` does; what is unread can be read when the client is closed."""
        try:
            return self.call(work, *args, **kwargs)
        except OdysseyConnectionError:
            if not self._closed:
                raise
        return self.finish(work, *args, **kwargs)

    def do[**P, T](self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Returns what a plain function returns, which is called in the loop if there is one."""
        loop = self._loop
        if loop is None or not loop.here or not loop.alive:
            return work(*args, **kwargs)

        async def run() -> T:
            return work(*args, **kwargs)

        return self.finish(run)

    def release(self, last: object) -> None:
        """Lets an object go in the loop, which it belongs to."""
        loop = self._loop
        if loop is not None and loop.here:
            loop.call_soon(partial(_nothing, last))

    def close(self) -> None:
        """Ends the loop, and what still runs in it; returns when that is done, unless a handler calls it."""
        with self._lock:
            loop, self._closed = self._loop, True
        if loop is not None and loop.here:
            loop.stop()
            # A handler that closes its client would be waited for itself.
            if HANDLER_CALL.get() is None:
                loop.join()

    def check(self) -> None:
        """Raises `OdysseyConnectionError` where a call would block a loop, or wait for ever."""
        if self._loop is not None and not self._loop.here:
            raise error_of(_FORKED)
        _no_loop_here()


def in_place[**P, T](
    backend: str, work: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Returns or raises what comes of a coroutine function, in a loop of its own in this thread."""
    _no_loop_here()

    async def bounded() -> T:
        with anyio.fail_after(remaining()):
            return await work(*args, **kwargs)

    return anyio.run(bounded, backend=_installed(backend))


def _installed(backend: str) -> str:
    if backend not in BACKENDS:
        raise refused(f"backend must be one of {', '.join(BACKENDS)}, not {backend!r:.100}", Calling.REST)
    if find_spec(backend) is None:
        raise refused(f"the backend {backend} is not installed", Calling.REST)
    return backend


def _no_loop_here() -> None:
    try:
        current_loop()
    except RuntimeError:
        return
    raise error_of(_INSIDE)


class _LoopEndedError(Exception):
    """The loop ended before the outcome was there."""


class _Call[T]:
    """Work that is handed over to the loop, and may be abandoned there before it begins."""

    def __init__(self, work: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self._work = work
        self._scope: anyio.CancelScope | None = None
        self._abandoned = False

    async def run(self) -> T:
        """Returns or raises what comes of the work; `CancelledError` if it was abandoned."""
        if not self._abandoned:
            with anyio.CancelScope() as self._scope:
                return await self._work()
        raise CancelledError

    def abandon(self) -> None:
        """Nobody waits for it any more; in the loop."""
        self._abandoned = True
        if self._scope is not None:
            self._scope.cancel()


class _Loop:
    """A thread and the loop in it; it knows nothing of who uses it, so that they can be let go."""

    def __init__(self, backend: str) -> None:
        self._process = os.getpid()
        self._ready = threading.Event()
        self._waiting = 0
        self._portal: BlockingPortal
        self._stop: anyio.Event
        self.call_soon: CallSoon = _never
        # No daemon: the interpreter waits for it, so that the session is given back.
        self._thread = threading.Thread(target=self._run, args=(backend,), name="odyssey.sync")
        self._thread.start()
        self._ready.wait()

    @property
    def here(self) -> bool:
        """Whether it is in this process, and not in the one that forked it."""
        return self._process == os.getpid()

    @property
    def alive(self) -> bool:
        """Whether it takes calls."""
        return self._thread.is_alive()

    def run[T](self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Returns or raises what comes of it; whoever is interrupted meanwhile has it cancelled."""
        call, ended = _Call(work), threading.Event()
        future: Future[T] | None = None
        try:
            try:
                future = self._portal.start_task_soon(self._counted, call, ended)
            except (RuntimeError, AttributeError):
                # It was closed meanwhile, or never ran.
                raise _LoopEndedError from None
            self._wait(ended)
        except _LoopEndedError:
            raise
        except BaseException as interrupted:
            # Ctrl-C, or a timeout of this thread.
            if future is None:
                # It came just as the work was handed over: whether it begins is not known.
                self.call_soon(call.abandon)
            elif future.cancel():
                ended.wait(CANCELLING_SECONDS)
            elif isinstance(interrupted, TimeoutError):
                # The outcome came just then.
                return future.result()
            raise
        try:
            return future.result()
        except CancelledError:
            raise _LoopEndedError from None

    def _wait(self, ended: threading.Event) -> None:
        while not ended.wait(min(remaining(), LIVENESS_SECONDS)):
            if remaining() == 0:
                raise TimeoutError
            if not self.alive:
                raise _LoopEndedError

    async def _counted[T](self, call: "_Call[T]", ended: threading.Event) -> T:
        self._waiting += 1
        try:
            return await call.run()
        finally:
            self._waiting -= 1
            ended.set()

    def stop(self) -> None:
        """Begins to end it; in any thread."""
        self.call_soon(lambda: self._stop.set())

    def join(self) -> None:
        """Waits for its end."""
        self._thread.join()

    def _run(self, backend: str) -> None:
        try:
            anyio.run(self._main, backend=backend)
        finally:
            self._ready.set()

    async def _main(self) -> None:
        async with BlockingPortal() as portal:
            self._portal, self._stop, self.call_soon = portal, anyio.Event(), call_soon()
            self._ready.set()
            while not self._stop.is_set() and threading.main_thread().is_alive():
                with anyio.move_on_after(EXIT_POLL_SECONDS):
                    await self._stop.wait()
            await portal.stop()
            with anyio.move_on_after(ENDING_SECONDS):
                while self._waiting:
                    await anyio.sleep(0.001)
            await portal.stop(cancel_remaining=True)


def _never(call: Callable[[], None]) -> bool:
    return False


def _nothing(last: object) -> None:
    return
