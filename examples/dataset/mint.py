"""
The mint: the one place that has the API key, and reserves sessions for the workers.

A worker asks when it has a place, and not before: a session that is reserved and not joined is paid for
nothing, and a task that Dask gives to another worker needs new credentials.
Questions and answers go by way of queues of Dask's scheduler.
"""

import time
import uuid
from dataclasses import dataclass
from typing import Any

import anyio
from distributed import Client, Queue

from odyssey import ClientCredentials, ConcurrentLimitReachedError, Odyssey, OdysseyError

from .clip import AttemptError

ANSWER_SECONDS = 60
"""How long a worker waits for an answer; without one the whole run has been stopped."""

FULL_SECONDS = 900
"""
How long a worker asks again while the account is full.

The limit is kept, so that is a session of a killed worker: at the latest it ends with its credentials, and
those are good for ten minutes.
"""

INTERVAL_SECONDS = 5


@dataclass(frozen=True)
class Mint:
    """Both ends of one run's mint; it is sent to the workers along with their tasks."""

    name: str

    @staticmethod
    def new() -> "Mint":
        """Returns one with a name of its own: nobody answers what was asked in an earlier run."""
        return Mint(f"odyssey-mint-{uuid.uuid4().hex}")

    async def serve(self, cluster: Client, account: Odyssey) -> None:
        """Answers whoever asks, until it is cancelled."""
        asked = await Queue(self.name, client=cluster)
        async with anyio.create_task_group() as group:
            while True:
                worker = await asked.get()
                group.start_soon(_answer, await Queue(worker, client=cluster), account)

    def ask(self, cluster: Client) -> ClientCredentials:
        """Returns credentials for one session, or raises `AttemptError`; it blocks, and is for workers."""
        deadline = time.monotonic() + FULL_SECONDS
        answer = self._ask(cluster)
        while "error" in answer:
            if not answer["full"] or time.monotonic() > deadline:
                raise AttemptError(answer["error"])
            time.sleep(INTERVAL_SECONDS)
            answer = self._ask(cluster)
        return ClientCredentials.from_dict(answer)

    def _ask(self, cluster: Client) -> dict[str, Any]:
        mine = Queue(f"{self.name}-{uuid.uuid4().hex}", client=cluster)
        try:
            Queue(self.name, client=cluster).put(mine.name)
            return mine.get(timeout=ANSWER_SECONDS)
        finally:
            mine.close()


async def _answer(worker: Queue, account: Odyssey) -> None:
    try:
        answer = (await account.create_client_credentials()).to_dict()
    except OdysseyError as error:
        full = isinstance(error, ConcurrentLimitReachedError)
        answer = {"error": error.to_dict(), "full": full}
    await worker.put(answer)
