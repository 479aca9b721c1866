"""Negotiating: offers, candidates, and what is named that did not come."""

import pytest
from attrs import evolve

from odyssey_proto.kernel.failures import FailureKind, Phase
from odyssey_proto.kernel.machine import after, seconds
from odyssey_proto.messages import signaling
from odyssey_proto.model import events as e
from odyssey_proto.model.events import ConnectionStatus as S
from odyssey_proto.seam import inputs as i
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.commands import Connect
from odyssey_proto.seam.inputs import TransportError, TransportErrorKind
from odyssey_proto.testing.by_hand import (
    OFFER,
    PEER,
    RENEWAL,
    connecting,
)
from odyssey_proto.testing.situations import Situation, connected, reached


def test_candidates_may_come_before_the_offer() -> None:
    world = reached(Situation.AWAITING_OFFER)
    early = i_candidate("candidate:1 1 udp 1 127.0.0.1 9 typ host")
    world.server_says(early)
    world.server_says(OFFER)
    added = [out for out in world.last if isinstance(out, o.AddCandidate)]
    assert [out.candidate.candidate for out in added if out.candidate] == ["1 1 udp 1 127.0.0.1 9 typ host"]
    world.finish()


def test_the_end_of_the_candidates_is_passed_on() -> None:
    world = reached(Situation.AWAITING_OFFER)
    world.server_says(OFFER)
    world.server_says(i_candidate(""))
    assert world.last == (o.AddCandidate(PEER, None),)
    world.finish()


def i_candidate(text: str) -> signaling.IceCandidate:
    return signaling.IceCandidate(text, "0", 0)


@pytest.mark.parametrize(
    "text",
    [
        "candidate:1 1 udp 1 127.0.0.1 99999 typ host",
        "candidate:8 1 udp 1 192.0.2.9 5000 typ host raddr 1.2.3.4 rport abc",
        "candidate:8 1 udp 1 192.0.2.9 5000 typ",
        "candidate:8 1 udp high 192.0.2.9 5000 typ host",
    ],
)
def test_a_bad_candidate_does_not_end_the_connection(text: str) -> None:
    world = reached(Situation.AWAITING_OFFER)
    world.server_says(i_candidate(text))
    assert world.events[-1].fatal is False
    assert world.the(Connect).pending
    world.finish()


def test_a_malformed_offer_is_the_reason_at_once() -> None:
    world = reached(Situation.AWAITING_OFFER)
    world.server_says(signaling.Offer("hello"))
    assert (world.the(Connect).failure.kind, world.the(Connect).failure.code) == (
        FailureKind.MALFORMED,
        "offer.malformed",
    )
    world.finish()


@pytest.mark.parametrize(
    ("offered", "missing"),
    [(False, ("offer",)), (True, ("data channel streamerToClient",))],
)
def test_what_did_not_come_is_named(offered: bool, missing: tuple[str, ...]) -> None:
    world = reached(Situation.AWAITING_OFFER)
    if offered:
        world.server_says(OFFER)
        *all_but_one, _ = connecting(PEER)
        world.media(*all_but_one)
    world.wait(seconds(30))
    failure = world.the(Connect).failure
    assert (failure.kind, failure.phase, failure.missing) == (FailureKind.TIMED_OUT, Phase.NEGOTIATE, missing)
    assert missing[0] in failure.text
    assert world.statuses[-1] is S.FAILED
    world.finish()


WHY = "turn:turn.example: 401 Unauthorized; turns:turn.example: no answer"


def test_without_a_relay_it_is_not_waited_for_long_and_the_error_says_why_of_each_server() -> None:
    world = reached(Situation.AWAITING_OFFER)
    world.server_says(OFFER)
    world.media(evolve(connecting(PEER)[0], no_relay=WHY))
    assert isinstance(world.signaled[-1], signaling.Answer)
    warned = world.events[-1]
    assert isinstance(warned, e.ErrorHappened)
    assert (warned.fatal, warned.failure.code) == (False, "network.no_relay")
    assert warned.failure.message == f"no TURN server gave a relay: {WHY}"
    world.wait(seconds(4.9))
    # As long as candidates come, another path may be found.
    world.server_says(i_candidate("candidate:1 1 udp 1 127.0.0.1 9 typ host"))
    world.wait(seconds(4.9))
    assert world.statuses[-1] is S.CONNECTING
    world.wait(seconds(0.2))
    failure = world.the(Connect).failure
    assert (failure.kind, failure.code) == (FailureKind.TIMED_OUT, "timeout.negotiate")
    assert failure.message.endswith(f"; no TURN server gave a relay: {WHY}")
    world.finish()


def test_where_a_path_was_found_the_rest_has_the_whole_time_and_no_relay_is_missed() -> None:
    world = reached(Situation.AWAITING_OFFER)
    world.server_says(OFFER)
    described, *rest, _ = connecting(PEER)
    world.media(evolve(described, no_relay=WHY), *rest)
    world.wait(seconds(29.9))
    assert world.statuses[-1] is S.CONNECTING
    world.wait(seconds(0.2))
    failure = world.the(Connect).failure
    assert failure.missing == ("data channel streamerToClient",)
    assert WHY not in failure.message
    world.finish()


def test_a_direct_connection_needs_no_relay() -> None:
    world = reached(Situation.AWAITING_OFFER)
    world.server_says(OFFER)
    described, *rest = connecting(PEER)
    world.media(evolve(described, no_relay=WHY), *rest)
    world.wait(seconds(100))
    assert world.statuses[-1] is S.CONNECTED
    # Nor does a further description end anything.
    world.server_says(OFFER)
    world.media(evolve(described, no_relay=WHY))
    world.wait(seconds(100))
    assert world.statuses[-1] is S.CONNECTED
    world.finish()


def test_an_engine_that_cannot_answer_is_the_reason() -> None:
    world = reached(Situation.AWAITING_OFFER)
    world.server_says(OFFER)
    world.media(i.PeerFailed(PEER, TransportError(TransportErrorKind.INTERNAL, "secret words")))
    assert world.the(Connect).failure.kind is FailureKind.MEDIA_FAILED
    assert "secret" not in repr(world.the(Connect).outcome)
    world.finish()


def test_a_second_offer_replaces_the_peer() -> None:
    world = connected()
    world.server_says(RENEWAL)
    assert [type(out) for out in world.last][:2] == [o.DropPeer, o.Happened]
    assert world.statuses[-1] is S.RECONNECTING
    world.goes_well()
    assert world.statuses[-1] is S.CONNECTED
    assert [type(event) for event in world.events].count(e.Connected) == 1
    world.finish()


def test_offers_without_end_do_not_push_the_deadline_away() -> None:
    world = reached(Situation.AWAITING_OFFER)
    deadline = world.client.deadline
    for _ in range(3):
        world.now = after(world.now, seconds(1))
        world.server_says(OFFER)
    assert deadline is not None
    assert world.client.deadline == deadline
    world.finish()
