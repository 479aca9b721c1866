"""Negotiating: offers, candidates, and what is named that did not come."""

import pytest
from core.gauntlet import advance, begun
from core.material import READY, SDP
from core.session import (
    PEER,
    last,
    outcome,
    signals,
    statuses,
    told,
    wait,
)

from odyssey_proto.kernel.failures import FailureKind, Phase
from odyssey_proto.kernel.machine import after, seconds
from odyssey_proto.messages import signaling
from odyssey_proto.messages.stream import TO_STREAMER
from odyssey_proto.model import events as e
from odyssey_proto.model.status import ConnectionStatus as S
from odyssey_proto.seam import inputs as i
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.inputs import PeerState, SdpKind, TransportError, TransportErrorKind


def test_candidates_may_come_before_the_offer() -> None:
    world = begun(7)
    early = i_candidate("candidate:1 1 udp 1 127.0.0.1 9 typ host")
    signals(world, early)
    signals(world, signaling.Offer(SDP))
    added = [out for out in last(world) if isinstance(out, o.AddCandidate)]
    assert [out.candidate.candidate for out in added if out.candidate] == ["1 1 udp 1 127.0.0.1 9 typ host"]
    world.finish()


def test_the_end_of_the_candidates_is_passed_on() -> None:
    world = begun(7)
    signals(world, signaling.Offer(SDP))
    signals(world, i_candidate(""))
    assert last(world) == (o.AddCandidate(PEER, None),)
    world.finish()


def i_candidate(text: str) -> signaling.IceCandidate:
    return signaling.IceCandidate(text, "0", 0)


def test_a_bad_candidate_does_not_end_the_connection() -> None:
    world = begun(7)
    signals(world, i_candidate("candidate:1 1 udp 1 127.0.0.1 99999 typ host"))
    assert told(world)[-1].fatal is False
    assert outcome(world, 1) is ...
    world.finish()


def test_a_malformed_offer_is_the_reason_at_once() -> None:
    world = begun(7)
    signals(world, signaling.Offer("hello"))
    assert (outcome(world, 1).kind, outcome(world, 1).code) == (FailureKind.MALFORMED, "offer.malformed")
    world.finish()


@pytest.mark.parametrize(
    ("depth", "missing"),
    [(0, ("offer",)), (1, ("data channel streamerToClient",))],
)
def test_what_did_not_come_is_named(depth: int, missing: tuple[str, ...]) -> None:
    world = begun(7)
    if depth == 1:
        signals(world, signaling.Offer(SDP))
        world.step(i.LocalDescription(PEER, SdpKind.ANSWER, SDP))
        world.step(i.PeerStateChanged(PEER, PeerState.CONNECTED))
        world.step(i.TrackUp(PEER, i.MediaKind.VIDEO))
        world.step(i.ChannelUp(PEER, TO_STREAMER, 100))
    wait(world, 30)
    failure = outcome(world, 1)
    assert (failure.kind, failure.phase, failure.missing) == (FailureKind.TIMED_OUT, Phase.NEGOTIATE, missing)
    assert missing[0] in failure.text
    assert statuses(world)[-1] is S.FAILED
    world.finish()


def test_an_engine_that_cannot_answer_is_the_reason() -> None:
    world = begun(7)
    signals(world, signaling.Offer(SDP))
    world.step(i.PeerFailed(PEER, TransportError(TransportErrorKind.INTERNAL, "secret words")))
    assert outcome(world, 1).kind is FailureKind.MEDIA_FAILED
    assert "secret" not in repr(outcome(world, 1))
    world.finish()


def test_a_second_offer_replaces_the_peer() -> None:
    world = begun(READY)
    signals(world, signaling.Offer(SDP))
    assert [type(out) for out in last(world)][:2] == [o.DropPeer, o.Happened]
    assert statuses(world)[-1] is S.RECONNECTING
    advance(world, 0)
    assert statuses(world)[-1] is S.CONNECTED
    assert [type(event) for event in told(world)].count(e.Connected) == 1
    world.finish()


def test_offers_without_end_do_not_push_the_deadline_away() -> None:
    world = begun(7)
    deadline = world.client.deadline
    for _ in range(3):
        world.now = after(world.now, seconds(1))
        signals(world, signaling.Offer(SDP))
    assert deadline is not None
    assert world.client.deadline == deadline
    world.finish()
