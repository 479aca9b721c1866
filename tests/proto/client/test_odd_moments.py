"""What hardly ever happens to a client: strangers, things that come twice or late, two ends at once."""

from typing import Any

import pytest
from attrs import evolve

from odyssey_proto.client.live.peer import MAX_CANDIDATES
from odyssey_proto.kernel.failures import Failure, FailureKind, LocalProtocolError
from odyssey_proto.kernel.machine import Instant, seconds
from odyssey_proto.messages import signaling
from odyssey_proto.messages.stream import FROM_STREAMER
from odyssey_proto.model import events as e
from odyssey_proto.model.config import Timeouts
from odyssey_proto.model.events import ConnectionStatus as S
from odyssey_proto.model.validators import MAX_PROMPT_CHARS
from odyssey_proto.seam import inputs as i
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.commands import (
    Connect,
    EndStream,
    Interact,
)
from odyssey_proto.seam.http import json_reply
from odyssey_proto.seam.inputs import SdpKind, Wake
from odyssey_proto.testing.by_hand import OFFER, PEER, RENEWAL, SDP, SESSION_TOKEN, SETTINGS, ClientByHand
from odyssey_proto.testing.situations import Situation, connected, reached, streaming

CANDIDATE = signaling.IceCandidate("candidate:1 1 udp 1 127.0.0.1 9 typ host", "0", 0)


# --- strangers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "inp",
    [
        i.SocketText(i.SocketId(99), "{}"),
        i.SocketClosed(i.SocketId(99), 1006),
        i.PeerStateChanged(i.PeerId(99), i.PeerState.FAILED),
        i.Replied(99, json_reply({})),
    ],
)
@pytest.mark.parametrize("situation", [Situation.IDLE, Situation.QUEUEING, Situation.CONNECTED])
def test_what_belongs_to_nobody_is_nothing(inp: Any, situation: Situation) -> None:
    world = reached(situation)
    assert world.step(inp) == []
    world.finish()


def test_a_stranger_among_the_regions_pings_is_nothing() -> None:
    world = reached(Situation.PINGING_REGIONS)
    assert [request.url for request in world.requests.values()] == ["https://r1.example/"]
    assert world.step(i.Replied(99, json_reply({}))) == []
    world.finish()


def test_an_early_wake_during_the_pings_changes_nothing() -> None:
    world = reached(Situation.PINGING_REGIONS)
    world.now = Instant(world.now + 1)
    assert world.step(Wake()) == []
    world.finish()


def test_regions_that_answer_nothing_hold_up_nobody() -> None:
    world = reached(Situation.PINGING_REGIONS)
    deadline = world.client.deadline
    assert deadline is not None
    world.now = deadline.at
    world.step(Wake())
    assert any(request.url.endswith("/sessions/request") for request in world.requests.values())
    world.finish()


def test_a_candidate_for_a_connection_that_just_ended_is_nothing() -> None:
    world = connected()
    world.media(i.ChannelDown(PEER, FROM_STREAMER))
    assert world.server_says(CANDIDATE) == []
    world.finish()


def test_a_region_that_does_not_answer_holds_up_nothing_for_long() -> None:
    world = reached(Situation.PINGING_REGIONS)
    world.wait(seconds(5))
    assert world.paths == ["/sessions/request"]
    world.abandon(world.the(Connect))


def test_an_old_session_hears_the_end_of_its_own_socket() -> None:
    world = connected()
    leaving = world.disconnect()
    connect = world.connect()
    assert leaving.pending
    world.socket_closes(1000)
    assert leaving.result is None
    while connect.pending:
        world.goes_well()
    world.media(i.PeerStateChanged(i.PeerId(2), i.PeerState.NEW))
    world.finish()


# --- late and twice -------------------------------------------------------------------------------


def test_a_candidate_for_a_peer_that_has_ended_is_nothing() -> None:
    world = connected()
    world.media(i.PeerStateChanged(PEER, i.PeerState.CLOSED))
    world.server_says(CANDIDATE)
    assert world.last == ()
    world.finish()


