"""One session as a story: what is announced, in which order, and how every bad day ends."""

from typing import Any

import pytest
from attrs import evolve
from core.gauntlet import JWT, READY, SDP, SETTINGS, Gauntlet, advance, begun

from odyssey_proto import inputs as i
from odyssey_proto import outputs as o
from odyssey_proto.commands import (
    Abandon,
    Call,
    Command,
    CommandId,
    Connect,
    ConnectWith,
    Disconnect,
    EndStream,
    Interact,
    MintCredentials,
    StartStream,
)
from odyssey_proto.errors import LocalProtocolError
from odyssey_proto.exchange import HttpReply, json_reply
from odyssey_proto.failures import Failure, Phase, Why
from odyssey_proto.inputs import Breakage, Broke, PeerState, SdpKind, Wake
from odyssey_proto.machine import Instant, after, seconds
from odyssey_proto.messages import signaling, stream
from odyssey_proto.messages.stream import FROM_STREAMER, TO_STREAMER
from odyssey_proto.messages.token import sign
from odyssey_proto.model import events as e
from odyssey_proto.model.config import Timeouts
from odyssey_proto.model.credentials import ClientCredentials
from odyssey_proto.model.status import ConnectionStatus as S
from odyssey_proto.secret import Secret

SOCKET = i.SocketId(1)
PEER = i.PeerId(1)


def told(world: Gauntlet) -> list[Any]:
    """Gives everything the application was told so far."""
    return [out.event for _, _, outs in world.steps for out in outs if isinstance(out, o.Happened)]


def statuses(world: Gauntlet) -> list[S]:
    return [event.status for event in told(world) if isinstance(event, e.StatusChanged)]


def outcome(world: Gauntlet, command: int) -> Any:
    """Gives what became of a command: its result, its `Failure`, or `...` while it waits."""
    for _, _, outs in world.steps:
        for out in outs:
            if isinstance(out, o.Completed) and out.command == command:
                return out.result
            if isinstance(out, o.Failed) and out.command == command:
                return out.failure
    return ...


def last(world: Gauntlet) -> tuple[Any, ...]:
    return world.steps[-1][2]


def says(world: Gauntlet, message: Any) -> None:
    """Lets the streamer say something."""
    world.step(i.ChannelText(PEER, FROM_STREAMER, stream.encode(message)))


def signals(world: Gauntlet, message: Any) -> None:
    """Lets the signaling server say something."""
    world.step(i.SocketText(SOCKET, signaling.encode(message)))


def sent(world: Gauntlet) -> list[Any]:
    """Gives everything that was said to the streamer on the data channel."""
    return [
        stream.decode(out.text)
        for _, _, outs in world.steps
        for out in outs
        if isinstance(out, o.ChannelSend)
    ]


def signaled(world: Gauntlet) -> list[Any]:
    """Gives everything that was said on the signaling connection."""
    return [
        signaling.decode(out.text)
        for _, _, outs in world.steps
        for out in outs
        if isinstance(out, o.SendText)
    ]


def wait(world: Gauntlet, span: float) -> None:
    """Lets seconds pass."""
    target = Instant(world.now + seconds(span))
    while (deadline := world.client.deadline) is not None and deadline.at <= target:
        world.now = Instant(max(world.now, deadline.at))
        world.step(Wake())
    world.now = target


def reply(world: Gauntlet, answer: HttpReply, index: int = 0) -> None:
    """Answers one of the requests that are under way."""
    exchange = list(world.pending)[index]
    del world.pending[exchange]
    world.step(i.Replied(exchange, answer))


def live() -> Gauntlet:
    return begun(READY + 1)


# --- connecting -------------------------------------------------------------------------------


def test_a_connect_that_goes_well_announces_each_step() -> None:
    world = begun(READY)
    assert told(world) == [
        e.StatusChanged(S.AUTHENTICATING, "Authenticating"),
        e.StatusChanged(S.CONNECTING, "Connecting to the streamer"),
        e.StatusChanged(S.CONNECTING),
        e.StatusChanged(S.CONNECTED),
        e.Connected("s1"),
    ]
    assert outcome(world, 1) is None
    assert world.client.session_id == "s1"
    assert world.client.capabilities is not None
    world.finish()


def test_the_session_token_is_fetched_once_and_travels_in_the_query() -> None:
    world = begun(READY)
    requests = [out.request for _, _, outs in world.steps for out in outs if isinstance(out, o.Request)]
    assert [request.url for request in requests].count("https://api.example/sessions/token") == 1
    opened = [out for _, _, outs in world.steps for out in outs if isinstance(out, o.OpenSocket)]
    assert opened == [o.OpenSocket(SOCKET, "wss://sig.example/client/s1", (("token", Secret(JWT)),))]
    assert JWT not in repr(opened)


