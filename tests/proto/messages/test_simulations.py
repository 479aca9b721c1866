"""Scripted jobs, with vectors from docs/protocol.md#simulations, #simulation-scripts."""

import json
from typing import Any

import pytest

from odyssey_proto.kernel.failures import Failure, FailureKind, RemoteProtocolError
from odyssey_proto.kernel.machine import seconds
from odyssey_proto.messages.simulations import (
    CANCEL_SIMULATION,
    GET_SIMULATE_STATUS,
    LIST_SIMULATIONS,
    SIMULATE,
    WATCH_SIMULATION,
    JobFilter,
    JobSeen,
    SimulationRequest,
)
from odyssey_proto.model.script import End, Interact, Start
from odyssey_proto.model.simulations import (
    SimulationJobDetail,
    SimulationJobInfo,
    SimulationJobsList,
    SimulationJobStatus,
    SimulationStream,
)
from odyssey_proto.seam.http import HttpReply, HttpRequest, json_reply

API = "https://api.odyssey.ml"
SCRIPT = (Start("A cat"), Interact("It wakes up", 5), End(10.5))
ON_THE_WIRE = [
    {"timestamp_ms": 0, "start": {"prompt": "A cat"}},
    {"timestamp_ms": 5000, "interact": {"prompt": "It wakes up"}},
    {"timestamp_ms": 10500, "end": {}},
]
JOB = {"job_id": "j-1", "status": "pending", "priority": "normal", "created_at": "2026-01-23T10:00:00Z"}


def ok(body: Any, status: int = 200) -> HttpReply:
    return HttpReply(status, (), json.dumps(body).encode())


def posted(body: Any) -> HttpRequest:
    return HttpRequest("POST", "/simulation-jobs", body=json.dumps(body).encode())


@pytest.mark.parametrize(
    ("request_", "body"),
    [
        (SimulationRequest(SCRIPT), {"portrait": True, "output_video": True, "script": ON_THE_WIRE}),
        (
            SimulationRequest(scripts=(SCRIPT, SCRIPT), portrait=False),
            {"portrait": False, "output_video": True, "scripts": [ON_THE_WIRE, ON_THE_WIRE]},
        ),
        (
            SimulationRequest(script_url="https://x/s.json", bypass_prompt_expansion=False),
            {
                "portrait": True,
                "output_video": True,
                "script_url": "https://x/s.json",
                "bypass_vlm_expansion": False,
            },
        ),
    ],
)
def test_a_job_that_is_asked_for(request_: SimulationRequest, body: Any) -> None:
    asked = SIMULATE.encode_request(API, request_)
    assert (asked.method, asked.url) == ("POST", API + "/simulation-jobs")
    assert json.loads(asked.content()) == body
    assert SIMULATE.decode_request(posted(body)) == request_


@pytest.mark.parametrize(
    "sources",
    [
        {},
        {"script": SCRIPT, "script_url": "https://x"},
        {"script": SCRIPT, "scripts": (SCRIPT,)},
        {"scripts": ()},
        {"scripts": (SCRIPT,) * 101},
        {"script": ()},
        {"script_url": "file:///etc/passwd"},
        {"script_url": "wss://host/script"},
        {"script_url": "https://user:password@host/script"},
        {"script_url": "https://host/a b"},
        {"script_url": "https://host/a\nb"},
        {"script_url": "https://host/" + "x" * 20_000},
        {"script_url": 5},
        {"script_url": ""},
    ],
)
def test_a_job_needs_one_source(sources: Any) -> None:
    with pytest.raises(ValueError, match="script"):
        SimulationRequest(**sources)


def test_a_script_of_a_batch_that_breaks_a_rule_is_named() -> None:
    with pytest.raises(ValueError, match=r"^script 1: entry 0: a script finishes with an end$"):
        SimulationRequest(scripts=(SCRIPT, (Start("x"),)))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "exactly one"),
        ({"script": ON_THE_WIRE, "script_url": "https://x"}, "exactly one"),
        ({"script": []}, "a script needs a start and an end"),
        ({"script": ON_THE_WIRE[:1]}, "entry 0: a script finishes with an end"),
        ({"script": [5]}, "entry 0: it is not an object"),
        ({"scripts": [ON_THE_WIRE, ON_THE_WIRE[:1]]}, "script 1: entry 0: a script finishes with an end"),
        ({"scripts": [[{}]]}, "script 0: entry 0: timestamp_ms is not a whole number"),
        ({"scripts": []}, "a batch has"),
    ],
)
def test_a_script_that_breaks_a_rule_is_a_bad_request(body: Any, words: str) -> None:
    with pytest.raises(RemoteProtocolError, match=words) as caught:
        SIMULATE.decode_request(posted(body))
    assert caught.value.status == 400


@pytest.mark.parametrize(
    "body",
    [
        {"script": {}},
        {"script": "x"},
        {"scripts": [5]},
        {"script": ON_THE_WIRE, "portrait": "yes"},
        {"script_url": 5},
        {"script_url": "https://x", "bypass_vlm_expansion": 1},
    ],
)
def test_a_job_of_the_wrong_shape_is_unprocessable(body: Any) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        SIMULATE.decode_request(posted(body))
    assert caught.value.status == 422


def test_the_address_of_a_script_is_not_seen() -> None:
    assert "canary" not in repr(SimulationRequest(script_url="https://x/s.json?sig=canary"))


def test_a_queued_job() -> None:
    detail = SIMULATE.decode_reply(ok(JOB | {"estimated_wait_minutes": 2.5}, 201))
    assert detail == SimulationJobDetail(
        "j-1", SimulationJobStatus.PENDING, "normal", "2026-01-23T10:00:00Z", estimated_wait_minutes=2.5
    )
    assert isinstance(detail, SimulationJobInfo)


