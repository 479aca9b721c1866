"""Which frames `on_video_frame` gets while it is slow, and what is said when it misses one."""

import logging
import time
from collections.abc import Callable
from typing import Any, cast

import anyio
import anyio.lowlevel
import pytest
from inmemory import World

from odyssey import (
    Bounded,
    Lossless,
    Newest,
    Odyssey,
    OdysseyValueError,
    SpectatorConnection,
    TracePolicy,
    VideoFrame,
    connect_to_stream,
)
from odyssey_anyio.events.handlers import ConnectHandlers
from odyssey_anyio.local.service import serve
from odyssey_anyio.runtime.default_transports import NetworkTransports, media
from odyssey_anyio.runtime.supervisor import Transports
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.seam.settings import SpectatorSettings

pytestmark = pytest.mark.anyio

WITHIN = 25.0
"""More than anything here takes, in seconds."""


async def until(condition: Callable[[], bool]) -> None:
    """Waits for a condition."""
    with anyio.fail_after(WITHIN):
        while not condition():
            await anyio.lowlevel.checkpoint()


class Saver:
    """A handler that is busy with the first frame until `may_go` is set."""

    def __init__(self) -> None:
        self.saved: list[int] = []
        self.errors: list[Exception] = []
        self.may_go = anyio.Event()

    async def save(self, frame: VideoFrame) -> None:
        self.saved.append(frame.timestamp_ms)
        await self.may_go.wait()

    def failed(self, error: Exception, fatal: bool) -> None:
        assert not fatal
        self.errors.append(error)

    async def connect(self, client: Odyssey, world: World, **options: Any) -> None:
        """Connects, and is busy from then on."""
        await client.connect(on_video_frame=self.save, on_error=self.failed, **options)
        world.shows()
        await until(lambda: bool(self.saved))


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[tuple[int, str]]]:
    """What the log says of handlers, with its level."""
    caplog.set_level(logging.INFO, "odyssey.callbacks")
    return lambda: [
        (each.levelno, each.getMessage()) for each in caplog.records if each.name == "odyssey.callbacks"
    ]


async def test_by_default_only_the_newest_is_kept_and_the_first_that_is_missed_is_one_line(
    client: Odyssey, world: World, lines: Callable[[], list[tuple[int, str]]]
) -> None:
    saver = Saver()
    await saver.connect(client, world)
    world.shows(10)
    saver.may_go.set()
    await until(lambda: len(saver.saved) == 2)
    for seen in range(3, 6):
        world.shows(10)
        await until(lambda seen=seen: len(saver.saved) == seen)  # type: ignore[misc]  # bound at once
    assert saver.saved == [0, 9, 9, 9, 9]
    [(level, text)] = lines()
    assert level == logging.INFO
    assert "by the policy Newest(); frame_policy=Bounded(64) lets more of them wait" in text


async def test_who_saves_frames_gets_each(
    client: Odyssey, world: World, lines: Callable[[], list[tuple[int, str]]]
) -> None:
    saver = Saver()
    await saver.connect(client, world, frame_policy=Bounded(64))
    world.shows(64)
    saver.may_go.set()
    await until(lambda: len(saver.saved) == 65)
    assert saver.saved == [0, *range(64)]
    assert lines() == []


async def test_what_a_saver_misses_all_the_same_is_one_warning(
    client: Odyssey, world: World, lines: Callable[[], list[tuple[int, str]]]
) -> None:
    saver = Saver()
    await saver.connect(client, world, frame_policy=Bounded(2))
    world.shows(5)
    saver.may_go.set()
    await until(lambda: len(saver.saved) == 3)
    assert saver.saved == [0, 3, 4]
    [(level, text)] = lines()
    assert level == logging.WARNING
    assert "by the policy Bounded(size=2); frame_policy=Bounded(64) lets more of them wait" in text


async def test_every_frame_or_an_error_that_on_error_gets(
    client: Odyssey, world: World, lines: Callable[[], list[tuple[int, str]]]
) -> None:
    saver = Saver()
    await saver.connect(client, world, frame_policy=Lossless(2))
    world.shows(5)
    saver.may_go.set()
    await until(lambda: bool(saver.errors))
    assert saver.saved == [0, 0, 1]
    [(level, text)] = lines()
    assert level == logging.WARNING
    assert "gets no more frames, by the policy Lossless(size=2)" in text
    assert client.is_connected
    # The next connect reads anew.
    await client.connect(frame_policy=Bounded(8))
    world.shows(3)
    await until(lambda: len(saver.saved) == 6)


@pytest.mark.parametrize(("policy", "shown"), [(Newest(), [0, 2]), (Bounded(8), [0, 0, 1, 2])])
@pytest.mark.parametrize("leave", ["disconnect", "aclose"])
async def test_who_leaves_still_gets_what_waits(
    client: Odyssey, world: World, policy: Any, shown: list[int], leave: str
) -> None:
    saver = Saver()
    await saver.connect(client, world, frame_policy=policy)
    world.shows(3)
    async with anyio.create_task_group() as group:
        group.start_soon(getattr(client, leave))
        await until(lambda: not client.is_connected)
        saver.may_go.set()
    assert saver.saved == shown
    account = client.statistics().frames
    assert account.received == account.delivered + sum(account.dropped.values()) == 4
    assert account.delivered == len(shown)


async def test_a_connected_client_changes_the_policy_and_keeps_it_if_none_is_given(
    client: Odyssey, world: World
) -> None:
    saver = Saver()
    await saver.connect(client, world)
    await client.connect(frame_policy=Bounded(8))
    await client.connect()
    world.shows(3)
    saver.may_go.set()
    await until(lambda: len(saver.saved) == 4)
    assert saver.saved == [0, 0, 1, 2]


@pytest.mark.parametrize("policy", [64, "newest", Bounded, True])
async def test_what_is_no_policy_is_refused_before_anything_is_sent(
    client: Odyssey, world: World, policy: Any
) -> None:
    for call in (client.connect, lambda **more: connect_to_stream("http://h", "t", **more)):
        with pytest.raises(OdysseyValueError, match=r"frame_policy must be Newest\(\), .* or None, not"):
            await call(frame_policy=policy)
    for read in (client.frames, client.stream().frames):
        with pytest.raises(OdysseyValueError, match="policy must be Newest"):
            read(policy)
    assert not world.asked


async def test_a_spectator_refuses_what_is_no_policy() -> None:
    settings = SpectatorSettings(webrtc_url="http://h", token=Secret("t"), audio=True)
    own = NetworkTransports()
    spectator = SpectatorConnection(
        settings, Transports(own.exchanges, own.sockets, media), ConnectHandlers(), TracePolicy()
    )
    try:
        for read in (spectator.frames, spectator.audio):
            with pytest.raises(OdysseyValueError, match="policy must be Newest"):
                read(cast("Any", "newest"))
    finally:
        await spectator.disconnect()


async def test_a_plain_handler_that_blocks_the_loop_misses_nothing_of_real_video() -> None:
    times: list[int] = []

    def save(frame: VideoFrame) -> None:
        times.append(frame.timestamp_ms)
        if len(times) == 5:
            time.sleep(1.5)

    async with serve() as service, Odyssey("ody_test", api_url=service.url) as client:
        await client.connect(on_video_frame=save, frame_policy=Bounded(256))
        await client.start_stream("A cat")
        with anyio.fail_after(WITHIN):
            while len(times) < 60:
                await anyio.sleep(0.01)
        dropped = client.statistics().frames.dropped
    assert not dropped.keys() & {"replaced", "overflow"}
    assert times == sorted(times)