@pytest.mark.parametrize("early", [0, 5, MAX_CANDIDATES + 5])
def test_no_more_candidates_are_taken_than_make_sense(early: int) -> None:
    world = reached(Situation.AWAITING_OFFER)
    for _ in range(early):
        world.server_says(CANDIDATE)
    world.server_says(OFFER)
    for _ in range(MAX_CANDIDATES + 5):
        world.server_says(CANDIDATE)
    taken = world.outputs(o.AddCandidate)
    assert len(taken) == MAX_CANDIDATES
    world.finish()


def test_what_did_not_come_may_be_our_own_description() -> None:
    world = reached(Situation.AWAITING_OFFER)
    world.server_says(OFFER)
    world.wait(seconds(30))
    assert world.the(Connect).failure.missing == ("local description",)
    world.finish()


def test_a_second_answer_of_the_engine_is_not_sent() -> None:
    world = connected()
    assert world.media(i.LocalDescription(PEER, SdpKind.ANSWER, SDP)) == []
    world.finish()


@pytest.mark.parametrize("text", ["{}", '{"type": "error", "reason": "late"}'])
def test_who_leaves_listens_no_more(text: str) -> None:
    world = connected()
    world.disconnect()
    assert world.server_says(text) == []
    world.finish()


def test_who_leaves_while_it_prepares_waits_for_the_token_only() -> None:
    world = reached(Situation.PREPARING)
    assert world.paths == ["/sessions/token", "/config"]
    world.disconnect()
    assert world.paths == ["/sessions/token"]
    world.reply(json_reply({"session_token": SESSION_TOKEN, "expires_in": 600}))
    assert any(isinstance(out, o.OpenSocket) for out in world.last)
    world.finish()


def test_who_leaves_without_a_session_has_nothing_to_give_back() -> None:
    world = reached(Situation.QUEUEING)
    leaving = world.disconnect()
    assert leaving.pending
    world.reply(json_reply({"detail": "broken"}, 500))
    assert leaving.result is None
    world.finish()


def test_several_losses_at_one_moment_are_one_loss() -> None:
    world = streaming()
    prompt = world.interact("one")
    world.media(i.ChannelDown(PEER, FROM_STREAMER))
    world.now = Instant(world.now + seconds(3600))
    world.step(Wake())
    assert [type(event) for event in world.events].count(e.Disconnected) == 1
    assert isinstance(prompt.outcome, Failure)
    world.finish()


def test_a_failed_negotiation_is_reported_once_even_if_everything_is_overdue() -> None:
    world = reached(Situation.AWAITING_OFFER)
    world.server_says(OFFER)
    world.media(i.PeerStateChanged(PEER, i.PeerState.DISCONNECTED))
    world.now = Instant(world.now + seconds(3600))
    world.step(Wake())
    assert [event.status for event in world.events if isinstance(event, e.StatusChanged)].count(S.FAILED) == 1
    world.finish()


def test_a_peer_that_is_lost_is_asked_for_no_keyframe() -> None:
    world = streaming()
    world.media(i.MediaSeen(PEER, 24))
    world.wait(seconds(2.8))
    world.media(i.ChannelDown(PEER, FROM_STREAMER))
    world.wait(seconds(0.3))
    assert world.events[-1] == e.FramesStalled(24)
    assert not world.outputs(o.AskKeyframe)
    world.finish()


# --- streams --------------------------------------------------------------------------------------


def test_a_start_that_is_given_up_while_media_is_renewed_is_not_taken_back() -> None:
    world = connected()
    start = world.start("A cat")
    world.server_says(RENEWAL)
    world.abandon(start)
    assert start.failure.kind is FailureKind.ABANDONED
    assert not any(isinstance(out, o.ChannelSend) for out in world.last)
    world.finish()


@pytest.mark.parametrize("what", [Interact("two"), EndStream()])
def test_who_is_not_the_first_in_line_may_be_given_up(what: Any) -> None:
    world = streaming()
    prompt = world.interact("one")
    command = world.give(what)
    world.abandon(command)
    assert (prompt.outcome, command.failure.kind) == (..., FailureKind.ABANDONED)
    world.finish()


def test_an_image_is_refused_where_the_streamer_takes_none() -> None:
    world = reached(Situation.QUEUEING)
    world.reply(json_reply({"session_id": "s1", "signalling_url": "wss://sig.example", "capabilities": {}}))
    for _ in range(5):
        world.goes_well()
    assert world.client.status is S.CONNECTED
    steps = len(world.steps)
    with pytest.raises(LocalProtocolError, match="takes no images") as caught:
        world.start("A cat", image="data:image/png;base64,AAAA")
    assert caught.value.failure.code == "image.not_taken"
    assert len(world.steps) == steps


