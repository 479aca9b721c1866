"""Losing what was established: one fault is reported once, and everyone who waits has an end."""

from typing import Any

import pytest

from odyssey_proto.kernel.failures import Failure, FailureKind, LocalProtocolError
from odyssey_proto.kernel.machine import seconds
from odyssey_proto.messages import signaling, stream
from odyssey_proto.messages.stream import FROM_STREAMER, TO_STREAMER
from odyssey_proto.model import events as e
from odyssey_proto.model.events import ConnectionStatus as S
from odyssey_proto.seam import inputs as i
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.inputs import PeerState, SdpKind, TransportError, TransportErrorKind
from odyssey_proto.testing.by_hand import OFFER, PEER, SDP, SOCKET
from odyssey_proto.testing.situations import Situation, connected, reached, streaming


@pytest.mark.parametrize("code", [1000, 1001])
def test_a_normal_close_of_an_established_connection_is_a_disconnect(code: int) -> None:
    world = streaming()
    prompt = world.interact("one")
    world.socket_closes(code, "bye")
    assert prompt.failure.kind is FailureKind.CLOSED_BY_PEER
    changed, gone = world.events[-2:]
    assert changed.status is S.DISCONNECTED
    assert gone.failure.status == code
    assert world.client.session_id is None
    world.finish()


def test_an_abnormal_close_is_a_failure_reported_once() -> None:
    world = connected()
    world.socket_closes(1011, "crash")
    assert [type(event) for event in world.events[-3:]] == [e.StatusChanged, e.ErrorHappened, e.Disconnected]
    assert world.events_of(e.ErrorHappened) == [world.events[-2]]
    world.finish()


def test_a_signaling_error_ends_everything_and_says_goodbye() -> None:
    world = connected()
    world.server_says(signaling.SignalingError("duration_limit_reached"))
    failure = world.events[-1].failure
    assert (failure.code, failure.kind) == ("duration_limit_reached", FailureKind.CLOSED_BY_PEER)
    assert failure.text == "the connection reached its duration limit"
    assert world.signaled[-1] == signaling.ClientDisconnecting()
    assert o.DropPeer(PEER) in world.last
    world.finish()


def test_an_error_and_the_close_that_follows_are_one_fault() -> None:
    world = connected()
    world.server_says(signaling.SignalingError("streamer_disconnected"))
    world.socket_closes(1011, "crash")
    for kind in (e.ErrorHappened, e.Disconnected):
        assert [type(event) for event in world.events].count(kind) == 1
    assert world.statuses[-1] is S.FAILED
    world.finish()


def test_what_failed_does_not_become_ready_any_more() -> None:
    world = reached(Situation.AWAITING_OFFER)
    world.server_says(OFFER)
    world.media(i.LocalDescription(PEER, SdpKind.ANSWER, SDP))
    world.server_says(signaling.SignalingError("streamer_disconnected"))
    for late in (
        i.PeerStateChanged(PEER, PeerState.CONNECTED),
        i.TrackUp(PEER, i.MediaKind.VIDEO),
        i.ChannelUp(PEER, TO_STREAMER, 100),
        i.ChannelUp(PEER, FROM_STREAMER, 100),
    ):
        assert world.step(late) == []
    assert world.client.status is S.FAILED
    assert not world.events_of(e.Connected)
    world.finish()


@pytest.mark.parametrize(
    "text", ["[1]", "7", "null", '"offer"', "{", "\ufffd", '{"type": "offer", "sdp": {}}']
)
def test_a_garbled_message_does_not_silence_an_established_connection(text: str) -> None:
    world = streaming()
    world.server_says(text)
    complaint = world.events[-1]
    assert isinstance(complaint, e.ErrorHappened)
    assert (complaint.fatal, complaint.failure.kind) == (False, FailureKind.MALFORMED)
    world.wait(seconds(10))
    assert world.signaled[-1] == signaling.KeepAlive()
    prompt = world.interact("one")
    world.streamer_says(stream.UpdateAcknowledged("ONE"))
    assert prompt.result == "ONE"
    world.server_says(signaling.SignalingError("duration_limit_reached"))
    assert world.events[-1].failure.code == "duration_limit_reached"
    world.finish()


