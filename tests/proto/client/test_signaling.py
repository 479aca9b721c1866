"""The signaling connection: how often it is tried, what is said on it, what its end means."""

import pytest

from odyssey_proto.kernel.failures import FailureKind, Phase
from odyssey_proto.kernel.machine import seconds
from odyssey_proto.messages import signaling
from odyssey_proto.messages.sdp import MAX_SDP
from odyssey_proto.model import events as e
from odyssey_proto.model.events import ConnectionStatus as S
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.commands import Connect
from odyssey_proto.seam.http import HttpReply
from odyssey_proto.seam.inputs import PeerFailed, TransportError, TransportErrorKind
from odyssey_proto.testing.by_hand import (
    GOOD_REPLIES,
    PEER,
    SDP,
    SOCKET,
    ClientByHand,
)
from odyssey_proto.testing.situations import Situation, connected, reached


def test_the_signaling_connection_is_tried_six_times() -> None:
    world = ClientByHand()
    connect = world.connect()
    while connect.pending:
        for _ in list(world.requests):
            world.goes_well()
        for socket in list(world.sockets):
            world.socket_breaks(TransportErrorKind.REFUSED, socket)
        world.wait(seconds(2))
    assert world.statuses == [S.AUTHENTICATING, S.CONNECTING, *[S.CONNECTING] * 6, S.FAILED]
    assert (connect.failure.kind, connect.failure.phase) == (FailureKind.UNREACHABLE, Phase.SIGNAL)
    world.finish()


@pytest.mark.parametrize(
    ("status", "why"),
    [(401, FailureKind.AUTH_REFUSED), (403, FailureKind.AUTH_REFUSED), (404, FailureKind.NOT_FOUND)],
)
def test_a_refused_handshake_is_not_repeated(status: int, why: FailureKind) -> None:
    world = reached(Situation.OPENING_SOCKET)
    world.socket_is_refused(HttpReply(status))
    assert world.the(Connect).failure.kind is why
    world.finish()


def test_a_silent_handshake_is_given_up() -> None:
    world = reached(Situation.OPENING_SOCKET)
    world.wait(seconds(10))
    assert world.outputs(o.DropSocket) == [o.DropSocket(SOCKET)]
    assert world.the(Connect).pending, "the next attempt follows"
    world.finish()


def test_without_ice_servers_it_goes_on_and_says_so() -> None:
    world = reached(Situation.HALF_PREPARED)
    world.reply(HttpReply(404), to="/config")
    world.goes_well()
    (complaint,) = world.events_of(e.ErrorHappened)
    assert complaint.fatal is False
    assert world.the(Connect).pending
    world.finish()


def test_ice_servers_that_do_not_come_are_waited_for_no_longer_than_their_time() -> None:
    world = reached(Situation.PREPARING)
    assert [request.url for request in world.requests.values()][1:] == ["https://sig.example/config"]
    world.reply(GOOD_REPLIES["/sessions/token"], to="/sessions/token")
    assert world.paths == ["/config"]
    world.socket_opens()
    world.wait(seconds(14.9))
    assert not world.peers
    world.wait(seconds(0.1))
    assert world.peers == {PEER}
    assert not world.requests, "nobody waits for them any more"
    complaint = world.events[-1]
    assert (complaint.fatal, complaint.failure.kind) == (False, FailureKind.TIMED_OUT)
    assert complaint.failure.phase is Phase.PREPARE
    world.finish()


def test_the_socket_does_not_wait_for_ice_servers_and_an_offer_does() -> None:
    world = reached(Situation.HALF_PREPARED)
    assert (world.sockets, world.paths) == ({SOCKET: False}, ["/config"])
    world.socket_opens()
    assert world.server_says(signaling.Offer(SDP)) == []
    assert world.server_says(signaling.IceCandidate("candidate:1 1 udp 1 127.0.0.1 9 typ host", "0", 0)) == []
    world.reply(GOOD_REPLIES["/config"])
    orders = [type(output) for output in world.last]
    assert orders == [o.MakePeer, o.SetRemote, o.MakeAnswer, o.AddCandidate]
    world.media_connects()
    assert world.statuses[-1] is S.CONNECTED
    world.finish()


def test_what_a_socket_brings_before_it_is_open_is_nothing() -> None:
    world = reached(Situation.HALF_PREPARED)
    before = world.client.deadline
    assert world.server_says(signaling.Offer(SDP)) == []
    assert world.client.deadline == before
    world.finish()


def test_a_socket_that_ends_before_ice_servers_are_known_was_open() -> None:
    world = reached(Situation.HALF_PREPARED)
    world.socket_opens()
    world.server_says(signaling.SignalingError("streamer_not_available"))
    world.socket_closes(1011)
    assert world.the(Connect).failure.code == "streamer_not_available"
    assert not world.requests, "nobody needs ICE servers any more"
    world.finish()


