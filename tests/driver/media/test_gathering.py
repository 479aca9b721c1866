"""A search for candidates can be given up at every moment, and leaves nothing (the leak checks look)."""

import asyncio
import socket
from collections.abc import Callable, Iterator

import pytest
from aioice import ice
from aiortc import RTCConfiguration, RTCPeerConnection

from odyssey_anyio.media import gathering
from odyssey_anyio.media.connection import NO_ADDRESS
from odyssey_anyio.media.engine import Engine
from odyssey_anyio.media.gathering import Gathering
from odyssey_anyio.media.servers import ServerSearch
from odyssey_proto.kernel.machine import seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.model.ice import IceConfig, IceServer
from odyssey_proto.seam.inputs import PeerFailed, TransportErrorKind
from odyssey_proto.seam.outputs import MakeOffer, MakePeer
from tests.driver.media.test_engine import PEER, End


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
    searching = asyncio.create_task(attempt.gather(description))
    turns = 0
    while not until(turns):
        await asyncio.sleep(0)
        turns += 1
    searching.cancel()
    await asyncio.wait([searching])
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


@pytest.mark.anyio
async def test_a_machine_without_an_address_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ice, "get_host_addresses", lambda use_ipv4, use_ipv6: [])
    monkeypatch.setattr(gathering, "loopback_addresses", list)
    alone = End(Engine())
    await alone.engine.start(alone.deliver)
    try:
        alone.engine.order(MakePeer(PEER, IceConfig()))
        alone.engine.order(MakeOffer(PEER))
        failed = await alone.until(lambda notice: isinstance(notice, PeerFailed))
    finally:
        await alone.engine.aclose()
    assert (failed.error.kind, failed.error.detail) == (TransportErrorKind.UNREACHABLE, NO_ADDRESS)
    assert caplog.messages == [f"a peer connection broke: {NO_ADDRESS}"]
