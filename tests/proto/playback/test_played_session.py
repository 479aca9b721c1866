"""What a trace says to whoever speaks to it, step by step, from traces written by hand."""

import json
from typing import Any

import pytest
from attrs import evolve
from house.fuzz import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from odyssey_proto.kernel.machine import Instant, Span
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages import signaling, stream
from odyssey_proto.messages.stream import FROM_STREAMER, TO_STREAMER
from odyssey_proto.model.ice import IceCandidate
from odyssey_proto.playback import Playback, UnplayableError, script_of
from odyssey_proto.playback.divergence import MAX_DIVERGENCES
from odyssey_proto.playback.machine import PlaybackTimer
from odyssey_proto.playback.scene_tracker import SceneTracker
from odyssey_proto.seam import inputs as i
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.http import ExchangeId, HttpReply, HttpRequest, json_reply
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
from odyssey_proto.seam.settings import Settings, SpectatorSettings
from odyssey_proto.service.io import seam as s
from odyssey_proto.testing.fake_media import describe
from odyssey_proto.trace import Header, Step, Trace

API = "https://api.example/v1"
SETTINGS = Settings(api_url=API, api_key=Secret("ody_test"))
HERE = (("host", "localhost:8080"),)
URL = "wss://sig.example/client/s1"
SOCKET = SocketId(7)
SDP = describe("test")
SECOND = 1_000_000


def said(message: Any) -> i.SocketText:
    return i.SocketText(SocketId(1), signaling.encode(message))


UP = [
    (0, Wake(), o.OpenSocket(SocketId(1), URL)),
    (0, i.SocketOpened(SocketId(1))),
    (
        0,
        i.SocketText(SocketId(1), signaling.encode(signaling.Offer(SDP))),
        o.SetRemote(PeerId(1), SdpKind.OFFER, SDP),
    ),
    (0, Wake(), o.SendText(SocketId(1), signaling.encode(signaling.Answer(SDP)))),
    (0, i.ChannelUp(PeerId(1), TO_STREAMER, 65536)),
    (0, i.ChannelUp(PeerId(1), FROM_STREAMER, 65536)),
]
"""A recorded session until both channels are open."""


def trace_of(*steps: tuple[Any, ...], settings: Any = SETTINGS) -> Trace:
    return Trace(Header(settings), tuple(Step(Instant(at), inp, tuple(out)) for at, inp, *out in steps))


def asks(name: int, method: str, url: str, **more: Any) -> o.Request:
    return o.Request(ExchangeId(name), HttpRequest(method, url, **more))


class Table:
    """A playback, and its clock."""

    def __init__(self, *traces: Trace, **how: Any) -> None:
        self.playback = Playback(map(script_of, traces), **how)
        self.now = Instant(0)

    def hears(self, inp: Any) -> list[Any]:
        outputs = list(self.playback.step(self.now, inp))
        deadline = self.playback.deadline
        assert deadline is None or deadline.at > self.now, "no busy loop"
        return [output for output in outputs if not isinstance(output, s.Noted)]

    def asked(self, name: int, method: str, path: str, **more: Any) -> list[Any]:
        return self.hears(s.Asked(ExchangeId(name), HttpRequest(method, path, headers=HERE, **more)))

    def joins(self, path: str = "/client/s1", socket: SocketId = SOCKET) -> list[Any]:
        return self.hears(s.SocketAsked(socket, HttpRequest("GET", path, headers=HERE)))

    def says(self, message: Any) -> list[Any]:
        return self.hears(i.SocketText(SOCKET, signaling.encode(message)))

    def connects(self) -> PeerId:
        """Goes on until both channels are open; returns the peer."""
        accepted, made, offer = self.joins()
        assert (accepted, offer) == (s.AcceptSocket(SOCKET), o.MakeOffer(made.peer))
        assert (made.sends, made.channels) == (True, (TO_STREAMER, FROM_STREAMER))
        described = self.hears(i.LocalDescription(made.peer, SdpKind.OFFER, "fresh"))
        assert described == [o.SendText(SOCKET, signaling.encode(signaling.Offer("fresh")))]
        assert o.SetRemote(made.peer, SdpKind.ANSWER, SDP) in self.says(signaling.Answer(SDP))
        for label in (TO_STREAMER, FROM_STREAMER):
            self.hears(i.ChannelUp(made.peer, label, 65536))
        peer: PeerId = made.peer
        return peer

    @property
    def reported(self) -> list[str]:
        return [divergence.summary for divergence in self.playback.divergences]


