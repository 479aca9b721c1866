"""The calls that need no connection: recordings and simulations."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import evolve

from odyssey_anyio.desk import What
from odyssey_anyio.errors import Calling, error_of
from odyssey_anyio.images import ImageError, ImageInput, data_url
from odyssey_proto.commands import Call
from odyssey_proto.failures import Failure, Phase, Why
from odyssey_proto.messages.paging import Page
from odyssey_proto.messages.recordings import GET_RECORDING, LIST_STREAM_RECORDINGS
from odyssey_proto.messages.simulations import (
    CANCEL_SIMULATION,
    GET_SIMULATE_STATUS,
    LIST_SIMULATIONS,
    SIMULATE,
    JobFilter,
    SimulationRequest,
)
from odyssey_proto.model.recordings import Recording, StreamRecordingsList
from odyssey_proto.model.script import Entry, Script, Start
from odyssey_proto.model.script import script as checked
from odyssey_proto.model.simulations import (
    SimulationJobDetail,
    SimulationJobInfo,
    SimulationJobsList,
    SimulationJobStatus,
)

type ScriptInput = Iterable[Entry | Mapping[str, Any]]
"""A script: typed entries, or dicts in the form of the wire."""


class RestCalls(ABC):
    """Recordings and simulations; every call needs the API key and nothing else."""

    @abstractmethod
    async def _do(self, what: What) -> Any:
        """Carries out a command."""

    async def get_recording(self, stream_id: str) -> Recording:
        """Gives where the files of a recorded stream are; the addresses are good for about an hour."""
        recording: Recording = await self._do(Call(GET_RECORDING.name, _id(stream_id, "stream_id")))
        return recording

    async def list_stream_recordings(
        self, limit: int | None = None, offset: int | None = None
    ) -> StreamRecordingsList:
        """Gives one page of the account's recordings, the most recent first."""
        page = made(lambda: Page(limit, offset))
        found: StreamRecordingsList = await self._do(Call(LIST_STREAM_RECORDINGS.name, page))
        return found

    async def simulate(
        self,
        script: ScriptInput | None = None,
        *,
        scripts: Iterable[ScriptInput] | None = None,
        script_url: str | None = None,
        portrait: bool = True,
        bypass_prompt_expansion: bool | None = None,
    ) -> SimulationJobDetail:
        """
        Queues a job that plays a script, a batch of scripts, or the script at an address.

        Raises `OdysseyValueError`, before anything is sent, if a script breaks a rule.
        """
        one = None if script is None else await _script(script, portrait)
        batch = None if scripts is None else tuple([await _script(each, portrait) for each in _list(scripts)])
        request = made(
            lambda: SimulationRequest(
                script=one,
                scripts=batch,
                script_url=script_url,
                portrait=portrait,
                bypass_prompt_expansion=bypass_prompt_expansion,
            )
        )
        job: SimulationJobDetail = await self._do(Call(SIMULATE.name, request))
        return job

    async def get_simulate_status(self, job_id: str) -> SimulationJobDetail:
        """Gives all that is known about a job."""
        job: SimulationJobDetail = await self._do(Call(GET_SIMULATE_STATUS.name, _id(job_id, "job_id")))
        return job

    async def list_simulations(
        self,
        *,
        status: SimulationJobStatus | str | None = None,
        active: bool | None = None,
        limit: int | None = None,
        offset: int | None = None,
    ) -> SimulationJobsList:
        """Gives one page of the account's jobs."""
        wanted = made(
            lambda: JobFilter(None if status is None else SimulationJobStatus(status), active, limit, offset)
        )
        found: SimulationJobsList = await self._do(Call(LIST_SIMULATIONS.name, wanted))
        return found

    async def cancel_simulation(self, job_id: str) -> SimulationJobInfo:
        """Cancels a job that has not begun; gives the job as it is then."""
        job: SimulationJobInfo = await self._do(Call(CANCEL_SIMULATION.name, _id(job_id, "job_id")))
        return job


def made[T](make: Callable[[], T], calling: Calling = Calling.REST, phase: Phase | None = None) -> T:
    """Makes a value that checks itself; what it refuses is our error."""
    try:
        return make()
    except (ValueError, TypeError) as error:
        raise refused(str(error), calling, phase=phase) from None


def refused(text: str, calling: Calling, code: str = "", phase: Phase | None = None) -> Exception:
    """Gives the error of a value that breaks a rule; unless it is said, the phase is that of the calling."""
    usual = Phase.START if calling is Calling.STREAM else Phase.CALL
    return error_of(Failure(Why.INVALID, text, code=code, phase=phase or usual), calling)


def _id(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise refused(f"{name} must be text, not {type(value).__name__}", Calling.REST)
    return value


async def encoded(image: ImageInput, calling: Calling, *, portrait: bool) -> str:
    """Gives an image as a data URL in the size of the stream; one that cannot be taken is our error."""
    try:
        return await data_url(image, portrait=portrait)
    except ImageError as error:
        raise refused(str(error), calling, error.flaw) from error.__cause__


def _list[T](items: Iterable[T]) -> list[T]:
    if isinstance(items, str | bytes | Mapping):
        raise refused(f"a script is a list of entries, not {type(items).__name__}", Calling.REST)
    return made(lambda: list(items))


async def _script(entries: ScriptInput, portrait: bool) -> Script:
    ready = [await _entry(each, portrait) for each in _list(entries)]
    return made(lambda: checked(ready))


async def _entry(entry: Entry | Mapping[str, Any], portrait: bool) -> Entry | Mapping[str, Any]:
    """Gives an entry with its image, if it has one, as a data URL; what is wrong with it is seen later."""
    match entry:
        case Start(image=str() as given):
            return evolve(entry, image=await encoded(given, Calling.REST, portrait=portrait))
        case Mapping() if isinstance(start := entry.get("start"), Mapping) and start.get("image") is not None:
            image = await encoded(start["image"], Calling.REST, portrait=portrait)
            return {**entry, "start": {**start, "image": image}}
        case _:
            return entry
