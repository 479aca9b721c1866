"""Lost sessions that are replaced, for an application: its frames, its streams, its events, its calls."""

import logging
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from inmemory import World, applied
from inmemory.transports import Exchanges

from odyssey import (
    ConnectionStatus,
    Limits,
    Newest,
    Odyssey,
    OdysseyStreamError,
    OdysseyValueError,
    Reconnecting,
    ReconnectPolicy,
    Renewed,
    Restored,
    StreamStarted,
    TracePolicy,
)
from odyssey_anyio.local.service import serve
from odyssey_proto.client.client import Client
from odyssey_proto.seam.outputs import Happened
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.io.faults import Cut, DropMedia, Fault, Moment, SignalError
from odyssey_proto.trace.reading import read_file
from odyssey_proto.trace.replay import difference

pytestmark = pytest.mark.anyio

POLICY = ReconnectPolicy(first_delay=0, longest_delay=0.1)


async def until(condition: Callable[[], bool]) -> None:
    """Waits for a condition, without a clock."""
    with anyio.fail_after(30):
        while not condition():
            await anyio.lowlevel.checkpoint()


async def restored(client: Odyssey, world: World, times: int = 1) -> None:
    """Lets frames arrive until a lost session is replaced."""
    with anyio.fail_after(30):
        while client.statistics().recoveries < times:
            world.deliver(world.media.frames(1))
            await anyio.sleep(0)


# --- in memory ------------------------------------------------------------------------------------


async def test_a_stream_its_frames_and_events_go_on(make: Callable[..., Odyssey], world: World) -> None:
    client = make(reconnect=POLICY)
    statuses: list[ConnectionStatus] = []
    started: list[str] = []
    async with client, client.events() as events:
        await client.connect(
            on_status_change=lambda status, _: statuses.append(status), on_stream_started=started.append
        )
        async with client.stream("a") as stream:
            frames = stream.frames(Newest())
            before = stream.stream_id
            world.hangs_up()
            await until(lambda: client.current_status is ConnectionStatus.RECONNECTING)
            assert not client.is_connected
            await restored(client, world)
            assert not stream.over
            assert stream.stream_id == world.stream_ids[-1] != before
            world.shows()
            assert (await anext(frames)).width == 704
            assert await stream.interact("b") == applied("b")
        assert statuses[-2:] == [ConnectionStatus.RECONNECTING, ConnectionStatus.CONNECTED]
        assert started == world.stream_ids
        kinds = []
        while not isinstance(event := await anext(events), Restored):
            kinds.append(type(event))
        assert kinds[-4:].count(Reconnecting) == 1
        assert kinds.count(StreamStarted) == 2
        assert event.session_id == client.current_session_id


@pytest.mark.parametrize("raises", [False, True])
async def test_what_is_kept_leads_nowhere_after_a_loss(
    make: Callable[..., Odyssey], world: World, monkeypatch: pytest.MonkeyPatch, raises: bool
) -> None:
    asked: list[int] = []

    def close_idle(self: Exchanges) -> None:
        asked.append(world.asked["/sessions/request"])
        if raises:
            raise OSError

    monkeypatch.setattr(Exchanges, "close_idle", close_idle, raising=False)
    async with make(reconnect=POLICY) as client:
        await client.connect()
        world.hangs_up()
        await restored(client, world)
    assert asked == [1], "before the next session is asked for"


async def test_calls_wait_for_the_new_session(make: Callable[..., Odyssey], world: World) -> None:
    client = make(reconnect=POLICY)
    results: list[Any] = []

    async def call(what: Callable[..., Any], *arguments: Any) -> None:
        results.append(await what(*arguments))

    async with client:
        await client.connect()
        await client.start_stream("a")
        world.silent.add("Update")
        async with anyio.create_task_group() as group:
            group.start_soon(call, client.interact, "b")
            await until(lambda: "Update" in world.received)
            world.silent.clear()
            world.hangs_up()
            await until(lambda: client.current_status is ConnectionStatus.RECONNECTING)
            group.start_soon(call, client.connect)
            group.start_soon(call, client.interact, "c")
            await restored(client, world)
        assert sorted(map(str, results)) == sorted(["None", applied("b"), applied("c")])


