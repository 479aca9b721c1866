"""Losing what was established: one fault is told once, and everyone who waits has an end."""

from typing import Any

import pytest
from core.gauntlet import advance, begun
from core.material import READY, SDP
from core.session import (
    PEER,
    SOCKET,
    last,
    live,
    outcome,
    says,
    signaled,
    signals,
    statuses,
    told,
    wait,
)

from odyssey_proto.kernel.failures import Failure, FailureKind
from odyssey_proto.messages import signaling, stream
from odyssey_proto.messages.stream import FROM_STREAMER, TO_STREAMER
from odyssey_proto.model import events as e
from odyssey_proto.model.status import ConnectionStatus as S
from odyssey_proto.seam import inputs as i
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.commands import (
    Connect,
    EndStream,
    Interact,
)
from odyssey_proto.seam.inputs import PeerState, SdpKind, TransportError, TransportErrorKind


@pytest.mark.parametrize("code", [1000, 1001])
def test_a_normal_close_of_an_established_connection_is_a_disconnect(code: int) -> None:
    world = live()
    world.command(Interact("one"))
    del world.sockets[SOCKET]
    world.step(i.SocketClosed(SOCKET, code, "bye"))
    assert outcome(world, 3).kind is FailureKind.CLOSED_BY_PEER
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
    assert (failure.code, failure.kind) == ("duration_limit_reached", FailureKind.CLOSED_BY_PEER)
    assert failure.text == "the connection reached its duration limit"
    assert signaled(world)[-1] == signaling.ClientDisconnecting()
    assert o.DropPeer(PEER) in last(world)
    world.finish()


def test_an_error_and_the_close_that_follows_are_one_fault() -> None:
    world = begun(READY)
    signals(world, signaling.SignalingError("streamer_disconnected"))
    del world.sockets[SOCKET]
    world.step(i.SocketClosed(SOCKET, 1011, "crash"))
    for kind in (e.ErrorHappened, e.Disconnected):
        assert [type(event) for event in told(world)].count(kind) == 1
    assert statuses(world)[-1] is S.FAILED
    world.finish()


def test_what_failed_does_not_become_ready_any_more() -> None:
    world = begun(7)
    signals(world, signaling.Offer(SDP))
    world.step(i.LocalDescription(PEER, SdpKind.ANSWER, SDP))
    signals(world, signaling.SignalingError("streamer_disconnected"))
    for late in (
        i.PeerStateChanged(PEER, PeerState.CONNECTED),
        i.TrackUp(PEER, i.MediaKind.VIDEO),
        i.ChannelUp(PEER, TO_STREAMER, 100),
        i.ChannelUp(PEER, FROM_STREAMER, 100),
    ):
        assert world.step(late) == []
    assert world.client.status is S.FAILED
    assert not [event for event in told(world) if isinstance(event, e.Connected)]
    world.finish()


@pytest.mark.parametrize(
    "text", ["[1]", "7", "null", '"offer"', "{", "\ufffd", '{"type": "offer", "sdp": {}}']
)
def test_a_garbled_message_does_not_silence_an_established_connection(text: str) -> None:
    world = live()
    world.step(i.SocketText(SOCKET, text))
    complaint = told(world)[-1]
    assert isinstance(complaint, e.ErrorHappened)
    assert (complaint.fatal, complaint.failure.kind) == (False, FailureKind.MALFORMED)
    wait(world, 10)
    assert signaled(world)[-1] == signaling.KeepAlive()
    world.command(Interact("one"))
    says(world, stream.UpdateAcknowledged("ONE"))
    assert outcome(world, 3) == "ONE"
    signals(world, signaling.SignalingError("duration_limit_reached"))
    assert told(world)[-1].failure.code == "duration_limit_reached"
    world.finish()


@pytest.mark.parametrize(
    ("reason", "code"),
    [("out of\n\x1b[31mhand", "out of �[31mhand"), ("x" * 1000, "x" * 64), (" \n", "unknown")],
)
def test_the_reason_of_a_signaling_error_is_one_short_line(reason: str, code: str) -> None:
    world = begun(READY)
    signals(world, signaling.SignalingError(reason))
    failure = told(world)[-1].failure
    assert (failure.code, failure.text) == (code, f"the server reported {code}")
    world.finish()


@pytest.mark.parametrize(
    "notice",
    [
        i.PeerStateChanged(PEER, PeerState.FAILED),
        i.PeerStateChanged(PEER, PeerState.CLOSED),
        i.TrackDown(PEER, i.MediaKind.VIDEO),
        i.ChannelDown(PEER, TO_STREAMER),
        i.ChannelDown(PEER, FROM_STREAMER),
        i.PeerFailed(PEER, TransportError(TransportErrorKind.SILENT)),
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
    world.step(i.PeerStateChanged(PEER, PeerState.CLOSED))
    signals(world, signaling.Offer(SDP))
    advance(world, 0)
    wait(world, 2)
    assert world.client.status is S.CONNECTED
    world.finish()


def test_an_interrupted_peer_may_recover() -> None:
    world = begun(READY)
    world.step(i.PeerStateChanged(PEER, PeerState.DISCONNECTED))
    wait(world, 4)
    world.step(i.PeerStateChanged(PEER, PeerState.CONNECTED))
    wait(world, 60)
    assert world.client.status is S.CONNECTED
    world.step(i.PeerStateChanged(PEER, PeerState.DISCONNECTED))
    wait(world, 5)
    assert world.client.status is S.FAILED
    world.finish()


def test_connecting_again_after_a_loss_does_not_wait_for_the_goodbye() -> None:
    world = begun(READY)
    world.step(i.PeerFailed(PEER, TransportError(TransportErrorKind.CLOSED)))
    assert (world.client.status, world.sockets) == (S.FAILED, {SOCKET: True})
    world.command(Connect())
    while world.pending:
        advance(world, 0)
    second = i.SocketId(2)
    world.sockets[second] = True
    world.step(i.SocketOpened(second))
    world.step(i.SocketText(second, signaling.encode(signaling.Offer(SDP))))
    advance(world, 0)
    assert (outcome(world, 2), world.client.status) == (None, S.CONNECTED)
    assert SOCKET in world.sockets, "whose close is still on its way"
    world.finish()
