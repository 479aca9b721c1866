"""A server that sends more messages than can be taken leaves the loop to others in between."""

from itertools import pairwise

import anyio.lowlevel
import pytest
from anyio.abc import ByteStream
from house.tcp_server import scripted

from odyssey_anyio.net.websocket import PIECE_BYTES
from tests.driver.net.test_websocket import opened, shaken

pytestmark = pytest.mark.anyio

COUNT = 5000


async def test_a_flood_of_messages_lets_others_have_their_turn() -> None:
    async def flooding(stream: ByteStream, number: int) -> None:
        await shaken(stream)
        await stream.send(b"\x81\x02{}" * COUNT + b"\x88\x02\x03\xe8")
        await stream.receive()

    seen = [0]
    async with scripted(flooding) as port, opened(f"ws://127.0.0.1:{port}/") as socket:
        while seen[-1] < COUNT + len(["opened", "closed"]):
            await anyio.lowlevel.checkpoint()
            seen.append(len(socket.received))
    # A message has four bytes, and two pieces may be taken between two turns.
    assert max(after - before for before, after in pairwise(seen)) <= PIECE_BYTES
