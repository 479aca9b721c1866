"""What hardly ever happens to a client: strangers, things that come twice or late, two ends at once."""

from typing import Any

import pytest
from attrs import evolve
from core.gauntlet import Gauntlet, advance, begun
from core.material import JWT, READY, SDP, SETTINGS
from core.session import PEER, SOCKET, last, live, outcome, reply, signals, told, wait

from odyssey_proto.client.live.peer import MAX_CANDIDATES
from odyssey_proto.kernel.errors import LocalProtocolError
from odyssey_proto.kernel.failures import Failure, FailureKind
from odyssey_proto.kernel.machine import Instant, seconds
from odyssey_proto.messages import signaling
from odyssey_proto.messages.stream import FROM_STREAMER
from odyssey_proto.model import events as e
from odyssey_proto.model.config import Timeouts
from odyssey_proto.model.prompt import MAX_PROMPT_CHARS
from odyssey_proto.model.status import ConnectionStatus as S
from odyssey_proto.seam import inputs as i
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.commands import (
    Abandon,
    Call,
    Command,
    CommandId,
    Connect,
    Disconnect,
    EndStream,
    Interact,
    MintCredentials,
    StartStream,
)
from odyssey_proto.seam.http import json_reply
from odyssey_proto.seam.inputs import SdpKind, Wake

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
@pytest.mark.parametrize("depth", [0, 3, READY])
def test_what_belongs_to_nobody_is_nothing(inp: Any, depth: int) -> None:
    world = begun(depth)
    assert world.step(inp) == []
    world.finish()


def test_a_stranger_among_the_regions_pings_is_nothing() -> None:
    world = begun(2)
    assert [request.url for request in world.pending.values()] == ["https://r1.example/"]
    assert world.step(i.Replied(99, json_reply({}))) == []
    world.finish()


def test_an_early_wake_during_the_pings_changes_nothing() -> None:
    world = begun(2)
    world.now = Instant(world.now + 1)
    assert world.step(Wake()) == []
    world.finish()


def test_regions_that_answer_nothing_hold_up_nobody() -> None:
    world = begun(2)
    deadline = world.client.deadline
    assert deadline is not None
    world.now = deadline.at
    world.step(Wake())
    assert any(request.url.endswith("/sessions/request") for request in world.pending.values())
    world.finish()


def test_a_candidate_for_a_connection_that_just_ended_is_nothing() -> None:
    world = begun(READY)
    world.step(i.ChannelDown(PEER, FROM_STREAMER))
    assert world.step(i.SocketText(SOCKET, signaling.encode(CANDIDATE))) == []
    world.finish()


def test_a_region_that_does_not_answer_holds_up_nothing_for_long() -> None:
    world = begun(2)
    wait(world, 5)
    assert world.pending.popitem()[1].url.endswith("/sessions/request")
    world.command(Abandon(CommandId(1)))


def test_an_old_session_hears_the_end_of_its_own_socket() -> None:
    world = begun(READY)
    world.command(Disconnect())
    world.command(Connect())
    assert outcome(world, 2) is ...
    del world.sockets[SOCKET]
    world.step(i.SocketClosed(SOCKET, 1000))
    assert outcome(world, 2) is None
    while outcome(world, 3) is ...:
        advance(world, 0)
    world.step(i.PeerStateChanged(i.PeerId(2), i.PeerState.NEW))
    world.finish()


# --- late and twice -------------------------------------------------------------------------------


def test_a_candidate_for_a_peer_that_has_ended_is_nothing() -> None:
    world = begun(READY)
    world.step(i.PeerStateChanged(PEER, i.PeerState.CLOSED))
    signals(world, CANDIDATE)
    assert last(world) == ()
    world.finish()


@pytest.mark.parametrize("early", [0, 5, MAX_CANDIDATES + 5])
def test_no_more_candidates_are_taken_than_make_sense(early: int) -> None:
    world = begun(7)
    for _ in range(early):
        signals(world, CANDIDATE)
    signals(world, signaling.Offer(SDP))
    for _ in range(MAX_CANDIDATES + 5):
        signals(world, CANDIDATE)
    taken = [out for _, _, outs in world.steps for out in outs if isinstance(out, o.AddCandidate)]
    assert len(taken) == MAX_CANDIDATES
    world.finish()


