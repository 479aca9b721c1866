"""A handle on one simulation: watched, awaited, cancelled; made anew from its id in any process."""

from collections.abc import Awaitable, Callable, Generator
from typing import Any, Self

from odyssey_anyio.api.arguments import period
from odyssey_anyio.api.rest import Carry
from odyssey_anyio.errors.classes import OdysseySimulationError
from odyssey_anyio.errors.mapping import Calling, refused
from odyssey_anyio.runtime.pending_call import PendingCall
from odyssey_anyio.runtime.supervisor import Supervisor
from odyssey_proto.kernel.introspection import html_table
from odyssey_proto.model.simulations import SimulationJobDetail, SimulationJobInfo
from odyssey_proto.seam.commands import WaitForJob
from odyssey_proto.seam.outputs import Completed
from odyssey_trio_compat import CallSoon, call_soon

POLL_INTERVAL = 5.0
"""
How often to look, in seconds, unless the service asks for another pace.

The wire: docs/protocol.md#simulation-scripts.
"""

WAIT_TIMEOUT = 3600.0
"""How long to wait for a job unless the caller says otherwise, in seconds."""

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
        look: Callable[[], Awaitable[SimulationJobDetail]],
        cancel: Callable[[], Awaitable[SimulationJobInfo]],
        with_: Carry[Any],
    ) -> None:
        self.job_id = job_id
        """The service's name for the job."""
        self._look = look
        self._cancel = cancel
        self._with = with_

    def __repr__(self) -> str:
        return f"<SimulationJob {self.job_id!r}>"

    def _repr_html_(self) -> str:
        """Shows in a notebook which job this is."""
        return html_table({"type": "SimulationJob", "job_id": self.job_id})

    def __await__(self) -> Generator[Any, Any, SimulationJobDetail]:
        return self.wait().__await__()

    async def status(self) -> SimulationJobDetail:
        """Returns all that is known about it now; raises `OdysseyError`."""
        return await self._look()

    async def wait(
        self,
        timeout: float | None = WAIT_TIMEOUT,
        *,
        every: float = POLL_INTERVAL,
        on_progress: ProgressCallback | None = None,
    ) -> SimulationJobDetail:
        """
        Waits until it has completed; returns it then.

        `timeout` and `every` are in seconds; without a timeout it waits as long as the job takes.
        The timeout also ends an `on_progress` that still runs; what that raises ends the waiting.
        Raises `SimulationFailedError`, `SimulationCancelledError` or `SimulationTimeoutError`, each
        with the `job`; and what looking at it raises, if that fails again and again.
        """
        command = self._command(timeout, every)
        job: SimulationJobDetail = await self._with(
            lambda supervisor: _ended(supervisor, supervisor.calls.put(command), on_progress)
        )
        return job

    def progress(
        self, timeout: float | None = WAIT_TIMEOUT, *, every: float = POLL_INTERVAL
    ) -> "SimulationProgress":
        """
        Returns the job each time that it has changed, as an async iterator that ends as `wait` does.

        `timeout` and `every` are those of `wait`, in seconds.
        It begins with the first step, and goes on between the steps until it is over, closed
        (`aclose`) or dropped.

        Example:
            ```python
            async for job in client.simulation(job_id).progress(every=2):
                print(job.status)
            ```
        """
        return SimulationProgress(self._command(timeout, every), self._with)

    async def cancel(self) -> SimulationJobInfo:
        """
        Cancels it, if it has not begun; returns it as it is then.

        Raises `OdysseyRequestError` if it has begun or is not known, otherwise `OdysseyError`.
        """
        return await self._cancel()

    def _command(self, timeout: float | None, every: float) -> WaitForJob:
        within = None if timeout is None else period(timeout, "timeout")
        return WaitForJob(self.job_id, period(every, "every"), within)


class SimulationProgress:
    """
    A simulation on its way, as an async iterator; see `SimulationJob.progress`.

    The wait is one command of the client, so the pace and the timeout hold across the steps, and a step
    that is cancelled loses nothing.
    """

    def __init__(self, command: WaitForJob, with_: Carry[Any]) -> None:
        self._command = command
        self._with = with_
        self._wait: _Wait | None = None
        self._closed = False

    def __repr__(self) -> str:
        return f"<SimulationProgress {self._command.job_id!r}>"

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SimulationJobDetail:
        if self._closed:
            raise StopAsyncIteration
        job: SimulationJobDetail | None = await self._with(self._next)
        if job is None:
            raise StopAsyncIteration
        return job

    async def _next(self, supervisor: Supervisor) -> SimulationJobDetail | None:
        if self._wait is None:
            self._wait = _Wait(supervisor, self._command)
        return await self._wait.next()

    async def aclose(self) -> None:
        """Stops waiting; the job goes on, and nothing is raised."""
        self._closed = True
        if self._wait is not None:
            self._wait.abandon_soon()

    def __del__(self) -> None:
        if self._wait is not None:
            # An object may be collected in any thread.
            self._wait.abandon_soon()

    @property
    def completed(self) -> SimulationJobDetail:
        """The job, once the iteration has ended."""
        match self._wait and self._wait.call.end:
            case Completed(_, SimulationJobDetail() as job):
                return job
            case _:
                raise refused("the simulation is still on its way", Calling.REST, "simulation.unfinished")


class _Wait:
    """One `WaitForJob` under way."""

    def __init__(self, supervisor: Supervisor, command: WaitForJob) -> None:
        self.call: PendingCall = supervisor.calls.put(command)
        self._call_soon: CallSoon = call_soon()
        self._supervisor = supervisor
        self._abandoned = False

    @property
    def goes_on(self) -> bool:
        """Whether it has no end yet."""
        return self.call.end is None and not self._abandoned

    async def next(self) -> SimulationJobDetail | None:
        """Waits for the job to change; `None` once it has completed."""
        job: SimulationJobDetail | None = await self.call.next_progress()
        if job is None:
            await _ended(self._supervisor, self.call)
        return job

    def abandon_soon(self) -> None:
        """Gives up, unless it is over; in any thread."""
        if self.goes_on:
            self._call_soon(self._abandon)

    def _abandon(self) -> None:
        if self.goes_on:
            self._abandoned = True
            self._supervisor.calls.abandon(self.call)


async def _ended(
    supervisor: Supervisor, call: PendingCall, on_progress: ProgressCallback | None = None
) -> SimulationJobDetail:
    """Waits for the end; an error of the simulation knows the job as it was seen last."""
    try:
        job: SimulationJobDetail = await supervisor.calls.wait(call, on_progress)
    except OdysseySimulationError as error:
        error.job = error.job or call.latest
        raise
    return job
