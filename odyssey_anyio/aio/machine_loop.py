"""The loop that owns a machine: nothing else calls `step`."""

import time
from collections import deque
from collections.abc import Callable

import anyio
import anyio.lowlevel

from odyssey_anyio.aio.wakeup import Wakeup
from odyssey_proto.kernel.machine import Deadline, Instant, Machine
from odyssey_proto.seam.inputs import Wake


class Clock:
    """
    Returns the time for one machine: whole microseconds since the clock was made, never backwards.

    `wall` is the time of day at instant zero, in microseconds since 1970 (UTC).
    """

    def __init__(self) -> None:
        self._zero = time.monotonic_ns()
        self.wall: int = time.time_ns() // 1_000

    def __call__(self) -> Instant:
        return Instant((time.monotonic_ns() - self._zero) // 1_000)


def patience(deadline: Deadline | None, now: Instant) -> float | None:
    """Returns how long to wait for a deadline, in seconds; `None` without one."""
    return None if deadline is None else max(0, deadline.at - now) / 1_000_000


def reached(deadline: Deadline, now: Instant) -> Instant:
    """Returns the time at which a machine sees its deadline reached: a timer of the loop may fire early."""
    return max(deadline.at, now)


class Inbox[T]:
    """
    What waits to be stepped.

    It belongs to one thread, the loop's.
    It has no bound of its own, because the loop empties it each time it runs and never blocks in
    between; who fills it from a socket or another thread has a bound there.
    """

    def __init__(self) -> None:
        self._items: deque[T] = deque()
        self._changed = Wakeup()
        self._closed = False

    def __repr__(self) -> str:
        return f"<Inbox {len(self._items)} waiting{', closed' if self._closed else ''}>"

    def __len__(self) -> int:
        return len(self._items)

    @property
    def closed(self) -> bool:
        """Whether it takes nothing more."""
        return self._closed

    def put(self, item: T) -> None:
        """Adds an item; after `close` it is forgotten."""
        if not self._closed:
            self._items.append(item)
            self._changed.set()

    def close(self) -> None:
        """Takes nothing more; what waits is still handled."""
        self._closed = True
        self._changed.set()

    def take(self) -> list[T]:
        """Takes out everything that waits."""
        taken = list(self._items)
        self._items.clear()
        return taken

    async def wait(self, patience: float | None) -> bool:
        """
        Waits until something is there or the inbox is closed, at most `patience` seconds.

        Returns `False` if it waited in vain.
        Always a checkpoint.
        """
        if self._items or self._closed:
            await anyio.lowlevel.checkpoint()
            return True
        with anyio.move_on_after(patience):
            await self._changed.until(lambda: bool(self._items) or self._closed)
        return bool(self._items) or self._closed


async def run_machine[In, Out](
    machine: Machine[In | Wake, Out],
    inbox: Inbox[In],
    carry_out: Callable[[Out], None],
    clock: Callable[[], Instant],
) -> None:
    """
    Runs a machine until its inbox is closed and empty.

    `carry_out` is called with each output, in order, and must not block.
    The deadline cancels the wait only, never a half-taken input.
    Whatever `step` or `carry_out` raises ends the run.
    """
    while inbox or not inbox.closed:
        deadline = machine.deadline
        if await inbox.wait(patience(deadline, clock())):
            for inp in inbox.take():
                for output in machine.step(clock(), inp):
                    carry_out(output)
        elif deadline is not None:
            for output in machine.step(reached(deadline, clock()), Wake()):
                carry_out(output)
