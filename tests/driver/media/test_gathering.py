"""A search for candidates can be given up at every moment, and leaves nothing (the leak checks look)."""

import asyncio
import socket
from collections.abc import Callable, Iterator

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection

from odyssey_anyio.media.gathering import Gathering
from odyssey_anyio.media.servers import ServerSearch
from odyssey_proto.kernel.machine import seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.model.ice import IceConfig, IceServer


@pytest.fixture
def silent() -> Iterator[int]:
    """Returns the port of a server that never answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        yield server.getsockname()[1]


def search(port: int, gather: float = 30.0) -> ServerSearch:
    """Asks two servers, as patiently as said."""
    servers = (
        IceServer((f"stun:127.0.0.1:{port}",)),
        IceServer((f"turn:127.0.0.1:{port}",), Secret("u"), Secret("p")),
    )
    return ServerSearch(IceConfig(servers, gather=seconds(gather)))


def connection() -> RTCPeerConnection:
    """A connection that knows no server."""
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    # Two transports, which gather side by side.
    pc.addTransceiver("video", direction="recvonly")
    pc.createDataChannel("control")
    return pc


async def given_up(port: int, until: Callable[[int], bool]) -> tuple[int, bool]:
    """Gathers for so many turns, gives up; tells how many sockets were open then, and how it ended."""
    attempt = Gathering(connection(), search(port))
    description = await attempt.pc.createOffer()
    gathering = asyncio.create_task(attempt.gather(description))
    turns = 0
    while not until(turns):
        await asyncio.sleep(0)
        turns += 1
    gathering.cancel()
    await asyncio.wait([gathering])
    await attempt.aclose()
    return turns, attempt.pc.connectionState == "closed"


@pytest.mark.parametrize("turns", range(40))
def test_given_up_at_every_turn(silent: int, turns: int) -> None:
    assert asyncio.run(given_up(silent, lambda now: now == turns)) == (turns, True)


def test_given_up_while_servers_are_asked(silent: int) -> None:
    def asked(_: int) -> bool:
        names = [getattr(task.get_coro(), "__name__", "") for task in asyncio.all_tasks()]
        return names.count("ask_server") >= 2

    assert asyncio.run(given_up(silent, asked))[1]


def test_only_its_own_questions_are_taken_away(silent: int) -> None:
    async def two() -> str | None:
        patient = Gathering(connection(), search(silent, 1.0))
        hasty = Gathering(connection(), search(silent))
        waiting = asyncio.create_task(patient.gather(await patient.pc.createOffer()))
        giving_up = asyncio.create_task(hasty.gather(await hasty.pc.createOffer()))
        await asyncio.sleep(0.05)
        await hasty.aclose()
        assert "typ host" in (await giving_up or "")
        try:
            return await waiting
        finally:
            await patient.aclose()

    assert "typ host" in (asyncio.run(two()) or "")


def test_closed_before_it_began(silent: int) -> None:
    async def close() -> str:
        attempt = Gathering(connection(), search(silent))
        await attempt.aclose()
        return str(attempt.pc.connectionState)

    assert asyncio.run(close()) == "closed"
