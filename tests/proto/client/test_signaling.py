"""The signaling connection: how often it is tried, what is said on it, what its end means."""

import pytest

from odyssey_proto.kernel.failures import FailureKind, Phase
from odyssey_proto.kernel.machine import seconds
from odyssey_proto.messages import signaling
from odyssey_proto.model import events as e
from odyssey_proto.model.events import ConnectionStatus as S
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.commands import Connect
from odyssey_proto.seam.http import HttpReply
from odyssey_proto.seam.inputs import TransportErrorKind
from odyssey_proto.testing.by_hand import (
    GOOD_REPLIES,
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
    world.wait(seconds(14.9))
    assert not world.sockets
    world.wait(seconds(0.1))
    assert world.sockets == {SOCKET: False}
    assert not world.requests, "nobody waits for them any more"
    world.goes_well()
    complaint = world.events[-1]
    assert (complaint.fatal, complaint.failure.kind) == (False, FailureKind.TIMED_OUT)
    assert complaint.failure.phase is Phase.PREPARE
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
        *((status, ()) for status in (200, 307, 400, 401, 403, 404, 410, 426)),
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
