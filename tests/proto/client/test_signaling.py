"""The signaling connection: how often it is tried, what is said on it, what its end means."""

import pytest
from core.gauntlet import advance, begun
from core.material import READY, REPLIES
from core.session import (
    SOCKET,
    outcome,
    reply,
    signaled,
    statuses,
    told,
    wait,
)

from odyssey_proto.kernel.failures import FailureKind, Phase
from odyssey_proto.messages import signaling
from odyssey_proto.model import events as e
from odyssey_proto.model.status import ConnectionStatus as S
from odyssey_proto.seam import inputs as i
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.commands import Connect
from odyssey_proto.seam.http import HttpReply
from odyssey_proto.seam.inputs import TransportError, TransportErrorKind


def test_the_signaling_connection_is_tried_six_times() -> None:
    world = begun(0)
    world.command(Connect())
    while outcome(world, 1) is ...:
        for _ in list(world.pending):
            advance(world, 0)
        for socket in list(world.sockets):
            del world.sockets[socket]
            world.step(
                i.SocketClosed(i.SocketId(socket), 1006, "", TransportError(TransportErrorKind.REFUSED))
            )
        wait(world, 2)
    assert statuses(world) == [S.AUTHENTICATING, S.CONNECTING, *[S.CONNECTING] * 6, S.FAILED]
    assert (outcome(world, 1).kind, outcome(world, 1).phase) == (FailureKind.UNREACHABLE, Phase.SIGNAL)
    world.finish()


@pytest.mark.parametrize(
    ("status", "why"),
    [(401, FailureKind.AUTH_REFUSED), (403, FailureKind.AUTH_REFUSED), (404, FailureKind.NOT_FOUND)],
)
def test_a_refused_handshake_is_not_repeated(status: int, why: FailureKind) -> None:
    world = begun(6)
    world.sockets.clear()
    world.step(i.SocketRefused(SOCKET, HttpReply(status)))
    assert outcome(world, 1).kind is why
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


def test_ice_servers_that_do_not_come_are_waited_for_no_longer_than_their_time() -> None:
    world = begun(4)
    config = [
        exchange for exchange, asked in world.pending.items() if asked.url == "https://sig.example/config"
    ]
    assert len(config) == 1
    while list(world.pending) != config:
        exchange = next(name for name in world.pending if name not in config)
        reply(world, REPLIES[3], list(world.pending).index(exchange))
    wait(world, 14.9)
    assert not world.sockets
    wait(world, 0.1)
    assert world.sockets == {SOCKET: False}
    assert not world.pending, "nobody waits for them any more"
    advance(world, 0)
    complaint = told(world)[-1]
    assert (complaint.fatal, complaint.failure.kind) == (False, FailureKind.TIMED_OUT)
    assert complaint.failure.phase is Phase.PREPARE
    world.finish()


@pytest.mark.parametrize("code", [1000, 1001, 1006, 1011, 4001])
def test_a_close_while_connecting_fails_at_once_with_its_reason(code: int) -> None:
    world = begun(7)
    del world.sockets[SOCKET]
    world.step(i.SocketClosed(SOCKET, code, "no\nstreamer"))
    failure = outcome(world, 1)
    assert (failure.kind, failure.phase, failure.status) == (
        FailureKind.CLOSED_BY_PEER,
        Phase.NEGOTIATE,
        code,
    )
    assert "no streamer" in failure.text
    world.finish()


def test_a_garbled_message_while_connecting_is_the_reason() -> None:
    world = begun(7)
    world.step(i.SocketText(SOCKET, "[1]"))
    assert outcome(world, 1).kind is FailureKind.MALFORMED
    assert signaled(world)[-1] == signaling.ClientDisconnecting()
    world.finish()


def test_keepalives_go_out_every_ten_seconds() -> None:
    world = begun(READY)
    wait(world, 35)
    assert signaled(world)[1:] == [signaling.KeepAlive()] * 3
