"""Two media engines that are none: what becomes of orders that come out of turn."""

from odyssey_proto.conversations import Side
from odyssey_proto.model.ice import IceConfig
from odyssey_proto.seam.inputs import PeerId, SdpKind
from odyssey_proto.seam.outputs import AskKeyframe, DropPeer, MakePeer, SetRemote
from odyssey_proto.testing.fake_media import FakeMedia, describe

PEER = PeerId(1)


def test_orders_for_a_peer_that_is_not_there_do_nothing() -> None:
    media = FakeMedia()
    assert media.order(Side.CLIENT, DropPeer(PEER)) == []
    assert media.order(Side.CLIENT, AskKeyframe(PEER)) == []


def test_an_answer_of_nobody_connects_nothing() -> None:
    media = FakeMedia()
    media.order(Side.SERVER, MakePeer(PEER, IceConfig(), sends=True))
    assert media.order(Side.SERVER, SetRemote(PEER, SdpKind.ANSWER, describe("client/7"))) == []