def test_what_did_not_come_may_be_our_own_description() -> None:
    world = begun(7)
    signals(world, signaling.Offer(SDP))
    wait(world, 30)
    assert outcome(world, 1).missing == ("local description",)
    world.finish()


def test_a_second_answer_of_the_engine_is_not_sent() -> None:
    world = begun(READY)
    assert world.step(i.LocalDescription(PEER, SdpKind.ANSWER, SDP)) == []
    world.finish()


@pytest.mark.parametrize("text", ["{}", '{"type": "error", "reason": "late"}'])
def test_who_leaves_listens_no_more(text: str) -> None:
    world = begun(READY)
    world.command(Disconnect())
    assert world.step(i.SocketText(SOCKET, text)) == []
    world.finish()


def test_who_leaves_while_it_prepares_waits_for_the_token_only() -> None:
    world = begun(0)
    world.command(Connect())
    while len(world.pending) < 2 or any("ping" in request.url for request in world.pending.values()):
        advance(world, 0)
    paths = [request.url.rpartition("/")[2] for request in world.pending.values()]
    assert sorted(paths) == ["config", "token"]
    world.command(Disconnect())
    assert [request.url.rpartition("/")[2] for request in world.pending.values()] == ["token"]
    reply(world, json_reply({"session_token": JWT, "expires_in": 600}))
    assert any(isinstance(out, o.OpenSocket) for out in last(world))
    world.finish()


def test_who_leaves_without_a_session_has_nothing_to_give_back() -> None:
    world = begun(3)
    world.command(Disconnect())
    assert outcome(world, 2) is ...
    reply(world, json_reply({"detail": "broken"}, 500))
    assert outcome(world, 2) is None
    world.finish()


def test_several_losses_at_one_moment_are_one_loss() -> None:
    world = begun(READY + 1)
    world.command(Interact("one"))
    world.step(i.ChannelDown(PEER, FROM_STREAMER))
    world.now = Instant(world.now + seconds(3600))
    world.step(Wake())
    assert [type(event) for event in told(world)].count(e.Disconnected) == 1
    assert isinstance(outcome(world, 3), Failure)
    world.finish()


def test_a_failed_negotiation_is_told_once_even_if_everything_is_overdue() -> None:
    world = begun(7)
    signals(world, signaling.Offer(SDP))
    world.step(i.PeerStateChanged(PEER, i.PeerState.DISCONNECTED))
    world.now = Instant(world.now + seconds(3600))
    world.step(Wake())
    assert [event.status for event in told(world) if isinstance(event, e.StatusChanged)].count(S.FAILED) == 1
    world.finish()


def test_a_peer_that_is_lost_is_asked_for_no_keyframe() -> None:
    world = live()
    world.step(i.MediaSeen(PEER, 24))
    wait(world, 2.8)
    world.step(i.ChannelDown(PEER, FROM_STREAMER))
    wait(world, 0.3)
    assert told(world)[-1] == e.FramesStalled(24)
    assert not any(isinstance(out, o.AskKeyframe) for _, _, outs in world.steps for out in outs)
    world.finish()


# --- streams --------------------------------------------------------------------------------------


def test_a_start_that_is_given_up_while_media_is_renewed_is_not_taken_back() -> None:
    world = begun(READY)
    world.command(StartStream("A cat"))
    signals(world, signaling.Offer(SDP))
    world.command(Abandon(CommandId(2)))
    assert outcome(world, 2).kind is FailureKind.ABANDONED
    assert not any(isinstance(out, o.ChannelSend) for out in last(world))
    world.finish()


@pytest.mark.parametrize("what", [Interact("two"), EndStream()])
def test_who_is_not_the_first_in_line_may_be_given_up(what: Any) -> None:
    world = begun(READY + 1)
    world.command(Interact("one"))
    world.command(what)
    world.command(Abandon(CommandId(4)))
    assert (outcome(world, 3), outcome(world, 4).kind) == (..., FailureKind.ABANDONED)
    world.finish()


