"""Waits for jobs and downloads as commands of the client, beside its session and its calls."""

from typing import Any

import pytest
from attrs import evolve
from core.traced_sessions import SETTINGS, second_half_lost, traced_world

from odyssey_proto.client.client import Client
from odyssey_proto.kernel.failures import FailureKind, LocalProtocolError
from odyssey_proto.kernel.machine import Instant, seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages.simulations import SimulationRequest
from odyssey_proto.model.recordings import DownloadProgress, FileVersion, RecordingFile
from odyssey_proto.model.script import End, Start
from odyssey_proto.model.simulations import SimulationJobStatus
from odyssey_proto.seam.commands import (
    Command,
    CommandId,
    Download,
    EndStream,
    StartStream,
    WaitForJob,
    WaitForRecording,
)
from odyssey_proto.seam.inputs import FetchedBytes, FetchEnded, FetchId
from odyssey_proto.seam.outputs import CancelFetch, CancelRequest, Fetch, Progressed, StoreBody
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.service import Service
from odyssey_proto.testing.world import World
from odyssey_proto.trace import check
from odyssey_proto.trace.machines import fresh

ROOMY = seconds(600)


def traced(**how: Any) -> World:
    return traced_world(**how)[0]


def queued(world: World, length: int = 2) -> str:
    """Queues a job; returns its id."""
    job = world.call("simulations.create", SimulationRequest(script=(Start("A cat"), End(length)))).result
    job_id: str = job.job_id
    return job_id


def made(world: World) -> str:
    """Returns the id of a stream that has a recording."""
    job = world.do(WaitForJob(queued(world), seconds(1)), within=ROOMY).result
    stream_id: str = job.streams[0].stream_id
    return stream_id


def video(stream_id: str, **more: Any) -> Download:
    return Download(stream_id, RecordingFile.VIDEO, ROOMY, **more)


def ranges(world: World) -> list[str | None]:
    return [dict(fetch.headers).get("range") for fetch in world.outputs(Fetch)]


def test_a_job_is_waited_for() -> None:
    world = traced()
    job = world.do(WaitForJob(queued(world), seconds(1)), within=ROOMY).result
    assert job.status is SimulationJobStatus.COMPLETED
    seen = [out.progress.status for out in world.outputs(Progressed)]
    assert seen[-1] is SimulationJobStatus.COMPLETED
    assert len(seen) == len(set(seen)) > 1
    assert (world.client.jobs, world.client.deadline) == (0, None)


def test_the_recording_of_a_stream_is_waited_for_while_it_runs_and_after_it() -> None:
    world = traced()
    world.connect()
    stream_id = world.do(StartStream("A cat")).result
    command = world.give(WaitForRecording(stream_id, seconds(1)))
    world.wait(seconds(3))
    assert (command.pending, world.client.jobs) == (True, 1)
    world.do(EndStream())
    world.run(seconds(3), until=lambda: not command.pending)
    assert command.result.ready
    bare, ready = (out.progress for out in world.outputs(Progressed))
    assert (bare.ready, ready) == (False, command.result)
    assert world.client.jobs == 0


def test_a_file_is_downloaded_and_resumed() -> None:
    world, buffer = traced_world(lost=second_half_lost(fetch=1))
    stream_id = made(world)
    assert world.do(video(stream_id), within=ROOMY).result is None
    assert ranges(world) == [None, "bytes=1500000-"]
    assert [store.restart is None for store in world.outputs(StoreBody)] == [False, True]
    done = [out.progress for out in world.outputs(Progressed) if isinstance(out.progress, DownloadProgress)]
    assert done[-1] == DownloadProgress(3_000_000, 3_000_000)
    assert [progress.received for progress in done] == sorted(progress.received for progress in done)
    check(buffer.trace(), fresh)


def test_what_an_earlier_download_left_is_resumed() -> None:
    world = traced()
    stream_id = made(world)
    world.do(video(stream_id), within=ROOMY)
    (store,) = world.outputs(StoreBody)
    world.do(video(stream_id, stored=1_000, version=store.restart), within=ROOMY)
    assert ranges(world) == [None, "bytes=1000-"]
    world.do(video(stream_id, stored=1_000, version=FileVersion('"other"', None)), within=ROOMY)
    restarts = [store.restart for store in world.outputs(StoreBody)]
    assert restarts == [store.restart, None, store.restart], "another file begins anew"


