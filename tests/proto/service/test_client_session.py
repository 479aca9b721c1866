"""From the WebSocket handshake to the goodbye (docs/protocol.md#signaling)."""

import pytest

from odyssey_proto.messages import signaling, stream
from odyssey_proto.messages.token import sign
from odyssey_proto.model.ice import IceCandidate, IceConfig, IceServer
from odyssey_proto.seam.http import HttpRequest
from odyssey_proto.seam.inputs import (
    ChannelDown,
    ChannelText,
    ChannelUp,
    LocalDescription,
    MediaSeen,
    PeerFailed,
    PeerId,
    PeerState,
    PeerStateChanged,
    SdpKind,
    SocketClosed,
    SocketId,
    SocketText,
    TransportError,
    TransportErrorKind,
)
from odyssey_proto.seam.outputs import AddCandidate, DropPeer, MakeOffer, MakePeer, SendText, SetRemote
from odyssey_proto.service.io import faults as fault
from odyssey_proto.service.io.seam import AcceptSocket, RefuseSocket, SocketAsked
from odyssey_proto.service.live.streamer_peer import MAX_EARLY_CANDIDATES
from tests.proto.service.service_by_hand import (
    FROM_STREAMER,
    SDP,
    TO_STREAMER,
    Host,
    ServiceByHand,
    closes,
    detail,
    signaled,
    streamed,
)

CANDIDATE = "1 1 udp 1 127.0.0.1 9 typ host"


# --- the handshake ----------------------------------------------------------------------------


def test_a_good_token_opens_and_is_offered_to() -> None:
    ice = IceConfig((IceServer(("stun:127.0.0.1",)),))
    host = ServiceByHand(ice=ice).joined()
    made = MakePeer(host.peer, ice, sends=True, channels=(TO_STREAMER, FROM_STREAMER))
    assert host.began[0] == AcceptSocket(host.socket)
    assert host.began[2:] == [made, MakeOffer(host.peer)]
    assert host.notices(LocalDescription(host.peer, SdpKind.OFFER, SDP)) == [
        SendText(host.socket, signaling.encode(signaling.Offer(SDP)))
    ]


def test_a_service_with_sound_offers_it_where_it_offers_video() -> None:
    host = ServiceByHand(audio=True).joined()
    [made] = [output for output in host.began if isinstance(output, MakePeer)]
    assert made.audio
    host = ServiceByHand(audio=True, faults=[fault.WithoutVideo()]).joined()
    [made] = [output for output in host.began if isinstance(output, MakePeer)]
    assert not made.sends
    assert not made.audio


def refusal(outputs: list[object]) -> int:
    assert isinstance(outputs[0], RefuseSocket)
    assert outputs[0].reply.header("access-control-allow-origin") == "*"
    assert detail(outputs[0].reply)
    return outputs[0].reply.status


@pytest.mark.parametrize("path", ["/", "/client", "/client/", "/client/a/b", "/client/a%2Fb", "/other/x"])
def test_other_paths_are_not_there(path: str) -> None:
    outputs = ServiceByHand().step(SocketAsked(SocketId(1), HttpRequest("GET", path, (("token", "x"),))))
    assert refusal(outputs) == 404


@pytest.mark.parametrize("token", [None, "", "x", "a.b.c", "é.é.é", sign({"session_id": "s"}, b"other")])
def test_a_token_that_is_not_ours(token: str | None) -> None:
    guest = ServiceByHand()
    guest.enter()
    assert refusal(guest.knock(guest.grant()["session_id"], token)[1]) == 401


def test_a_token_of_another_session() -> None:
    guest = ServiceByHand()
    guest.enter()
    one, other = guest.grant()["session_id"], guest.grant()["session_id"]
    assert refusal(guest.knock(one, guest.token(other))[1]) == 403


def test_an_expired_token() -> None:
    guest = ServiceByHand(token_seconds=10)
    guest.enter()
    name = guest.grant()["session_id"]
    token = guest.token(name)
    guest.wait(10)
    assert refusal(guest.knock(name, token)[1]) == 401


def test_a_released_session() -> None:
    guest = ServiceByHand()
    host = guest.joined()
    token = guest.token(host.session_id)
    host.signals(signaling.ClientDisconnecting())
    assert refusal(guest.knock(host.session_id, token)[1]) == 404


