"""How long the calls of a thread may take."""

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from odyssey_anyio.api.arguments import period


class _Deadline(threading.local):
    at = math.inf


_deadline = _Deadline()


@contextmanager
def fail_after(seconds: float) -> Iterator[None]:
    """
    Bounds the calls of this thread in a block: what has not returned after `seconds` is cancelled.

    Raises `TimeoutError` then, as `anyio.fail_after` does, which this is for programs without a loop; the
    client and its session go on.
    A block inside another one has no more time than that.
    Time that the program itself needs counts as well, but interrupts nothing; only the next call does.
    `OdysseyValueError` is raised for seconds that make no sense.

    Example:
        ```python
        with fail_after(5):
            frame = next(frames)
        ```
    """
    before = _deadline.at
    _deadline.at = min(before, time.monotonic() + period(seconds, "seconds") / 1_000_000)
    try:
        yield
    finally:
        _deadline.at = before


def remaining() -> float:
    """Returns how many seconds a call of this thread may still take, without end unless `fail_after` says."""
    return max(_deadline.at - time.monotonic(), 0)
