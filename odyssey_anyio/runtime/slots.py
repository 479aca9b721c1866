"""Where a caller waits for the end of its command."""

from collections.abc import Callable
from typing import Any

import anyio

from odyssey_anyio.errors.mapping import Calling, error_of
from odyssey_proto.seam.outputs import Completed, Failed


class Slot:
    """
    The place of one call: made before the command is put, filled by the core's answer.

    Filling and waking are two steps, because handlers of earlier events run in between.
    `then` is called when it is woken.
    """

    def __init__(self, calling: Calling, then: Callable[[], None] = lambda: None) -> None:
        self._calling = calling
        self._then = then
        self._woken = anyio.Event()
        self._outcome: Completed | Failed | None = None

    @property
    def filled(self) -> bool:
        """Whether the answer is there."""
        return self._outcome is not None

    def fill(self, outcome: Completed | Failed) -> None:
        """Puts the answer in."""
        self._outcome = outcome

    def wake(self) -> None:
        """Lets the caller go on."""
        self._woken.set()
        self._then()

    async def over(self) -> None:
        """Waits for the answer, whatever it is."""
        await self._woken.wait()

    async def wait(self) -> Any:
        """Waits for the answer; returns the result or raises the error."""
        await self._woken.wait()
        match self._outcome:
            case Completed(_, result):
                return result
            case Failed(_, failure):
                raise error_of(failure, self._calling)
            case None:
                raise AssertionError("a slot is filled before it is woken")