async def test_a_stream_may_be_lost_by_policy(make: Callable[..., Odyssey], world: World) -> None:
    client = make(reconnect=ReconnectPolicy(first_delay=0, restart_stream=False, carry_over=False))
    errors: list[str] = []
    async with client:
        await client.connect(on_stream_error=lambda reason, _: errors.append(reason))
        stream = client.stream("a")
        async with stream:
            world.hangs_up()
            with pytest.raises(OdysseyStreamError) as lost:
                await anext(stream.frames())
            with pytest.raises(OdysseyStreamError) as refused:
                await client.interact("b")
            assert (refused.value.code, refused.value.retryable) == ("state.reconnecting", True)
        assert lost.value.retryable
        assert stream.over
        await client.connect()
        assert client.is_connected
        assert await client.start_stream("a") == world.stream_ids[-1]
    assert errors == ["session_lost"]


async def test_leaving_while_a_session_is_lost(make: Callable[..., Odyssey], world: World) -> None:
    async with make(reconnect=POLICY) as client:
        await client.connect()
        world.stalled.add("/sessions/request")
        world.hangs_up()
        await until(lambda: world.asked["/sessions/request"] == 2)
        world.stalled.clear()
    assert client.current_status is ConnectionStatus.DISCONNECTED


async def test_what_is_logged_and_kept_of_a_loss(
    make: Callable[..., Odyssey], world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "odyssey.client")
    async with make(reconnect=POLICY, traces=TracePolicy(on_failure=tmp_path)) as client:
        await client.connect()
        await client.start_stream("a secret prompt")
        world.hangs_up()
        await restored(client, world)
    lines = [record.message for record in caplog.records]
    assert [line.partition(" ")[0] for line in lines] == ["reconnecting,", "restored"]
    assert "secret prompt" not in caplog.text
    (saved,) = tmp_path.iterdir()
    with saved.open("rb") as file:
        trace = read_file(file)
    happened = [out.event for step in trace.steps for out in step.outputs if isinstance(out, Happened)]
    assert any(isinstance(event, Restored) for event in happened), "one trace spans the recovery"
    assert difference(trace, Client) is None


def test_a_policy_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(OdysseyValueError, match="reconnect must be ReconnectPolicy or None, not bool"):
        Odyssey("ody_test", reconnect=True)  # type: ignore[arg-type]  # which is no policy
    with pytest.raises(OdysseyValueError, match="must be less than"):
        Odyssey("ody_test", limits=Limits(stream=10), reconnect=ReconnectPolicy(renew_before=10))


# --- real sockets and real WebRTC -----------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [Cut(Moment.UPDATE), DropMedia(Moment.UPDATE), SignalError(Moment.UPDATE, "streamer_disconnected")],
)
async def test_the_picture_comes_again(fault: Fault) -> None:
    config = ServiceConfig(capacity=1, faults=(fault,))
    async with serve(config) as service, Odyssey("ody_test", api_url=service.url, reconnect=POLICY) as client:
        await client.connect()
        async with client.stream("A cat", portrait=False) as stream:
            frames = stream.frames()
            await anext(frames)
            # It may be answered before the session is lost, or wait for the next one.
            await stream.interact("Pet the cat")
            with anyio.fail_after(30):
                while not client.statistics().recoveries:
                    await anext(frames)
                frame = await anext(frames)
            assert (frame.width, frame.height) == (1280, 704)
            assert not stream.over
        account = client.statistics().frames
        assert account.received == account.delivered + account.pending + sum(account.dropped.values())


async def test_the_service_restarts() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    policy = ReconnectPolicy(per_loss=100, first_delay=0.1, longest_delay=0.1)
    async with Odyssey("ody_test", api_url=f"http://127.0.0.1:{port}", reconnect=policy) as client:
        async with serve(port=port):
            await client.connect()
            await client.start_stream("A cat")
        await until(lambda: client.current_status is ConnectionStatus.RECONNECTING)
        async with serve(port=port):
            await client.connect()
            assert client.is_connected
            assert await client.interact("Pet the cat")


async def test_a_session_is_renewed_while_its_frames_go_on() -> None:
    config = ServiceConfig(capacity=2, connection_seconds=20)
    limits = Limits(stream=None, connection=20)
    policy = ReconnectPolicy(renew_before=18)
    async with (
        serve(config) as service,
        Odyssey("ody_test", api_url=service.url, reconnect=policy, limits=limits) as client,
        client.events() as events,
    ):
        await client.connect()
        async with client.stream("A cat", portrait=False) as stream:
            before = client.current_session_id
            frames = stream.frames()
            with anyio.fail_after(30):
                while client.current_session_id == before:
                    frame = await anext(frames)
                    assert client.is_connected
                for _ in range(10):
                    frame = await anext(frames)
            assert (frame.width, frame.height) == (1280, 704)
        await client.disconnect()
        seen = [type(event) async for event in events]
        assert Renewed in seen
        assert Reconnecting not in seen
