"""
Tasks that belong to no scope of their caller, on either backend, and that go on when their loop ends.

A client must be able to disconnect: a session that is not given back costs money until the service
ends it.
But it may be the loop itself that ends.
Trio makes that easy: system tasks are cancelled last, and a shielded scope delays even that.
Asyncio does not.
When `asyncio.run` is about to return, or when an application cancels `asyncio.all_tasks()` as so many
do on SIGTERM, every task of the loop gets a `cancel()`, whatever scopes it has entered.
A request under way would be lost then, and with it the session that it asked for; and a task that has
not begun would never run a line of its own.
What is cancelled is waited for, however; so a task that goes on gets the time it needs.

So the tasks of a client are of a class of their own, `_ClientTask`, which decides what may cancel it:

- Cancel scopes may. Anyio calls `cancel` with a message of its own, always; that is how it knows its
  own cancellations.
- Any other `cancel()` is the end of the loop, or a sweep over all tasks. It cancels nothing.
  The client's main task learns of it, disconnects, and ends everything by a scope, in bounded time.
- Foreign code that runs inside, a handler or somebody else's transport, may use asyncio's own means,
  `asyncio.timeout` or `asyncio.TaskGroup`, and they call `cancel()` too. So where such code runs, the
  task is marked, and lets these through; but not while the loop stands still, since nobody inside can
  have called then. What comes out of foreign code that was cancelled like this ends there, by
  `take_back`, and the task goes on.
- Foreign code may also cancel the task that it runs in and end without awaiting anything; then asyncio
  keeps the cancellation for whatever is awaited next. So wherever foreign code ends, what it has left
  behind is raised and taken back, before the task goes on.

Nothing is hidden by this: `asyncio.all_tasks()` has all tasks of a client, with their names.
And nothing has to be found: what a request costs does not depend on how many tasks the program has.

Only the tasks that are started here are protected.
Those that a library starts are not; so the drivers use no library that does (net/tcp.py says more),
but for aiortc, whose tasks usually live in a loop of our own.
"""

import asyncio
import contextvars
import math
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from inspect import isawaitable
from typing import Any

import anyio
from anyio.abc import TaskGroup

from odyssey_trio_compat import trio_here

type Loop = object
"""The event loop (asyncio) or the run (trio) in which something lives."""


def current_loop() -> Loop:
    """Returns the loop or run that is running here; `RuntimeError` if there is none."""
    if _in_trio():
        return _trio().lowlevel.current_trio_token()
    return asyncio.get_running_loop()


def is_closed(loop: Loop) -> bool:
    """Tells whether a loop ended without a chance for its tasks to finish; a run of trio never does."""
    return isinstance(loop, asyncio.AbstractEventLoop) and loop.is_closed()


def loop_runs() -> bool:
    """Tells whether a loop runs here; the copy that a forked child has of one of asyncio does not."""
    try:
        current_loop()
    except RuntimeError:
        return False
    return True


async def checkpoint() -> None:
    """Lets other tasks run, or a cancellation arrive, where a loop runs."""
    if loop_runs():
        await anyio.lowlevel.checkpoint()


# --- starting -----------------------------------------------------------------------------------


_FROM_A_SCOPE = "cancel scope "
"""Is part of the message of each cancellation by anyio, which looks there for it as well."""


class _ClientTask(asyncio.Task[Any]):
    """A task that only cancel scopes cancel, and what foreign code inside of it uses."""

    hosts_foreign_code = False
    cancelled_inside = False
    """Whether foreign code was cancelled since it began to run."""
    on_shutdown: Callable[[], None] | None = None

    def cancel(self, msg: Any | None = None) -> bool:
        if isinstance(msg, str) and _FROM_A_SCOPE in msg:
            return super().cancel(msg)
        if self.hosts_foreign_code and self.get_loop().is_running():
            self.cancelled_inside = True
            return super().cancel(msg)
        if self.on_shutdown is not None and not self.done():
            # Not now: the loop may be standing still.
            self.get_loop().call_soon(self.on_shutdown)
        return False


def _client_task(loop: asyncio.AbstractEventLoop, coroutine: Any, /, **options: Any) -> Any:
    return _ClientTask(coroutine, loop=loop, **options)


def spawn(
    main: Callable[[], Coroutine[Any, Any, None]], name: str, on_shutdown: Callable[[], None]
) -> object:
    """
    Starts a task that ends by itself; the caller keeps what it returns.

    Under asyncio the end of the loop cancels nothing; `on_shutdown` is called in the loop then, by nobody's
    task, so that it can set an event or cancel a scope.
    Under trio the end of the run cancels `main`, and nothing but a cancellation may come out of it.
    """
    if _in_trio():
        return _trio().lowlevel.spawn_system_task(main, name=name, context=contextvars.copy_context())
    task = _ClientTask(main(), loop=asyncio.get_running_loop(), name=name)
    task.on_shutdown = on_shutdown
    return task


