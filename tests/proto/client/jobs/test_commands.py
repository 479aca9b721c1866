"""Waits for jobs and downloads as commands of the client, beside its session and its calls."""

from typing import Any

import pytest
from attrs import evolve
from core.traced import SETTINGS, second_half_lost, traced_pair

from odyssey_proto.client.client import Client
from odyssey_proto.kernel.errors import LocalProtocolError
from odyssey_proto.kernel.failures import FailureKind
from odyssey_proto.kernel.machine import Instant, seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages.simulations import SimulationRequest
from odyssey_proto.model.recordings import DownloadProgress, FileVersion, RecordingFile
from odyssey_proto.model.script import End, Start
from odyssey_proto.model.simulations import SimulationJobStatus
from odyssey_proto.seam.commands import (
    Abandon,
    Call,
    Command,
    CommandId,
    Connect,
    Disconnect,
    Download,
    WaitForJob,
)
from odyssey_proto.seam.inputs import FetchedBytes, FetchEnded, FetchId
from odyssey_proto.seam.outputs import CancelFetch, CancelRequest, Fetch, Progressed, StoreBody
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.service import Service
from odyssey_proto.testing.pair import CLIENT, Pair
from odyssey_proto.trace import check

ROOMY = seconds(600)


def pair(**how: Any) -> Pair:
    return traced_pair(**how)[0]


def queued(pair: Pair, length: int = 2) -> str:
    """Queues a job; returns its id."""
    job = pair.does(Call("simulations.create", SimulationRequest(script=(Start("A cat"), End(length)))))
    job_id: str = job.job_id
    return job_id


def made(pair: Pair) -> str:
    """Returns the id of a stream that has a recording."""
    job = pair.does(WaitForJob(queued(pair), seconds(1)), ROOMY)
    stream_id: str = job.streams[0].stream_id
    return stream_id


def video(stream_id: str, **more: Any) -> Download:
    return Download(stream_id, RecordingFile.VIDEO, ROOMY, **more)


def outputs(pair: Pair, kind: type) -> list[Any]:
    """Returns everything of a class that the client has put out."""
    return [out for _, side, _, outs in pair.log if side == CLIENT for out in outs if isinstance(out, kind)]


def ranges(pair: Pair) -> list[str | None]:
    return [dict(fetch.headers).get("range") for fetch in outputs(pair, Fetch)]


def test_a_job_is_waited_for() -> None:
    both = pair()
    job = both.does(WaitForJob(queued(both), seconds(1)), ROOMY)
    assert job.status is SimulationJobStatus.COMPLETED
    seen = [out.progress.status for out in outputs(both, Progressed)]
    assert seen[-1] is SimulationJobStatus.COMPLETED
    assert len(seen) == len(set(seen)) > 1
    assert (both.client.jobs, both.client.deadline) == (0, None)


def test_a_file_is_downloaded_and_resumed() -> None:
    both, buffer = traced_pair(lost=second_half_lost(fetch=1))
    stream_id = made(both)
    assert both.does(video(stream_id), ROOMY) is None
    assert ranges(both) == [None, "bytes=1500000-"]
    assert [store.restart is None for store in outputs(both, StoreBody)] == [False, True]
    done = [out.progress for out in outputs(both, Progressed) if isinstance(out.progress, DownloadProgress)]
    assert done[-1] == DownloadProgress(3_000_000, 3_000_000)
    assert [progress.received for progress in done] == sorted(progress.received for progress in done)
    check(buffer.trace())


def test_what_an_earlier_download_left_is_resumed() -> None:
    both = pair()
    stream_id = made(both)
    both.does(video(stream_id), ROOMY)
    (store,) = outputs(both, StoreBody)
    both.does(video(stream_id, stored=1_000, version=store.restart), ROOMY)
    assert ranges(both) == [None, "bytes=1000-"]
    both.does(video(stream_id, stored=1_000, version=FileVersion('"other"', None)), ROOMY)
    restarts = [store.restart for store in outputs(both, StoreBody)]
    assert restarts == [store.restart, None, store.restart], "another file begins anew"


