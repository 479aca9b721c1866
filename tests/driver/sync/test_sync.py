"""The client for programs without an event loop, in memory."""

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from traceback import walk_stack
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from inmemory import World

from odyssey import (
    Bounded,
    OdysseyConnectionError,
    OdysseyValueError,
    StreamEnded,
    StreamStarted,
)
from odyssey.sync import Odyssey, diagnose, fail_after

type Make = Callable[..., Odyssey]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture(params=["asyncio", "trio"])
def make(world: World, request: pytest.FixtureRequest) -> Iterator[Make]:
    """Makes clients in that world, on each loop; they are closed after the test."""
    made = []

    def make(**arguments: Any) -> Odyssey:
        given = {"api_key": "ody_test", "api_url": "http://api", "backend": request.param}
        made.append(Odyssey(**given | world.transports | arguments))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(make: Make) -> Odyssey:
    return make()


def in_thread(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def until(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.001)


def loops() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "odyssey.sync"]


# --- a session ----------------------------------------------------------------------------------


def test_a_session(client: Odyssey, world: World) -> None:
    assert not client.is_connected
    with client:
        client.connect()
        events = client.events()
        with client.stream("A cat") as stream, stream.frames(Bounded(3)) as frames:
            world.shows(2)
            assert [next(frames).timestamp_ms, next(frames).timestamp_ms] == [0, 1]
            assert stream.interact("Pet it") == client.last_applied_prompt
            assert frames.account.delivered == 2
            assert client.latest_frame is stream.last_frame
            assert repr(stream) == f"<sync LiveStream {stream.stream_id}>"
        assert list(frames) == []
        assert stream.over
        assert client.statistics().frames.delivered == 2
        assert isinstance(next(events), StreamStarted)
    assert not client.is_connected
    assert [event for event in events if isinstance(event, StreamEnded)] != []
    assert world.open == 0
    assert loops() == []


def test_a_client_connects_again_after_it_has_disconnected(client: Odyssey) -> None:
    for _ in range(2):
        client.connect()
        client.disconnect()
    assert len(loops()) == 1


def test_a_client_that_did_nothing_needs_no_thread(client: Odyssey) -> None:
    frames = client.frames()
    client.disconnect()
    client.close()
    client.close()
    assert list(frames) == []
    assert client.statistics().frames.received == 0
    assert loops() == []


def test_a_closed_client_says_so(client: Odyssey) -> None:
    client.connect()
    client.close()
    with pytest.raises(OdysseyConnectionError, match="is closed: make another one") as caught:
        client.connect()
    assert caught.value.code == "state.closed"


def test_a_client_that_nobody_holds_gives_its_session_back(make: Make, world: World) -> None:
    client = Odyssey("ody_test", api_url="http://api", **world.transports)
    client.connect()
    assert world.open == 1
    (thread,) = loops()
    del client
    gc.collect()
    thread.join()
    assert world.open == 0


@pytest.mark.parametrize("backend", ["twisted", "", None])
def test_a_backend_that_is_none_is_refused(backend: Any) -> None:
    with pytest.raises(OdysseyValueError, match="asyncio, trio"):
        Odyssey("ody_test", backend=backend)
    with pytest.raises(OdysseyValueError, match="asyncio, trio"):
        diagnose("ody_test", backend=backend)


def test_handles_show_themselves_in_a_notebook(client: Odyssey, tmp_path: Path) -> None:
    """As the objects behind them do; a client shows nothing, and what is private is not shown either."""
    client.connect()
    with client.stream("a canary of a prompt") as stream, client.record(tmp_path / "<b>.mkv") as recorder:
        shown = {
            "StreamRecording": (client.recording("a-stream"), {"stream_id": "a-stream"}),
            "SimulationJob": (client.simulation("a-job"), {"job_id": "a-job"}),
            "LiveStream": (stream, {"stream_id": stream.stream_id, "over": "False"}),
            "VideoRecorder": (
                recorder,
                {"path": f"{tmp_path}/&lt;b&gt;.mkv", "frames": "0", "seconds": "0.0", "dropped": "–"},
            ),
        }
        for name, (handle, fields) in shown.items():
            rows = "".join(f"<tr><th>{each}</th><td>{text}</td></tr>" for each, text in fields.items())
            table = f"<table><caption>{name}</caption>{rows}</table>"
            assert handle._repr_html_() == handle._original._repr_html_() == table
    assert "<td>True</td>" in (stream._repr_html_() or "")
    assert client._repr_html_() is None


