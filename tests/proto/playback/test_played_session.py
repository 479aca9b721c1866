"""What a trace says on the sockets of its sessions, step by step, and which traces can be played."""

from typing import Any

import pytest
from attrs import evolve
from core.played_traces import API, SDP, SECOND, SOCKET, UP, URL, WATCHED, Table, asks, trace_of
from house.fuzz import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from odyssey_proto.kernel.machine import Instant
from odyssey_proto.messages import signaling, stream
from odyssey_proto.messages.stream import FROM_STREAMER, TO_STREAMER
from odyssey_proto.model.ice import IceCandidate
from odyssey_proto.playback import UnplayableError, script_of
from odyssey_proto.playback.divergence import MAX_DIVERGENCES
from odyssey_proto.playback.scene_tracker import SceneTracker
from odyssey_proto.seam import inputs as i
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.http import ExchangeId, HttpReply, HttpRequest
from odyssey_proto.seam.inputs import PeerId, SdpKind, SocketId, TransportError, TransportErrorKind, Wake
from odyssey_proto.service.io import seam as s
from odyssey_proto.trace import Trace

# --- WebSockets -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("recorded", "sent"),
    [
        (1000, o.CloseSocket(SOCKET, 1000, "bye")),
        (1005, o.CloseSocket(SOCKET, 1000, "bye")),
        (4001, o.CloseSocket(SOCKET, 4001, "bye")),
        (1006, o.DropSocket(SOCKET)),
        (1001, o.DropSocket(SOCKET)),
    ],
)
def test_a_close_is_made_again_as_far_as_it_can_be(recorded: int, sent: Any) -> None:
    table = Table(trace_of(*UP[:2], (0, i.SocketClosed(SocketId(1), recorded, "bye"))))
    assert table.joins() == [s.AcceptSocket(SOCKET), sent]
    assert table.hears(i.SocketClosed(SOCKET, 1000)) == []
    table.playback.check()


def test_a_handshake_is_refused_as_it_was_and_an_unknown_one_because_it_is_unknown() -> None:
    table = Table(trace_of(UP[0], (0, i.SocketRefused(SocketId(1), HttpReply(403)))))
    assert table.joins() == [s.RefuseSocket(SOCKET, HttpReply(403))]
    (refused,) = table.joins("/client/s2", SocketId(8))
    assert refused.reply.status == 400
    assert table.reported == ["signaling: open /client/s2: not in the trace"]


def test_something_else_on_the_socket_ends_the_session() -> None:
    table = Table(trace_of(*UP))
    peer = table.connects()
    error, close, drop = table.says(signaling.ClientDisconnecting())
    assert "not_recorded" in error.text
    assert (close.code, drop) == (4010, o.DropPeer(peer))
    assert table.says(signaling.ClientDisconnecting()) == []
    assert table.reported == ["signaling: ClientDisconnecting: not in the trace"]


def test_leaving_before_the_server_did_is_reported() -> None:
    table = Table(trace_of(*UP, (9, i.SocketClosed(SocketId(1), 4000))))
    peer = table.connects()
    assert table.hears(i.SocketClosed(SOCKET, 1000)) == [o.DropPeer(peer)]
    assert table.reported == ["signaling: close: not in the trace"]


def test_what_should_have_come_first_on_a_road_does_not_come_any_more() -> None:
    odd = ('{"type":"wave"}', "nonsense")
    table = Table(trace_of(*UP, *((0, Wake(), o.SendText(SocketId(1), text)) for text in odd)))
    table.connects()
    assert table.hears(i.SocketText(SOCKET, "nonsense")) == []
    assert table.reported == ["signaling: type 'wave': in the trace, but it did not come"]
    assert table.playback.complete


def test_signs_of_life_and_candidates_are_not_compared() -> None:
    candidate = IceCandidate("candidate:1 1 udp 1 192.0.2.1 9 typ host", "0", 0)
    table = Table(
        trace_of(
            *UP[:3],
            (
                0,
                i.SocketText(SocketId(1), signaling.encode(candidate)),
                o.SendText(SocketId(1), signaling.encode(candidate)),
            ),
            (0, Wake(), o.SendText(SocketId(1), signaling.encode(signaling.KeepAlive()))),
        )
    )
    _, made, _ = table.joins()
    assert len(table.hears(i.LocalDescription(made.peer, SdpKind.OFFER, SDP))) == 1
    assert table.says(signaling.KeepAlive()) == []
    (added,) = table.says(candidate)
    assert (added.peer, added.candidate.candidate[:4]) == (made.peer, "1 1 ")
    assert table.says(evolve(candidate, candidate="candidate:none")) == []
    assert table.reported == []


