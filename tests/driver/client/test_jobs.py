"""Handles on simulations: waited for, watched, cancelled, rebuilt; and all pages of the lists."""

import copy
import gc
import pickle
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from inmemory import World

import odyssey
from odyssey import Odyssey, SimulationJobDetail, SimulationJobStatus
from odyssey_proto.seam.http import HttpReply, json_reply

pytestmark = pytest.mark.anyio

JOB = {"job_id": "j-1", "status": "pending", "priority": "normal", "created_at": "2026-01-01T00:00:00Z"}
PATH = "/simulation-jobs/j-1"


def state(status: str, **more: Any) -> HttpReply:
    return json_reply({**JOB, "status": status, **more})


def play(world: World, *states: HttpReply) -> Callable[[SimulationJobDetail], None]:
    """Lets a job go on each time that it is seen; returns the callback that does it."""
    later = list(states)
    world.replies[PATH] = later.pop(0)

    def go_on(_: SimulationJobDetail) -> None:
        if later:
            world.replies[PATH] = later.pop(0)

    return go_on


async def test_a_job_is_awaited_through_all_its_states(client: Odyssey, world: World) -> None:
    done = state("completed", streams=[{"stream_id": "s-1", "video_url": "https://files/secret"}])
    go_on = play(world, state("pending"), state("hibernating"), state("running"), done)
    seen: list[SimulationJobStatus] = []

    async def progress(job: SimulationJobDetail) -> None:
        seen.append(job.status)
        go_on(job)

    detail = await client.simulation("j-1").wait(every=0.01, on_progress=progress)
    assert detail.status is SimulationJobStatus.COMPLETED
    assert detail.streams[0].video_url == "https://files/secret"
    assert seen == ["pending", "unknown", "running", "completed"]
    assert world.asked[PATH] == 4


async def test_a_job_is_awaited_by_itself(client: Odyssey, world: World) -> None:
    world.replies[PATH] = state("completed")
    job = client.simulation("j-1")
    assert (await job) == (await job.status())
    assert repr(job) == "<SimulationJob 'j-1'>"


async def test_the_handle_is_made_of_what_simulate_gives(client: Odyssey, world: World) -> None:
    world.replies["/simulation-jobs"] = json_reply(JOB, 201)
    world.replies[PATH] = state("completed")
    queued = await client.simulate([odyssey.Start("a"), odyssey.End(at=1)])
    assert (await client.simulation(queued)).job_id == "j-1"


async def test_progress_is_seen_as_it_is_made(client: Odyssey, world: World) -> None:
    go_on = play(world, state("pending"), state("processing"), state("completed"))
    progress = client.simulation("j-1").progress(every=0.01)
    with pytest.raises(odyssey.OdysseyValueError, match="still on its way"):
        _ = progress.completed
    seen = []
    async for job in progress:
        seen.append(job.status.value)
        go_on(job)
    assert seen == ["pending", "processing", "completed"]
    assert progress.completed.status is SimulationJobStatus.COMPLETED
    assert [each async for each in progress] == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [("failed", odyssey.SimulationFailedError), ("cancelled", odyssey.SimulationCancelledError)],
)
async def test_a_job_that_does_not_complete_is_an_error_with_the_job(
    client: Odyssey, world: World, status: str, kind: type[odyssey.OdysseySimulationError]
) -> None:
    world.replies[PATH] = state(status, error_message="no more\nwool")
    with pytest.raises(kind) as caught:
        await client.simulation("j-1")
    error = caught.value
    assert (error.code, error.phase, error.retryable) == (f"simulation.{status}", "simulation", False)
    assert error.detail == "no more wool"
    for twin in (error, copy.copy(error), copy.deepcopy(error), pickle.loads(pickle.dumps(error))):
        assert twin.job is not None
        assert twin.job.status == status


