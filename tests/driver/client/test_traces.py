"""Recordings of real clients: in memory, on errors, in files."""

import logging
import os
import pickle
import stat
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import anyio.to_thread
import pytest
from house.other_processes import REPLAY, UNDER_ASYNCIO, UNDER_TRIO, elsewhere, other_pythons
from inmemory import World

from odyssey import Odyssey, OdysseyError, OdysseyTraceError, Redaction, TracePolicy
from odyssey_anyio.tracing import tracer
from odyssey_anyio.tracing.session_trace import SessionTrace
from odyssey_proto.seam.http import json_reply
from odyssey_proto.trace import Trace, difference, read
from odyssey_proto.trace.machines import fresh

pytestmark = pytest.mark.anyio

type Make = Callable[..., Odyssey]


def loaded(path: Path) -> Trace:
    with path.open(encoding="utf-8") as file:
        return read(file)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def session(client: Odyssey) -> None:
    await client.connect()
    await client.start_stream("A secret cat")
    await client.interact("Pet it")
    await client.disconnect()


async def test_a_session_is_saved_when_asked(make: Make, tmp_path: Path) -> None:
    client = make()
    with pytest.raises(OdysseyTraceError) as caught:
        await client.save_trace(tmp_path / "none.jsonl")
    assert caught.value.code == "trace.empty"
    await session(client)
    path = await client.save_trace(tmp_path / "one.jsonl")
    assert mode(path) == 0o600
    trace = loaded(path)
    assert trace.header.redacted
    assert dict(trace.header.versions).keys() == {"odyssey", "python"}
    assert difference(trace, fresh) is None
    assert "ody_test" not in path.read_text()
    assert "A secret cat" in path.read_text()
    assert client.trace is not None
    shown = client.trace._repr_html_()
    assert "<td>InteractAcknowledged</td>" in shown
    assert "ody_test" not in shown
    hashed = await client.save_trace(path, Redaction(prompts="hash"))
    assert "A secret cat" not in hashed.read_text()
    assert [each.name for each in tmp_path.iterdir()] == ["one.jsonl"]


async def test_an_error_carries_the_recording_until_then(make: Make, world: World, tmp_path: Path) -> None:
    world.replies["/auth/token"] = json_reply({"detail": "no"}, 401)
    client = make()
    with pytest.raises(OdysseyError) as caught:
        await client.connect()
    trace = caught.value.trace
    assert trace is not None
    assert len(trace) == len(trace.raw.steps) == 2
    assert repr(trace) == "<SessionTrace 2 steps>"
    await client.disconnect()
    assert len(trace) == 2
    saved = await anyio.to_thread.run_sync(trace.save, tmp_path / "error.jsonl")
    assert len(loaded(saved).steps) == 2
    assert pickle.loads(pickle.dumps(caught.value)).trace is None
    with pytest.raises(TypeError, match="holds secrets"):
        pickle.dumps(trace)


async def test_the_error_of_a_handler_and_of_the_frames_carry_it_too(make: Make, world: World) -> None:
    client = make()
    traces: list[Any] = []
    await client.connect(on_error=lambda error, fatal: traces.append(error.trace))
    async with client.stream("A cat") as stream:
        frames = stream.frames()
        world.hangs_up(4000)
        with pytest.raises(OdysseyError) as caught:
            async for _ in frames:
                pass
        assert caught.value.trace is not None
    await client.disconnect()
    assert traces[0] is not None
    assert len(traces[0]) > 0