def test_many_go_on_at_once_beside_a_session_that_comes_and_goes() -> None:
    world = traced()
    stream_id = made(world)
    commands = [world.give(video(stream_id)) for _ in range(3)]
    commands += [world.give(WaitForJob(queued(world, 30), seconds(1))) for _ in range(2)]
    assert world.client.jobs == 5
    world.connect()
    world.disconnect()
    world.run(ROOMY, until=lambda: not any(command.pending for command in commands))
    jobs = [command.result for command in commands]
    assert jobs[:3] == [None, None, None]
    assert [job.status for job in jobs[3:]] == [SimulationJobStatus.COMPLETED] * 2
    assert world.client.jobs == 0


def test_a_wait_is_abandoned_during_a_look_and_between_two() -> None:
    world = traced()
    job_id = queued(world, 30)
    command = world.give(WaitForJob(job_id, seconds(5)))
    world.abandon(command)
    assert command.failure.kind is FailureKind.ABANDONED
    assert len(world.outputs(CancelRequest)) == 1
    command = world.give(WaitForJob(job_id, seconds(5)))
    world.wait(seconds(1))
    world.abandon(command)
    assert command.failure.kind is FailureKind.ABANDONED
    assert len(world.outputs(CancelRequest)) == 1
    assert world.client.deadline is None


def test_a_download_is_abandoned_before_it_is_located_and_while_it_comes() -> None:
    world = traced()
    stream_id = made(world)
    command = world.give(video(stream_id))
    world.abandon(command)
    assert command.failure.kind is FailureKind.ABANDONED
    assert world.outputs(Fetch) == []
    command = world.give(video(stream_id))
    world.run(ROOMY, until=lambda: bool(world.outputs(StoreBody)))
    world.abandon(command)
    assert command.failure.kind is FailureKind.ABANDONED
    assert world.outputs(CancelFetch) == [CancelFetch(FetchId(1))]
    world.wait(ROOMY)
    assert world.outputs(Progressed)[-1].command != command.id, "what comes late is nothing"
    assert world.client.deadline is None


def test_the_end_of_patience_gives_up_the_fetch() -> None:
    world = traced(lost=lambda inp: isinstance(inp, FetchedBytes | FetchEnded))
    stream_id = made(world)
    failure = world.do(Download(stream_id, RecordingFile.VIDEO, seconds(10)), within=ROOMY).failure
    assert (failure.code, failure.retryable) == ("timeout.transfer", True)
    assert world.outputs(CancelFetch) == [CancelFetch(FetchId(1))]


def test_an_address_that_has_expired_is_asked_for_anew_once() -> None:
    world = World(Client(SETTINGS), Service(ServiceConfig(url_seconds=1), b"service"), delay=seconds(2))
    failure = world.do(video(made(world)), within=ROOMY).failure
    assert (failure.code, failure.status) == ("download.refused", 403)
    assert len(world.outputs(Fetch)) == 2


@pytest.mark.parametrize("what", [WaitForJob("job-1", seconds(5)), video("stream-1")])
def test_a_key_is_needed(what: Any) -> None:
    client = Client(evolve(SETTINGS, api_key=Secret("")))
    with pytest.raises(LocalProtocolError) as caught:
        client.step(Instant(0), Command(CommandId(1), what))
    assert caught.value.failure.code == "auth.no_key"
    assert (client.jobs, client.deadline) == (0, None)


def test_the_jitter_comes_from_the_seed() -> None:
    def moments(seed: bytes) -> list[int]:
        world = traced(settings=evolve(SETTINGS, seed=seed))
        world.do(WaitForJob(queued(world, 60), seconds(5)), within=ROOMY)
        return [step.at for step in world.steps]

    assert moments(b"one") == moments(b"one")
    assert moments(b"one") != moments(b"two")
