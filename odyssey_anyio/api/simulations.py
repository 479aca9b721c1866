"""Scripted jobs: the calls, handles on jobs, and all pages of their list."""

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import evolve

from odyssey_anyio.api.arguments import encoded_image, identifier, portrait_or_default
from odyssey_anyio.api.pages import Pages, Part
from odyssey_anyio.api.rest import RestCalls
from odyssey_anyio.api.simulation_job import SimulationJob
from odyssey_anyio.errors.mapping import Calling, checked, refused
from odyssey_proto.messages.recordings import MAX_PAGE_ITEMS
from odyssey_proto.messages.simulations import (
    CANCEL_SIMULATION,
    GET_SIMULATE_STATUS,
    LIST_SIMULATIONS,
    SIMULATE,
    JobFilter,
    SimulationRequest,
)
from odyssey_proto.model.script import Entry, Script, Start
from odyssey_proto.model.script import script as checked_script
from odyssey_proto.model.simulations import (
    SimulationJobDetail,
    SimulationJobInfo,
    SimulationJobsList,
    SimulationJobStatus,
)
from odyssey_proto.seam.commands import Call

type ScriptInput = Iterable[Entry | Mapping[str, Any]]
"""A script: typed entries, or dicts in the form of the wire."""


class SimulationCalls(RestCalls):
    """The calls about simulations."""

    async def simulate(
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
            job = await client.simulate(script)
            done = await client.simulation(job).wait()
            ```
        """
        upright = portrait_or_default(portrait)
        one = None if script is None else await _script(script, upright)
        batch = None if scripts is None else await _scripts(scripts, upright)
        request = checked(
            lambda: SimulationRequest(
                script=one,
                scripts=batch,
                script_url=script_url,
                portrait=upright,
                bypass_prompt_expansion=bypass_prompt_expansion,
            )
        )
        job: SimulationJobDetail = await self._do(Call(SIMULATE.name, request))
        return job

    async def get_simulate_status(self, job_id: str) -> SimulationJobDetail:
        """Returns all that is known about the job with the id `job_id`; raises `OdysseyError`."""
        call = Call(GET_SIMULATE_STATUS.name, identifier(job_id, "job_id"))
        job: SimulationJobDetail = await self._do(call)
        return job

    async def list_simulations(
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
        wanted = checked(lambda: JobFilter(limit, offset, _status(status), active))
        found: SimulationJobsList = await self._do(Call(LIST_SIMULATIONS.name, wanted))
        return found

    async def cancel_simulation(self, job_id: str) -> SimulationJobInfo:
        """
        Cancels the job with the id `job_id`, if it has not begun; returns the job as it is then.

        Raises `OdysseyRequestError` if it has begun or is not known, otherwise `OdysseyError`.
        """
        call = Call(CANCEL_SIMULATION.name, identifier(job_id, "job_id"))
        job: SimulationJobInfo = await self._do(call)
        return job

    def simulation(self, job: str | SimulationJobInfo) -> SimulationJob:
        """
        Returns a handle on `job`, which is an id or what is known of a job; nothing is sent.

        Example:
            ```python
            done = await client.simulation(job_id).wait(timeout=600)
            ```
        """
        job_id = identifier(job.job_id if isinstance(job, SimulationJobInfo) else job, "job_id")

        return SimulationJob(
            job_id,
            lambda: self.get_simulate_status(job_id),
            lambda: self.cancel_simulation(job_id),
            self._with,
        )

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
            async for job in client.simulations(active=True):
                print(job.job_id, job.status)
            ```
        """
        checked(lambda: JobFilter(page, status=_status(status), active=active))

        async def load(offset: int) -> Part[SimulationJobInfo]:
            found = await self.list_simulations(status=status, active=active, limit=page, offset=offset)
            return Part(found.jobs, found.total)

        return Pages(load, lambda job: job.job_id)


def _status(status: SimulationJobStatus | str | None) -> SimulationJobStatus | None:
    return None if status is None else SimulationJobStatus(status)


def _list[T](items: Iterable[T]) -> list[T]:
    if isinstance(items, str | bytes | Mapping) or not isinstance(items, Iterable):
        raise refused(f"a script is a list of entries, not {type(items).__name__}", Calling.REST)
    return checked(lambda: list(items))


async def _scripts(scripts: Iterable[ScriptInput], portrait: bool) -> tuple[Script, ...]:
    return tuple([await _script(each, portrait, f"script {at}: ") for at, each in enumerate(_list(scripts))])


async def _script(entries: ScriptInput, portrait: bool, name: str = "") -> Script:
    """Returns a script that keeps the rules, with its images as data URLs; `name` begins its errors."""
    given = _list(entries)
    images = [_image_of(each) for each in given]
    # The rules first: an image is not looked at for a script that cannot be sent.
    script = checked(lambda: checked_script(map(_without_image, given)), prefix=name)
    whole: list[Entry] = []
    for at, (entry, image) in enumerate(zip(script, images, strict=True)):
        if isinstance(entry, Start) and image is not None:
            prefix = f"{name}entry {at}: "
            data = await encoded_image(image, Calling.REST, portrait=portrait, prefix=prefix)
            entry = evolve(entry, image=data)
        whole.append(entry)
    return tuple(whole)


def _image_of(entry: Entry | Mapping[str, Any]) -> Any:
    match entry:
        case Start(image=image):
            return image
        case Mapping() if isinstance(start := entry.get("start"), Mapping):
            return start.get("image")
        case _:
            return None


def _without_image(entry: Entry | Mapping[str, Any]) -> Entry | Mapping[str, Any]:
    match entry:
        case Start():
            return evolve(entry, image=None)
        case Mapping() if isinstance(start := entry.get("start"), Mapping):
            return {**entry, "start": {**start, "image": None}}
        case _:
            return entry
