"""The calls about simulations; docs/mirror.py generates it from the async API."""

from collections.abc import Iterable

from odyssey.sync.handles import SimulationJob
from odyssey.sync.iterators import Pages
from odyssey.sync.mirror import Mirror
from odyssey_anyio.api.simulations import ScriptInput
from odyssey_anyio.client import Odyssey as AsyncOdyssey
from odyssey_proto.messages.recordings import MAX_PAGE_ITEMS
from odyssey_proto.model.simulations import (
    SimulationJobDetail,
    SimulationJobInfo,
    SimulationJobsList,
    SimulationJobStatus,
)


class SimulationCalls(Mirror[AsyncOdyssey]):
    """The calls about simulations."""

    def simulate(
        self,
        script: ScriptInput | None = None,
        *,
        scripts: Iterable[ScriptInput] | None = None,
        script_url: str | None = None,
        portrait: bool | None = True,
        bypass_prompt_expansion: bool | None = None,
    ) -> SimulationJobDetail:
        """
        Queues a job that plays a script, a batch of scripts, or the script at an address.

        One of `script`, `scripts` and `script_url` is given: entries in the order of time, several lists of
        them, or the address of a JSON file.
        `portrait` says how the picture stands: 704x1280, or 1280x704 without it.
        With `bypass_prompt_expansion` the service takes prompts as they are written.
        Raises `OdysseyValueError`, before anything is sent, if a script breaks a rule.
        It is never sent twice: where the answer got lost, `list_simulations` tells whether it arrived.

        Example:
            ```python
            script = [
                {"timestamp_ms": 0, "start": {"prompt": "A cat"}},
                {"timestamp_ms": 4000, "interact": {"prompt": "It yawns"}},
                {"timestamp_ms": 8000, "end": {}},
            ]
            job = client.simulate(script)
            done = client.simulation(job).wait()
            ```
        """
        return self._portal.call(
            self._original.simulate,
            script,
            scripts=scripts,
            script_url=script_url,
            portrait=portrait,
            bypass_prompt_expansion=bypass_prompt_expansion,
        )

    def get_simulate_status(self, job_id: str) -> SimulationJobDetail:
        """Returns all that is known about the job with the id `job_id`; raises `OdysseyError`."""
        return self._portal.call(self._original.get_simulate_status, job_id)

    def list_simulations(
        self,
        *,
        status: SimulationJobStatus | str | None = None,
        active: bool | None = None,
        limit: int | None = None,
        offset: int | None = None,
    ) -> SimulationJobsList:
        """
        Returns one page of the account's jobs.

        `status` and `active` choose among them: those in one state, those that are not over.
        `limit` is the most on a page, `offset` how many are left out before it.
        Raises `OdysseyError`; `OdysseyValueError`, before anything is sent, for numbers that make no sense.
        """
        return self._portal.call(
            self._original.list_simulations, status=status, active=active, limit=limit, offset=offset
        )

    def cancel_simulation(self, job_id: str) -> SimulationJobInfo:
        """
        Cancels the job with the id `job_id`, if it has not begun; returns the job as it is then.

        Raises `OdysseyRequestError` if it has begun or is not known, otherwise `OdysseyError`.
        """
        return self._portal.call(self._original.cancel_simulation, job_id)

    def simulation(self, job: str | SimulationJobInfo) -> SimulationJob:
        """
        Returns a handle on `job`, which is an id or what is known of a job; nothing is sent.

        Example:
            ```python
            done = client.simulation(job_id).wait(timeout=600)
            ```
        """
        return SimulationJob(self._portal, self._portal.do(self._original.simulation, job))

    def simulations(
        self,
        *,
        status: SimulationJobStatus | str | None = None,
        active: bool | None = None,
        page: int = MAX_PAGE_ITEMS,
    ) -> Pages[SimulationJobInfo]:
        """
        Returns all the account's jobs, those with that `status` or that are `active`, `page` at a time.

        Example:
            ```python
            for job in client.simulations(active=True):
                print(job.job_id, job.status)
            ```
        """
        return Pages[SimulationJobInfo](
            self._portal, self._portal.do(self._original.simulations, status=status, active=active, page=page)
        )
