"""
The loop in which something lives, and how callers of other loops and threads have work done there.

Work that is carried runs in a task of its own there, and its caller waits in its own loop for the outcome.
Three things can keep that from coming, and each ends the wait:

- the caller is cancelled: the work is cancelled there, and has its end before the caller goes on;
- the other loop ends or is closed: a loop tells nobody of that, so the caller asks, once a second;
- the other loop stands still, perhaps because it waits for the very thread that calls. Nobody can resolve
  that, so after `MAX_STANDSTILL` seconds the caller gives up, and what was not begun until then never is.
  They are counted in rounds of the caller, whose own standstill is then none of the other loop's.
"""

import contextvars
import os
from collections.abc import Callable, Coroutine
from typing import Any

import anyio

from odyssey_anyio.aio.tasks import current_loop, is_closed, spawn
from odyssey_trio_compat import CallSoon, call_soon

MAX_STANDSTILL = 30.0
"""How long a loop may stand still while a caller of another one waits for it, in seconds."""

LIVENESS_SECONDS = 1.0
"""How often a caller looks whether the other loop still runs."""

CANCELLING_SECONDS = 1.0
"""How long a cancelled caller waits for the end of its work in the other loop."""


class LoopLostError(Exception):
    """The loop ended, or `blocked`: it stands still; `begun` tells whether the work had begun by then."""

    def __init__(self, *, begun: bool, blocked: bool = False) -> None:
        super().__init__(begun, blocked)
        self.begun = begun
        self.blocked = blocked


class OwnerLoop:
    """
    The loop or run in which this is made; its methods may be used in any other.

    Work sees the values that its caller has of the context variables `kept`, and none of its others: some
    of those say that it is in another loop.
    """

    def __init__(self, *kept: contextvars.ContextVar[Any]) -> None:
        self._kept = kept
        self._loop = current_loop()
        self._process = os.getpid()
        self._call_soon = call_soon()
        self._context = contextvars.copy_context()

    def __repr__(self) -> str:
        return f"<OwnerLoop {'here' if self.here else 'elsewhere'}>"

    @property
    def here(self) -> bool:
        """Whether the caller runs in it; `RuntimeError` where no loop runs."""
        return self._loop is current_loop()

    @property
    def closed(self) -> bool:
        """
        Whether it was closed without a chance for its tasks to finish, or stayed in the parent of a fork.

        A forked child has a copy of it that nobody runs, or that shares its selector with the parent.
        """
        return is_closed(self._loop) or self._process != os.getpid()

    @property
    def elsewhere(self) -> bool:
        """Whether the caller runs in another; `False` where no loop runs."""
        try:
            return not self.here
        except RuntimeError:
            return False

    async def run[T](self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Has work done in it, and returns or raises what comes of it; raises `LoopLostError`."""
        if self.here:
            return await work()
        carried = _Carried(work, call_soon())
        context = self._context.copy()
        for variable in self._kept:
            context.run(variable.set, variable.get())
        if not self._call_soon(lambda: context.run(carried.begin)):
            raise LoopLostError(begun=False)
        try:
            await self._ended(carried)
        except BaseException:
            carried.abandoned = True
            self._call_soon(carried.cancel)
            if carried.begun:
                with anyio.move_on_after(CANCELLING_SECONDS, shield=True):
                    await carried.ended.wait()
            raise
        return carried.outcome()

    async def until(self, over: Callable[[], bool], every: float) -> None:
        """Waits for something that happens in it, and looks so often, in seconds; raises `LoopLostError`."""
        liveness = _Liveness(self._call_soon)
        while not over():
            await anyio.sleep(every)
            if not over():
                liveness.check(every, begun=True)

    async def _ended(self, carried: "_Carried[Any]") -> None:
        liveness = _Liveness(self._call_soon)
        while not carried.ended.is_set():
            with anyio.move_on_after(LIVENESS_SECONDS):
                await carried.ended.wait()
                return
            liveness.check(LIVENESS_SECONDS, begun=carried.begun)


class _Liveness:
    """Whether another loop moves, for somebody who waits for it."""

    def __init__(self, ask: CallSoon) -> None:
        self._ask = ask
        self._still = 0.0
        self._waited = 0.0

    def check(self, waited: float, *, begun: bool) -> None:
        """Counts so many seconds of waiting; raises `LoopLostError` if it has been still for too long."""
        self._waited += waited
        if self._waited < LIVENESS_SECONDS:
            return
        if self._still > MAX_STANDSTILL:
            raise LoopLostError(begun=begun, blocked=True)
        self._still += self._waited
        self._waited = 0.0
        if not self._ask(self._moves):
            raise LoopLostError(begun=begun)

    def _moves(self) -> None:
        self._still = 0.0


class _Carried[T]:
    """Work on its way from one loop to another, and back."""

    def __init__(self, work: Callable[[], Coroutine[Any, Any, T]], caller: CallSoon) -> None:
        self.ended = anyio.Event()
        """Set in the caller's loop."""
        self.begun = False
        self.abandoned = False
        self._work = work
        self._caller = caller
        self._scope: anyio.CancelScope | None = None
        self._task: object = None
        self._results: list[T] = []
        self._error: Exception | None = None

    def begin(self) -> None:
        """Starts the work, in its loop, unless its caller has given up meanwhile."""
        if not self.abandoned:
            self.begun = True
            self._task = spawn(self._run, "odyssey call of another loop", on_shutdown=lambda: None)

    def cancel(self) -> None:
        """Ends the work, in its loop."""
        if self._scope is not None:
            self._scope.cancel()

    def outcome(self) -> T:
        """Returns or raises what came of it."""
        if self._error is not None:
            raise self._error
        if not self._results:
            # The end of the run cancelled it.
            raise LoopLostError(begun=True)
        return self._results[0]

    async def _run(self) -> None:
        try:
            # The end of a run cancels nobody's call: what ends with the loop says so.
            with anyio.CancelScope(shield=True) as self._scope:
                if not self.abandoned:
                    self._results.append(await self._work())
        except Exception as error:  # noqa: BLE001  raised in the caller's loop
            self._error = error
        finally:
            self._caller(self.ended.set)
