"""The media of a trace, as its client or a spectator sees them: offers, channels, frames and losses."""

from typing import Any

import pytest
from core.played_traces import HERE, SDP, SDP_FIELD, SECOND, SOCKET, UP, WATCHED, Table, trace_of

from odyssey_proto.kernel.machine import Instant, Span
from odyssey_proto.messages import signaling, stream
from odyssey_proto.messages.stream import FROM_STREAMER, TO_STREAMER
from odyssey_proto.seam import inputs as i
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.http import ExchangeId, HttpReply, HttpRequest
from odyssey_proto.seam.inputs import (
    MediaKind,
    PeerId,
    PeerState,
    SdpKind,
    SocketId,
    TransportError,
    TransportErrorKind,
    Wake,
)
from odyssey_proto.service.io import seam as s


def said(message: Any) -> i.SocketText:
    return i.SocketText(SocketId(1), signaling.encode(message))


# --- media ------------------------------------------------------------------------------------


def test_an_offer_that_the_client_did_not_take_is_made_all_the_same() -> None:
    after = i.SocketText(SocketId(1), "after the offer")
    table = Table(trace_of(*UP[:2], (0, said(signaling.Offer("v=0"))), (0, after)))
    _, made, _ = table.joins()
    assert (made.sends, made.channels) == (False, ())
    _, later = table.hears(i.LocalDescription(made.peer, SdpKind.OFFER, SDP))
    assert later == o.SendText(SOCKET, "after the offer")


def test_a_second_offer_drops_the_first_peer_and_a_dropped_one_is_not_described() -> None:
    again = SDP.replace("s=test", "s=again")
    table = Table(
        trace_of(*UP, (0, said(signaling.Offer(again)))),
    )
    peer = table.connects()
    ended = table.hears(i.SocketClosed(SOCKET, 1000))
    assert isinstance(ended[0], o.DropPeer)
    assert ended[0].peer != peer
    assert table.hears(i.LocalDescription(ended[0].peer, SdpKind.OFFER, SDP)) == []


def test_texts_wait_for_the_channel_and_the_picture_follows_them() -> None:
    start = stream.InteractiveStreamStart("A cat", portrait=False)
    reported = [
        stream.StreamStarted("stream-1"),
        stream.UpdateAcknowledged("Pet it gently"),
        stream.UpdateAcknowledged("out of nowhere"),
        stream.BroadcastReady("https://api.example/v1/whep/1"),
        stream.StreamEnded(),
        stream.UpdateAcknowledged("too late"),
    ]
    update = stream.Update("Pet it")
    texts = [stream.encode(message) for message in reported]
    table = Table(
        trace_of(
            *UP,
            (0, Wake(), o.SendText(SocketId(1), stream.encode(start))),
            (0, Wake(), o.ChannelSend(PeerId(1), TO_STREAMER, stream.encode(update))),
            *((0, i.ChannelText(PeerId(1), FROM_STREAMER, text)) for text in (*texts, "nonsense")),
        )
    )
    peer = table.connects()
    assert table.says(start) == []
    outputs = table.hears(i.ChannelText(peer, TO_STREAMER, stream.encode(update)))
    scenes = [output.scene for output in outputs if isinstance(output, s.Show)]
    assert [scene and scene.prompts for scene in scenes] == [
        ("A cat",),
        ("A cat", "Pet it gently"),
        ("A cat", "Pet it gently", "out of nowhere"),
        None,
    ]
    assert not scenes[0].portrait
    said = [output.text for output in outputs if isinstance(output, o.ChannelSend)]
    assert said[:2] == texts[:2]
    assert "http://localhost:8080/whep/1" in said[3]
    assert said[-1] == "nonsense"
    table.playback.check()


def test_something_else_on_the_channel_is_answered_where_it_can_be() -> None:
    table = Table(trace_of(*UP[:4]))
    _, made, _ = table.joins()
    table.hears(i.LocalDescription(made.peer, SdpKind.OFFER, SDP))
    assert table.hears(i.ChannelText(made.peer, TO_STREAMER, "nonsense")) == []
    table.hears(i.ChannelUp(made.peer, FROM_STREAMER, 65536))
    (sorry,) = table.hears(i.ChannelText(made.peer, TO_STREAMER, stream.encode(stream.Update("x"))))
    assert "not_recorded" in sorry.text
    assert table.reported == [
        "data channel: an unreadable message: not in the trace",
        "data channel: Update: not in the trace",
    ]