def test_connecting_twice_is_one_connection() -> None:
    world = begun(READY)
    world.command(Connect())
    assert last(world) == (o.Completed(CommandId(2)),)


def test_a_second_connect_meanwhile_is_refused() -> None:
    world = begun(3)
    with pytest.raises(LocalProtocolError, match="already connecting"):
        world.step(Command(CommandId(9), Connect()))


def test_without_a_key_nothing_is_sent() -> None:
    from attrs import evolve
    from core.gauntlet import SETTINGS

    from odyssey_proto.client import Client

    client = Client(evolve(SETTINGS, api_key=Secret("")))
    for what in (Connect(), MintCredentials(), Call("recordings.get", "x")):
        with pytest.raises(LocalProtocolError, match="API key") as caught:
            client.step(Instant(0), Command(CommandId(1), what))
        assert caught.value.failure.why is Why.AUTH_REFUSED
    assert client.deadline is None


@pytest.mark.parametrize("status", [401, 403, 422])
def test_a_refused_key_is_an_authentication_failure(status: int) -> None:
    world = begun(0)
    world.command(Connect())
    reply(world, json_reply({"detail": "account suspended"}, status))
    failure = outcome(world, 1)
    assert (failure.why, failure.phase, failure.status) == (Why.AUTH_REFUSED, Phase.AUTHENTICATE, status)
    assert statuses(world) == [S.AUTHENTICATING, S.FAILED]
    assert told(world)[-1] == e.ErrorHappened(failure, fatal=True)
    world.finish()


def test_a_malformed_success_is_never_an_authentication_failure() -> None:
    world = begun(0)
    world.command(Connect())
    reply(world, json_reply({"invalid": "401"}))
    assert outcome(world, 1).why is Why.MALFORMED


def test_a_suspended_account_is_told_as_such_at_any_step() -> None:
    world = begun(3)
    body = {"detail": {"error": "ACCOUNT_SUSPENDED", "message": "suspended", "action": "Contact us"}}
    reply(world, json_reply(body, 403))
    failure = outcome(world, 1)
    assert failure.why is Why.USAGE_LIMIT
    assert failure.usage.code == "ACCOUNT_SUSPENDED"


def test_a_token_that_the_server_forgot_is_fetched_once_more() -> None:
    world = begun(1)
    reply(world, json_reply({"detail": "expired"}, 401))
    reply(world, json_reply({"access_token": "t2", "expires_in": 3600}))
    request = next(iter(world.pending.values()))
    assert request.header("authorization") == Secret("Bearer t2")
    reply(world, json_reply({"detail": "expired"}, 401))
    assert outcome(world, 1) is ..., "regions may fail without harm"
    world.finish()


# --- the queue --------------------------------------------------------------------------------


def test_a_full_house_is_asked_again_each_second_until_the_queue_is_over() -> None:
    world = begun(3)
    times = []
    while world.pending:
        times.append(world.now)
        reply(world, json_reply({"detail": "full"}, 503))
        if outcome(world, 1) is ...:
            wait(world, 1)
    assert times == [seconds(n) for n in range(31)]
    failure = outcome(world, 1)
    assert (failure.why, failure.phase, failure.retryable) == (Why.TIMED_OUT, Phase.QUEUE, True)
    assert (failure.missing, failure.status) == (("free streamer",), 503)
    assert "30 s" in failure.text
    assert statuses(world) == [S.AUTHENTICATING, S.FAILED]
    world.finish()


def test_a_queue_of_part_of_a_second_ends_with_a_last_request() -> None:
    world = begun(3, evolve(SETTINGS, timeouts=Timeouts(queue=0.3)))
    reply(world, HttpReply(503))
    wait(world, 0.3)
    assert len(world.pending) == 1
    reply(world, HttpReply(503))
    assert outcome(world, 1).code == "timeout.queue"
    world.finish()


def test_without_a_queue_a_full_house_is_the_end() -> None:
    world = begun(3, evolve(SETTINGS, timeouts=Timeouts(queue=0)))
    reply(world, HttpReply(503))
    assert outcome(world, 1).why is Why.NO_CAPACITY
    world.finish()


@pytest.mark.parametrize(("queue", "patience"), [(5, 5), (0.3, 1), (0, 30)])
def test_a_silent_server_is_no_longer_waited_for_than_the_queue(queue: float, patience: float) -> None:
    world = begun(3, evolve(SETTINGS, timeouts=Timeouts(queue=queue)))
    wait(world, patience - 0.1)
    assert outcome(world, 1) is ...
    wait(world, 0.1)
    assert (outcome(world, 1).why, outcome(world, 1).phase) == (Why.TIMED_OUT, Phase.QUEUE)
    world.finish()