# --- addresses --------------------------------------------------------------------------------


def test_every_recorded_host_is_this_server() -> None:
    granted = {
        "signalling_url": "sig.example/",
        "docs": "https://elsewhere.example/v1/help",
        "self": f"see {API}/sessions",
        "iceServers": [{"urls": ["turns:turn.example:5349?transport=tcp"], "url": "stun:stun.example"}],
    }
    reply = evolve(
        json_reply(granted),
        headers=(("content-length", "9"), ("location", f"{API}/x"), ("retry-after", "1")),
    )
    table = Table(
        trace_of(
            (0, Wake(), asks(1, "POST", f"{API}/sessions")),
            (0, i.Replied(ExchangeId(1), reply), o.OpenSocket(SocketId(1), URL)),
            (0, i.SocketText(SocketId(1), "hello wss://sig.example/x and ws://other.example")),
        ),
        stun=3478,
    )
    (answer,) = table.asked(4, "POST", "/sessions")
    assert answer.exchange == 4
    assert answer.reply.headers == (("location", "http://localhost:8080/x"), ("retry-after", "1"))
    assert json.loads(answer.reply.body) == {
        "signalling_url": "localhost:8080/",
        "docs": "https://elsewhere.example/v1/help",
        "self": "see http://localhost:8080/sessions",
        "iceServers": [{"urls": ["stun:localhost:3478"], "url": "stun:localhost:3478"}],
    }
    assert table.joins() == [o.SendText(SOCKET, "hello ws://localhost:8080/x and ws://other.example")]


def test_hosts_that_were_asked_for_the_same_path_are_kept_apart() -> None:
    regions = {"regions": [{"ping_url": f"https://{name}.example/ping?a=1"} for name in "ab"]}
    table = Table(
        trace_of(
            (0, Wake(), asks(1, "GET", "https://api.example/regions")),
            (
                0,
                i.Replied(ExchangeId(1), json_reply(regions)),
                asks(2, "GET", "https://a.example/ping?a=1"),
                asks(3, "GET", "https://b.example/ping?a=1"),
            ),
            (0, i.Replied(ExchangeId(3), HttpReply(204))),
            (0, i.ExchangeFailed(ExchangeId(2), TransportError(TransportErrorKind.REFUSED))),
        ),
    )
    (answer,) = table.asked(1, "GET", "/regions")
    first, second = (each["ping_url"] for each in json.loads(answer.reply.body)["regions"])
    assert first == "http://localhost:8080/ping?a=1"
    path = second.removeprefix("http://localhost:8080").removesuffix("?a=1")
    assert path != "/ping"
    assert table.asked(2, "GET", "/ping", query=(("a", "1"),)) == []
    assert table.asked(3, "GET", path, query=(("a", "2"),)) == [
        s.Answer(ExchangeId(3), HttpReply(204)),
        s.HangUp(ExchangeId(2)),
    ]
    (reported,) = table.reported
    assert reported == f"HTTP: GET {path}: not as recorded"
    assert "-a = 1" in table.playback.divergences[0].text


def test_a_body_that_is_no_text_stays_and_an_address_that_is_nested_too_deep_as_well() -> None:
    deep = b"[" * 500 + b'"https://api.example/v1/x"' + b"]" * 500
    half = b'{"a":"\\ud800 https://api.example/v1/x"}'
    for body, expected in (
        (b"\xff\x00", b"\xff\x00"),
        *((text, text.replace(b"https://api.example/v1", b"http://localhost:8080")) for text in (deep, half)),
    ):
        table = Table(
            trace_of(
                (0, Wake(), asks(1, "GET", f"{API}/x")),
                (0, i.Replied(ExchangeId(1), HttpReply(200, (), body))),
            )
        )
        (answer,) = table.asked(1, "GET", "/x")
        assert answer.reply.body == expected


