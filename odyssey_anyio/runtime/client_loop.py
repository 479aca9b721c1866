"""The loop of a client, for calls of other loops and threads: what fails of them is an error of ours."""

from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any

from odyssey_anyio.aio.owner_loop import LoopLostError, OwnerLoop
from odyssey_anyio.errors.mapping import error_of
from odyssey_proto.kernel.failures import Failure, FailureKind

_BLOCKED = Failure(
    FailureKind.STATE,
    "the event loop of this client has not moved for half a minute: nobody runs it, or it is blocked, perhaps"
    " because it waits for the thread that calls",
    code="state.loop_blocked",
)

_ENDED = Failure(FailureKind.CLOSED_LOCALLY, "the event loop of this client ended while the call was waiting")

_READ_ELSEWHERE = Failure(
    FailureKind.STATE,
    "events, frames and stream blocks belong to the event loop of their client: use them there, and hand on"
    " what they bring, for example by queue.Queue; calls may come from any loop",
    code="state.other_loop",
)

FORKED = "state.forked"

_FORKED = Failure(
    FailureKind.STATE,
    "no event loop runs here: what a forked child has is a copy of its parent's, so it needs one of its own",
    code=FORKED,
)


class ClientLoop(OwnerLoop):
    """The loop of a client at work; raises `OdysseyConnectionError` where none runs."""

    def __init__(self, *kept: ContextVar[Any]) -> None:
        try:
            super().__init__(*kept)
        except RuntimeError:
            raise error_of(_FORKED) from None

    async def do[T](self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """
        Has something done in it, whatever loop the caller runs in.

        Raises `LoopLostError` if it ends before that was begun, and `OdysseyConnectionError` if it ends
        later, or stands still.
        """
        try:
            return await self.run(work)
        except LoopLostError as lost:
            if lost.blocked:
                raise error_of(_BLOCKED) from None
            if lost.begun:
                raise error_of(_ENDED) from None
            raise

    async def wait(self, over: Callable[[], bool], every: float) -> None:
        """
        Waits, in any loop, for something that happens in this one or comes of its end.

        Raises `OdysseyConnectionError` if it stands still.
        """
        try:
            await self.until(over, every)
        except LoopLostError as lost:
            if lost.blocked:
                raise error_of(_BLOCKED) from None

    def check_reader(self) -> None:
        """Raises `OdysseyConnectionError` where events and frames cannot be read: in another loop."""
        if self.elsewhere:
            raise error_of(_READ_ELSEWHERE)