def test_the_pace_of_the_queue_is_the_servers() -> None:
    world = begun(3)
    reply(world, HttpReply(503, (("retry-after", "7"),)))
    wait(world, 6.9)
    assert not world.pending
    wait(world, 0.2)
    assert len(world.pending) == 1
    reply(world, HttpReply(503, (("retry-after", "60"),)))
    assert outcome(world, 1).retry_after == seconds(60)
    world.finish()


def test_a_server_that_stumbles_in_the_queue_gets_another_chance() -> None:
    world = begun(3)
    for _ in range(3):
        reply(world, HttpReply(500))
        wait(world, 1)
    advance(world, 0)
    assert world.client.session_id == "s1"
    world.finish()


def test_leaving_the_queue_leaves_nothing() -> None:
    world = begun(3)
    reply(world, HttpReply(503))
    world.command(Disconnect())
    assert outcome(world, 1).why is Why.CLOSED_LOCALLY
    assert outcome(world, 2) is None
    assert statuses(world)[-1] is S.DISCONNECTED
    assert world.client.deadline is None


# --- giving a granted session back ----------------------------------------------------------------


def test_a_session_that_was_granted_while_leaving_is_given_back() -> None:
    world = begun(3)
    world.command(Disconnect())
    assert outcome(world, 1).why is Why.CLOSED_LOCALLY, "the caller is released at once"
    assert outcome(world, 2) is ...
    for _ in range(3):  # granted, session token, socket
        advance(world, 0)
    assert signaled(world) == [signaling.ClientDisconnecting()]
    del world.sockets[SOCKET]
    world.step(i.SocketClosed(SOCKET, 1000))
    assert outcome(world, 2) is None
    world.finish()


def test_a_goodbye_has_an_end_even_if_nobody_answers() -> None:
    world = begun(3)
    world.command(Disconnect())
    wait(world, 3)
    assert outcome(world, 2) is None
    assert world.client.deadline is None
    assert not world.pending


def test_the_server_is_told_before_media_is_torn_down() -> None:
    world = begun(READY)
    world.command(Disconnect())
    told_first = [type(out) for out in last(world) if not isinstance(out, o.Happened)]
    assert told_first == [o.SendText, o.CloseSocket, o.DropPeer]
    assert told(world)[-2:] == [e.StatusChanged(S.DISCONNECTED), e.Disconnected()]
    world.finish()


# --- the signaling connection ---------------------------------------------------------------------


def test_the_signaling_connection_is_tried_six_times() -> None:
    world = begun(0)
    world.command(Connect())
    while outcome(world, 1) is ...:
        for _ in list(world.pending):
            advance(world, 0)
        for socket in list(world.sockets):
            del world.sockets[socket]
            world.step(i.SocketClosed(i.SocketId(socket), 1006, "", Breakage(Broke.REFUSED)))
        wait(world, 2)
    assert statuses(world) == [S.AUTHENTICATING, S.CONNECTING, *[S.CONNECTING] * 6, S.FAILED]
    assert (outcome(world, 1).why, outcome(world, 1).phase) == (Why.UNREACHABLE, Phase.SIGNAL)
    world.finish()


@pytest.mark.parametrize(
    ("status", "why"), [(401, Why.AUTH_REFUSED), (403, Why.AUTH_REFUSED), (404, Why.NOT_FOUND)]
)
def test_a_refused_handshake_is_not_repeated(status: int, why: Why) -> None:
    world = begun(6)
    world.sockets.clear()
    world.step(i.SocketRefused(SOCKET, HttpReply(status)))
    assert outcome(world, 1).why is why
    world.finish()


def test_a_silent_handshake_is_given_up() -> None:
    world = begun(6)
    wait(world, 10)
    assert o.DropSocket(SOCKET) in [out for _, _, outs in world.steps for out in outs]
    assert outcome(world, 1) is ..., "the next attempt follows"
    world.finish()


def test_without_ice_servers_it_goes_on_and_says_so() -> None:
    world = begun(5)
    assert len(world.pending) == 2 or len(world.pending) == 1
    while world.pending:
        exchange, request = next(iter(world.pending.items()))
        if request.url.endswith("/config"):
            del world.pending[exchange]
            world.step(i.Replied(exchange, HttpReply(404)))
        else:
            advance(world, 0)
    advance(world, 0)
    assert next(event for event in told(world) if isinstance(event, e.ErrorHappened)).fatal is False
    assert outcome(world, 1) is ...
    world.finish()