def test_who_comes_again_takes_over() -> None:
    guest = ServiceByHand(capacity=1)
    host = guest.ready()
    peer = host.peer
    socket, outputs = guest.knock(host.session_id, guest.token(host.session_id))
    assert closes(outputs) == [(4004, "taken_over")]
    assert DropPeer(peer) in outputs
    assert AcceptSocket(socket) in outputs
    assert guest.step(SocketClosed(host.socket, 4004)) == []
    assert guest.step(SocketText(host.socket, '{"type":"client_disconnecting"}')) == []
    Host(guest, host.session_id, socket, outputs).negotiate()
    assert guest.reply("POST", "/sessions/request", {}).status == 503


# --- what the client says ---------------------------------------------------------------------


def test_the_answer_is_taken_once() -> None:
    host = ServiceByHand().joined()
    assert host.signals(signaling.Answer(SDP))[0].what.endswith("may not be sent in state OPEN")
    host.notices(LocalDescription(host.peer, SdpKind.OFFER, SDP))
    assert host.signals(signaling.Answer(SDP)) == [SetRemote(host.peer, SdpKind.ANSWER, SDP)]
    assert host.signals(signaling.Answer(SDP))[0].what.endswith("may not be sent in state ANSWERED")


def test_an_unusable_answer_ends_the_session() -> None:
    guest = ServiceByHand(capacity=1)
    host = guest.joined()
    host.notices(LocalDescription(host.peer, SdpKind.OFFER, SDP))
    outputs = host.signals(signaling.Answer("v=0\r\n"))
    assert signaled(outputs) == [signaling.SignalingError("invalid_answer")]
    assert closes(outputs) == [(4003, "invalid_answer")]
    assert guest.grant()


def test_candidates_wait_for_the_answer() -> None:
    host = ServiceByHand().joined()
    assert host.signals(IceCandidate(f"candidate:{CANDIDATE}", "0", 0)) == []
    host.notices(LocalDescription(host.peer, SdpKind.OFFER, SDP))
    assert host.signals(IceCandidate("")) == []
    early = [AddCandidate(host.peer, IceCandidate(CANDIDATE, "0", 0)), AddCandidate(host.peer, None)]
    assert host.signals(signaling.Answer(SDP)) == [SetRemote(host.peer, SdpKind.ANSWER, SDP), *early]
    late = host.signals(IceCandidate(CANDIDATE, "1", 1))
    assert late == [AddCandidate(host.peer, IceCandidate(CANDIDATE, "1", 1))]


def test_early_candidates_are_bounded() -> None:
    host = ServiceByHand().joined()
    for _ in range(MAX_EARLY_CANDIDATES + 10):
        host.signals(IceCandidate(CANDIDATE))
    host.notices(LocalDescription(host.peer, SdpKind.OFFER, SDP))
    assert len(host.signals(signaling.Answer(SDP))) == 1 + MAX_EARLY_CANDIDATES


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"type": "answer"}',
        '{"type": "answer", "sdp": 1}',
        '{"type": "offer", "sdp": "v=0"}',
        '{"type": "ice_candidate", "candidate": "nonsense"}',
        '{"type": "interactive_stream_start"}',
    ],
)
def test_malformed_texts_are_ignored_but_noted(text: str) -> None:
    guest = ServiceByHand()
    host = guest.joined()
    notes = len(guest.notes)
    assert len(host.signals(text)) == 1
    assert len(guest.notes) == notes + 1
    host.negotiate()


@pytest.mark.parametrize("text", ['{"type": "news"}', "{}", '{"type": "keepalive"}'])
def test_some_texts_mean_nothing_but_life(text: str) -> None:
    assert ServiceByHand().joined().signals(text) == []


# --- media ------------------------------------------------------------------------------------


def test_the_way_to_ready() -> None:
    guest = ServiceByHand()
    host = guest.ready()
    assert guest.notes[-1] == f"session {host.session_id}: connected"
    assert host.notices(ChannelUp(host.peer, TO_STREAMER, 1)) == []
    assert host.notices(ChannelUp(host.peer, "other", 1)) == []


def test_notices_without_meaning() -> None:
    host = ServiceByHand().ready()
    for notice in (
        MediaSeen(host.peer, 1),
        ChannelText(host.peer, "other", "x"),
        ChannelDown(host.peer, "other"),
        LocalDescription(host.peer, SdpKind.ANSWER, SDP),
        PeerStateChanged(host.peer, PeerState.CONNECTING),
        PeerFailed(PeerId(99), TransportError(TransportErrorKind.CLOSED)),
    ):
        assert host.notices(notice) == []
    assert not host.guest.wait(39)


