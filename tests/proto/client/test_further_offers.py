"""More than one offer, and more in an offer than is needed."""

import re

import pytest
from attrs import evolve

from odyssey_proto.kernel.failures import FailureKind
from odyssey_proto.kernel.machine import seconds
from odyssey_proto.messages import signaling
from odyssey_proto.messages.stream import FROM_STREAMER, TO_STREAMER
from odyssey_proto.model.events import ConnectionStatus as S
from odyssey_proto.seam import inputs as i
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.commands import Connect
from odyssey_proto.seam.inputs import PeerId, SdpKind, TransportError, TransportErrorKind
from odyssey_proto.testing.by_hand import PEER, SDP, SETTINGS, ClientByHand
from odyssey_proto.testing.fake_media import describe
from odyssey_proto.testing.situations import Situation, connected, reached


def named(name: str) -> str:
    """Returns the offer of a peer of its own."""
    return describe(name)


def further(sdp: str = SDP, version: int = 2, fragment: str = "") -> str:
    """Returns a further offer of the same peer; with other credentials it restarts ICE."""
    sdp = sdp.replace("o=- 1 1", f"o=- 1 {version}")
    return re.sub("(?m)^a=ice-ufrag:.*?\r$", f"a=ice-ufrag:{fragment}\r", sdp) if fragment else sdp


def offers(world: ClientByHand, *texts: str) -> None:
    for text in texts:
        world.server_says(signaling.Offer(text))


def taken(world: ClientByHand) -> list[str]:
    """Returns the names of the offers for which a peer was made."""
    given = [order.sdp for order in world.outputs(o.SetRemote)]
    return [sdp.partition("s=")[2].partition("\r")[0] for sdp in given]


def newest(world: ClientByHand) -> PeerId:
    return world.outputs(o.MakePeer)[-1].peer


def test_while_an_offer_is_answered_only_the_newest_waits() -> None:
    world = reached(Situation.AWAITING_OFFER)
    offers(world, *(named(f"offer {at}") for at in range(12)))
    world.server_says(signaling.IceCandidate("candidate:1 1 udp 1 192.0.2.1 9 typ host", "0", 0))
    assert taken(world) == ["offer 0"]
    world.media(i.LocalDescription(PEER, SdpKind.ANSWER, SDP))
    assert taken(world) == ["offer 0", "offer 11"]
    orders = [o.DropPeer, o.MakePeer, o.SetRemote, o.MakeAnswer, o.AddCandidate]
    assert [type(out) for out in world.last] == orders
    world.media_connects(newest(world))
    assert world.statuses[-1] is S.CONNECTED
    world.finish()


def test_more_offers_than_twelve_within_a_minute_end_the_session_and_say_so() -> None:
    world = reached(Situation.AWAITING_OFFER)
    offers(world, *[SDP] * 4000)
    failure = world.the(Connect).failure
    assert (failure.kind, failure.code) == (FailureKind.MALFORMED, "offer.too_many")
    assert not failure.retryable
    assert "more than 12 offers within a minute" in failure.text
    assert len(taken(world)) == 1
    world.finish()


def test_offers_far_apart_are_renewals() -> None:
    world = connected()
    for number in range(20):
        world.wait(seconds(6))
        offers(world, named(f"renewal {number}"))
        world.media_connects(newest(world))
        assert world.statuses[-1] is S.CONNECTED
    world.finish()


@pytest.mark.parametrize("bad", ["hello", named("bad").replace("VP8", "AV1")])
def test_a_bad_offer_beside_a_good_one_costs_nothing(bad: str) -> None:
    world = connected()
    offers(world, bad)
    assert [type(out) for out in world.last] == [o.Happened]
    assert world.events[-1].fatal is False
    offers(world, named("good"), bad)
    world.media_connects(newest(world))
    assert world.statuses[-1] is S.CONNECTED
    assert isinstance(world.signaled[-1], signaling.Answer)
    world.finish()


def test_an_offer_that_fails_leaves_the_way_to_the_one_that_waits() -> None:
    world = reached(Situation.AWAITING_OFFER)
    offers(world, named("first"), named("second"))
    world.media(i.PeerFailed(PEER, TransportError(TransportErrorKind.MALFORMED)))
    assert taken(world) == ["first", "second"]
    world.media_connects(newest(world))
    assert world.statuses[-1] is S.CONNECTED
    world.finish()


