"""
The loop that owns a machine: nothing else calls `step`.

It has a task of its own, which steps what was put into the inbox.
That costs each input a turn of the event loop, and a short call hardly anything else; so what is put by
`put_now` while that task only waits is stepped at once, in the turn of whoever puts it.
Nobody can tell the two apart:

- the inputs keep their order: what waits already is stepped first, and what is put during a step waits;
- a step runs with the context variables of the machine's task, so tasks that it starts are none of the
  caller's;
- no Ctrl-C is raised in it: trio would raise it in whatever runs, and half a step would have been made;
- what a step raises ends the machine's task, and not whoever happened to put the input;
- a deadline that has come nearer wakes the task, which waits for it from then on.
"""

import contextvars
import time
from collections import deque
from collections.abc import Callable, Iterable

import anyio
import anyio.lowlevel

from odyssey_anyio.aio.tasks import uninterrupted
from odyssey_anyio.aio.wakeup import Wakeup
from odyssey_proto.kernel.machine import Deadline, Instant, Machine, earliest
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
        self.step_now: Callable[[T], None] | None = None
        """What steps an item at once, after those that wait; only while the loop has nothing to do."""

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

    def put_now(self, item: T) -> None:
        """Adds an item, and has it stepped before this returns if the loop has nothing to do."""
        if self.step_now is None or self._closed:
            self.put(item)
        else:
            self.step_now(item)

    def wake(self) -> None:
        """Has the loop look anew at what it waits for."""
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
        Waits until something is there, the inbox is closed or woken, at most `patience` seconds.

        Returns `False` if it waited in vain.
        Always a checkpoint.
        """
        if self._items or self._closed:
            await anyio.lowlevel.checkpoint()
            return True
        with anyio.move_on_after(patience) as timer:
            await self._changed.wait()
        return bool(self._items) or self._closed or not timer.cancelled_caught


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
    await _MachineLoop(machine, inbox, carry_out, clock).run()


class _MachineLoop[In, Out]:
    def __init__(
        self,
        machine: Machine[In | Wake, Out],
        inbox: Inbox[In],
        carry_out: Callable[[Out], None],
        clock: Callable[[], Instant],
    ) -> None:
        self._machine = machine
        self._inbox = inbox
        self._carry_out = carry_out
        self._clock = clock
        self._context = contextvars.copy_context()
        self._step_now = uninterrupted(self._in_callers_turn)
        self._awaited: Deadline | None = None
        """What the task waits for."""
        self._raised: BaseException | None = None
        """By a step in the turn of a caller."""

    async def run(self) -> None:
        inbox = self._inbox
        while inbox or not inbox.closed:
            self._awaited = self._machine.deadline
            inbox.step_now = self._step_now
            try:
                something = await inbox.wait(patience(self._awaited, self._clock()))
            finally:
                inbox.step_now = None
            if self._raised is not None:
                raise self._raised
            if something:
                self._step(inbox.take())
            elif self._awaited is not None and self._awaited == self._machine.deadline:
                self._obey(self._machine.step(reached(self._awaited, self._clock()), Wake()))

    def _in_callers_turn(self, inp: In) -> None:
        inbox = self._inbox
        inbox.step_now = None
        try:
            self._context.run(self._step, [*inbox.take(), inp])
        except BaseException as error:  # noqa: BLE001  raised in the task of the machine
            self._raised = error
            inbox.wake()
            return
        inbox.step_now = self._step_now
        first = earliest(self._awaited, self._machine.deadline)
        if first is not self._awaited:
            inbox.wake()

    def _step(self, inputs: Iterable[In]) -> None:
        for inp in inputs:
            self._obey(self._machine.step(self._clock(), inp))

    def _obey(self, outputs: Iterable[Out]) -> None:
        for output in outputs:
            self._carry_out(output)