# --- handlers -----------------------------------------------------------------------------------


def test_handlers_run_in_threads_and_may_call_the_client(client: Odyssey, world: World) -> None:
    seen: list[Any] = []
    steered = threading.Event()

    def started(stream_id: str) -> None:
        seen.append((threading.current_thread() is threading.main_thread(), client.interact("Pet it")))
        steered.set()

    async def acknowledged(prompt: str) -> None:
        await anyio.sleep(0)
        seen.append(prompt)

    client.connect(on_stream_started=started, on_interact_acknowledged=acknowledged)
    client.start_stream("A cat")
    assert steered.wait(10)
    until(lambda: len(seen) == 2)
    assert seen[0] == (False, client.last_applied_prompt)
    assert seen[1] == client.last_applied_prompt


def test_a_handler_that_raises_is_counted_by_its_name(client: Odyssey, caplog: Any) -> None:
    def broken(stream_id: str) -> None:
        raise ValueError(stream_id)

    client.connect(on_stream_started=broken)
    client.start_stream("A cat")
    until(lambda: client.statistics().handler_errors == 1)
    assert "broken raised" in caplog.text


def test_what_is_no_handler_is_refused(client: Odyssey) -> None:
    with pytest.raises(OdysseyValueError, match="on_connected must be a function"):
        client.connect(on_connected=7)  # type: ignore[arg-type]  # that is the test


def test_a_handler_may_close_the_client(client: Odyssey) -> None:
    client.connect(on_stream_started=lambda _: client.close())
    with suppress(OdysseyConnectionError):
        client.start_stream("A cat")
    until(lambda: loops() == [])


def test_a_handler_that_hangs_does_not_keep_the_client_from_closing(make: Make) -> None:
    from odyssey import Timeouts

    client, stuck, free = make(timeouts=Timeouts(leave=0.1)), threading.Event(), threading.Event()

    def hang() -> None:
        stuck.set()
        free.wait()

    client.connect(on_connected=hang)
    assert stuck.wait(10)
    client.close()
    assert loops() == []
    free.set()


# --- waiting, and being interrupted -------------------------------------------------------------


def interrupt_when(condition: Callable[[], bool]) -> threading.Thread:
    """Presses Ctrl-C when the main thread waits in a call."""
    main = threading.main_thread().ident or 0

    def waits() -> bool:
        stack = walk_stack(sys._current_frames()[main])
        return any(frame.f_code.co_qualname == "_Loop._wait" for frame, _ in stack)

    def interrupt() -> None:
        until(lambda: waits() and condition())
        signal.pthread_kill(main, signal.SIGINT)

    return in_thread(interrupt)


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one thread there")
def test_ctrl_c_cancels_the_call_that_it_interrupts(client: Odyssey, world: World) -> None:
    client.connect()
    frames = client.frames()
    thread = interrupt_when(lambda: True)
    with pytest.raises(KeyboardInterrupt):
        next(frames)
    thread.join()
    assert client.start_stream("A cat")
    world.shows()
    assert next(frames).timestamp_ms == 0, "the reader goes on"


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one thread there")
def test_ctrl_c_in_a_connect_leaves_no_session(client: Odyssey, world: World) -> None:
    world.silent.add("offer")
    thread = interrupt_when(lambda: world.open == 1)
    with pytest.raises(KeyboardInterrupt):
        client.connect()
    thread.join()
    client.disconnect()
    assert world.open == 0