@pytest.mark.parametrize(
    "sdp",
    [
        SDP,
        further(),
        further(fragment="anew"),
        further(SDP).replace("a=mid:0\r\n", "a=mid:0\r\na=inactive\r\n"),
    ],
)
def test_a_further_offer_of_the_same_peer_is_answered_on_its_connection(sdp: str) -> None:
    world = connected()
    offers(world, sdp)
    assert [type(out) for out in world.last] == [o.SetRemote, o.MakeAnswer]
    assert {out.peer for out in world.last} == {PEER}
    # Nothing else is changed: what is up may be used.
    assert world.statuses[-1] is S.CONNECTED
    world.start("A cat")
    world.media(i.LocalDescription(PEER, SdpKind.ANSWER, SDP))
    assert world.signaled[-1] == signaling.Answer(SDP)
    world.server_says(signaling.IceCandidate("candidate:1 1 udp 1 192.0.2.1 9 typ host", "0", 0))
    assert [type(out) for out in world.last] == [o.AddCandidate]
    assert world.statuses[-1] is S.CONNECTED
    world.finish()


@pytest.mark.parametrize(
    "sdp",
    [
        named("another"),
        further(named("another")),
        # The version says nothing of other credentials.
        re.sub("a=ice-ufrag:\\S+", "a=ice-ufrag:other", SDP),
        # Two transports, of which only one may be the one in use.
        further().replace("a=mid:1\r\n", "a=mid:1\r\na=ice-ufrag:other\r\n"),
    ],
)
def test_an_offer_of_another_peer_makes_a_new_connection(sdp: str) -> None:
    world = connected()
    offers(world, sdp)
    assert o.DropPeer in [type(out) for out in world.last]
    world.media_connects(newest(world))
    assert world.statuses[-1] is S.CONNECTED
    world.finish()


def test_while_a_further_offer_is_answered_the_newest_waits_with_its_candidates() -> None:
    world = reached(Situation.AWAITING_OFFER)
    offers(world, SDP, further(version=2), further(version=3, fragment="anew"))
    world.server_says(signaling.IceCandidate("candidate:1 1 udp 1 192.0.2.1 9 typ host", "0", 0))
    assert world.last == ()
    world.media(i.LocalDescription(PEER, SdpKind.ANSWER, SDP))
    assert [type(out) for out in world.last] == [o.SetRemote, o.MakeAnswer, o.AddCandidate]
    assert "a=ice-ufrag:anew" in world.outputs(o.SetRemote)[-1].sdp
    assert not any(isinstance(said, signaling.Answer) for said in world.signaled)
    world.media(i.LocalDescription(PEER, SdpKind.ANSWER, SDP))
    assert world.signaled[-1] == signaling.Answer(SDP)
    # An answer that nobody asked for means nothing.
    assert world.media(i.LocalDescription(PEER, SdpKind.ANSWER, SDP)) == []
    world.media_connects(PEER)
    assert world.statuses[-1] is S.CONNECTED
    world.finish()


def test_what_is_ignored_of_an_offer_is_reported_and_refused_in_the_answer() -> None:
    world = reached(Situation.AWAITING_OFFER)
    extra = "m=audio 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:2\r\na=rtpmap:96 MP4A-LATM/90000\r\n"
    offers(world, SDP + extra + "a=candidate:8 1 udp 1 192.0.2.9 5000 typ host rport abc\r\n")
    assert (world.events[-1].failure.code, world.events[-1].fatal) == ("offer.ignored", False)
    assert "section 3 (audio)" in world.events[-1].failure.text
    world.server_says(signaling.IceCandidate("candidate:1 1 udp 1 192.0.2.1 9 typ host", "2", None))
    assert world.last == ()
    world.media(i.LocalDescription(PEER, SdpKind.ANSWER, SDP))
    answer = world.signaled[-1]
    assert isinstance(answer, signaling.Answer)
    assert "m=audio 0 UDP/TLS/RTP/SAVPF 96" in answer.sdp
    world.finish()


def test_what_arrives_on_channels_and_is_none_of_ours_is_reported_and_survived() -> None:
    world = connected()
    for notice, code in (
        (i.ChannelUnreadable(PEER, TO_STREAMER, 3), "stream.malformed"),
        (i.ChannelDown(PEER, "strange"), "channel.unknown"),
        (
            i.ChannelText(PEER, FROM_STREAMER, f'{{"type":"news","x":"{"x" * 64 * 1024}"}}'),
            "stream.malformed",
        ),
    ):
        world.media(notice)
        assert (world.events[-1].failure.code, world.events[-1].fatal) == (code, False)
    assert world.media(i.ChannelUnreadable(PEER, "strange", 3)) == []
    assert world.statuses[-1] is S.CONNECTED
    world.finish()


def test_every_peer_of_a_client_that_wants_sound_is_made_to_receive_it() -> None:
    assert not any(made.audio for made in connected().outputs(o.MakePeer))
    world = connected(evolve(SETTINGS, audio=True))
    offers(world, named("another"))
    assert [made.audio for made in world.outputs(o.MakePeer)] == [True, True]
    world.finish()
