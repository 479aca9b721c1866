"""The account's limit of sessions, kept across the cluster."""

from functools import partial

from anyio.to_thread import run_sync
from distributed import Semaphore

LIMIT_NAME = "odyssey-sessions"
"""Whoever has the same scheduler shares the limit."""


class ClusterLimit:
    """
    A `SessionLimit` on a semaphore of Dask: `Odyssey(limit=ClusterLimit(semaphore))`, or as a block.

    A place is a lease, which the worker's process renews in the background.
    The lease of a worker that was killed runs out after `distributed.scheduler.locks.lease-timeout` (30
    seconds unless you set it), and then somebody else has the place.

    Make it in the task's own function: only there does a semaphore find its worker.
    """

    def __init__(self, semaphore: Semaphore) -> None:
        self._semaphore = semaphore

    async def acquire(self) -> None:
        # A second at a time, so that a task that is cancelled does not wait on, and leaves with no place.
        while not await run_sync(partial(self._semaphore.acquire, timeout="1s")):
            pass

    def release(self) -> None:
        # The scheduler is asked by the worker's own loop: nobody waits for the network here.
        self._semaphore.loop.add_callback(self._semaphore.release)

    async def __aenter__(self) -> None:
        await self.acquire()

    async def __aexit__(self, *_: object) -> None:
        self.release()
