"""A handle on one simulation: watched, awaited, cancelled; made anew from its id in any process."""

import os
from collections import deque
from collections.abc import Awaitable, Callable, Generator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from typing import Any, Self, assert_never

import anyio

from odyssey_anyio.aio.machine_loop import Clock, patience, reached
from odyssey_anyio.aio.tasks import call_back
from odyssey_anyio.api.arguments import period
from odyssey_anyio.errors.classes import OdysseyError, OdysseySimulationError
from odyssey_anyio.errors.mapping import Calling, error_of, refused
from odyssey_proto.client.jobs.polling import (
    Begin,
    Ended,
    Look,
    Looked,
    Polling,
    PollingInput,
    Progressed,
)
from odyssey_proto.kernel.entropy import Entropy
from odyssey_proto.kernel.failures import Failure, Phase
from odyssey_proto.messages.watching import JobSeen
from odyssey_proto.model.simulations import SimulationJobDetail, SimulationJobInfo
from odyssey_proto.seam.inputs import Wake

EVERY = 5.0
"""
How often to look, in seconds, unless the service asks for another pace.

The wire: docs/protocol.md#simulation-scripts.
"""

PATIENCE = 3600.0
"""How long to wait for a job that is not said, in seconds."""

type ProgressCallback = Callable[[SimulationJobDetail], Any]
"""Is given the job whenever it has changed; may be a coroutine function."""


class SimulationJob:
    """
    One simulation, wherever it was queued.

    Nothing is kept but its id, so it survives the process: `client.simulation(job_id)`.
    `await job` waits for it as `job.wait()` does.
    """

    def __init__(
        self,
        job_id: str,
        look: Callable[[], Awaitable[JobSeen]],
        cancel: Callable[[], Awaitable[SimulationJobInfo]],
        traced: Callable[[], AbstractContextManager[None]] = nullcontext,
        lend: Callable[[], AbstractAsyncContextManager[Any]] = nullcontext,
    ) -> None:
        self.job_id = job_id
        self._look = look
        self._cancel = cancel
        self._traced = traced
        self._lend = lend

    def __repr__(self) -> str:
        return f"<SimulationJob {self.job_id!r}>"

    def __await__(self) -> Generator[Any, Any, SimulationJobDetail]:
        return self.wait().__await__()

    async def status(self) -> SimulationJobDetail:
        """Returns all that is known about it now."""
        return (await self._look()).job

    async def wait(
        self,
        timeout: float | None = PATIENCE,
        *,
        every: float = EVERY,
        on_progress: ProgressCallback | None = None,
    ) -> SimulationJobDetail:
        """
        Waits until it has completed; returns it then.

        `timeout` and `every` are in seconds; without a timeout it waits as long as the job takes.
        Raises `SimulationFailedError`, `SimulationCancelledError` or `SimulationTimeoutError`, each
        with the `job`; and what looking at it raises, if that fails again and again.
        """
        progress = self.progress(timeout, every=every)
        async for job in progress:
            if on_progress is not None:
                await call_back(on_progress, job)
        return progress.completed

    def progress(self, timeout: float | None = PATIENCE, *, every: float = EVERY) -> "SimulationProgress":
        """Returns the job each time that it has changed, as an async iterator that ends as `wait` does."""
        within = None if timeout is None else period(timeout, "timeout")
        polling = Polling(period(every, "every"), within, Entropy(os.urandom(16)))
        return SimulationProgress(polling, self._look, self._traced, self._lend)

    async def cancel(self) -> SimulationJobInfo:
        """Cancels it, if it has not begun; returns it as it is then."""
        return await self._cancel()


class SimulationProgress:
    """A simulation on its way, as an async iterator; see `SimulationJob.progress`."""

    def __init__(
        self,
        polling: Polling,
        look: Callable[[], Awaitable[JobSeen]],
        traced: Callable[[], AbstractContextManager[None]],
        lend: Callable[[], AbstractAsyncContextManager[Any]],
    ) -> None:
        self._polling = polling
        self._look = look
        self._traced = traced
        self._lend = lend
        self._clock = Clock()
        self._inputs: deque[PollingInput] = deque([Begin()])
        self._waiting: deque[SimulationJobDetail] = deque()
        self._looking = False
        self._result: SimulationJobDetail | OdysseyError | None = None

    def __repr__(self) -> str:
        return f"<SimulationProgress {self._polling!r}>"

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SimulationJobDetail:
        while not self._waiting:
            if isinstance(self._result, OdysseyError):
                with self._traced():
                    raise self._result
            if self._result is not None:
                raise StopAsyncIteration
            # Also while it only waits for the time to look, it is at work for the client, and ends with it.
            with self._traced():
                async with self._lend():
                    self._step(await self._next())
        return self._waiting.popleft()

    @property
    def completed(self) -> SimulationJobDetail:
        """The job, once the iteration has ended."""
        if not isinstance(self._result, SimulationJobDetail):
            raise refused("the simulation is still on its way", Calling.REST, "simulation.unfinished")
        return self._result

    async def _next(self) -> PollingInput:
        """Looks, or waits for the time to look; neither outlasts the machine's deadline."""
        if self._inputs:
            return self._inputs.popleft()
        with anyio.move_on_after(patience(self._polling.deadline, self._clock())):
            if self._looking:
                seen = await self._seen()
                self._looking = False
                return Looked(seen)
            await anyio.sleep_forever()
        return Wake()

    async def _seen(self) -> JobSeen | Failure:
        try:
            return await self._look()
        except OdysseyError as error:
            return error.failure

    def _step(self, inp: PollingInput) -> None:
        now = self._clock()
        if isinstance(inp, Wake) and self._polling.deadline is not None:
            now = reached(self._polling.deadline, now)
        for output in self._polling.step(now, inp):
            match output:
                case Look():
                    self._looking = True
                case Progressed(job):
                    self._waiting.append(job)
                case Ended(result):
                    self._result = self._error(result) if isinstance(result, Failure) else result
                case _:
                    assert_never(output)

    def _error(self, failure: Failure) -> OdysseyError:
        error = error_of(failure, Calling.JOB if failure.phase is Phase.SIMULATION else Calling.REST)
        if isinstance(error, OdysseySimulationError):
            error.job = self._polling.job
        return error
