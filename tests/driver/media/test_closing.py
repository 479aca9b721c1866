"""A peer can be closed at every moment of a negotiation, and leaves nothing (the leak checks look)."""

import asyncio
from typing import Any

import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription

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