@pytest.mark.parametrize("code", [1000, 1001, 1006, 1011, 4001])
def test_a_close_while_connecting_fails_at_once_with_its_reason(code: int) -> None:
    world = begun(7)
    del world.sockets[SOCKET]
    world.step(i.SocketClosed(SOCKET, code, "no\nstreamer"))
    failure = outcome(world, 1)
    assert (failure.why, failure.phase, failure.status) == (Why.CLOSED_BY_PEER, Phase.NEGOTIATE, code)
    assert "no streamer" in failure.text
    world.finish()


def test_a_garbled_message_while_connecting_is_the_reason() -> None:
    world = begun(7)
    world.step(i.SocketText(SOCKET, "[1]"))
    assert outcome(world, 1).why is Why.MALFORMED
    assert signaled(world)[-1] == signaling.ClientDisconnecting()
    world.finish()


def test_keepalives_go_out_every_ten_seconds() -> None:
    world = begun(READY)
    wait(world, 35)
    assert signaled(world)[1:] == [signaling.KeepAlive()] * 3


# --- negotiating ----------------------------------------------------------------------------------


def test_candidates_may_come_before_the_offer() -> None:
    world = begun(7)
    early = i_candidate("candidate:1 1 udp 1 127.0.0.1 9 typ host")
    signals(world, early)
    signals(world, signaling.Offer(SDP))
    added = [out for out in last(world) if isinstance(out, o.AddCandidate)]
    assert [out.candidate.candidate for out in added if out.candidate] == ["1 1 udp 1 127.0.0.1 9 typ host"]
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
    assert (outcome(world, 1).why, outcome(world, 1).code) == (Why.MALFORMED, "offer.malformed")
    world.finish()


@pytest.mark.parametrize(
    ("depth", "missing"),
    [(0, ("offer",)), (1, ("data channel streamerToClient",))],
)
def test_what_did_not_come_is_named(depth: int, missing: tuple[str, ...]) -> None:
    world = begun(7)
    if depth == 1:
        signals(world, signaling.Offer(SDP))
        world.step(i.Described(PEER, SdpKind.ANSWER, SDP))
        world.step(i.PeerMoved(PEER, PeerState.CONNECTED))
        world.step(i.TrackUp(PEER, i.MediaKind.VIDEO))
        world.step(i.ChannelUp(PEER, TO_STREAMER, 100))
    wait(world, 30)
    failure = outcome(world, 1)
    assert (failure.why, failure.phase, failure.missing) == (Why.TIMED_OUT, Phase.NEGOTIATE, missing)
    assert missing[0] in failure.text
    assert statuses(world)[-1] is S.FAILED
    world.finish()


def test_an_engine_that_cannot_answer_is_the_reason() -> None:
    world = begun(7)
    signals(world, signaling.Offer(SDP))
    world.step(i.PeerBroke(PEER, Breakage(Broke.INTERNAL, "secret words")))
    assert outcome(world, 1).why is Why.MEDIA_FAILED
    assert "secret" not in repr(outcome(world, 1))
    world.finish()


# --- losing it ------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [1000, 1001])
def test_a_normal_close_of_an_established_connection_is_a_disconnect(code: int) -> None:
    world = live()
    world.command(Interact("one"))
    del world.sockets[SOCKET]
    world.step(i.SocketClosed(SOCKET, code, "bye"))
    assert outcome(world, 3).why is Why.CLOSED_BY_PEER
    changed, gone = told(world)[-2:]
    assert changed.status is S.DISCONNECTED
    assert gone.failure.status == code
    assert world.client.session_id is None
    world.finish()


def test_an_abnormal_close_is_a_failure_told_once() -> None:
    world = begun(READY)
    del world.sockets[SOCKET]
    world.step(i.SocketClosed(SOCKET, 1011, "crash"))
    assert [type(event) for event in told(world)[-3:]] == [e.StatusChanged, e.ErrorHappened, e.Disconnected]
    assert [event for event in told(world) if isinstance(event, e.ErrorHappened)] == [told(world)[-2]]
    world.finish()


def test_a_signaling_error_ends_everything_and_says_goodbye() -> None:
    world = begun(READY)
    signals(world, signaling.SignalingError("duration_limit_reached"))
    failure = told(world)[-1].failure
    assert (failure.code, failure.why) == ("duration_limit_reached", Why.CLOSED_BY_PEER)
    assert signaled(world)[-1] == signaling.ClientDisconnecting()
    assert o.DropPeer(PEER) in last(world)
    world.finish()