@pytest.mark.parametrize(
    ("reason", "code"),
    [("out of\n\x1b[31mhand", "out of �[31mhand"), ("x" * 1000, "x" * 64), (" \n", "unknown")],
)
def test_the_reason_of_a_signaling_error_is_one_short_line(reason: str, code: str) -> None:
    world = connected()
    world.server_says(signaling.SignalingError(reason))
    failure = world.events[-1].failure
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
        i.PeerFailed(PEER, TransportError(TransportErrorKind.TLS)),
    ],
)
def test_a_lost_peer_ends_everyone_who_waits(notice: Any) -> None:
    world = streaming()
    waiting = [world.interact("one"), world.end()]
    world.step(notice)
    world.wait(seconds(0.5))
    for command in waiting:
        assert isinstance(command.outcome, Failure)
    assert world.statuses[-1] is S.FAILED
    assert [type(event) for event in world.events].count(e.Disconnected) == 1
    world.finish()


def test_the_reason_of_an_ended_peer_may_come_after_it() -> None:
    world = streaming()
    prompt = world.interact("one")
    world.media(i.ChannelDown(PEER, FROM_STREAMER))
    world.wait(seconds(0.4))
    assert (prompt.outcome, world.client.status) == (..., S.CONNECTED)
    world.server_says(signaling.SignalingError("duration_limit_reached"))
    leaving = [type(out) for out in world.last if isinstance(out, o.SendText | o.CloseSocket | o.DropPeer)]
    assert leaving == [o.SendText, o.CloseSocket, o.DropPeer], "the peer is dropped after the goodbye"
    assert prompt.failure.code == "duration_limit_reached"
    assert [event.failure.code for event in world.events if isinstance(event, e.Disconnected)] == [
        "duration_limit_reached"
    ]
    world.finish()


def test_an_ended_peer_is_a_loss_when_no_reason_comes() -> None:
    world = streaming()
    world.media(i.ChannelDown(PEER, FROM_STREAMER))
    world.wait(seconds(0.4))
    with pytest.raises(LocalProtocolError, match="not open"):
        world.interact("too late")
    world.wait(seconds(0.1))
    assert world.events[-1].failure.code == "media.channel_closed"
    world.finish()


def test_an_ended_peer_may_be_renewed() -> None:
    world = connected()
    world.media(i.PeerStateChanged(PEER, PeerState.CLOSED))
    world.server_says(OFFER)
    world.goes_well()
    world.wait(seconds(2))
    assert world.client.status is S.CONNECTED
    world.finish()


def test_an_interrupted_peer_may_recover() -> None:
    world = connected()
    world.media(i.PeerStateChanged(PEER, PeerState.DISCONNECTED))
    assert world.client.status is S.RECONNECTING
    world.wait(seconds(14))
    world.media(i.PeerStateChanged(PEER, PeerState.CONNECTED))
    assert world.client.status is S.CONNECTED
    world.wait(seconds(60))
    assert world.client.status is S.CONNECTED
    world.media(i.PeerStateChanged(PEER, PeerState.DISCONNECTED))
    world.wait(seconds(15))
    assert world.client.status is S.FAILED
    world.finish()


def test_connecting_again_after_a_loss_does_not_wait_for_the_goodbye() -> None:
    world = connected()
    world.media(i.PeerFailed(PEER, TransportError(TransportErrorKind.CLOSED)))
    assert (world.client.status, world.sockets) == (S.FAILED, {SOCKET: True})
    connect = world.connect()
    while world.requests:
        world.goes_well()
    second = i.SocketId(2)
    world.sockets[second] = True
    world.step(i.SocketOpened(second))
    world.step(i.SocketText(second, signaling.encode(OFFER)))
    world.goes_well()
    assert (connect.outcome, world.client.status) == (None, S.CONNECTED)
    assert SOCKET in world.sockets, "whose close is still on its way"
    world.finish()