# --- requests ---------------------------------------------------------------------------------


def test_what_was_measured_and_what_is_secret_is_not_compared() -> None:
    def request(latency: int, token: str, name: str) -> dict[str, Any]:
        body = json.dumps({"region_latencies": {name: latency}, "api_key": f"ody_{token}"}).encode()
        return {"body": body, "query": (("token", token), ("page", "2"))}

    trace = trace_of((0, Wake(), asks(1, "POST", f"{API}/x", **request(20, "one", "a"))))
    table = Table(trace)
    table.asked(1, "POST", "/x", **request(70, "two", "a"))
    assert table.reported == []
    assert table.playback.complete
    table = Table(trace)
    table.asked(1, "POST", "/x", **request(20, "one", "b"))
    assert table.reported == ["HTTP: POST /x: not as recorded"]
    assert "token = <secret>" in "\n".join(table.playback.divergences[0].expected.lines)  # type: ignore[union-attr]  # just seen


def test_a_silent_server_stays_silent_and_browsers_may_ask_ahead() -> None:
    table = Table(
        trace_of(
            (0, Wake(), asks(1, "GET", f"{API}/x")),
            (0, i.ExchangeFailed(ExchangeId(1), TransportError(TransportErrorKind.SILENT))),
        )
    )
    (preflight,) = table.asked(1, "OPTIONS", "/x")
    assert preflight.reply.status == 204
    assert table.asked(2, "GET", "/x") == []
    assert table.hears(s.AskerGone(ExchangeId(2))) == []
    assert table.reported == []
    table.playback.check()


def test_a_reply_that_nobody_waits_for_is_passed_over() -> None:
    """A trace may have replies to requests that it does not have."""
    table = Table(
        trace_of((0, i.Replied(ExchangeId(9), HttpReply(200))), (0, Wake(), asks(1, "GET", f"{API}/x")))
    )
    assert table.asked(1, "GET", "/x") == []
    assert table.playback.complete


def test_replies_wait_for_what_came_before_them_in_the_recording() -> None:
    table = Table(
        trace_of(
            (0, Wake(), asks(1, "GET", f"{API}/a")),
            (0, Wake(), asks(2, "GET", f"{API}/b")),
            (SECOND, i.Replied(ExchangeId(1), HttpReply(200))),
            (3 * SECOND, i.Replied(ExchangeId(2), HttpReply(201))),
        )
    )
    assert table.asked(1, "GET", "/b") == []
    assert table.playback.deadline is None
    table.now = Instant(5 * SECOND)
    assert table.asked(2, "GET", "/a") == []
    deadline = table.playback.deadline
    assert deadline is not None
    assert (deadline.at, deadline.reason) == (6 * SECOND, PlaybackTimer.MOVE)
    table.now = deadline.at
    assert table.hears(Wake()) == [s.Answer(ExchangeId(2), HttpReply(200))]
    table.now = Instant(8 * SECOND)
    assert table.hears(Wake()) == [s.Answer(ExchangeId(1), HttpReply(201))]
    assert table.playback.complete


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


SDP_FIELD = (("content-type", "application/sdp"),)
WHEP = "https://media.example/live/s/whep"
WATCHED = trace_of(
    (0, Wake(), asks(1, "POST", WHEP, headers=SDP_FIELD, body=b"v=0 recorded")),
    (0, i.Replied(ExchangeId(1), HttpReply(201, (*SDP_FIELD, ("location", f"{WHEP}/1")), b"v=0 answer"))),
    (0, i.MediaSeen(PeerId(1), 9)),
    (0, Wake(), asks(2, "DELETE", f"{WHEP}/1")),
    (0, i.Replied(ExchangeId(2), HttpReply(200))),
    settings=SpectatorSettings(webrtc_url="https://media.example/live/s", token=Secret("spectator")),
)


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