def start(group: TaskGroup, work: Callable[..., Coroutine[Any, Any, None]], *args: Any, name: str) -> None:
    """
    Starts a task of a group that neither Ctrl-C nor the end of the loop interrupts.

    Trio raises Ctrl-C in whatever task runs at that moment; in one of these it would end the client before
    that has disconnected.
    The program's main task gets it instead.
    """
    if _in_trio():
        group.start_soon(_without_interrupts(work), *args, name=name)
        return
    loop = asyncio.get_running_loop()
    factory = loop.get_task_factory()
    loop.set_task_factory(_client_task)
    try:
        group.start_soon(work, *args, name=name)
    finally:
        loop.set_task_factory(factory)


def _without_interrupts(
    work: Callable[..., Coroutine[Any, Any, None]],
) -> Callable[..., Coroutine[Any, Any, None]]:
    async def run(*args: Any) -> None:
        try:
            await work(*args)
        except* KeyboardInterrupt:
            # It was raised inside of a library; raised anew here, it goes to the main task.
            signal.raise_signal(signal.SIGINT)

    _trio().lowlevel.enable_ki_protection(run)
    return run


def uninterrupted[F: Callable[..., Any]](work: F) -> F:
    """Returns a function in which no Ctrl-C is raised by trio; who calls it gets that afterwards."""
    if _in_trio():
        _trio().lowlevel.enable_ki_protection(work)
    return work


# --- foreign code -------------------------------------------------------------------------------


@asynccontextmanager
async def hosting_foreign_code() -> AsyncIterator[None]:
    """Lets code that is not ours cancel the task that it runs in, as `asyncio.timeout` does."""
    task = None if _in_trio() else asyncio.current_task()
    if not isinstance(task, _ClientTask):
        yield
        return
    before, task.hosts_foreign_code = task.hosts_foreign_code, True
    try:
        yield
    finally:
        task.hosts_foreign_code = before
        if task.cancelled_inside:
            task.cancelled_inside = False
            await _take_back_what_is_left()


async def _take_back_what_is_left() -> None:
    """Waits for a cancellation that has not been raised yet, and that came from no scope around here."""
    try:
        await asyncio.sleep(0)
    except asyncio.CancelledError:
        if not take_back():
            raise


def take_back() -> bool:
    """
    Tells whether a cancellation that was just caught came from no scope around here; if so, it is over.

    Under asyncio it may be a `cancel()` that foreign code used and did not catch, or come out of awaiting
    something that was cancelled, and then nobody cancelled this task.
    """
    if _in_trio():
        return False
    task = asyncio.current_task()
    if task is None or not task.cancelling():
        return True
    if anyio.current_effective_deadline() == -math.inf:
        return False
    task.uncancel()
    return True


@asynccontextmanager
async def calling(transport: object) -> AsyncIterator[None]:
    """
    Calls a transport, which may be anybody's; what was cancelled, and not by a scope, ends quietly.

    Otherwise that one task would cancel its whole group, and nothing could disconnect any more.
    One that uses anyio alone says so with `uses_only_anyio = True`, and then the end of the loop never
    cancels it.
    """
    try:
        if getattr(transport, "uses_only_anyio", False):
            yield
        else:
            async with hosting_foreign_code():
                yield
    except anyio.get_cancelled_exc_class():
        if not take_back():
            raise


def is_awaited(result: object) -> bool:
    """Tells a coroutine, which is awaited, from a task, which may be the whole application."""
    return isawaitable(result) and not isinstance(result, asyncio.Future)


async def call_back[T](callback: Callable[[T], object], value: T) -> None:
    """Calls the callback of one call, and awaits it if it is a coroutine function; what it raises passes."""
    result: Any = callback(value)
    if is_awaited(result):
        await result


def end_program(error: BaseException) -> None:
    """
    Hands on an exception that ends programs, such as `SystemExit`, from where it must not pass.

    Under asyncio it comes out of the loop; trio has no such way, so the program is interrupted there,
    if it runs where interrupts arrive: in the main thread.
    """
    if not _in_trio():
        asyncio.get_running_loop().call_soon(_raise, error)
    elif threading.current_thread() is threading.main_thread():
        signal.raise_signal(signal.SIGINT)


def _raise(error: BaseException) -> None:
    raise error


def _in_trio() -> bool:
    return trio_here() is not None


def _trio() -> Any:
    # Only who uses trio has it installed, and then it is loaded.
    return sys.modules["trio"]