@pytest.mark.parametrize("state", [PeerState.DISCONNECTED, PeerState.FAILED, PeerState.CLOSED])
def test_a_lost_peer_has_some_grace(state: PeerState) -> None:
    guest = ServiceByHand()
    host = guest.ready()
    assert host.notices(PeerStateChanged(host.peer, state)) == []
    assert guest.wait(3) == []
    host.notices(PeerStateChanged(host.peer, state))
    outputs = guest.wait(2)
    assert signaled(outputs) == [signaling.SignalingError("streamer_disconnected")]
    assert closes(outputs) == [(4002, "streamer_disconnected")]


def test_a_peer_may_heal() -> None:
    guest = ServiceByHand()
    host = guest.ready()
    host.notices(PeerStateChanged(host.peer, PeerState.DISCONNECTED))
    host.notices(PeerStateChanged(host.peer, PeerState.CONNECTED))
    assert guest.wait(30) == []


@pytest.mark.parametrize("label", [TO_STREAMER, FROM_STREAMER])
def test_a_closed_channel_is_a_lost_peer(label: str) -> None:
    guest = ServiceByHand()
    host = guest.ready()
    host.notices(ChannelDown(host.peer, label))
    assert streamed(host.streams(stream.InteractiveStreamEnd())) == (
        [] if label == FROM_STREAMER else [stream.StreamEnded()]
    )
    assert closes(guest.wait(5)) == [(4002, "streamer_disconnected")]


def test_a_broken_peer_ends_at_once() -> None:
    host = ServiceByHand().joined()
    outputs = host.notices(PeerFailed(host.peer, TransportError(TransportErrorKind.INVALID, "secret words")))
    assert outputs[0].what.endswith("the peer connection broke: invalid")
    assert signaled(outputs) == [signaling.SignalingError("streamer_disconnected")]
    assert closes(outputs) == [(4002, "streamer_disconnected")]


# --- limits and leaving -----------------------------------------------------------------------


def test_a_client_that_leaves_frees_its_streamer() -> None:
    guest = ServiceByHand(capacity=1)
    host = guest.ready()
    peer = host.peer
    outputs = host.signals(signaling.ClientDisconnecting())
    assert closes(outputs) == [(1000, "")]
    assert DropPeer(peer) in outputs
    assert guest.grant()


@pytest.mark.parametrize("code", [1000, 1001, 1006, 4000])
def test_any_close_frees_the_streamer(code: int) -> None:
    guest = ServiceByHand(capacity=1)
    host = guest.ready()
    peer = host.peer
    outputs = guest.step(SocketClosed(host.socket, code))
    assert outputs[1:] == [DropPeer(peer)]
    assert guest.grant()


def test_a_claimed_session_keeps_its_streamer() -> None:
    guest = ServiceByHand(capacity=1, unclaimed_seconds=10, idle_seconds=1000)
    guest.ready()
    guest.wait(100)
    assert guest.reply("POST", "/sessions/request", {}).status == 503


def test_silence_ends_the_session() -> None:
    guest = ServiceByHand()
    host = guest.ready()
    guest.wait(39)
    host.signals(signaling.KeepAlive())
    guest.wait(39)
    host.signals("nonsense")
    assert guest.wait(39.9) == []
    assert closes(guest.wait(0.1)) == [(4001, "client_idle")]


def test_who_never_connects_is_sent_away() -> None:
    guest = ServiceByHand(idle_seconds=1000)
    guest.joined()
    outputs = guest.wait(60)
    assert signaled(outputs) == [signaling.SignalingError("client_not_connected")]
    assert closes(outputs) == [(4003, "client_not_connected")]


def test_the_connection_has_a_limit() -> None:
    guest = ServiceByHand(connection_seconds=100, idle_seconds=1000)
    host = guest.ready()
    host.streams(stream.InteractiveStreamStart("A cat"))
    outputs = guest.wait(100)
    assert signaled(outputs) == [signaling.SignalingError("duration_limit_reached")]
    assert closes(outputs) == [(4000, "duration_limit_reached")]
    assert guest.service.deadline is None
