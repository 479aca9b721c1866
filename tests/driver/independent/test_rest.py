"""Recordings and simulations against replies in the form of the wire, written by hand."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from house.independent_service import Relay
from house.server_thread import ServerThread, server_thread

from odyssey import (
    Odyssey,
    OdysseyAuthError,
    OdysseyConnectionError,
    OdysseyError,
    RateLimitError,
    Recording,
    SimulationJobDetail,
    SimulationJobInfo,
    SimulationJobsList,
    SimulationJobStatus,
    StreamRecordingInfo,
    StreamRecordingsList,
)

pytestmark = pytest.mark.anyio

JOB = {"job_id": "job-1", "status": "pending", "priority": "normal", "created_at": "2026-05-01T10:00:00Z"}
FILES = {
    "video_url": "https://files.example/v.mp4?signature=secret",
    "events_url": None,
    "thumbnail_url": None,
    "preview_url": None,
    "frame_count": 240,
    "duration_seconds": 12.0,
}
SCRIPT: list[dict[str, Any]] = [
    {"timestamp_ms": 0, "start": {"prompt": "A cat"}},
    {"timestamp_ms": 5000, "interact": {"prompt": "It wakes up"}},
    {"timestamp_ms": 10000, "end": {}},
]


@pytest.fixture
def service(relay: Relay) -> Any:
    with server_thread(relay.application) as stand:
        yield stand


@pytest.fixture
async def client(service: ServerThread) -> AsyncIterator[Odyssey]:
    async with Odyssey(api_key="ody_rest", api_url=service.url) as client:
        yield client


async def test_get_recording(client: Odyssey, relay: Relay) -> None:
    relay.replies["GET", "/recordings/stream-1"] = 200, {"stream_id": "stream-1", **FILES}
    recording = await client.get_recording("stream-1")
    assert isinstance(recording, Recording)
    assert recording == Recording("stream-1", FILES["video_url"], frame_count=240, duration_seconds=12.0)
    assert "secret" not in repr(recording)


async def test_list_stream_recordings(client: Odyssey, relay: Relay) -> None:
    item = {"stream_id": "stream-1", "width": 704, "height": 1280, "started_at": "2026-05-01T10:00:00Z"}
    relay.replies["GET", "/stream-recordings"] = (
        200,
        {
            "recordings": [item],
            "total": 7,
            "limit": 1,
            "offset": 3,
        },
    )
    found = await client.list_stream_recordings(limit=1, offset=3)
    assert found == StreamRecordingsList([StreamRecordingInfo(**item)], 7, 1, 3)
    assert relay.queries["GET", "/stream-recordings"] == {"limit": "1", "offset": "3"}
    await client.list_stream_recordings()
    assert relay.queries["GET", "/stream-recordings"] == {}


@pytest.mark.parametrize("by_keyword", [True, False])
async def test_simulate(client: Odyssey, relay: Relay, by_keyword: bool) -> None:
    relay.replies["POST", "/simulation-jobs"] = 201, {**JOB, "estimated_wait_minutes": 1.5}
    job = await (client.simulate(script=SCRIPT) if by_keyword else client.simulate(SCRIPT))
    assert isinstance(job, SimulationJobDetail)
    assert isinstance(job, SimulationJobInfo)
    assert (job.job_id, job.status, job.estimated_wait_minutes) == ("job-1", SimulationJobStatus.PENDING, 1.5)
    body = relay.bodies["POST", "/simulation-jobs"]
    assert body == {"portrait": True, "output_video": True, "script": SCRIPT}


async def test_get_simulate_status(client: Odyssey, relay: Relay) -> None:
    stream = {"stream_id": "stream-1", **FILES, "script_index": 0}
    relay.replies["GET", "/simulation-jobs/job-1"] = 200, {**JOB, "status": "completed", "streams": [stream]}
    job = await client.get_simulate_status("job-1")
    assert job.status is SimulationJobStatus.COMPLETED
    assert [each.stream_id for each in job.streams] == ["stream-1"]


async def test_list_simulations(client: Odyssey, relay: Relay) -> None:
    relay.replies["GET", "/simulation-jobs"] = 200, {"jobs": [JOB], "total": 1, "limit": 20, "offset": 0}
    jobs = await client.list_simulations(status=SimulationJobStatus.PENDING, active=False, limit=20, offset=0)
    assert isinstance(jobs, SimulationJobsList)
    assert [each.job_id for each in jobs.jobs] == ["job-1"]
    expected = {"status": "pending", "active": "false", "limit": "20", "offset": "0"}
    assert relay.queries["GET", "/simulation-jobs"] == expected


async def test_cancel_simulation(client: Odyssey, relay: Relay) -> None:
    relay.replies["DELETE", "/simulation-jobs/job-1"] = 200, {"job_id": "job-1", "status": "cancelled"}
    job = await client.cancel_simulation("job-1")
    assert isinstance(job, SimulationJobInfo)
    assert job.status is SimulationJobStatus.CANCELLED


async def test_refusals_are_ours(client: Odyssey, relay: Relay) -> None:
    relay.replies["GET", "/recordings/none"] = 404, {"detail": "Not Found"}
    with pytest.raises(OdysseyConnectionError) as missing:
        await client.get_recording("none")
    assert isinstance(missing.value, OdysseyError)
    assert isinstance(missing.value, ValueError)
    assert missing.value.status == 404
    relay.replies["POST", "/simulation-jobs"] = (
        429,
        {"detail": {"error": "RATE_LIMITED", "message": "Slow down", "action": "Wait", "details": {}}},
    )
    with pytest.raises(RateLimitError) as limited:
        await client.simulate(SCRIPT)
    assert (limited.value.code, limited.value.action) == ("RATE_LIMITED", "Wait")
    relay.replies["GET", "/simulation-jobs/other"] = 403, {"detail": "Not yours"}
    with pytest.raises(OdysseyAuthError):
        await client.get_simulate_status("other")


async def test_one_connection_and_one_token_serve_every_call(client: Odyssey, relay: Relay) -> None:
    relay.replies["GET", "/recordings/stream-1"] = 200, {"stream_id": "stream-1", **FILES}
    for _ in range(3):
        await client.get_recording("stream-1")
    assert relay.asked.count(("POST", "/auth/token")) == 1
    assert relay.asked.count(("GET", "/recordings/stream-1")) == 3