def test_many_go_on_at_once_beside_a_session_that_comes_and_goes() -> None:
    both = pair()
    stream_id = made(both)
    commands = [both.says(video(stream_id)) for _ in range(3)]
    commands += [both.says(WaitForJob(queued(both, 30), seconds(1))) for _ in range(2)]
    assert both.client.jobs == 5
    both.does(Connect())
    both.does(Disconnect())
    both.run(ROOMY, until=lambda: all(command in both.results for command in commands))
    jobs = [both.outcome(command) for command in commands]
    assert jobs[:3] == [None, None, None]
    assert [job.status for job in jobs[3:]] == [SimulationJobStatus.COMPLETED] * 2
    assert sorted(both.ended) == sorted(set(both.ended)), "each ends once"
    assert both.client.jobs == 0


def test_a_wait_is_abandoned_during_a_look_and_between_two() -> None:
    both = pair()
    job_id = queued(both, 30)
    command = both.says(WaitForJob(job_id, seconds(5)))
    both.does(Abandon(command))
    assert both.outcome(command).kind is FailureKind.ABANDONED
    assert len(outputs(both, CancelRequest)) == 1
    command = both.says(WaitForJob(job_id, seconds(5)))
    both.run(seconds(1))
    both.does(Abandon(command))
    assert both.outcome(command).kind is FailureKind.ABANDONED
    assert len(outputs(both, CancelRequest)) == 1
    assert both.client.deadline is None


def test_a_download_is_abandoned_before_it_is_located_and_while_it_comes() -> None:
    both = pair()
    stream_id = made(both)
    command = both.says(video(stream_id))
    both.does(Abandon(command))
    assert both.outcome(command).kind is FailureKind.ABANDONED
    assert outputs(both, Fetch) == []
    command = both.says(video(stream_id))
    both.run(ROOMY, until=lambda: bool(outputs(both, StoreBody)))
    both.does(Abandon(command))
    assert both.outcome(command).kind is FailureKind.ABANDONED
    assert outputs(both, CancelFetch) == [CancelFetch(FetchId(1))]
    both.run(ROOMY)
    assert outputs(both, Progressed)[-1].command != command, "what comes late is nothing"
    assert both.client.deadline is None


def test_the_end_of_patience_gives_up_the_fetch() -> None:
    both = pair(lost=lambda _, inp: isinstance(inp, FetchedBytes | FetchEnded))
    stream_id = made(both)
    failure = both.does(Download(stream_id, RecordingFile.VIDEO, seconds(10)), ROOMY)
    assert (failure.code, failure.retryable) == ("timeout.transfer", True)
    assert outputs(both, CancelFetch) == [CancelFetch(FetchId(1))]


def test_an_address_that_has_expired_is_asked_for_anew_once() -> None:
    both = Pair(Client(SETTINGS), Service(ServiceConfig(url_seconds=1), b"service"), delay=seconds(2))
    failure = both.does(video(made(both)), ROOMY)
    assert (failure.code, failure.status) == ("download.refused", 403)
    assert len(outputs(both, Fetch)) == 2


@pytest.mark.parametrize("what", [WaitForJob("job-1", seconds(5)), video("stream-1")])
def test_a_key_is_needed(what: Any) -> None:
    client = Client(evolve(SETTINGS, api_key=Secret("")))
    with pytest.raises(LocalProtocolError) as caught:
        client.step(Instant(0), Command(CommandId(1), what))
    assert caught.value.failure.code == "auth.no_key"
    assert (client.jobs, client.deadline) == (0, None)


def test_the_jitter_comes_from_the_seed() -> None:
    def moments(seed: bytes) -> list[int]:
        both = pair(settings=evolve(SETTINGS, seed=seed))
        both.does(WaitForJob(queued(both, 60), seconds(5)), ROOMY)
        return [now for now, side, *_ in both.log if side == CLIENT]

    assert moments(b"one") == moments(b"one")
    assert moments(b"one") != moments(b"two")