# --- several, and none ------------------------------------------------------------------------


def test_sessions_are_played_in_their_order() -> None:
    def session(status: int) -> Trace:
        return trace_of(
            (0, Wake(), asks(1, "GET", f"{API}/x")), (0, i.Replied(ExchangeId(1), HttpReply(status)))
        )

    table = Table(session(200), session(201))
    first, second, third = (table.asked(name, "GET", "/x")[0].reply.status for name in (1, 2, 3))
    assert (first, second, third) == (200, 201, 400)
    assert table.reported == ["HTTP: GET /x: not in the trace"]


def test_only_the_first_differences_are_kept() -> None:
    table = Table(trace_of())
    for name in range(MAX_DIVERGENCES + 5):
        table.asked(name, "GET", f"/{name}")
    assert len(table.reported) == MAX_DIVERGENCES


@pytest.mark.parametrize(
    "step",
    [
        (0, Wake(), asks(1, "GET", "https://[half")),
        (0, Wake(), asks(1, "GET", None)),  # type: ignore[arg-type]  # as a trace written by hand may have it
        (0, i.Replied([], HttpReply(200))),  # type: ignore[arg-type]  # the same
    ],
)
def test_a_recording_that_no_client_wrote_is_refused(step: Any) -> None:
    with pytest.raises(UnplayableError, match="no client wrote this trace"):
        script_of(trace_of(step))


def test_a_picture_shows_its_state_but_no_prompt() -> None:
    picture = SceneTracker()
    picture.on_message(stream.encode(stream.InteractiveStreamStart("A secret cat")))
    picture.on_reply(PeerId(1), stream.encode(stream.StreamStarted("stream-1")))
    assert "stream-1" in repr(picture)
    assert "secret" not in repr(picture)


NOTICES = st.sampled_from(
    [
        Wake(),
        s.Rendered("x", ()),
        s.AskerGone(ExchangeId(1)),
        s.SocketAsked(SOCKET, HttpRequest("GET", "/client/s1")),
        s.SocketAsked(SocketId(9), HttpRequest("GET", "/client/s1")),
        *(
            i.SocketText(SOCKET, text)
            for text in ("nonsense", *(inp.text for _, inp, *_ in UP if isinstance(inp, i.SocketText)))
        ),
        i.SocketText(SOCKET, signaling.encode(signaling.Answer("odd"))),
        i.SocketClosed(SOCKET, 1006),
        *(i.ChannelText(PeerId(peer), TO_STREAMER, "nonsense") for peer in (1, 2)),
        *(i.ChannelUp(PeerId(peer), label, 9) for peer in (1, 2) for label in (FROM_STREAMER, TO_STREAMER)),
        *(i.LocalDescription(PeerId(peer), SdpKind.OFFER, SDP) for peer in (1, 2)),
        i.PeerFailed(PeerId(1), TransportError(TransportErrorKind.INTERNAL)),
        s.Asked(ExchangeId(3), HttpRequest("GET", "/x")),
        s.Asked(ExchangeId(4), HttpRequest("POST", "/live/s/whep", body=b"\xff")),
        s.Asked(ExchangeId(5), HttpRequest("DELETE", "/live/s/whep/1")),
    ]
)


@given(st.lists(st.tuples(st.integers(0, 2 * SECOND), NOTICES), max_size=30))
@settings(max_examples=examples(100), deadline=None)
def test_nothing_from_outside_makes_it_raise_or_spin(received: list[tuple[int, Any]]) -> None:
    left = (SECOND, i.ChannelText(PeerId(1), FROM_STREAMER, "x"), o.CloseSocket(SocketId(1)))
    again = [(SECOND, i.MediaSeen(PeerId(1), 5)), (SECOND, Wake(), o.OpenSocket(SocketId(2), URL))]
    table = Table(trace_of(*UP, left, *again, (3 * SECOND, i.SocketOpened(SocketId(2)))), WATCHED)
    for span, notice in received:
        table.now = Instant(table.now + span)
        table.hears(notice)
    assert len(table.playback.divergences) <= len(received) * 3