def test_an_image_is_refused_where_the_streamer_takes_none() -> None:
    world = begun(3)
    reply(world, json_reply({"session_id": "s1", "signalling_url": "wss://sig.example", "capabilities": {}}))
    for _ in range(5):
        advance(world, 0)
    assert world.client.status is S.CONNECTED
    steps = len(world.steps)
    start = Command(CommandId(2), StartStream("A cat", image="data:image/png;base64,AAAA"))
    with pytest.raises(LocalProtocolError, match="takes no images") as caught:
        world.client.step(world.now, start)
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
    world = begun(READY)
    world.command(Disconnect())
    world.command(Abandon(CommandId(2)))
    assert outcome(world, 2).kind is FailureKind.ABANDONED
    world.finish()


# --- calls ----------------------------------------------------------------------------------------


def test_who_waits_for_a_token_that_never_comes_is_told_once() -> None:
    settings = evolve(SETTINGS, timeouts=Timeouts(authenticate=5, call=5))
    world = Gauntlet(settings)
    for name in ("a", "b", "c"):
        world.command(Call("recordings.get", name))
    world.now = Instant(world.now + seconds(5))
    world.step(Wake())
    assert [outcome(world, command).kind for command in (1, 2, 3)] == [FailureKind.TIMED_OUT] * 3
    world.finish()


def test_the_last_who_waits_for_a_token_takes_its_fetch_along() -> None:
    world = Gauntlet()
    world.command(Call("recordings.get", "a"))
    world.command(Call("recordings.get", "b"))
    world.command(Abandon(CommandId(1)))
    assert len(world.pending) == 1
    world.command(Abandon(CommandId(2)))
    assert not world.pending
    world.finish()


def test_a_token_is_renewed_once_for_all_who_used_it() -> None:
    world = Gauntlet()
    for name in ("a", "b"):
        world.command(Call("recordings.get", name))
    reply(world, json_reply({"access_token": "t1", "expires_in": 3600}))
    reply(world, json_reply({"detail": "expired"}, 401))
    reply(world, json_reply({"detail": "expired"}, 401))
    paths = [request.url.rpartition("/")[2] for request in world.pending.values()]
    assert paths == ["token"]
    reply(world, json_reply({"access_token": "t2", "expires_in": 3600}))
    assert len(world.pending) == 2
    world.finish()


def test_a_full_house_without_a_queue_says_just_that() -> None:
    world = Gauntlet(evolve(SETTINGS, timeouts=Timeouts(queue=0)))
    world.command(Connect())
    for _ in range(3):
        advance(world, 0)
    reply(world, json_reply({"detail": "full"}, 503))
    failure = outcome(world, 1)
    assert failure.kind is FailureKind.NO_CAPACITY
    assert "within" not in failure.text
    world.finish()


@pytest.mark.parametrize("depth", [0, 4])
def test_a_minting_that_is_refused_ends_with_that(depth: int) -> None:
    world = begun(0)
    world.command(MintCredentials())
    for _ in range(depth):
        advance(world, 0)
    reply(world, json_reply({"detail": "no"}, 403))
    assert outcome(world, 1).status == 403
    world.finish()


def test_the_second_of_two_mintings_may_be_given_up() -> None:
    world = begun(0)
    world.command(MintCredentials())
    world.command(MintCredentials())
    world.command(Abandon(CommandId(2)))
    assert (outcome(world, 1), outcome(world, 2).kind) == (..., FailureKind.ABANDONED)
    world.finish()


def test_a_minted_token_that_is_none_is_no_credential() -> None:
    world = begun(0)
    world.command(MintCredentials())
    for _ in range(4):
        advance(world, 0)
    reply(world, json_reply({"session_token": "nonsense", "expires_in": 600}))
    assert outcome(world, 1).kind is FailureKind.MALFORMED
    world.finish()
