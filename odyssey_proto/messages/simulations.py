"""Scripted jobs (docs/protocol.md#simulations)."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from attrs import evolve, field, frozen

from odyssey_proto.kernel.failures import Failure, LocalProtocolError, RemoteProtocolError
from odyssey_proto.kernel.machine import Span
from odyssey_proto.kernel.secret import Secret, secret_field
from odyssey_proto.kernel.url import parse_http
from odyssey_proto.messages.endpoint import JsonEndpoint, Parts
from odyssey_proto.messages.fields import Fields
from odyssey_proto.messages.recordings import Page, page_query, read_page, take_files
from odyssey_proto.messages.refusals import retry_after
from odyssey_proto.model.script import Script, check, script, to_wire
from odyssey_proto.model.simulations import (
    SimulationJobDetail,
    SimulationJobInfo,
    SimulationJobsList,
    SimulationJobStatus,
    SimulationStream,
)
from odyssey_proto.model.validators import flag, unless_none
from odyssey_proto.seam.http import HttpReply

MAX_SCRIPTS = 100
"""The most scripts of one batch."""


@frozen
class SimulationRequest:
    """
    A job; exactly one of `script`, `scripts` and `script_url` says what it does.

    Raises `ValueError` if none or several do, or if a script breaks a rule.
    """

    script: Script | None = field(default=None, repr=False)
    scripts: tuple[Script, ...] | None = field(default=None, repr=False)
    script_url: str | None = secret_field(default=None)
    portrait: bool = field(default=True, validator=flag)
    bypass_prompt_expansion: bool | None = field(default=None, validator=unless_none(flag))

    def __attrs_post_init__(self) -> None:
        given = [source for source in (self.script, self.scripts, self.script_url) if source is not None]
        if len(given) != 1:
            raise ValueError("exactly one of script, scripts and script_url must be given")
        if self.script is not None:
            check(self.script)
        if self.scripts is not None and not 1 <= len(self.scripts) <= MAX_SCRIPTS:
            raise ValueError(f"a batch has 1 to {MAX_SCRIPTS} scripts")
        for at, one in enumerate(self.scripts or ()):
            _named(at, check, one)
        if self.script_url is not None:
            _check_address(self.script_url)


def _known(_: Any, attribute: Any, value: Any) -> None:
    known = [status.value for status in SimulationJobStatus if status is not SimulationJobStatus.UNKNOWN]
    if value not in known:
        raise ValueError(f"{attribute.name} must be one of {', '.join(known)}")


@frozen
class JobFilter(Page):
    """Which jobs are wanted, and which part of their list."""

    status: SimulationJobStatus | None = field(default=None, validator=unless_none(_known))
    active: bool | None = field(default=None, validator=unless_none(flag))


def _check_address(url: object) -> None:
    try:
        parse_http(url)
    except LocalProtocolError as error:
        raise ValueError(f"script_url: {error}") from None


def _write_request(request: SimulationRequest) -> Parts:
    body: dict[str, Any] = {"portrait": request.portrait, "output_video": True}
    if request.script is not None:
        body["script"] = [to_wire(entry) for entry in request.script]
    if request.scripts is not None:
        body["scripts"] = [[to_wire(entry) for entry in one] for one in request.scripts]
    if request.script_url is not None:
        body["script_url"] = Secret(request.script_url)
    if request.bypass_prompt_expansion is not None:
        body["bypass_vlm_expansion"] = request.bypass_prompt_expansion
    return Parts(body=body)


def _read_request(parts: Parts) -> SimulationRequest:
    fields = parts.fields
    has_script, has_scripts = fields.has("script"), fields.has("scripts")
    try:
        return SimulationRequest(
            script=script(fields.list("script")) if has_script else None,
            scripts=_read_scripts(fields) if has_scripts else None,
            script_url=fields.text_or("script_url", None),
            portrait=fields.flag_or("portrait", True),
            bypass_prompt_expansion=fields.flag_or("bypass_vlm_expansion", None),
        )
    except ValueError as error:
        # A script that breaks a rule is a bad request, not a schema error.
        raise RemoteProtocolError(str(error), status=400) from None


def _read_scripts(fields: Fields) -> tuple[Script, ...]:
    batch = fields.list("scripts")
    for at, one in enumerate(batch):
        if not isinstance(one, list):
            raise RemoteProtocolError(f"scripts[{at}] is not a list", status=422)
    return tuple(_named(at, script, one) for at, one in enumerate(batch))


def _named[A, B](at: int, take: Callable[[A], B], one: A) -> B:
    try:
        return take(one)
    except ValueError as error:
        raise ValueError(f"script {at}: {error}") from None


def _write_filter(wanted: JobFilter) -> Parts:
    query = {} if wanted.status is None else {"status": wanted.status.value}
    if wanted.active is not None:
        query["active"] = "true" if wanted.active else "false"
    return Parts(query=query | page_query(wanted))


_FLAGS = {None: None, "true": True, "false": False}


def _read_filter(parts: Parts) -> JobFilter:
    active, status = parts.query.get("active"), parts.query.get("status")
    if active not in _FLAGS:
        raise ValueError("active is neither true nor false")
    page = read_page(parts.query)
    known = None if status is None else SimulationJobStatus(status)
    return JobFilter(page.limit, page.offset, known, _FLAGS[active])


def _take_brief(fields: Fields) -> dict[str, Any]:
    return {
        "job_id": fields.identifier("job_id"),
        "status": SimulationJobStatus(fields.text("status")),
        "priority": fields.text_or("priority", "normal"),
        "created_at": fields.text_or("created_at", ""),
        "completed_at": fields.text_or("completed_at", None),
        "error_message": fields.text_or("error_message", None),
    }


def _take_info(fields: Fields) -> SimulationJobInfo:
    return SimulationJobInfo(**_take_brief(fields))


def _take_detail(fields: Fields) -> SimulationJobDetail:
    return SimulationJobDetail(
        **_take_brief(fields),
        dispatched_at=fields.text_or("dispatched_at", None),
        started_at=fields.text_or("started_at", None),
        assigned_region=fields.text_or("assigned_region", None),
        retry_count=fields.whole_or("retry_count", 0),
        estimated_wait_minutes=fields.number_or("estimated_wait_minutes", None),
        streams=[_take_stream(item) for item in fields.objects_if("streams")],
    )


def _take_stream(fields: Fields) -> SimulationStream:
    return SimulationStream(**take_files(fields), script_index=fields.whole_or("script_index", 0))


def _take_list(fields: Fields) -> SimulationJobsList:
    return SimulationJobsList(
        jobs=[_take_info(item) for item in fields.objects("jobs")],
        total=fields.whole("total"),
        limit=fields.whole("limit"),
        offset=fields.whole("offset"),
    )


SIMULATE = JsonEndpoint[SimulationRequest, SimulationJobDetail](
    "simulations.create",
    "POST",
    "/simulation-jobs",
    "create the simulation",
    write=_write_request,
    read=_read_request,
    give=asdict,
    take=_take_detail,
    status=201,
)
"""Queues a job."""

GET_SIMULATE_STATUS = JsonEndpoint[str, SimulationJobDetail](
    "simulations.get",
    "GET",
    "/simulation-jobs/{}",
    "get the simulation",
    write=Parts,
    read=lambda parts: parts.id,
    give=asdict,
    take=_take_detail,
    names=lambda job: job.job_id,
    safe=True,
)
"""Takes a job's id, gives all that is known about it."""

