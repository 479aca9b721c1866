"""One call of the application: begun, followed while it makes progress, ended by the core, returned."""

from collections import deque
from collections.abc import Callable
from typing import Any

import anyio

from odyssey_anyio.aio.tasks import call_back
from odyssey_anyio.aio.wakeup import Wakeup
from odyssey_anyio.errors.mapping import Calling, error_of
from odyssey_proto.kernel.failures import FailureKind, Phase
from odyssey_proto.kernel.introspection import changed, fields_of
from odyssey_proto.seam.commands import CommandId
from odyssey_proto.seam.outputs import Completed, Failed

INTERRUPTING = frozenset({FailureKind.TIMED_OUT, FailureKind.CLOSED_LOCALLY})
"""Failures that end a callback of the caller's that still runs: a deadline holds whatever it does."""


class PendingCall:
    """
    One call: made before its command is put, ended by the core, returned to its caller.

    Ending and returning are two steps, because handlers of earlier events run in between.
    Progress does not wait for them; it is kept until the caller takes it.
    """

    def __init__(
        self,
        command: CommandId,
        calling: Calling,
        on_return: Callable[[], None],
        max_progress: int | None,
    ) -> None:
        self.command = command
        self.latest: Any = None
        """The newest progress."""
        self.end: Completed | Failed | None = None
        """The core's answer, once it is there."""
        self._calling = calling
        self._on_return = on_return
        self._progress: deque[Any] = deque(maxlen=max_progress)
        self._changed = Wakeup()
        self._returned = anyio.Event()
        self._callback: anyio.CancelScope | None = None

    # --- the core's side ------------------------------------------------------------------------

    def report(self, progress: Any) -> None:
        """Takes progress."""
        progress = _with_own_lists(progress)
        self.latest = progress
        self._progress.append(progress)
        self._changed.set()

    def finish(self, end: Completed | Failed) -> None:
        """Takes the core's answer."""
        match end:
            case Completed(command, result):
                self.end = Completed(command, _with_own_lists(result))
            case Failed():
                self.end = end

    def release(self) -> None:
        """Lets the caller go on."""
        self._returned.set()
        self._changed.set()
        if self._interrupted and self._callback is not None:
            self._callback.cancel()
        self._on_return()

    # --- the caller's side ----------------------------------------------------------------------

    async def next_progress(self) -> Any:
        """Waits for progress that was not taken yet, and takes it; `None` when no more will come."""
        await self._changed.until(lambda: bool(self._progress) or self._returned.is_set())
        return self._progress.popleft() if self._progress else None

    async def follow(self, callback: Callable[[Any], object]) -> None:
        """
        Calls back with all progress until the call has its end.

        That happens in the caller's task, so a slow callback holds up nobody else.
        What it raises passes.
        """
        with anyio.CancelScope() as self._callback:
            while not self._interrupted and (progress := await self.next_progress()) is not None:
                await call_back(callback, progress)

    async def returned(self) -> None:
        """Waits for the end, whatever it is."""
        await self._returned.wait()

    def result(self) -> Any:
        """Returns the result or raises the error, once it has returned."""
        match self.end:
            case Completed(_, result):
                return result
            case Failed(_, failure):
                # Waiting for a job also fails as the calls do by which it is looked at.
                look_failed = self._calling is Calling.JOB and failure.phase is not Phase.SIMULATION
                raise error_of(failure, Calling.REST if look_failed else self._calling)
            case None:
                raise AssertionError("a call is released after it has its end")

    @property
    def _interrupted(self) -> bool:
        match self.end:
            case Failed(_, failure) if self._returned.is_set():
                return failure.kind in INTERRUPTING
            case _:
                return False


def _with_own_lists(result: Any) -> Any:
    """Returns a result that its user may change: the trace, and the core, keep lists of their own."""
    lists = {each.name: getattr(result, each.name) for each in fields_of(type(result))}
    own = {name: list(items) for name, items in lists.items() if isinstance(items, list)}
    return changed(result, own) if own else result