@pytest.mark.parametrize(
    "notice",
    [
        i.PeerMoved(PEER, PeerState.FAILED),
        i.PeerMoved(PEER, PeerState.CLOSED),
        i.TrackDown(PEER, i.MediaKind.VIDEO),
        i.ChannelDown(PEER, TO_STREAMER),
        i.ChannelDown(PEER, FROM_STREAMER),
        i.PeerBroke(PEER, Breakage(Broke.SILENT)),
    ],
)
def test_a_lost_peer_ends_everyone_who_waits(notice: Any) -> None:
    world = live()
    world.command(Interact("one"))
    world.command(EndStream())
    world.step(notice)
    wait(world, 0.5)
    for command in (3, 4):
        assert isinstance(outcome(world, command), Failure)
    assert statuses(world)[-1] is S.FAILED
    assert [type(event) for event in told(world)].count(e.Disconnected) == 1
    world.finish()


def test_the_reason_of_an_ended_peer_may_come_after_it() -> None:
    world = live()
    world.command(Interact("one"))
    world.step(i.ChannelDown(PEER, FROM_STREAMER))
    assert o.DropPeer(PEER) in last(world)
    wait(world, 0.4)
    assert (outcome(world, 3), world.client.status) == (..., S.CONNECTED)
    signals(world, signaling.SignalingError("duration_limit_reached"))
    assert outcome(world, 3).code == "duration_limit_reached"
    assert [event.failure.code for event in told(world) if isinstance(event, e.Disconnected)] == [
        "duration_limit_reached"
    ]
    world.finish()


def test_an_ended_peer_is_a_loss_when_no_reason_comes() -> None:
    world = live()
    world.step(i.ChannelDown(PEER, FROM_STREAMER))
    wait(world, 0.4)
    steps = len(world.steps)
    world.command(Interact("too late"))
    assert len(world.steps) == steps, "refused: there is nobody to say it to"
    wait(world, 0.1)
    assert told(world)[-1].failure.code == "media.channel_closed"
    world.finish()


def test_an_ended_peer_may_be_renewed() -> None:
    world = begun(READY)
    world.step(i.PeerMoved(PEER, PeerState.CLOSED))
    signals(world, signaling.Offer(SDP))
    advance(world, 0)
    wait(world, 2)
    assert world.client.status is S.CONNECTED
    world.finish()


def test_an_interrupted_peer_may_recover() -> None:
    world = begun(READY)
    world.step(i.PeerMoved(PEER, PeerState.DISCONNECTED))
    wait(world, 4)
    world.step(i.PeerMoved(PEER, PeerState.CONNECTED))
    wait(world, 60)
    assert world.client.status is S.CONNECTED
    world.step(i.PeerMoved(PEER, PeerState.DISCONNECTED))
    wait(world, 5)
    assert world.client.status is S.FAILED
    world.finish()


def test_connecting_again_after_a_loss_does_not_wait_for_the_goodbye() -> None:
    world = begun(READY)
    world.step(i.PeerMoved(PEER, PeerState.FAILED))
    world.command(Connect())
    for _ in range(READY):
        advance(world, 0)
    assert outcome(world, 2) is None or world.client.status is S.CONNECTING
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


# --- credentials ----------------------------------------------------------------------------------


def test_credentials_skip_everything_that_needs_the_key() -> None:
    world = begun(0)
    world.command(ConnectWith(ClientCredentials("wss://sig.example", JWT)))
    for _ in range(4):
        advance(world, 0)
    assert statuses(world) == [S.CONNECTING, S.CONNECTING, S.CONNECTED]
    urls = [out.request.url for _, _, outs in world.steps for out in outs if isinstance(out, o.Request)]
    assert urls == ["https://sig.example/config"]
    world.finish()


def test_expired_credentials_are_refused_before_anything_is_sent() -> None:
    world = begun(0)
    old = sign({"session_id": "s1", "exp": 0}, b"key")
    world.command(ConnectWith(ClientCredentials("wss://sig.example", old)))
    assert outcome(world, 1).code == "credentials.expired"
    assert not world.pending
    world.finish()


def test_minting_reserves_a_session_and_opens_nothing() -> None:
    world = begun(0)
    world.command(MintCredentials())
    for _ in range(5):
        advance(world, 0)
    credentials = outcome(world, 1)
    assert (credentials.session_id, credentials.expires_in) == ("s1", 600)
    assert told(world) == []
    world.finish()


def test_an_abandoned_minting_stops() -> None:
    world = begun(0)
    world.command(MintCredentials())
    advance(world, 0)
    world.command(Abandon(CommandId(1)))
    assert outcome(world, 1).why is Why.ABANDONED
    assert not world.pending
    world.finish()


# --- abandoning -----------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", range(1, READY))
def test_an_abandoned_connect_is_undone_from_anywhere(depth: int) -> None:
    world = begun(depth)
    world.command(Abandon(CommandId(1)))
    assert outcome(world, 1).why is Why.ABANDONED
    assert world.client.status is S.DISCONNECTED
    assert not [event for event in told(world) if isinstance(event, e.ErrorHappened)]
    world.finish()


