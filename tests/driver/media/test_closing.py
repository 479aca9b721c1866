"""A peer can be closed at every moment of a negotiation, and leaves nothing (the leak checks look)."""

import asyncio
from typing import Any

import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.exceptions import InvalidStateError

from odyssey_anyio.media import aiortc_internals
from odyssey_anyio.media.aiortc_internals import end_connect_quietly
from odyssey_anyio.media.delivery import PeerFrames
from odyssey_anyio.media.peer import Peer
from odyssey_proto.model.ice import IceConfig
from odyssey_proto.seam.inputs import LocalDescription, PeerId, SdpKind
from odyssey_proto.seam.outputs import MakeAnswer, MakeOffer, MakePeer, SetRemote

PEER = PeerId(1)


class Side:
    """A peer of ours, and what it described."""

    def __init__(self) -> None:
        order = MakePeer(PEER, IceConfig(), channels=("control",))
        self.described: asyncio.Future[LocalDescription] = asyncio.get_running_loop().create_future()
        self.peer = Peer(order, self._notice, PeerFrames())

    def _notice(self, notice: Any) -> None:
        if isinstance(notice, LocalDescription):
            self.described.set_result(notice)


async def turned(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def closed_while_it_offers(turns: int) -> bool:
    side, other = Side(), RTCPeerConnection()
    side.peer.take(MakeOffer(PEER))
    offer = (await side.described).sdp
    await other.setRemoteDescription(RTCSessionDescription(offer, "offer"))
    await other.setLocalDescription(await other.createAnswer())
    # The answer bundles everything, so one of the transports is closed while it is applied.
    side.peer.take(SetRemote(PEER, SdpKind.ANSWER, other.localDescription.sdp))
    await turned(turns)
    await side.peer.aclose()
    await other.close()
    return True


async def closed_while_it_answers(turns: int) -> bool:
    side, other = Side(), RTCPeerConnection()
    other.addTransceiver("video", direction="recvonly")
    other.createDataChannel("control")
    await other.setLocalDescription(await other.createOffer())
    side.peer.take(SetRemote(PEER, SdpKind.OFFER, other.localDescription.sdp))
    side.peer.take(MakeAnswer(PEER))
    await turned(turns)
    await side.peer.aclose()
    await other.close()
    return True


@pytest.mark.parametrize("turns", range(0, 40, 2))
@pytest.mark.parametrize("story", [closed_while_it_offers, closed_while_it_answers])
def test_closed_at_every_turn(story: Any, turns: int) -> None:
    assert asyncio.run(story(turns))


class Connecting:
    """What aiortc has of a connection whose second transport is closed before it is started."""

    def __init__(self, state: str) -> None:
        self.signalingState = state

    async def _RTCPeerConnection__connect(self) -> None:  # noqa: N802  # the name that Python gives it
        raise InvalidStateError("RTCIceTransport is closed")


def test_a_connection_that_is_closed_while_it_connects_leaves_no_failed_task() -> None:
    closed, stable = Connecting("closed"), Connecting("stable")
    assert end_connect_quietly(closed)
    assert end_connect_quietly(stable)
    asyncio.run(closed._RTCPeerConnection__connect())
    with pytest.raises(InvalidStateError):
        asyncio.run(stable._RTCPeerConnection__connect())


def test_a_peer_of_ours_connects_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def closed_meanwhile(pc: RTCPeerConnection) -> None:
        raise InvalidStateError("RTCIceTransport is closed")

    async def connected() -> str:
        side = Side()
        pc = side.peer._make(None)
        await pc.close()
        await pc._RTCPeerConnection__connect()
        await side.peer.aclose()
        return str(pc.signalingState)

    monkeypatch.setattr(RTCPeerConnection, "_RTCPeerConnection__connect", closed_meanwhile)
    assert asyncio.run(connected()) == "closed"


def test_an_unknown_aiortc_connects_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aiortc_internals, "KNOWN_VERSIONS", ("0.",))
    pc = Connecting("closed")
    assert not end_connect_quietly(pc)
    with pytest.raises(InvalidStateError):
        asyncio.run(pc._RTCPeerConnection__connect())


def test_the_aiortc_that_is_known_has_the_task_that_connects() -> None:
    async def made() -> bool:
        pc = RTCPeerConnection()
        try:
            return end_connect_quietly(pc)
        finally:
            await pc.close()

    assert asyncio.run(made())