def test_a_peer_is_made_ahead_of_its_offer_and_anew_for_another_attempt() -> None:
    world = reached(Situation.OPENING_SOCKET)
    assert world.peers == {PEER}
    world.socket_breaks(TransportErrorKind.REFUSED)
    world.wait(seconds(1))
    assert world.sockets == {2: False}
    world.reply(GOOD_REPLIES["/config"])
    assert [type(output) for output in world.last] == [o.DropPeer, o.MakePeer]
    world.goes_well()
    world.goes_well()
    world.goes_well()
    assert world.statuses[-1] is S.CONNECTED
    world.finish()


def test_ice_servers_of_an_attempt_that_failed_are_not_waited_for() -> None:
    world = reached(Situation.HALF_PREPARED)
    (config,) = world.requests
    world.socket_breaks(TransportErrorKind.REFUSED)
    assert world.last[0] == o.CancelRequest(config)
    world.wait(seconds(1))
    assert world.paths == ["/config"]
    world.finish()


def test_a_peer_that_cannot_be_made_ahead_fails_the_connect() -> None:
    world = reached(Situation.OPENING_SOCKET)
    world.media(PeerFailed(PEER, TransportError(TransportErrorKind.INTERNAL)))
    assert world.the(Connect).failure.kind is FailureKind.MEDIA_FAILED
    world.finish()


def test_connections_are_opened_as_soon_as_it_is_known_where_to() -> None:
    world = connected()
    assert world.outputs(o.Preconnect) == [
        o.Preconnect("https://r1.example/", 2),
        o.Preconnect("https://sig.example"),
    ]
    world.disconnect()
    world.socket_closes(1000)
    world.connect()
    assert world.last[-1] == o.Preconnect("https://r1.example/", 2), "the regions are known"
    world.finish()


@pytest.mark.parametrize("code", [1000, 1001, 1006, 1011, 4001])
def test_a_close_while_connecting_fails_at_once_with_its_reason(code: int) -> None:
    world = reached(Situation.AWAITING_OFFER)
    world.socket_closes(code, "no\nstreamer")
    failure = world.the(Connect).failure
    assert (failure.kind, failure.phase, failure.status) == (
        FailureKind.CLOSED_BY_PEER,
        Phase.NEGOTIATE,
        code,
    )
    assert "no streamer" in failure.text
    world.finish()


ELSEWHERE = (("location", "https://x/"), ("retry-after", "1"))


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        *((status, ELSEWHERE) for status in (200, 204, 301, 302, 303, 307, 308)),
        *((status, ()) for status in (200, 307, 400, 401, 403, 404, 410, 426, 501, 505)),
    ],
)
def test_a_final_answer_to_the_handshake_is_not_asked_for_again(
    status: int, headers: tuple[tuple[str, str], ...]
) -> None:
    world = reached(Situation.OPENING_SOCKET)
    world.socket_is_refused(HttpReply(status, headers))
    failure = world.the(Connect).failure
    assert (failure.status, failure.retryable) == (status, False)
    world.finish()


def test_a_handshake_that_breaks_the_protocol_is_not_tried_again() -> None:
    world = reached(Situation.OPENING_SOCKET)
    world.socket_breaks(TransportErrorKind.MALFORMED)
    assert world.the(Connect).failure.kind is FailureKind.MALFORMED
    world.finish()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1]",
        "\0",
        '{"type":"offer"',
        '{"type":"answer"}',
        '{"type":"ice_candidate","candidate":5}',
        '{"type":"ice_candidate","candidate":"c","sdpMLineIndex":"first"}',
        '{"type":"keepalive"}',
        '{"type":"news","x":"' + "x" * 64 * 1024 + '"}',
    ],
    ids=lambda text: text[:40],
)
def test_what_is_not_needed_and_malformed_is_reported_and_survived(text: str) -> None:
    world = reached(Situation.AWAITING_OFFER)
    world.server_says(text)
    assert (world.events[-1].failure.kind, world.events[-1].fatal) == (FailureKind.MALFORMED, False)
    world.server_says(signaling.Offer(SDP))
    world.media_connects()
    assert world.statuses[-1] is S.CONNECTED
    world.finish()


def test_no_message_of_the_server_may_be_larger_than_an_offer() -> None:
    assert [order.accepts for order in connected().outputs(o.OpenSocket)] == [MAX_SDP]


def test_a_garbled_offer_is_the_reason_at_once() -> None:
    world = reached(Situation.AWAITING_OFFER)
    world.server_says('{"type":"offer","sdp":5}')
    assert world.the(Connect).failure.kind is FailureKind.MALFORMED
    assert world.signaled[-1] == signaling.ClientDisconnecting()
    world.finish()


def test_keepalives_go_out_every_ten_seconds() -> None:
    world = connected()
    world.wait(seconds(35))
    assert world.signaled[1:] == [signaling.KeepAlive()] * 3
