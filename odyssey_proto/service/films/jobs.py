"""
Scripted jobs: queued, dispatched, drawn one script after another.

The wire: docs/protocol.md#simulations, #simulation-scripts.
"""

from collections.abc import Sequence

from attrs import define, field

from odyssey_proto.kernel.entropy import Entropy
from odyssey_proto.kernel.failures import RemoteProtocolError, UsageCode, UsageLimit
from odyssey_proto.kernel.json_text import parse
from odyssey_proto.kernel.machine import Deadline, Instant, after, seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages.recordings import DEFAULT_PAGE
from odyssey_proto.messages.refusals import usage_reply
from odyssey_proto.messages.simulations import JobFilter, SimulationRequest
from odyssey_proto.model.script import End, Script, script
from odyssey_proto.model.simulations import (
    SimulationJobDetail,
    SimulationJobInfo,
    SimulationJobsList,
    SimulationJobStatus,
    SimulationStream,
)
from odyssey_proto.service.films.film_from_script import ScriptRefused, film_of
from odyssey_proto.service.films.iso_time import iso
from odyssey_proto.service.films.store import Store
from odyssey_proto.service.io.access import ANY, origin_of
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.io.faults import FailJob, Faults, UnknownState
from odyssey_proto.service.io.film import Film
from odyssey_proto.service.io.seam import (
    FetchScript,
    Noted,
    Rendered,
    RenderFailed,
    ScriptFetched,
    ServiceOutput,
)
from odyssey_proto.service.io.timers import ServiceTimer
from odyssey_proto.service.rest.replies import Refused, refused

ID_LENGTH = 24
MAX_JOBS = 1000
"""The most jobs known at a time; a newer one makes the oldest that is over unknown."""

FETCH = seconds(30)
"""How long a script at an address may take."""

_State = SimulationJobStatus
_BUSY = frozenset({_State.DISPATCHED, _State.PROCESSING})


@define
class Job:
    """One job, on its way."""

    name: str
    key: Secret
    portrait: bool
    script_url: Secret | None
    created: Instant
    due: Instant | None
    """When it goes on; `None` while it waits for somebody."""
    status: SimulationJobStatus = _State.PENDING
    dispatched: Instant | None = None
    started: Instant | None = None
    completed: Instant | None = None
    error: str | None = None
    scripts: tuple[Script, ...] = ()
    films: list[Film] = field(factory=list)
    """Those that were drawn, and the one that is being drawn now."""

    @property
    def over(self) -> bool:
        """Whether nothing will change any more."""
        return self.status.over