def test_an_abandoned_call_is_cancelled() -> None:
    world = begun(1)
    world.command(Call("recordings.get", "stream-1"))
    world.command(Abandon(CommandId(2)))
    assert outcome(world, 2).why is Why.ABANDONED
    world.finish()


# --- streams --------------------------------------------------------------------------------------


def test_a_stream_from_start_to_end() -> None:
    world = live()
    assert outcome(world, 2) == "stream-1"
    assert world.client.last_applied_prompt == "A fine cat"
    world.command(Interact("Pet the cat"))
    says(world, stream.UpdateAcknowledged("A petted cat"))
    assert outcome(world, 3) == "A petted cat"
    assert world.client.last_applied_prompt == "A petted cat"
    world.command(EndStream())
    says(world, stream.StreamEnded())
    assert outcome(world, 4) is None
    assert [type(event) for event in told(world)[-3:]] == [
        e.StreamStarted,
        e.InteractAcknowledged,
        e.StreamEnded,
    ]
    world.command(StartStream("A dog"))
    says(world, stream.StreamStarted("stream-2"))
    assert outcome(world, 5) == "stream-2"
    world.finish()


def test_each_interact_gets_its_own_acknowledgement() -> None:
    world = live()
    for text in ("one", "two", "three"):
        world.command(Interact(text))
    for text in ("ONE", "TWO", "THREE"):
        says(world, stream.UpdateAcknowledged(text))
    assert [outcome(world, command) for command in (3, 4, 5)] == ["ONE", "TWO", "THREE"]


def test_a_late_acknowledgement_is_not_taken_for_the_next() -> None:
    world = live()
    world.command(Interact("one"))
    wait(world, 30)
    assert outcome(world, 3).why is Why.TIMED_OUT
    world.command(Interact("two"))
    says(world, stream.UpdateAcknowledged("ONE"))
    assert outcome(world, 4) is ...
    says(world, stream.UpdateAcknowledged("TWO"))
    assert outcome(world, 4) == "TWO"


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (stream.StreamEnded(), Why.STREAM_ENDED),
        (stream.InteractiveStreamError("moderation_failed", "no"), Why.STREAM_REFUSED),
        (stream.InteractiveStreamError("session_timeout", "over"), Why.USAGE_LIMIT),
    ],
)
def test_the_end_of_a_stream_finishes_everyone_who_waits(message: Any, why: Why) -> None:
    world = live()
    world.command(Interact("one"))
    world.command(EndStream())
    says(world, message)
    assert outcome(world, 3).why is why
    assert outcome(world, 4) is not ...


@pytest.mark.parametrize(
    ("what", "phase", "patience"),
    [(Interact("x"), Phase.INTERACT, 30), (EndStream(), Phase.END, 15)],
)
def test_a_silent_streamer_is_not_waited_for_for_ever(what: Any, phase: Phase, patience: float) -> None:
    world = live()
    world.command(what)
    wait(world, patience)
    assert (outcome(world, 3).why, outcome(world, 3).phase) == (Why.TIMED_OUT, phase)
    world.finish()


def test_a_start_that_nobody_waits_for_is_taken_back() -> None:
    world = begun(READY)
    world.command(StartStream("A cat"))
    wait(world, 60)
    assert outcome(world, 2).phase is Phase.START
    assert sent(world)[-1] == stream.InteractiveStreamEnd()
    world.command(StartStream("A dog"))
    assert outcome(world, 3) is ..., "it waits until the last stream has ended"
    says(world, stream.StreamStarted("stream-1"))
    says(world, stream.StreamEnded())
    says(world, stream.StreamStarted("stream-2"))
    assert outcome(world, 3) == "stream-2"
    world.finish()


def test_a_start_whose_caller_never_heard_of_it_is_taken_back() -> None:
    world = live()
    world.command(Abandon(CommandId(2)))
    assert sent(world)[-1] == stream.InteractiveStreamEnd()
    world.command(Abandon(CommandId(2)))
    assert sent(world).count(stream.InteractiveStreamEnd()) == 1
    says(world, stream.StreamEnded())
    world.finish()


def test_a_connect_whose_caller_never_heard_of_it_is_undone() -> None:
    world = begun(READY)
    world.command(Abandon(CommandId(1)))
    assert statuses(world)[-1] is S.DISCONNECTED
    world.finish()