@pytest.mark.parametrize(
    "lost",
    [
        i.ChannelDown(PeerId(1), FROM_STREAMER),
        i.TrackDown(PeerId(1), MediaKind.VIDEO),
        i.PeerStateChanged(PeerId(1), PeerState.FAILED),
    ],
)
def test_a_lost_connection_is_lost_again_once(lost: Any) -> None:
    table = Table(
        trace_of(
            *UP,
            (SECOND, lost),
            (SECOND, i.PeerStateChanged(PeerId(1), PeerState.CLOSED)),
            (SECOND, Wake(), o.DropPeer(PeerId(1))),
        )
    )
    peer = table.connects()
    table.now = Instant(SECOND)
    assert table.hears(Wake()) == [o.DropPeer(peer)]
    assert table.hears(i.PeerStateChanged(peer, PeerState.CLOSED)) == []
    table.playback.check()


def test_what_the_client_closed_itself_is_not_lost() -> None:
    left = (0, Wake(), o.DropPeer(PeerId(1)), o.CloseSocket(SocketId(1)))
    table = Table(
        trace_of(
            *UP,
            left,
            (0, i.PeerStateChanged(PeerId(1), PeerState.CLOSED)),
            (0, i.SocketClosed(SocketId(1), 1000)),
        )
    )
    table.connects()
    table.hears(i.SocketClosed(SOCKET, 1000))
    assert table.playback.complete
    table.playback.check()


def test_a_peer_that_breaks_here_ends_its_session() -> None:
    table = Table(trace_of(*UP))
    peer = table.connects()
    assert table.hears(i.PeerStateChanged(peer, PeerState.DISCONNECTED)) == []
    broke = i.PeerFailed(peer, TransportError(TransportErrorKind.INTERNAL))
    drop, close = table.hears(broke)
    assert (drop, close.code) == (o.DropPeer(peer), 4002)
    assert table.hears(broke) == []


def test_frames_come_when_they_came() -> None:
    counts = [(0, 24), (1.0, 48), (1.0, 48), (6.0, 72), (20.0, 72)]
    steps = [(round(at * SECOND), i.MediaSeen(PeerId(1), seen)) for at, seen in counts]
    trace = trace_of(*UP, *steps, (30 * SECOND, Wake(), o.DropPeer(PeerId(1))))
    table = Table(trace)
    peer = table.connects()
    outputs = []
    while (deadline := table.playback.deadline) is not None:
        table.now = deadline.at
        outputs += [(table.now // SECOND, each) for each in table.hears(Wake())]
    second = Span(SECOND)
    assert outputs == [
        (1, s.Pace(peer, Span(0), 0, Span(1))),
        (1, s.Pace(peer, Span(4 * SECOND), 24, second)),
        (6, s.Pace(peer, Span(13 * SECOND), 0, second)),
        (20, s.Pace(peer, Span(0), 0, second)),
    ]
    table = Table(trace, fast=True)
    table.connects()
    assert table.playback.complete


# --- spectators -------------------------------------------------------------------------------


def test_a_spectator_gets_a_description_of_now() -> None:
    table = Table(WATCHED)
    asked = HttpRequest("POST", "/live/s/whep", headers=(*HERE, *SDP_FIELD), body=b"v=0 now")
    made, remote, _ = table.hears(s.Asked(ExchangeId(5), asked))
    assert (made.sends, remote) == (True, o.SetRemote(made.peer, SdpKind.OFFER, "v=0 now"))
    (answer,) = table.hears(i.LocalDescription(made.peer, SdpKind.ANSWER, "v=0 fresh"))
    assert answer.reply.body == b"v=0 fresh"
    assert answer.reply.header("location") == "http://localhost:8080/live/s/whep/1"
    assert table.asked(6, "DELETE", "/live/s/whep/1") == [
        o.DropPeer(made.peer),
        s.Answer(ExchangeId(6), HttpReply(200)),
    ]
    table.playback.check()


def test_a_spectator_whose_peer_breaks_is_gone() -> None:
    table = Table(WATCHED)
    asked = HttpRequest("POST", "/live/s/whep", headers=SDP_FIELD, body=b"v=0 now")
    made, *_ = table.hears(s.Asked(ExchangeId(5), asked))
    assert table.hears(i.PeerFailed(made.peer, TransportError(TransportErrorKind.INVALID))) == [
        s.HangUp(ExchangeId(5)),
        o.DropPeer(made.peer),
    ]
