"""Tasks that belong to no scope of their caller, on either backend."""

import asyncio
import contextvars
import math
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import anyio
from anyio.abc import TaskGroup

type Home = object
"""The event loop (asyncio) or the run (trio) in which something lives."""


def current_loop() -> Home:
    """Returns the loop or run that is running here; `RuntimeError` if there is none."""
    if _in_trio():
        return _trio().lowlevel.current_trio_token()
    return asyncio.get_running_loop()


def gone(where: Home) -> bool:
    """Tells whether a loop ended without a chance for its tasks to finish; a run of trio never does."""
    return isinstance(where, asyncio.AbstractEventLoop) and where.is_closed()


def spawn(main: Callable[[], Coroutine[Any, Any, None]], name: str) -> object:
    """
    Starts a task that ends by itself or with the loop; the caller keeps what it returns.

    On trio nothing but a cancellation may come out of `main`.
    """
    if _in_trio():
        return _trio().lowlevel.spawn_system_task(main, name=name, context=contextvars.copy_context())
    return asyncio.get_running_loop().create_task(main(), name=name)


def start(group: TaskGroup, work: Callable[..., Coroutine[Any, Any, None]], *args: Any, name: str) -> None:
    """
    Starts a task of a group that Ctrl-C does not strike.

    Trio raises it in whatever task runs at that moment, and there it would take the goodbye away.
    The program's main task gets it instead.
    Nor does the end of `asyncio.run` strike it, which cancels every task that asyncio knows of, even
    one that has not begun: whoever runs the group notices that end, and ends the group.
    """
    if _in_trio():
        group.start_soon(_sheltered(work), *args, name=name)
        return
    known = asyncio.all_tasks()
    group.start_soon(work, *args, name=name)
    for task in asyncio.all_tasks() - known:
        # The documented way to hide a task (asyncio, "Extending": task lifetime support).
        asyncio._unregister_task(task)


def _sheltered(work: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., Coroutine[Any, Any, None]]:
    async def run(*args: Any) -> None:
        try:
            await work(*args)
        except* KeyboardInterrupt:
            # It struck a task inside of a library; raised anew here, it goes to the main task.
            signal.raise_signal(signal.SIGINT)

    _trio().lowlevel.enable_ki_protection(run)
    return run


def resume() -> bool:
    """
    Takes back a cancellation that came from asyncio itself, as at the end of `asyncio.run`.

    It goes to every task of the loop, and no shield keeps it off.
    Returns `False` if there is none to take back.
    """
    if _in_trio() or anyio.current_effective_deadline() == -math.inf:
        return False
    task = asyncio.current_task()
    if task is None or not task.cancelling():
        return False
    task.uncancel()
    return True


def stray() -> bool:
    """
    Tells whether a cancellation that was just caught was meant for somebody else.

    Under asyncio it comes out of awaiting anything that was cancelled, and then nobody cancelled us.
    """
    if _in_trio():
        return False
    task = asyncio.current_task()
    return task is not None and not task.cancelling()


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


@contextmanager
def survives_shutdown() -> Iterator[None]:
    """
    Lets a task outlast the end of its loop: what was cancelled by that ends quietly.

    Otherwise that one task would take its whole group along, goodbye included.
    """
    try:
        yield
    except anyio.get_cancelled_exc_class():
        if not resume():
            raise


async def restart_until_done(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Runs work that can be begun anew at any moment, also beyond the end of its loop, until it is done."""
    while True:
        with survives_shutdown():
            await work()
            return


def _in_trio() -> bool:
    return "trio" in sys.modules and bool(_trio().lowlevel.in_trio_run())


def _trio() -> Any:
    # Only who uses trio has it installed, and then it is loaded.
    return sys.modules["trio"]