def test_an_end_that_is_on_its_way_is_not_asked_for_again() -> None:
    world = live()
    world.command(EndStream())
    world.command(EndStream())
    assert sent(world).count(stream.InteractiveStreamEnd()) == 1
    says(world, stream.StreamEnded())
    assert (outcome(world, 3), outcome(world, 4)) == (None, None)
    world.command(StartStream())
    says(world, stream.StreamStarted("stream-2"))
    assert outcome(world, 5) == "stream-2"
    world.finish()


@pytest.mark.parametrize("late", [True, False])
def test_an_end_that_had_to_be_asked_for_twice_ends_no_other_stream(late: bool) -> None:
    world = live()
    world.command(EndStream())
    wait(world, 15)
    world.command(EndStream())
    assert sent(world).count(stream.InteractiveStreamEnd()) == 2
    says(world, stream.StreamEnded())
    assert outcome(world, 4) is None
    world.command(StartStream())
    if late:
        says(world, stream.StreamEnded())
    assert outcome(world, 5) is ...
    says(world, stream.StreamStarted("stream-2"))
    assert outcome(world, 5) == "stream-2"
    says(world, stream.StreamEnded())
    assert told(world)[-1] == e.StreamEnded()
    world.finish()


def test_a_start_that_is_overtaken_by_its_end_is_taken_back_again() -> None:
    world = begun(READY)
    world.command(StartStream("A cat", image="R0lGODlh"))
    world.command(Abandon(CommandId(2)))
    said = [message for message in sent(world) if message == stream.InteractiveStreamEnd()]
    says(world, stream.StreamEnded())
    says(world, stream.StreamStarted("stream-1"))
    assert [message for message in sent(world) if message == stream.InteractiveStreamEnd()] == [
        *said,
        said[0],
    ]
    says(world, stream.StreamEnded())
    world.command(StartStream("A dog"))
    says(world, stream.StreamStarted("stream-2"))
    assert outcome(world, 4) == "stream-2"
    world.finish()


def test_a_held_start_may_be_abandoned_or_expire() -> None:
    world = live()
    world.command(EndStream())
    world.command(StartStream("next"))
    world.command(Abandon(CommandId(4)))
    assert outcome(world, 4).why is Why.ABANDONED
    world.command(StartStream("later"))
    wait(world, 60)
    assert outcome(world, 6).missing == ("end of the last stream",)
    world.finish()


def test_what_the_state_forbids_is_refused_at_once() -> None:
    world = begun(READY)
    for what, words in (
        (Interact("x"), "no stream is running"),
        (StartStream("x"), None),
        (StartStream("y"), "already starting"),
    ):
        if words is None:
            world.command(what)
            continue
        with pytest.raises(LocalProtocolError, match=words):
            world.step(Command(CommandId(99), what))
    says(world, stream.StreamStarted("s"))
    with pytest.raises(LocalProtocolError, match="already running"):
        world.step(Command(CommandId(99), StartStream("z")))


def test_ending_without_a_stream_is_no_error() -> None:
    world = begun(READY)
    world.command(EndStream())
    assert outcome(world, 2) is None
    assert sent(world) == []


def test_after_an_error_in_a_live_stream_everything_is_worth_a_try() -> None:
    world = live()
    world.command(Interact("bad words"))
    says(world, stream.InteractiveStreamError("moderation_failed", "no"))
    world.command(Interact("good words"))
    says(world, stream.UpdateAcknowledged("Good words"))
    assert outcome(world, 4) == "Good words"


