"""What the calls that need no connection have in common."""

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from odyssey_anyio.errors.classes import OdysseyError
from odyssey_anyio.events.handlers import ConnectHandlers
from odyssey_anyio.runtime.supervisor import Supervisor
from odyssey_anyio.tracing.session_trace import Recorded
from odyssey_proto.seam.commands import What


class RestCalls(Recorded):
    """Calls that need the API key and nothing else."""

    @abstractmethod
    async def _do(self, what: What, handlers: ConnectHandlers | None = None) -> Any:
        """Carries out a command."""

    @abstractmethod
    async def _at_work(self) -> Supervisor:
        """Returns what carries out commands that go on for longer."""

    @contextmanager
    def _traced(self) -> Iterator[None]:
        """Attaches the trace until then to an error that leaves the block, unless it has one."""
        try:
            yield
        except OdysseyError as error:
            error.trace = error.trace or self.trace
            raise
