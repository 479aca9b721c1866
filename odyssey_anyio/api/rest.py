"""What the calls that need no connection have in common."""

from abc import abstractmethod
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from odyssey_anyio.errors.classes import OdysseyError
from odyssey_anyio.events.handlers import ConnectHandlers
from odyssey_anyio.runtime.supervisor import Supervisor
from odyssey_anyio.tracing.session_trace import Recorded
from odyssey_proto.seam.commands import What

type Carry[T] = Callable[[Callable[[Supervisor], Coroutine[Any, Any, T]]], Coroutine[Any, Any, T]]
"""Has work done with the supervisor of a client, in its loop."""


class RestCalls(Recorded):
    """Calls that need the API key and nothing else."""

    @abstractmethod
    async def _do(self, what: What, handlers: ConnectHandlers | None = None) -> Any:
        """Carries out a command."""

    @abstractmethod
    async def _with[T](self, work: Callable[[Supervisor], Coroutine[Any, Any, T]]) -> T:
        """Has work done with what carries out commands, in its loop."""

    @contextmanager
    def _traced(self) -> Iterator[None]:
        """Attaches the trace until then to an error that leaves the block, unless it has one."""
        try:
            yield
        except OdysseyError as error:
            error.trace = error.trace or self.trace
            raise