def test_the_size_of_a_message_is_tested_at_the_byte() -> None:
    world = live()
    room = 200 - len(stream.encode(stream.Update("")).encode())
    world.command(Interact("x" * room))
    assert outcome(world, 3) is ...
    with pytest.raises(LocalProtocolError, match="201 bytes") as caught:
        world.step(Command(CommandId(9), Interact("x" * (room + 1))))
    assert caught.value.failure.why is Why.INVALID
    with pytest.raises(LocalProtocolError, match="bytes"):
        world.step(Command(CommandId(9), Interact("é" * (room // 2 + 1))))


def test_a_start_that_the_channel_cannot_take_goes_over_signaling() -> None:
    world = begun(READY)
    world.command(StartStream("x" * 300))
    assert signaled(world)[-1].prompt == "x" * 300
    assert sent(world) == []


def test_a_start_with_an_image_always_goes_over_signaling() -> None:
    world = begun(READY)
    world.command(StartStream("x", image="data:image/png;base64,AA"))
    assert signaled(world)[-1].image == "data:image/png;base64,AA"


def test_broadcast_facts_are_told_and_its_secret_is_hidden() -> None:
    world = live()
    says(world, stream.BroadcastReady("https://w.example/live/1", Secret("spectator"), None))
    ready = told(world)[-1]
    assert ready.info.spectator_token == "spectator"
    assert "spectator'" not in repr(ready)
    says(world, stream.BroadcastReady("https://w.example/live/1", None, None))
    assert told(world)[-1].reason == "broadcast_error"
    assert "spectator_token" in told(world)[-1].message


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"type": "stream_started"}', '{"type": "stream_started", "stream_id": 7}']
)
def test_a_malformed_stream_message_is_told_and_survived(text: str) -> None:
    world = live()
    world.step(i.ChannelText(PEER, FROM_STREAMER, text))
    assert told(world)[-1].failure.code == "stream.malformed"
    assert world.client.status is S.CONNECTED


def test_a_freeze_is_told_once_and_its_end_too() -> None:
    world = live()
    world.step(i.MediaSeen(PEER, 24))
    wait(world, 30)
    assert [event for event in told(world) if isinstance(event, e.FramesStalled)] == [e.FramesStalled(24)]
    assert o.AskKeyframe(PEER) in [out for _, _, outs in world.steps for out in outs]
    world.step(i.MediaSeen(PEER, 48))
    assert told(world)[-1] == e.FramesResumed(48)
    world.finish()


def test_disconnect_ends_everyone_who_waits() -> None:
    world = live()
    world.command(Interact("one"))
    world.command(EndStream())
    world.command(StartStream("two"))
    world.command(Disconnect())
    for command in (3, 4, 5):
        assert outcome(world, command).why is Why.CLOSED_LOCALLY
    assert outcome(world, 6) is ...
    world.finish()


def test_disconnecting_twice_or_from_nowhere_is_announced_each_time() -> None:
    world = begun(0)
    world.command(Disconnect())
    world.command(Disconnect())
    assert told(world) == [e.StatusChanged(S.DISCONNECTED)] * 2
    assert world.client.deadline is None


# --- calls ----------------------------------------------------------------------------------------


def test_parallel_calls_share_one_access_token() -> None:
    world = begun(0)
    for _ in range(5):
        world.command(Call("recordings.get", "stream-1"))
    assert [request.url for request in world.pending.values()] == ["https://api.example/auth/token"]
    advance(world, 0)
    assert len(world.pending) == 5


@pytest.mark.parametrize(
    "headers",
    [
        (("retry-after", "0"),),
        (("date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")),
    ],
    ids=["seconds", "date"],
)
def test_a_call_that_may_be_repeated_at_once_is_repeated_once(headers: tuple[tuple[str, str], ...]) -> None:
    world = begun(0)
    world.command(Call("recordings.get", "stream-1"))
    advance(world, 0)
    for _ in range(2):
        reply(world, HttpReply(429, headers))
        assert len(world.pending) == 1
    reply(world, HttpReply(429, headers))
    assert outcome(world, 1).why is Why.USAGE_LIMIT
    world.finish()


def test_a_date_to_come_back_at_is_kept() -> None:
    world = begun(0)
    world.command(Call("recordings.get", "stream-1"))
    advance(world, 0)
    now, later = "Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:45 GMT"
    reply(world, HttpReply(503, (("date", now), ("retry-after", later))))
    wait(world, 7)
    assert world.pending == {}
    wait(world, 1)
    assert len(world.pending) == 1
    world.finish()


def test_a_safe_call_is_repeated_with_patience_and_within_its_time() -> None:
    world = begun(0)
    world.command(Call("recordings.get", "stream-1"))
    advance(world, 0)
    for _ in range(2):
        reply(world, HttpReply(502))
        wait(world, 3)
    reply(world, HttpReply(502))
    assert outcome(world, 1).why is Why.SERVER_BROKE
    assert world.client.deadline is None


def test_a_retry_waits_as_long_as_the_server_asks() -> None:
    world = begun(0)
    world.command(Call("recordings.get", "stream-1"))
    advance(world, 0)
    reply(world, HttpReply(503, (("retry-after", "5"),)))
    wait(world, 4.9)
    assert not world.pending
    wait(world, 0.1)
    assert len(world.pending) == 1
    reply(world, HttpReply(503, (("retry-after", "500"),)))
    assert outcome(world, 1).retry_after == seconds(500)


def test_a_call_has_one_total_deadline() -> None:
    world = begun(0)
    world.command(Call("recordings.get", "stream-1"))
    advance(world, 0)
    wait(world, 30)
    failure = outcome(world, 1)
    assert (failure.why, failure.phase) == (Why.TIMED_OUT, Phase.CALL)
    assert not world.pending


def test_an_unknown_endpoint_is_refused() -> None:
    world = begun(0)
    with pytest.raises(LocalProtocolError, match="no endpoint"):
        world.step(Command(CommandId(1), Call("nonsense")))