async def test_patience_ends_and_the_job_can_be_waited_for_again(client: Odyssey, world: World) -> None:
    world.replies[PATH] = state("processing")
    job = client.simulation("j-1")
    progress = job.progress(0.2)
    assert (await anext(progress)).status is SimulationJobStatus.PROCESSING
    with pytest.raises(odyssey.SimulationTimeoutError) as caught:
        await anext(progress)
    assert isinstance(caught.value, TimeoutError)
    assert caught.value.job is not None
    assert caught.value.job.status is SimulationJobStatus.PROCESSING
    assert caught.value.code == "timeout.simulation"
    assert "goes on" in str(caught.value.hint)
    world.replies[PATH] = state("completed")
    assert (await job.wait(5)).status is SimulationJobStatus.COMPLETED


async def test_patience_ends_during_a_look_too(client: Odyssey, world: World) -> None:
    world.stalled.add(PATH)
    with pytest.raises(odyssey.SimulationTimeoutError) as caught:
        await client.simulation("j-1").wait(0.05)
    assert caught.value.job is None
    world.stalled.clear()


async def test_a_look_that_was_cancelled_is_made_again(client: Odyssey, world: World) -> None:
    world.stalled.add(PATH)
    progress = client.simulation("j-1").progress()
    with anyio.move_on_after(0.02):
        await anext(progress)
    world.stalled.clear()
    world.replies[PATH] = state("completed")
    assert (await anext(progress)).status is SimulationJobStatus.COMPLETED


async def looks_end(client: Odyssey, world: World) -> bool:
    """Waits until the client is at rest; tells whether nobody looks any more."""
    while client._core is None or not client._core.at_rest:
        await anyio.sleep(0.001)
    before = world.asked[PATH]
    await anyio.sleep(0.15)
    return world.asked[PATH] == before


async def test_progress_that_is_dropped_ends_the_waiting(client: Odyssey, world: World) -> None:
    world.replies[PATH] = state("pending")
    async for _ in client.simulation("j-1").progress(every=0.01):
        break
    gc.collect()
    assert await looks_end(client, world)


async def test_progress_that_is_closed_ends_the_waiting(client: Odyssey, world: World) -> None:
    world.replies[PATH] = state("pending")
    progress = client.simulation("j-1").progress(every=0.01)
    await progress.aclose()
    assert [each async for each in progress] == []
    progress = client.simulation("j-1").progress(every=0.01)
    await anext(progress)
    await progress.aclose()
    await progress.aclose()
    assert await looks_end(client, world)
    assert [each async for each in progress] == []


async def test_progress_goes_on_between_the_steps(client: Odyssey, world: World) -> None:
    world.replies[PATH] = state("pending")
    progress = client.simulation("j-1").progress(every=0.01)
    assert (await anext(progress)).status == "pending"
    world.replies[PATH] = state("processing")
    while world.asked[PATH] < 3:
        await anyio.sleep(0.001)
    world.replies[PATH] = state("completed")
    while client._core is None or not client._core.at_rest:
        await anyio.sleep(0.001)
    assert [job.status.value async for job in progress] == ["processing", "completed"]


async def test_patience_ends_while_a_callback_runs(client: Odyssey, world: World) -> None:
    world.replies[PATH] = state("pending")
    begun: list[str] = []

    async def slow(job: SimulationJobDetail) -> None:
        begun.append(job.status.value)
        await anyio.sleep(60)

    with anyio.fail_after(30), pytest.raises(odyssey.SimulationTimeoutError) as caught:
        await client.simulation("j-1").wait(0.2, on_progress=slow)
    assert begun == ["pending"]
    assert caught.value.job is not None


async def test_a_slow_callback_hears_of_every_state(client: Odyssey, world: World) -> None:
    go_on = play(world, state("pending"), state("processing"), state("failed"))
    seen: list[str] = []

    async def slow(job: SimulationJobDetail) -> None:
        go_on(job)
        await anyio.sleep(0.25)
        seen.append(job.status.value)

    with pytest.raises(odyssey.SimulationFailedError):
        await client.simulation("j-1").wait(every=0.01, on_progress=slow)
    assert seen == ["pending", "processing", "failed"]


async def test_an_error_of_ours_in_a_callback_ends_the_waiting(client: Odyssey, world: World) -> None:
    world.replies[PATH] = state("pending")

    async def progress(_: object) -> None:
        await client.get_recording("nobody")

    with pytest.raises(odyssey.OdysseyRequestError):
        await client.simulation("j-1").wait(every=0.01, on_progress=progress)
    assert await looks_end(client, world)