def test_all_that_is_known_about_a_job() -> None:
    body = JOB | {
        "status": "completed",
        "dispatched_at": "a",
        "started_at": "b",
        "completed_at": "c",
        "error_message": None,
        "assigned_region": "us",
        "retry_count": 1,
        "estimated_wait_minutes": None,
        "streams": [{"stream_id": "s-1", "video_url": "https://v", "script_index": 1}, "odd"],
    }
    assert GET_SIMULATE_STATUS.decode_reply(ok(body)) == SimulationJobDetail(
        "j-1",
        SimulationJobStatus.COMPLETED,
        "normal",
        "2026-01-23T10:00:00Z",
        completed_at="c",
        dispatched_at="a",
        started_at="b",
        assigned_region="us",
        retry_count=1,
        streams=[SimulationStream("s-1", "https://v", script_index=1)],
    )


@pytest.mark.parametrize("status", ["running", "paused", "", "PENDING"])
def test_a_state_that_is_not_known_does_no_harm(status: str) -> None:
    detail = GET_SIMULATE_STATUS.decode_reply(ok(JOB | {"status": status}))
    assert isinstance(detail, SimulationJobDetail)
    expected = SimulationJobStatus.RUNNING if status == "running" else SimulationJobStatus.UNKNOWN
    assert detail.status is expected
    assert not detail.status.over


@pytest.mark.parametrize("wrong", [{"job_id": None}, {"status": 5}, {"status": None}, {"retry_count": "1"}])
def test_a_malformed_job(wrong: Any) -> None:
    failure = GET_SIMULATE_STATUS.decode_reply(ok(JOB | wrong))
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.MALFORMED


@pytest.mark.parametrize(
    ("wanted", "query"),
    [
        (JobFilter(), ()),
        (
            JobFilter(20, 40, SimulationJobStatus.FAILED, False),
            (("status", "failed"), ("active", "false"), ("limit", "20"), ("offset", "40")),
        ),
        (JobFilter(active=True), (("active", "true"),)),
    ],
)
def test_the_jobs_that_are_asked_for(wanted: JobFilter, query: Any) -> None:
    asked = LIST_SIMULATIONS.encode_request(API, wanted)
    assert (asked.url, asked.query) == (API + "/simulation-jobs", query)


@pytest.mark.parametrize("query", [(("active", "yes"),), (("limit", "0"),), (("offset", "x"),)])
def test_jobs_that_cannot_be_asked_for(query: Any) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        LIST_SIMULATIONS.decode_request(HttpRequest("GET", "/simulation-jobs", query))
    assert caught.value.status == 422


@pytest.mark.parametrize("wrong", [{"limit": 0}, {"limit": 101}, {"offset": -1}])
def test_a_filter_that_is_out_of_range(wrong: Any) -> None:
    with pytest.raises(ValueError, match="must be a whole number"):
        JobFilter(**wrong)


def test_a_list_of_jobs() -> None:
    body = {"jobs": [JOB], "total": 1, "limit": 50, "offset": 0}
    job = SimulationJobInfo("j-1", SimulationJobStatus.PENDING, "normal", "2026-01-23T10:00:00Z")
    assert LIST_SIMULATIONS.decode_reply(ok(body)) == SimulationJobsList([job], 1, 50, 0)


def test_a_cancelled_job_may_say_little() -> None:
    request = CANCEL_SIMULATION.encode_request(API, "j/1")
    assert (request.method, request.url) == ("DELETE", API + "/simulation-jobs/j%2F1")
    info = CANCEL_SIMULATION.decode_reply(ok({"job_id": "j-1", "status": "cancelled"}))
    assert info == SimulationJobInfo("j-1", SimulationJobStatus.CANCELLED, "normal", "")


@pytest.mark.parametrize(
    ("status", "why"),
    [(400, FailureKind.BAD_REQUEST), (409, FailureKind.BAD_REQUEST), (404, FailureKind.NOT_FOUND)],
)
def test_a_job_that_cannot_be_cancelled(status: int, why: FailureKind) -> None:
    failure = CANCEL_SIMULATION.decode_reply(ok({"detail": "Job is already running"}, status))
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.detail) == (why, "Job is already running")


@pytest.mark.parametrize("wrong", [{"portrait": "yes"}, {"portrait": 1}, {"bypass_prompt_expansion": 0}])
def test_a_flag_is_true_or_false(wrong: Any) -> None:
    with pytest.raises(ValueError, match="must be True or False"):
        SimulationRequest(SCRIPT, **wrong)


@pytest.mark.parametrize(
    "wrong",
    [{"status": SimulationJobStatus.UNKNOWN}, {"status": "nonsense"}, {"active": "true"}, {"limit": True}],
)
def test_a_filter_that_filters_nothing(wrong: Any) -> None:
    with pytest.raises(ValueError, match="must be"):
        JobFilter(**wrong)


WATCHED_JOB = {
    "job_id": "j-1",
    "status": "pending",
    "priority": "normal",
    "created_at": "2026-01-01T00:00:00Z",
}


@pytest.mark.parametrize(
    ("header", "again"),
    [((), None), ((("retry-after", "7"),), seconds(7)), ((("retry-after", "soon"),), None)],
)
def test_the_pace_is_that_of_the_header(header: tuple[tuple[str, str], ...], again: int | None) -> None:
    seen = WATCH_SIMULATION.decode_reply(HttpReply(200, header, json_reply(WATCHED_JOB).body))
    assert isinstance(seen, JobSeen)
    assert (seen.job.job_id, seen.again) == ("j-1", again)


def test_a_refusal_stays_one() -> None:
    failure = WATCH_SIMULATION.decode_reply(json_reply({"detail": "none"}, 404))
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.NOT_FOUND
