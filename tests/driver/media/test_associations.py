"""What of an association is lost is sent again soon: real ends of SCTP, in virtual time."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from aiortc import RTCDataChannel, RTCDataChannelParameters
from aiortc.rtcsctptransport import InitChunk
from house.lossy_paths import Loses, Messages, association, in_virtual_time, now

from odyssey_anyio.media import data_channels, handshakes


async def converse(
    loses: Loses, disturb: Callable[[Any, Any], Coroutine[Any, Any, None]] | None = None
) -> float:
    """Opens an association and a channel, says something on it, and returns how long that takes."""
    sent: list[bytes] = []
    paths = [Messages(role, loses, sent) for role in ("controlled", "controlling")]
    paths[0].other, paths[1].other = paths[1], paths[0]
    one, other = ends = [association(path) for path in paths]
    for end in ends:
        data_channels.guard(end)
    running = [asyncio.create_task(path.run()) for path in paths]
    said: asyncio.Queue[str] = asyncio.Queue()
    other.on("datachannel", lambda channel: channel.on("message", said.put_nowait))
    channel = RTCDataChannel(one, RTCDataChannelParameters(label="down"))
    for end, remote in ((one, other), (other, one)):
        await end.start(remote.getCapabilities(), remote.port)
    async with asyncio.timeout(60):
        while channel.readyState != "open":
            await asyncio.sleep(0.001)
        if disturb is not None:
            await disturb(one, other)
        channel.send("hello")
        assert await said.get() == "hello"
    took = now()
    for end in ends:
        await end.stop()
    for task in running:
        task.cancel()
    await asyncio.wait(running)
    return took


@pytest.mark.parametrize("lost", range(3), ids=["INIT", "INIT ACK", "COOKIE ECHO"])
def test_what_begins_an_association_is_sent_again_soon(lost: int) -> None:
    # Both ends begin, and one beginning would do.
    took = in_virtual_time(lambda: converse(lambda number: number // 2 == lost))
    assert took == pytest.approx(handshakes.FIRST_SECONDS, abs=0.01)


@pytest.mark.parametrize("lost", range(8, 12))
def test_what_is_lost_on_a_channel_is_sent_again_sooner_than_after_a_second(lost: int) -> None:
    took = in_virtual_time(lambda: converse(lambda number: number == lost))
    assert took < data_channels.MIN_TIMEOUT_SECONDS + 0.1


def test_a_late_beginning_does_not_make_an_association_forget_what_it_received() -> None:
    async def late(one: Any, other: Any) -> None:
        chunk = InitChunk()
        chunk.initiate_tag, chunk.advertised_rwnd = one._local_verification_tag, 1024
        chunk.outbound_streams = chunk.inbound_streams = 1024
        chunk.initial_tsn = 0
        await other._receive_chunk(chunk)

    assert in_virtual_time(lambda: converse(lambda number: False, late)) < 1