async def test_a_job_that_nobody_knows(client: Odyssey, world: World) -> None:
    world.replies[PATH] = json_reply({"detail": "no such job"}, 404)
    with pytest.raises(odyssey.OdysseyRequestError) as caught:
        await client.simulation("j-1")
    assert (caught.value.status, caught.value.detail) == (404, "no such job")


async def test_a_callback_that_raises_ends_the_waiting(client: Odyssey, world: World) -> None:
    world.replies[PATH] = state("pending")

    def progress(_: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await client.simulation("j-1").wait(on_progress=progress)


async def test_a_job_is_cancelled_by_its_handle(client: Odyssey, world: World) -> None:
    world.replies[PATH] = state("cancelled")
    assert (await client.simulation("j-1").cancel()).status is SimulationJobStatus.CANCELLED


@pytest.mark.parametrize(
    "wrong", [{"timeout": 0}, {"timeout": True}, {"every": "5"}, {"every": float("nan")}]
)
async def test_a_time_that_is_none(client: Odyssey, world: World, wrong: dict[str, Any]) -> None:
    with pytest.raises(odyssey.OdysseyValueError, match="must be a number of seconds above 0"):
        await client.simulation("j-1").wait(**wrong)
    assert not world.asked


@pytest.mark.parametrize("job_id", ["", "..", 7, None, "x" * 1000, "\ud800"])
async def test_a_handle_needs_an_id(client: Odyssey, world: World, job_id: Any) -> None:
    with pytest.raises(odyssey.OdysseyValueError, match="job_id"):
        client.simulation(job_id)


def page(name: str, items: list[dict[str, Any]], total: int) -> HttpReply:
    return json_reply({name: items, "total": total, "limit": 2, "offset": 0})


def jobs(*names: str) -> list[dict[str, Any]]:
    return [{**JOB, "job_id": name} for name in names]


async def test_all_pages_of_the_jobs(client: Odyssey, world: World) -> None:
    found = []
    world.replies["/simulation-jobs"] = page("jobs", jobs("a", "b"), 4)
    async for job in client.simulations(active=True, page=2):
        found.append(job.job_id)
        if job.job_id == "b":
            # A new job has moved the others on: "b" comes again.
            world.replies["/simulation-jobs"] = page("jobs", jobs("b", "c"), 5)
        if job.job_id == "c":
            world.replies["/simulation-jobs"] = page("jobs", jobs("d"), 5)
    assert found == ["a", "b", "c", "d"]
    assert world.asked["/simulation-jobs"] == 3


async def test_all_pages_of_the_recordings(client: Odyssey, world: World) -> None:
    line = {"stream_id": "r", "width": 704, "height": 1280, "started_at": "2026-01-01T00:00:00Z"}
    world.replies["/stream-recordings"] = page("recordings", [line], 1)
    pages = client.recordings()
    assert [each.stream_id async for each in pages] == ["r"]
    assert repr(pages) == "<Pages 1 loaded, all>"


async def test_a_list_that_is_empty_in_spite_of_its_total(client: Odyssey, world: World) -> None:
    world.replies["/stream-recordings"] = page("recordings", [], 7)
    assert [each async for each in client.recordings()] == []


async def test_a_list_that_repeats_itself_ends_with_an_error(client: Odyssey, world: World) -> None:
    world.replies["/simulation-jobs"] = page("jobs", jobs("a", "b"), 1000)
    pages = client.simulations()
    assert [(await anext(pages)).job_id, (await anext(pages)).job_id] == ["a", "b"]
    with pytest.raises(odyssey.OdysseyConnectionError) as caught:
        await anext(pages)
    assert caught.value.code == "paging.loop"
    assert [each async for each in pages] == []


@pytest.mark.parametrize("size", [0, 101, True, "5", None.__class__])
async def test_a_page_has_a_size(client: Odyssey, world: World, size: Any) -> None:
    for ask in (client.recordings, client.simulations):
        with pytest.raises(odyssey.OdysseyValueError, match="limit must be"):
            ask(page=size)
