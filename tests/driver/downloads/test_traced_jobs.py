"""Waits for jobs and downloads in the trace of their client: what is in it, and what is not."""

import errno
from collections import Counter
from pathlib import Path

import anyio
import pytest
from house.file_server import SECRET, FileServer

from odyssey import Odyssey
from odyssey_anyio.downloads.partial_file import PartialFile
from odyssey_proto.kernel.failures import FailureKind
from odyssey_proto.seam.inputs import FetchedBytes
from odyssey_proto.seam.outputs import Failed, Fetch
from odyssey_proto.trace import Trace, check, lines
from odyssey_proto.trace.machines import fresh
from odyssey_proto.trace.values import name_of

pytestmark = pytest.mark.anyio

MIB = 2**20


def traced(client: Odyssey) -> Trace:
    assert client.trace is not None
    return client.trace.raw


def counted(trace: Trace) -> Counter[str]:
    """Returns how often each thing came and was done."""
    values = [value for step in trace.steps for value in (step.inp, *step.outputs)]
    return Counter(name_of(value) for value in values)


def failures(client: Odyssey) -> list[FailureKind]:
    outputs = [output for step in traced(client).steps for output in step.outputs]
    return [output.failure.kind for output in outputs if isinstance(output, Failed)]


async def test_a_wait_and_a_download_are_in_the_trace_and_replay(
    client: Odyssey, depot: FileServer, tmp_path: Path
) -> None:
    depot.cuts = [1000]
    job = await client.simulation("job-1").wait(every=0.1)
    await client.recording(job.streams[0].stream_id).download(tmp_path / "it")
    trace = traced(client)
    check(trace, fresh)
    seen = counted(trace)
    assert (seen["WaitForJob"], seen["Download"], seen["Completed"]) == (1, 1, 2)
    assert (seen["Fetch"], seen["StoreBody"], seen["FetchFailed"], seen["FetchEnded"]) == (2, 2, 1, 1)
    fetches = [output for step in trace.steps for output in step.outputs if isinstance(output, Fetch)]
    assert SECRET in fetches[0].signed_url.reveal()
    assert dict(fetches[1].headers)["range"] == "bytes=1000-"
    stored = sum(step.inp.count for step in trace.steps if isinstance(step.inp, FetchedBytes))
    assert stored == len(depot.body)


async def test_nothing_secret_is_in_what_is_exported(
    client: Odyssey, depot: FileServer, tmp_path: Path
) -> None:
    await client.recording("stream-1").download(tmp_path / "it")
    assert client.trace is not None
    shared = client.trace.redacted()
    check(shared, fresh)
    text = "\n".join(lines(shared))
    assert "StoreBody" in text
    for secret in (SECRET, "access-canary", "ody_files", "127.0.0.1"):
        assert secret not in text


async def test_the_trace_of_a_large_file_is_small(client: Odyssey, depot: FileServer, tmp_path: Path) -> None:
    depot.body = bytes(12 * MIB)
    await client.recording("stream-1").download(tmp_path / "it")
    seen = counted(traced(client))
    # One for each MiB, or for each second on a bad day.
    assert seen["FetchedBytes"] <= 12 + 30
    assert seen["Progressed"] <= 13
    assert len("\n".join(lines(traced(client)))) < 50_000


async def test_a_disk_that_is_full_ends_the_download(
    client: Odyssey, depot: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    depot.body = bytes(3 * MIB)
    append = PartialFile.append
    room = iter(range(1))

    def full(file: PartialFile, data: bytes) -> None:
        if next(room, None) is None:
            raise OSError(errno.ENOSPC, "no space left")
        append(file, data)

    monkeypatch.setattr(PartialFile, "append", full)
    with pytest.raises(OSError, match="no space left"):
        await client.recording("stream-1").download(tmp_path / "it")
    assert (await anyio.Path(tmp_path / "it.part").stat()).st_size >= MIB
    while not failures(client):
        await anyio.sleep(0.01)
    assert failures(client) == [FailureKind.ABANDONED]
    monkeypatch.undo()
    await client.recording("stream-1").download(tmp_path / "it")
    assert depot.received[-1]["range"].startswith("bytes=")


async def test_a_disk_that_refuses_to_begin_anew_ends_the_download(
    client: Odyssey, depot: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, "broken disk")

    monkeypatch.setattr(PartialFile, "restart", refuse)
    with pytest.raises(OSError, match="broken disk"):
        await client.recording("stream-1").download(tmp_path / "it")
    assert [path.name async for path in anyio.Path(tmp_path).iterdir()] == []