class Jobs:
    """The jobs of all accounts, oldest first."""

    def __init__(
        self, config: ServiceConfig, entropy: Entropy, store: Store, faults: Faults, wall: int
    ) -> None:
        self._config = config
        self._entropy = entropy
        self._store = store
        self._faults = faults
        self._wall = wall
        self._jobs: dict[str, Job] = {}

    def __repr__(self) -> str:
        return f"<Jobs {sum(not job.over for job in self._jobs.values())} active of {len(self._jobs)}>"

    # --- calls ----------------------------------------------------------------------------------

    def create(self, now: Instant, key: Secret, request: SimulationRequest) -> SimulationJobDetail:
        """Queues a job; raises `Refused` at a limit, or if it can never be done."""
        if request.bypass_prompt_expansion and not self._config.bypass_allowed:
            raise refused(403, "The account may not bypass prompt expansion")
        if request.script_url is not None:
            self._check_origin(request.script_url)
        scripts = request.scripts if request.script is None else (request.script,)
        for one in scripts or ():
            self._check_length(one)
        self._check_queue(key)
        self._make_room()
        name = self._entropy.word(ID_LENGTH)
        due = after(now, seconds(self._config.job_pause))
        url = None if request.script_url is None else Secret(request.script_url)
        job = self._jobs[name] = Job(name, key, request.portrait, url, now, due, scripts=scripts or ())
        return self.detail(job)

    def find(self, key: Secret, name: str) -> Job:
        """Returns a job of an account; raises `Refused` if it has none of that name."""
        job = self._jobs.get(name)
        if job is None:
            raise refused(404, "Job not found")
        if job.key != key:
            raise refused(403, "The job belongs to another account")
        return job

    def drawn(self, job: Job) -> list[Film]:
        """Returns the films of a job that are finished."""
        return job.films if job.over else job.films[:-1]

    def film(self, key: Secret, stream_id: str) -> Film | None:
        """Returns the finished film of that stream, if a job of the account made it."""
        drawn = (film for job in self._jobs.values() if job.key == key for film in self.drawn(job))
        return next((film for film in drawn if film.stream_id == stream_id), None)

    def listed(self, key: Secret, wanted: JobFilter) -> SimulationJobsList:
        """Returns a page of an account's jobs, the most recent first."""
        own = [
            job
            for job in reversed(self._jobs.values())
            if job.key == key
            and wanted.status in (None, self._word(job))
            and (wanted.active is None or wanted.active is not job.over)
        ]
        limit = DEFAULT_PAGE if wanted.limit is None else wanted.limit
        offset = wanted.offset or 0
        infos = [self._info(job) for job in own[offset : offset + limit]]
        return SimulationJobsList(infos, len(own), limit, offset)

    def cancel(self, now: Instant, key: Secret, name: str) -> SimulationJobInfo:
        """Ends a job that was not begun; raises `Refused` for any other."""
        job = self.find(key, name)
        if job.status not in (_State.PENDING, _State.DISPATCHED):
            raise refused(400, f"A job that is {self._word(job).value} cannot be cancelled")
        self._finish(now, job, _State.CANCELLED)
        return self._info(job)

    # --- the work -------------------------------------------------------------------------------

    def wake(self, now: Instant) -> list[ServiceOutput]:
        """Lets the jobs go on that are due."""
        outputs: list[ServiceOutput] = []
        for job in list(self._jobs.values()):
            if job.due is not None and job.due <= now:
                outputs += self._step(now, job)
        return outputs

    def fetched(self, now: Instant, found: ScriptFetched) -> list[ServiceOutput]:
        """Takes what was found at the address of a job's script."""
        job = self._jobs.get(found.job_id)
        if job is None or job.over or job.scripts:
            return []
        job.due = None
        if found.body is None:
            return self._fail(now, job, "the script could not be loaded")
        try:
            entries = parse(found.body.decode())
            job.scripts = (script(entries if isinstance(entries, list) else ()),)
            self._check_length(job.scripts[0])
        except (ValueError, RemoteProtocolError, Refused):
            return self._fail(now, job, "the script breaks a rule")
        return self._draw(now, job)

    def rendered(self, now: Instant, done: Rendered | RenderFailed) -> list[ServiceOutput]:
        """Takes what became of a drawing."""
        for job in self._jobs.values():
            if job.over or not job.films or job.films[-1].stream_id != done.stream_id:
                continue
            if isinstance(done, RenderFailed):
                return self._fail(now, job, "the video could not be made")
            if len(job.films) < len(job.scripts):
                return self._draw(now, job)
            self._finish(now, job, _State.COMPLETED)
            return [Noted(f"job {job.name}: completed")]
        return []

    @property
    def deadline(self) -> Deadline | None:
        """When the next job goes on."""
        due = [job.due for job in self._jobs.values() if job.due is not None]
        return Deadline(min(due), ServiceTimer.JOB_STEP) if due else None

    def _step(self, now: Instant, job: Job) -> list[ServiceOutput]:
        pause = seconds(self._config.job_pause)
        if job.status is _State.PENDING:
            if sum(other.status in _BUSY for other in self._jobs.values()) >= self._config.job_slots:
                # Whoever finishes lets the next go on.
                job.due = None
                return []
            job.status, job.dispatched, job.due = _State.DISPATCHED, now, after(now, pause)
            return []
        if job.status is _State.DISPATCHED:
            job.status, job.started, job.due = _State.PROCESSING, now, None
            failing = self._faults.strike(FailJob)
            if failing is not None:
                return self._fail(now, job, failing.message)
            if job.script_url is not None:
                job.due = after(now, FETCH)
                return [FetchScript(job.name, job.script_url)]
            return self._draw(now, job)
        return self._fail(now, job, "the script could not be loaded in time")

    def _draw(self, now: Instant, job: Job) -> list[ServiceOutput]:
        """Has the next script drawn."""
        name = self._entropy.word(ID_LENGTH)
        try:
            film = film_of(name, job.scripts[len(job.films)], job.portrait, self._config)
        except ScriptRefused as error:
            return self._fail(now, job, str(error))
        job.films.append(film)
        return [*self._store.keep(film), *self._store.draw(name)]

    def _fail(self, now: Instant, job: Job, error: str) -> list[ServiceOutput]:
        job.error = error
        job.films = self.drawn(job)
        self._finish(now, job, _State.FAILED)
        return [Noted(f"job {job.name}: failed: {error}")]

    def _finish(self, now: Instant, job: Job, status: SimulationJobStatus) -> None:
        job.status, job.completed, job.due = status, now, None
        # Images may have megabytes, and nobody asks for them any more.
        job.scripts = ()
        job.films = [film.without_images for film in job.films]
        waiting = [other for other in self._jobs.values() if other.status is _State.PENDING]
        for other in waiting:
            if other.due is None:
                other.due = now

    # --- limits ---------------------------------------------------------------------------------

    def _check_length(self, one: Script) -> None:
        last = one[-1]
        if isinstance(last, End) and last.at > self._config.film_seconds:
            raise refused(400, f"A video lasts at most {self._config.film_seconds:g} seconds")

    def _check_origin(self, script_url: str) -> None:
        allowed = self._config.script_origins
        if ANY not in allowed and origin_of(script_url) not in allowed:
            text = (
                "script_url leads where this service fetches nothing: script_origins, --allow-script-origin"
            )
            raise refused(400, text)

    def _word(self, job: Job) -> SimulationJobStatus:
        """Returns how the status of a job is called."""
        return _State.RUNNING if self._config.old_status_words and job.status in _BUSY else job.status

    def _check_queue(self, key: Secret) -> None:
        limit = self._config.job_queue
        active = sum(job.key == key and not job.over for job in self._jobs.values())
        if active >= limit:
            reached = UsageLimit(
                UsageCode.CONCURRENT_LIMIT_REACHED.value,
                f"Maximum of {limit} queued jobs reached",
                "Wait for a job to finish, or cancel one",
                details=(("active_count", active), ("limit", limit)),
            )
            raise Refused(usage_reply(reached))

    def _make_room(self) -> None:
        over = [name for name, job in self._jobs.items() if job.over]
        if len(self._jobs) >= MAX_JOBS and not over:
            raise refused(503, "The queue is full")
        for name in over[: len(self._jobs) - MAX_JOBS + 1]:
            del self._jobs[name]

    # --- what is reported -----------------------------------------------------------------------

    def detail(self, job: Job, streams: Sequence[SimulationStream] = ()) -> SimulationJobDetail:
        """Returns all that is known of a job; `streams` are those that it has made."""
        unknown = not job.over and self._faults.strike(UnknownState) is not None
        return SimulationJobDetail(
            job.name,
            _State.UNKNOWN if unknown else self._word(job),
            "normal",
            iso(self._wall, job.created),
            dispatched_at=self._at(job.dispatched),
            started_at=self._at(job.started),
            completed_at=self._at(job.completed),
            error_message=job.error,
            assigned_region=None if job.dispatched is None else "local",
            estimated_wait_minutes=self._wait(job) if job.status is _State.PENDING else None,
            streams=list(streams),
        )

    def _info(self, job: Job) -> SimulationJobInfo:
        created, completed = iso(self._wall, job.created), self._at(job.completed)
        return SimulationJobInfo(job.name, self._word(job), "normal", created, completed, job.error)

    def _at(self, moment: Instant | None) -> str | None:
        return None if moment is None else iso(self._wall, moment)

    def _wait(self, job: Job) -> float:
        waiting = [other.name for other in self._jobs.values() if not other.over]
        return round((waiting.index(job.name) + 1) * self._config.job_pause / 60, 4)
