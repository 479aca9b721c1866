"""Media that cannot start, die, are stuck or forgotten: reported at once, logged once, made anew."""

import asyncio
import gc
import logging
import threading
from collections.abc import Awaitable, Callable

import anyio
import anyio.to_thread
import pytest
from house.engines import Media, StartedEngine, started

import odyssey_anyio.media.engine as engine_module
import odyssey_anyio.media.host as host_module
from odyssey import Newest, Odyssey, OdysseyConnectionError
from odyssey_anyio.local.service import serve
from odyssey_anyio.media.engine import Engine
from odyssey_proto.model.ice import IceConfig
from odyssey_proto.seam.inputs import LocalDescription, PeerId, TransportError, TransportErrorKind
from odyssey_proto.seam.outputs import DropPeer, MakeAnswer, MakeOffer, MakePeer

WITHIN = 20.0
"""More than anything here takes, in seconds."""

AT_ONCE = 2.0
"""Less than any deadline that a call waits for, in seconds."""

ONE, TWO = PeerId(1), PeerId(2)


def leave() -> None:
    raise SystemExit


def stop_the_loop() -> None:
    asyncio.get_running_loop().stop()


DEATHS = pytest.mark.parametrize("blow", [leave, stop_the_loop])


async def until(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(WITHIN):
        while not condition():
            await anyio.sleep(0.002)


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Returns what was logged at ERROR, by anybody."""
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


# --- death --------------------------------------------------------------------------------------


@pytest.mark.anyio
@DEATHS
async def test_an_engine_that_died_breaks_every_peer_at_once(
    media: Media, blow: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    async with started(media()) as owner:
        owner.engine.order(MakePeer(ONE, IceConfig()))
        frames = owner.engine.frames(ONE, Newest())
        media.strike(blow)
        await until(lambda: owner.errors_of(ONE) != [])
        assert not owner.engine.alive
        assert owner.errors_of(ONE) == [TransportError(TransportErrorKind.INTERNAL)]
        # It remembers: whatever comes later is answered in the same moment.
        owner.engine.order(MakePeer(TWO, IceConfig()))
        assert owner.errors_of(TWO) == [TransportError(TransportErrorKind.INTERNAL)]
        owner.engine.order(MakeAnswer(TWO))
        assert len(owner.errors_of(TWO)) == 2
        owner.engine.order(DropPeer(TWO))
        assert len(owner.errors_of(TWO)) == 2
        with anyio.fail_after(AT_ONCE):
            assert [frame async for frame in frames] == []
            assert [frame async for frame in owner.engine.frames(TWO, Newest())] == []
    [logged] = errors(caplog)
    assert logged.startswith("the media thread died of ")
    assert ".py:" in logged


@pytest.mark.anyio
@DEATHS
async def test_a_session_whose_media_die_fails_and_the_next_one_gets_new_media(
    media: Media, blow: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    async with serve() as service, Odyssey("ody_test", api_url=service.url, media=media) as client:
        codes: list[str] = []
        for number in (1, 2):
            with anyio.fail_after(WITHIN):
                await client.connect(on_error=lambda error, final: codes.append(error.code))
            assert len(media.hosts) == number
            media.strike(blow)
            await until(lambda: not client.is_connected)
            await until(lambda number=number: len(codes) == number)  # type: ignore[misc]  # the present number
            assert codes == ["network.internal"] * number
        # Without leaving in between.
        with anyio.fail_after(WITHIN):
            await client.connect()
            assert await client.start_stream("A cat")
    assert len(media.hosts) == 3
    assert len(errors(caplog)) == 2


@pytest.mark.anyio
async def test_media_that_die_before_they_are_needed_are_made_anew(media: Media) -> None:
    async with serve() as service, Odyssey("ody_test", api_url=service.url, media=media) as client:
        await client.prepare()
        await until(lambda: bool(media.hosts))
        media.strike(leave)
        await until(lambda: not media.engines[0].alive)
        with anyio.fail_after(WITHIN):
            await client.connect()
        assert client.is_connected
        assert len(media.hosts) == 2


@pytest.mark.anyio
async def test_a_death_while_a_peer_is_made_ends_the_call_at_once(
    media: Media, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = engine_module.Engine._make

    def deadly(engine: Engine, order: MakePeer) -> None:
        raise SystemExit

    async with serve() as service, Odyssey("ody_test", api_url=service.url, media=media) as client:
        # The service's peers are made by an engine of its own class.
        def make(engine: Engine, order: MakePeer) -> None:
            (deadly if engine in media.engines[:1] else real)(engine, order)

        monkeypatch.setattr(engine_module.Engine, "_make", make)
        with pytest.raises(OdysseyConnectionError) as caught:
            await client.connect()
        assert caught.value.code == "network.internal"
        assert caught.value.detail == "the media thread died of SystemExit"
        with anyio.fail_after(WITHIN):
            await client.connect()
        assert len(media.engines) == 2


@pytest.mark.anyio
async def test_engines_share_a_thread_and_each_ends_alone(media: Media) -> None:
    async with started(media()) as one, started(media()) as two:
        threads = [host._lease._thread for host in media.hosts]
        assert threads[0] is threads[1]
        for owner in (one, two):
            owner.engine.order(MakePeer(ONE, IceConfig(), channels=("control",)))
        await until(lambda: ONE in one.engine._peers)
        await one.engine.aclose()
        assert one.engine._peers == {}
        two.engine.order(MakeOffer(ONE))
        await until(lambda: any(isinstance(n, LocalDescription) for n in two.reports))
    assert not threads[0].alive


# --- no start -----------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_a_thread_that_cannot_start_fails_one_session_only(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == "odyssey media":
            raise RuntimeError("can't start new thread")
        real(thread)

    async with serve() as service, Odyssey("ody_test", api_url=service.url) as client:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            with pytest.raises(OdysseyConnectionError) as caught:
                await client.connect()
        assert caught.value.code == "network.internal"
        [logged] = errors(caplog)
        assert logged.startswith("the media engine raised RuntimeError at ")
        await client.connect()
        assert client.is_connected
    # An event loop that was not closed says so when it is collected, and warnings are errors.
    gc.collect()


@pytest.mark.anyio
async def test_what_cannot_be_imported_is_named(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def missing(name: str) -> None:
        raise ImportError("libsrtp.so: cannot open shared object file", name="pylibsrtp")

    with monkeypatch.context() as patch:
        patch.setattr(engine_module, "import_module", missing)
        async with started(Engine()) as owner:
            owner.engine.order(MakePeer(ONE, IceConfig()))
            await until(lambda: owner.errors_of(ONE) != [])
            [why] = owner.errors_of(ONE)
            said = "aiortc cannot be imported: libsrtp.so: cannot open shared object file"
            assert why.detail == f"ImportError: {said}"
            # Nothing else, such as a traceback of the loop's.
            assert errors(caplog) == [f"a media peer broke: {why.detail}"]
            # It was no death: what can be imported later serves.
            patch.undo()
            owner.engine.order(MakePeer(TWO, IceConfig()))
            owner.engine.order(MakeAnswer(TWO))
            await until(lambda: owner.errors_of(TWO) != [])
            assert owner.errors_of(TWO) == [TransportError(TransportErrorKind.INVALID)]


# --- stuck --------------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_a_thread_that_is_stuck_is_left_behind_and_logged(
    media: Media, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It is counted in rounds of the loop, each of which may take long on a busy machine.
    monkeypatch.setattr("odyssey_anyio.media.host.CLOSING_SECONDS", 0.02)
    free = threading.Event()
    async with started(media()) as owner:
        owner.engine.order(MakePeer(ONE, IceConfig()))
        media.strike(lambda: free.wait(WITHIN) and None)
        await owner.engine.aclose()
        # Otherwise it would have ended by itself.
        assert media.hosts[-1]._lease.alive
    free.set()
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        "the media thread is stuck: it is left behind, and ends when it can"
    ]
    # It ends by itself, with its peers: the checks for what is left look.


# --- forgotten ----------------------------------------------------------------------------------


def on_asyncio(main: Callable[[], Awaitable[None]]) -> None:
    """Runs a program, and closes its loop without a word to anybody."""
    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    loop.close()


def on_trio(main: Callable[[], Awaitable[None]]) -> None:
    anyio.run(main, backend="trio")


@pytest.mark.parametrize("run", [on_asyncio, on_trio])
def test_media_whose_loop_is_gone_close_their_peers_and_end(
    media: Media, run: Callable[[Callable[[], Awaitable[None]]], None]
) -> None:
    async def main() -> None:
        engine = media()
        owner = StartedEngine(engine)
        await engine.start(owner.reports.append)
        engine.order(MakePeer(ONE, IceConfig(), channels=("control",)))
        engine.order(MakeOffer(ONE))
        await until(lambda: any(isinstance(notice, LocalDescription) for notice in owner.reports))

    run(main)
    thread = media.hosts[0]._lease._thread._thread
    thread.join(WITHIN)
    assert not thread.is_alive()
    # Its sockets as well: the checks for what is left look.
    assert media.engines[0]._peers == {}


@pytest.mark.anyio
async def test_leaving_while_libraries_are_imported_is_quiet(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    importing, go_on = threading.Event(), threading.Event()

    def slowly(name: str) -> None:
        importing.set()
        go_on.wait(WITHIN)

    monkeypatch.setattr(engine_module, "import_module", slowly)
    monkeypatch.setattr(host_module, "CLOSING_SECONDS", 0.05)
    engine = Engine()
    await engine.start(lambda inp: None)
    assert await anyio.to_thread.run_sync(importing.wait, WITHIN)
    await engine.aclose()
    assert caplog.messages == []
    go_on.set()