LIST_SIMULATIONS = JsonEndpoint[JobFilter, SimulationJobsList](
    "simulations.list",
    "GET",
    "/simulation-jobs",
    "list the simulations",
    write=_write_filter,
    read=_read_filter,
    give=asdict,
    take=_take_list,
    safe=True,
)
"""Returns one page of the account's jobs."""

CANCEL_SIMULATION = JsonEndpoint[str, SimulationJobInfo](
    "simulations.cancel",
    "DELETE",
    "/simulation-jobs/{}",
    "cancel the simulation",
    write=Parts,
    read=lambda parts: parts.id,
    give=asdict,
    take=_take_info,
    names=lambda job: job.job_id,
)
"""Takes the id of a job that has not begun, gives the job as it is then."""


@frozen
class JobSeen:
    """A job as it was seen, and how long the service wants to be left alone, in whole seconds."""

    job: SimulationJobDetail
    again: Span | None = None


@frozen
class WatchEndpoint(JsonEndpoint[str, JobSeen]):
    """`simulations.get`, with the Retry-After of its success (RFC 9110 section 10.2.3)."""

    def encode_reply(self, result: JobSeen) -> HttpReply:
        """Returns the reply."""
        reply = super().encode_reply(result)
        if result.again is None:
            return reply
        return evolve(reply, headers=(*reply.headers, ("retry-after", str(result.again // 1_000_000))))

    def decode_reply(self, reply: HttpReply) -> JobSeen | Failure:
        """Returns the job and the pace."""
        seen = super().decode_reply(reply)
        return seen if isinstance(seen, Failure) else evolve(seen, again=retry_after(reply))


WATCH_SIMULATION = WatchEndpoint(
    "simulations.watch",
    "GET",
    "/simulation-jobs/{}",
    GET_SIMULATE_STATUS.purpose,
    write=Parts,
    read=lambda parts: parts.id,
    give=lambda seen: asdict(seen.job),
    take=lambda fields: JobSeen(_take_detail(fields)),
    names=lambda seen: seen.job.job_id,
    safe=True,
)
"""Takes a job's id, gives what is known about it and when to ask again."""