async def test_a_folder_gets_one_file_of_each_session(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "new" / "traces"
    monkeypatch.setenv("ODYSSEY_TRACE_DIR", str(folder))
    client = make()
    await session(client)
    assert len(list(folder.iterdir())) == 1
    await session(client)
    files = list(folder.iterdir())
    assert len(files) == 2
    assert mode(folder) == 0o700
    for path in files:
        assert mode(path) == 0o600
        assert difference(loaded(path), fresh) is None


async def test_the_policy_comes_before_the_environment(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ODYSSEY_TRACE_DIR", str(tmp_path / "environment"))
    await session(make(traces=TracePolicy(directory=tmp_path / "policy", prompts="drop")))
    (path,) = (tmp_path / "policy").iterdir()
    assert "secret cat" not in path.read_text()
    assert not (tmp_path / "environment").exists()


async def test_a_failure_is_saved_at_once_when_asked(make: Make, world: World, tmp_path: Path) -> None:
    client = make(traces=TracePolicy(on_failure=tmp_path))
    await session(client)
    assert list(tmp_path.iterdir()) == []
    world.replies["/auth/token"] = json_reply({"detail": "no"}, 401)
    other = make(traces=TracePolicy(on_failure=tmp_path))
    with pytest.raises(OdysseyError):
        await other.connect()
    await other.disconnect()
    (path,) = tmp_path.iterdir()
    assert difference(loaded(path), fresh) is None


@pytest.mark.parametrize(
    "call",
    [
        lambda client, path: client.get_recording("r"),
        lambda client, path: client.recording("r").download(path),
        lambda client, path: client.recording("r").read("events"),
        lambda client, path: client.simulation("j").wait(),
        lambda client, path: client.simulation("j").status(),
    ],
)
async def test_errors_of_other_calls_carry_the_recording_too(
    client: Odyssey, tmp_path: Path, call: Callable[..., Awaitable[Any]]
) -> None:
    with pytest.raises(OdysseyError) as caught:
        await call(client, tmp_path / "it")
    assert caught.value.trace is not None
    assert len(caught.value.trace)


async def test_failures_one_upon_the_other_are_saved_together(
    make: Make, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[int] = []
    save = SessionTrace.save

    def counted(trace: SessionTrace, path: Path) -> Path:
        saved.append(len(trace))
        return save(trace, path)

    monkeypatch.setattr(SessionTrace, "save", counted)
    client = make(traces=TracePolicy(on_failure=tmp_path))
    await client.connect()
    for _ in range(50):
        world.garbles()
    await client.disconnect()
    # One for the first of them, one for all that came meanwhile, and that of the end.
    assert 1 <= len(saved) <= 3
    (path,) = tmp_path.iterdir()
    assert len(loaded(path).steps) == saved[-1]


async def test_a_folder_that_cannot_be_written_breaks_no_session(
    make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    with caplog.at_level(logging.WARNING, "odyssey.trace"):
        await session(make(traces=TracePolicy(directory=tmp_path / "file")))
    assert [record.getMessage() for record in caplog.records] == ["no trace of this session: FileExistsError"]


async def test_a_file_that_cannot_be_written_is_an_error_of_ours(make: Make, tmp_path: Path) -> None:
    client = make()
    await session(client)
    with pytest.raises(OdysseyTraceError) as caught:
        await client.save_trace(tmp_path / "none" / "there.jsonl")
    assert caught.value.code == "trace.unwritable"
    assert isinstance(caught.value.__cause__, OSError)


async def test_what_is_no_regular_file_is_not_replaced_by_a_trace(make: Make, tmp_path: Path) -> None:
    client = make()
    await session(client)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OdysseyTraceError, match="it is a folder, a device or a pipe") as caught:
        await client.save_trace(pipe)
    assert caught.value.code == "trace.unwritable"
    assert pipe.is_fifo()


async def test_a_recording_that_is_full_says_so_and_the_next_one_begins(make: Make, tmp_path: Path) -> None:
    client = make(traces=TracePolicy(max_bytes=4000))
    await session(client)
    trace = loaded(await client.save_trace(tmp_path / "cut.jsonl"))
    assert trace.cut > 0
    assert difference(trace, fresh) is None
    await client.connect()
    assert len(client.trace or ()) > 0
    await client.disconnect()


async def test_an_export_that_would_hold_a_secret_is_refused(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = make()
    await session(client)
    monkeypatch.setattr(
        "odyssey_proto.trace.redaction.redactor.leaks", lambda lines, secrets: iter(["a secret"])
    )
    with pytest.raises(OdysseyTraceError, match="would hold a secret") as caught:
        await client.save_trace(tmp_path / "named.jsonl")
    assert caught.value.code == "trace.refused"
    assert os.listdir(tmp_path) == []
    monkeypatch.undo()


async def test_a_full_disk_is_logged(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with caplog.at_level(logging.WARNING, "odyssey.trace"):
        await session(make(traces=TracePolicy(directory=tmp_path)))
    assert "the trace cannot be written to " in caplog.text
    assert os.listdir(tmp_path) == []


async def test_saving_that_takes_long_holds_up_no_client_and_the_program_says_so(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tracer, "MAX_SAVE_SECONDS", 0.05)
    may_end, save = threading.Event(), SessionTrace.save

    def slow(trace: SessionTrace, path: Path) -> Path:
        may_end.wait()
        return save(trace, path)

    monkeypatch.setattr(SessionTrace, "save", slow)
    with caplog.at_level(logging.WARNING, "odyssey.trace"):
        async with make(traces=TracePolicy(directory=tmp_path)) as client:
            await session(client)
        assert not list(tmp_path.iterdir())
        assert "still being saved: the program will end when" in caplog.text
    (saving,) = (thread for thread in threading.enumerate() if thread.name == "odyssey trace")
    # The interpreter waits for it, so that what was promised is there at the end.
    assert not saving.daemon
    may_end.set()
    await anyio.to_thread.run_sync(saving.join)
    (path,) = tmp_path.iterdir()
    assert str(path) in caplog.text
    assert difference(loaded(path), fresh) is None


def test_a_policy_checks_itself() -> None:
    with pytest.raises(ValueError, match="not a valid Prompts"):
        TracePolicy(prompts="sing")
    with pytest.raises(ValueError, match="max_bytes"):
        TracePolicy(max_bytes=-1)


@pytest.mark.parametrize(
    ("loop", "seed"), [(UNDER_TRIO, "1"), (UNDER_ASYNCIO, "4242")], ids=["trio", "asyncio"]
)
async def test_a_recording_of_this_loop_replays_on_the_other_and_anywhere(
    make: Make, tmp_path: Path, loop: str, seed: str
) -> None:
    client = make()
    await session(client)
    path = await client.save_trace(tmp_path / "here.jsonl")
    text = path.read_text(encoding="utf-8")
    program = f"PROGRAM = {REPLAY!r}\n{loop}"
    assert await anyio.to_thread.run_sync(lambda: elsewhere(program, str(path), seed=seed)) == text
    for python in await anyio.to_thread.run_sync(lambda: list(other_pythons())):
        there = await anyio.to_thread.run_sync(
            partial(elsewhere, REPLAY, str(path), python=python, seed=seed)
        )
        assert there == text