def test_calls_fail_after_a_time(client: Odyssey, world: World) -> None:
    client.connect()
    frames = client.frames()
    with pytest.raises(TimeoutError), fail_after(0.01):
        next(frames)
    with fail_after(60), pytest.raises(TimeoutError), fail_after(0.01):
        next(frames)
    with fail_after(60):
        client.start_stream("A cat")
    world.shows()
    with fail_after(0.01):
        time.sleep(0.02)
        with pytest.raises(TimeoutError), fail_after(60):
            frames.fresh()
    with pytest.raises(OdysseyValueError), fail_after(-1):
        pass


def test_a_bound_is_that_of_its_thread(client: Odyssey, world: World) -> None:
    client.connect()
    frames, taken = client.frames(), []
    with fail_after(0.01):
        thread = in_thread(lambda: taken.append(next(frames)))
        time.sleep(0.02)
    world.shows()
    thread.join()
    assert len(taken) == 1


# --- threads ------------------------------------------------------------------------------------


def test_several_threads_call_at_once(client: Odyssey) -> None:
    client.connect()
    client.start_stream("A cat")
    applied: list[str] = []
    threads = [in_thread(lambda n=n: applied.append(client.interact(f"Prompt {n}"))) for n in range(5)]
    for thread in threads:
        thread.join()
    assert len({*applied}) == 5
    assert len(loops()) == 1


def test_a_client_is_closed_from_another_thread(client: Odyssey, world: World) -> None:
    client.connect()
    client.start_stream("A cat")
    frames = client.frames()
    world.shows()
    next(frames)
    thread = in_thread(client.close)
    assert list(frames) == [], "readers end"
    thread.join()
    assert loops() == []


def test_a_call_that_waits_ends_with_the_client(client: Odyssey, world: World) -> None:
    client.connect()
    world.silent.add("Interact")
    world.stalled.add("/recordings/x")
    caught: list[OdysseyConnectionError] = []

    def ask() -> None:
        with pytest.raises(OdysseyConnectionError) as error:
            client.get_recording("x")
        caught.append(error.value)

    thread = in_thread(ask)
    until(lambda: world.asked["/recordings/x"] == 1)
    client.close()
    thread.join()
    assert len(caught) == 1


# --- where it cannot be used --------------------------------------------------------------------


def test_in_a_running_loop_the_async_class_is_named(client: Odyssey) -> None:
    async def use() -> str:
        with pytest.raises(OdysseyConnectionError, match=r"use odyssey\.Odyssey and await") as caught:
            client.connect()
        with pytest.raises(OdysseyConnectionError), client:
            pass
        with pytest.raises(OdysseyConnectionError):
            diagnose("ody_test")
        # Another thread may.
        await anyio.to_thread.run_sync(client.connect)
        return caught.value.code

    assert asyncio.run(use()) == "state.inside_loop"
    assert anyio.run(use, backend="trio") == "state.inside_loop"


PROGRAM = """
import os, sys
from inmemory import World
from odyssey import OdysseyConnectionError
from odyssey.sync import Odyssey

world = World()
client = Odyssey("ody_test", api_url="http://api", backend=sys.argv[1], **world.transports)
client.connect(on_connected=lambda: print("connected", flush=True), on_disconnected=lambda: print("left"))
stream = client.stream("A cat").__enter__()
frames = stream.frames()
if hasattr(os, "fork"):
    import warnings
    warnings.simplefilter("ignore", DeprecationWarning)  # Python warns of forks of programs with threads
    child = os.fork()
    if not child:
        for use in (client.connect, lambda: next(frames), client.close):
            try:
                use()
            except OdysseyConnectionError as error:
                print(error.code, flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_program_that_closes_nothing_ends_and_a_fork_is_refused(backend: str) -> None:
    path = os.pathsep.join([os.getcwd(), *sys.path])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, backend],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert (done.returncode, done.stderr) == (0, "")
    forked = ["state.forked"] * 3 if hasattr(os, "fork") else []
    assert done.stdout.split() == ["connected", *forked, "left"]
