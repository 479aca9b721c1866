"""Recordings and simulations: each method, what it sends, what it refuses, what comes back."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anyio
import pytest
from house.turn_server import free_port
from inmemory import World
from pictures import file, quarters, read

from odyssey import (
    End,
    Interact,
    Odyssey,
    OdysseyConnectionError,
    OdysseyError,
    OdysseyRequestError,
    OdysseyValueError,
    SimulationJobDetail,
    SimulationJobInfo,
    SimulationJobStatus,
    Start,
    StreamRecordingInfo,
    Timeouts,
)
from odyssey_proto.seam.http import json_reply

pytestmark = pytest.mark.anyio

JOB = {"job_id": "j-1", "status": "pending", "priority": "normal", "created_at": "2026-01-01T00:00:00Z"}
SCRIPT = [{"timestamp_ms": 0, "start": {"prompt": "a"}}, {"timestamp_ms": 1000, "end": {}}]


async def test_a_recording(client: Odyssey, world: World) -> None:
    world.replies["/recordings/r-1"] = json_reply({"stream_id": "r-1", "video_url": "https://files/secret"})
    recording = await client.get_recording("r-1")
    assert recording.video_url == "https://files/secret"
    assert "secret" not in repr(recording)
    assert world.closed == {}


async def test_a_page_is_its_users_to_change(client: Odyssey, world: World) -> None:
    """Lists in results are lists; that the session replays afterwards is seen after every test here."""
    page = await client.list_stream_recordings()
    page.recordings.clear()
    page.recordings.append(StreamRecordingInfo("mine", 1, 1, "now"))
    world.replies["/simulation-jobs/j-1"] = json_reply({**JOB, "streams": [{"stream_id": "s-1"}]})
    job = await client.get_simulate_status("j-1")
    job.streams.clear()
    assert len((await client.get_simulate_status("j-1")).streams) == 1


async def test_recordings_in_pages(client: Odyssey, world: World) -> None:
    item = {"stream_id": "r", "width": 704, "height": 1280, "started_at": "2026-01-01T00:00:00Z"}
    body = {"recordings": [item], "total": 1, "limit": 5, "offset": 0}
    world.replies["/stream-recordings"] = json_reply(body)
    page = await client.list_stream_recordings(limit=5)
    assert [each.stream_id for each in page.recordings] == ["r"]


@pytest.mark.parametrize("script", [SCRIPT, [Start("a"), End(at=1)]])
async def test_a_simulation_by_position_and_by_name(client: Odyssey, world: World, script: Any) -> None:
    world.replies["/simulation-jobs"] = json_reply(JOB, 201)
    for job in (await client.simulate(script), await client.simulate(script=script, portrait=False)):
        assert isinstance(job, SimulationJobDetail)
        assert isinstance(job, SimulationJobInfo)
        assert job.status is SimulationJobStatus.PENDING
    sent = [json.loads(body) for body in world.bodies if b"script" in body]
    assert [each["portrait"] for each in sent] == [True, False]
    assert all(each["script"] == SCRIPT for each in sent)


@pytest.mark.parametrize("portrait", [True, False])
async def test_images_in_a_script_are_taken_as_for_a_stream(
    client: Odyssey, world: World, tmp_path: Path, portrait: bool
) -> None:
    world.replies["/simulation-jobs"] = json_reply(JOB)
    path = tmp_path / "cat"
    path.write_bytes(file(quarters(), "GIF"))
    plain = [{"timestamp_ms": 0, "start": {"prompt": "a", "image": path}}, SCRIPT[1]]
    for script in (plain, [Start("a", image=str(path)), End(at=1)]):
        await client.simulate(script, portrait=portrait)
        sent = json.loads(world.bodies[-1])["script"][0]["start"]
        assert sent["prompt"] == "a"
        assert read(sent["image"]).shape == ((1280, 704, 3) if portrait else (704, 1280, 3))
    path.write_bytes(b"garbage")
    with pytest.raises(OdysseyValueError, match="no known kind") as caught:
        await client.simulate(plain)
    assert caught.value.code == "image.unknown_kind"


async def test_a_batch_and_an_address(client: Odyssey, world: World) -> None:
    world.replies["/simulation-jobs"] = json_reply(JOB)
    await client.simulate(scripts=[SCRIPT, SCRIPT])
    await client.simulate(script_url="https://scripts/1", bypass_prompt_expansion=False)
    batch, address = (json.loads(body) for body in world.bodies[-2:])
    assert batch["scripts"] == [SCRIPT, SCRIPT]
    assert (address["script_url"], address["bypass_vlm_expansion"]) == ("https://scripts/1", False)


async def test_the_other_calls_about_jobs(client: Odyssey, world: World) -> None:
    world.replies["/simulation-jobs/j-1"] = json_reply({**JOB, "status": "hibernating"})
    assert (await client.get_simulate_status("j-1")).status is SimulationJobStatus.UNKNOWN
    assert (await client.cancel_simulation("j-1")).job_id == "j-1"
    world.replies["/simulation-jobs"] = json_reply({"jobs": [JOB], "total": 1, "limit": 20, "offset": 0})
    listed = await client.list_simulations(status=SimulationJobStatus.PENDING, active=True, limit=1, offset=0)
    assert (await client.list_simulations(status="pending")).jobs == listed.jobs


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"script": SCRIPT, "script_url": "https://scripts/1"},
        {"script": []},
        {"script": "text"},
        {"script": 7},
        {"script": SCRIPT[:1]},
        {"script": [Start("a"), Interact("b", at=5), End(at=1)]},
        {"scripts": []},
        {"scripts": 7},
        {"scripts": "text"},
        {"scripts": [SCRIPT, []]},
        {"script_url": "ftp://scripts"},
        {"script_url": 7},
        {"script": SCRIPT, "portrait": "yes"},
        {"script": SCRIPT, "bypass_prompt_expansion": "no"},
        {"script": [None, SCRIPT[1]]},
    ],
)
async def test_a_script_that_breaks_a_rule_is_refused_before_anything_is_sent(
    client: Odyssey, world: World, arguments: dict[str, Any]
) -> None:
    with pytest.raises(OdysseyValueError) as caught:
        await client.simulate(**arguments)
    assert isinstance(caught.value, ValueError)
    assert "not iterable" not in str(caught.value), "the words are ours"
    assert not world.asked


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.list_stream_recordings(limit=0),
        lambda client: client.list_stream_recordings(limit="5"),
        lambda client: client.list_simulations(limit=101),
        lambda client: client.list_simulations(offset=-1),
        lambda client: client.get_recording(".."),
        lambda client: client.get_recording(""),
        lambda client: client.get_simulate_status("x" * 1000),
        lambda client: client.list_simulations(status="nonsense"),
        lambda client: client.list_simulations(status=7),
        lambda client: client.list_simulations(active="yes"),
        lambda client: client.cancel_simulation(7),
        lambda client: client.get_recording("\ud800"),
    ],
)
async def test_a_value_that_breaks_a_rule_is_refused(
    client: Odyssey, world: World, call: Callable[[Odyssey], Any]
) -> None:
    with pytest.raises(OdysseyError) as caught:
        await call(client)
    assert isinstance(caught.value, ValueError)
    assert not [path for path in world.asked if path.startswith(("/recordings", "/simulation"))]


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "a?b=c", "a#b", "a b", "a\r\nx: y", "a\0b", "é/☃", "%2e%2e", "x" * 512, "..."],
)
async def test_an_id_stays_one_segment_of_its_path(client: Odyssey, world: World, name: str) -> None:
    path = f"/recordings/{quote(name, safe='')}"
    world.replies[path] = json_reply({"detail": "Recording not found"}, 404)
    with pytest.raises(OdysseyRequestError, match="Recording not found"):
        await client.get_recording(name)
    assert world.asked[path] == 1


@pytest.mark.parametrize("other", ["r2", "../r", "r/", "", "R"])
async def test_a_reply_about_another_id_is_malformed(client: Odyssey, world: World, other: str) -> None:
    job = {"job_id": other, "status": "completed", "created_at": "now"}
    world.replies["/recordings/r"] = json_reply({"stream_id": other})
    world.replies["/simulation-jobs/r"] = json_reply(job)
    for call in (client.get_recording, client.get_simulate_status, client.cancel_simulation):
        with pytest.raises(OdysseyConnectionError, match="the reply is malformed"):
            await call("r")
    with pytest.raises(OdysseyConnectionError, match="the reply is malformed"):
        await client.simulation("r")


@pytest.mark.parametrize(
    ("status", "detail", "line"),
    [
        (
            404,
            "Recording not found",
            "could not get the recording: not found (HTTP 404): Recording not found",
        ),
        (
            403,
            "Account suspended",
            "could not get the recording: access was refused (HTTP 403): Account suspended",
        ),
        (409, "Wait", "could not get the recording: the request was refused (HTTP 409): Wait"),
        (422, "", "could not get the recording: the request was refused (HTTP 422)"),
    ],
)
async def test_an_error_says_what_happened(
    client: Odyssey, world: World, status: int, detail: str, line: str
) -> None:
    world.replies["/recordings/r"] = json_reply({"detail": detail}, status)
    with pytest.raises(OdysseyError) as caught:
        await client.get_recording("r")
    assert str(caught.value) == line
    notes = getattr(caught.value, "__notes__", [])
    assert notes == ([] if caught.value.hint is None else [f"Hint: {caught.value.hint}"])
    assert "API key" not in str(notes)


@pytest.mark.parametrize(
    ("host", "words"),
    [("127.0.0.1", "the connection was refused"), ("nobody.invalid", "the host name is unknown")],
)
async def test_an_address_that_nobody_answers_is_named(host: str, words: str) -> None:
    port = free_port()
    async with Odyssey("ody_x", api_url=f"http://{host}:{port}", timeouts=Timeouts(call=2)) as client:
        with pytest.raises(OdysseyConnectionError) as caught:
            await client.get_recording("r")
    assert str(caught.value).endswith(f"{words} ({host}:{port})")
    assert "ODYSSEY_API_URL" in str(caught.value.__notes__)


@pytest.mark.parametrize(
    ("status", "kinds"),
    [
        (404, (OdysseyRequestError, ValueError, ConnectionError)),
        (400, (OdysseyRequestError, ValueError, ConnectionError)),
        (500, (OdysseyConnectionError, ConnectionError)),
    ],
)
async def test_a_refusal_is_typed_and_keeps_its_status(
    make: Callable[..., Odyssey], world: World, status: int, kinds: tuple[type[Exception], ...]
) -> None:
    world.replies["/recordings/r"] = json_reply({"detail": "the server's words"}, status)
    async with make(timeouts=Timeouts(call=1.0)) as client:
        with pytest.raises(OdysseyError) as caught:
            await client.get_recording("r")
    assert all(isinstance(caught.value, kind) for kind in kinds)
    assert (caught.value.status, caught.value.phase) == (status, "call")
    assert caught.value.detail == "the server's words"


async def test_parallel_calls_share_one_access_token(client: Odyssey, world: World) -> None:
    world.replies["/recordings/r"] = json_reply({"stream_id": "r"})
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(client.get_recording, "r")
    assert (world.asked["/auth/token"], world.asked["/recordings/r"]) == (1, 5)