@pytest.mark.parametrize(
    ("prompt", "words"),
    [(7, "must be text"), ("a" * (MAX_PROMPT_CHARS + 1), "the most is"), ("\ud800", "an unpaired surrogate")],
)
def test_a_prompt_that_cannot_be_sent_is_refused(prompt: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Interact(prompt)


def test_who_waits_for_the_goodbye_may_be_cancelled() -> None:
    world = connected()
    leaving = world.disconnect()
    world.abandon(leaving)
    assert leaving.failure.kind is FailureKind.ABANDONED
    world.finish()


# --- calls ----------------------------------------------------------------------------------------


def test_who_waits_for_a_token_that_never_comes_is_reported_once() -> None:
    settings = evolve(SETTINGS, timeouts=Timeouts(authenticate=5, call=5))
    world = ClientByHand(settings)
    calls = [world.call("recordings.get", name) for name in ("a", "b", "c")]
    world.jump(seconds(5))
    world.step(Wake())
    assert [call.failure.kind for call in calls] == [FailureKind.TIMED_OUT] * 3
    world.finish()


def test_the_last_who_waits_for_a_token_takes_its_fetch_along() -> None:
    world = ClientByHand()
    first_call = world.call("recordings.get", "a")
    second_call = world.call("recordings.get", "b")
    world.abandon(first_call)
    assert len(world.requests) == 1
    world.abandon(second_call)
    assert not world.requests
    world.finish()


def test_a_token_is_renewed_once_for_all_who_used_it() -> None:
    world = ClientByHand()
    for name in ("a", "b"):
        world.call("recordings.get", name)
    world.reply(json_reply({"access_token": "t1", "expires_in": 3600}))
    world.reply(json_reply({"detail": "expired"}, 401))
    world.reply(json_reply({"detail": "expired"}, 401))
    assert world.paths == ["/auth/token"]
    world.reply(json_reply({"access_token": "t2", "expires_in": 3600}))
    assert len(world.requests) == 2
    world.finish()


def test_a_full_house_without_a_queue_says_just_that() -> None:
    world = ClientByHand(evolve(SETTINGS, timeouts=Timeouts(queue=0)))
    connect = world.connect()
    for _ in range(3):
        world.goes_well()
    world.reply(json_reply({"detail": "full"}, 503))
    failure = connect.failure
    assert failure.kind is FailureKind.NO_CAPACITY
    assert "within" not in failure.text
    world.finish()


@pytest.mark.parametrize("replies", [0, 4])
def test_a_minting_that_is_refused_ends_with_that(replies: int) -> None:
    world = ClientByHand()
    minting = world.mint_credentials()
    for _ in range(replies):
        world.goes_well()
    world.reply(json_reply({"detail": "no"}, 403))
    assert minting.failure.status == 403
    world.finish()


def test_the_second_of_two_mintings_may_be_given_up() -> None:
    world = ClientByHand()
    first_minting = world.mint_credentials()
    second_minting = world.mint_credentials()
    world.abandon(second_minting)
    assert (first_minting.outcome, second_minting.failure.kind) == (..., FailureKind.ABANDONED)
    world.finish()


def test_a_minted_token_that_is_none_is_no_credential() -> None:
    world = ClientByHand()
    minting = world.mint_credentials()
    for _ in range(4):
        world.goes_well()
    world.reply(json_reply({"session_token": "nonsense", "expires_in": 600}))
    assert minting.failure.kind is FailureKind.MALFORMED
    world.finish()


@pytest.mark.parametrize(
    "behind", [OFFER, signaling.SignalingError("streamer_disconnected"), '{"type": "offer"}']
)
def test_what_was_kept_behind_the_end_of_a_session_counts_no_more(
    behind: signaling.SignalingMessage | str,
) -> None:
    world = reached(Situation.HALF_PREPARED)
    world.socket_opens()
    world.server_says(signaling.SignalingError("streamer_disconnected"))
    world.server_says(behind)
    world.goes_well()
    assert len(world.events_of(e.ErrorHappened)) == 1
    assert len(world.outputs(o.MakePeer)) == len(world.outputs(o.DropPeer)) == 1
    world.finish()
