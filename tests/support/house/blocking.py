"""Refuses calls that would block the application's event loop."""

import contextlib
import threading
from collections.abc import Iterator
from functools import cache
from typing import Any

WATCHED = ("odyssey_anyio", "odyssey_trio_compat", "odyssey_proto", "odyssey")
"""The packages whose blocking calls are errors."""


@contextlib.contextmanager
def no_blocking() -> Iterator[None]:
    """
    Makes a blocking call by our code on a running asyncio loop raise `BlockingError`.

    The media engine's own loop is exempt when it has a thread of its own: nobody else waits there.
    """
    watch = _watch()
    if watch is None:
        yield
        return
    watch.activate()
    try:
        yield
    finally:
        watch.deactivate()


@cache
def _watch() -> Any:
    try:
        from blockbuster import BlockBuster
    except ImportError:
        return None
    watch = BlockBuster(scanned_modules=list(WATCHED))
    for function in watch.functions.values():
        function.can_block_predicate = _elsewhere_or(function.can_block_predicate)
    # A receiver's stop() joins its decoder thread, which ends at once; there is no other way to stop it.
    for name in ("threading.Lock.acquire", "threading.Lock.acquire_lock"):
        watch.functions[name].can_block_in("aiortc/rtcrtpreceiver.py", {"stop", "_handle_disconnect"})
        # An import waits for that of another thread, such as a service's beside the test, and for no longer.
        watch.functions[name].can_block_in("<frozen importlib._bootstrap>", {"acquire"})
    # Nobody else is in the loop of a command that prints.
    for function in watch.functions.values():
        function.can_block_in("odyssey/cli/output.py", {"table", "download"})
    return watch


def _elsewhere_or(predicate: Any) -> Any:
    def may_block(*args: Any, **kwargs: Any) -> bool:
        return threading.current_thread() is not threading.main_thread() or predicate(*args, **kwargs)

    return may_block
