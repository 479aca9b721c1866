"""Broadcasts: who may watch, for how long, and what the streamer and its spectators are given to know."""

from typing import Any

import pytest

from odyssey_proto.messages.stream import (
    BroadcastReady,
    InteractiveStreamEnd,
    InteractiveStreamStart,
    StreamStarted,
)
from odyssey_proto.messages.whep import WHEP_OFFER, WhepAnswer
from odyssey_proto.seam.http import HttpReply
from odyssey_proto.seam.inputs import (
    LocalDescription,
    PeerFailed,
    PeerId,
    PeerState,
    PeerStateChanged,
    SdpKind,
    SocketClosed,
    TrackUp,
    TransportError,
    TransportErrorKind,
)
from odyssey_proto.seam.inputs import MediaKind as Kind
from odyssey_proto.seam.outputs import DropPeer, MakeAnswer, MakePeer, SetRemote
from odyssey_proto.service.io.seam import Answer, AskerGone, Mirror
from tests.proto.service.service_by_hand import SDP, Host, ServiceByHand, streamed

START = InteractiveStreamStart("A cat", broadcast=True)


class Show:
    """A broadcast that can be watched."""

    def __init__(self, **config: Any) -> None:
        self.guest = ServiceByHand(**config)
        self.host: Host = self.guest.ready()
        self.host_peer = self.host.peer
        (started,) = streamed(self.host.streams(START))
        assert isinstance(started, StreamStarted)
        (ready,) = streamed(self.guest.wait(0.2))
        assert isinstance(ready, BroadcastReady)
        assert ready.webrtc_url == f"http://localhost/live/{started.stream_id}"
        assert ready.spectator_token is not None
        self.path = f"/live/{started.stream_id}"
        self.token = ready.spectator_token.reveal()
        self.guest.secrets.add(self.token)

    def offers(self, token: str | None = None, body: bytes = SDP.encode()) -> list[Any]:
        """Returns what is done about an offer."""
        found: list[Any] = []
        plain = self.guest.step
        self.guest.step = lambda inp: found.extend(plain(inp)) or found  # type: ignore[method-assign]  # to see everything
        try:
            query = {"token": self.token if token is None else token}
            self.guest.ask("POST", f"{self.path}/whep", body, query=query)
        finally:
            self.guest.step = plain  # type: ignore[method-assign]  # as it was
        return found

    def watched(self) -> tuple[PeerId, str]:
        """Lets somebody watch; returns the peer and where to leave."""
        peer = next(output.peer for output in self.offers() if isinstance(output, MakePeer))
        (answer,) = [
            one
            for one in self.guest.step(LocalDescription(peer, SdpKind.ANSWER, SDP))
            if isinstance(one, Answer)
        ]
        found = WHEP_OFFER.decode_reply(answer.reply)
        assert isinstance(found, WhepAnswer)
        assert found.location is not None
        self.guest.step(PeerStateChanged(peer, PeerState.CONNECTED))
        return peer, found.location


def status(outputs: list[Any]) -> int:
    (answer,) = [output for output in outputs if isinstance(output, Answer)]
    return answer.reply.status


def dropped(outputs: list[Any]) -> list[PeerId]:
    return [output.peer for output in outputs if isinstance(output, DropPeer)]


def test_a_spectator_sees_what_the_client_sees() -> None:
    show = Show()
    outputs = show.offers()
    peer = next(output.peer for output in outputs if isinstance(output, MakePeer))
    assert [output for output in outputs if not hasattr(output, "what")] == [
        Mirror(peer, show.host_peer),
        MakePeer(peer, show.guest.service._config.ice, sends=True),
        SetRemote(peer, SdpKind.OFFER, SDP),
        MakeAnswer(peer),
    ]
    (answer,) = show.guest.step(LocalDescription(peer, SdpKind.ANSWER, SDP))
    assert answer.reply.status == 201
    assert answer.reply.header("access-control-expose-headers")
    assert show.guest.step(TrackUp(peer, Kind.VIDEO)) == []


def test_several_watch_and_each_leaves_alone() -> None:
    show = Show()
    (one, there), (two, _) = show.watched(), show.watched()
    reply = show.guest.reply("DELETE", there)
    assert reply.status == 200
    assert show.guest.peers == {show.host_peer, two}
    assert show.guest.reply("DELETE", there).status == 404
    assert one not in show.guest.peers


@pytest.mark.parametrize("way", ["end", "leave", "cut", "again"])
def test_all_leave_with_the_stream(way: str) -> None:
    show = Show()
    viewers = {show.watched()[0], show.watched()[0]}
    match way:
        case "end":
            outputs = show.host.guest.step(_channel(show, InteractiveStreamEnd()))
        case "again":
            show.guest.step(_channel(show, InteractiveStreamEnd()))
            outputs = []
        case "leave":
            outputs = show.guest.step(SocketClosed(show.host.socket, 1000))
        case _:
            outputs = show.guest.wait(100)
    assert viewers <= set(dropped(outputs)) or way == "again"
    assert not viewers & show.guest.peers
    assert status(show.offers()) == 404


def _channel(show: Show, message: Any) -> Any:
    from odyssey_proto.messages import stream
    from odyssey_proto.seam.inputs import ChannelText

    return ChannelText(show.host_peer, "clientToStreamer", stream.encode(message))


def test_a_stream_that_ends_at_once_is_never_announced() -> None:
    guest = ServiceByHand()
    host = guest.ready()
    host.streams(START)
    host.streams(InteractiveStreamEnd())
    assert streamed(guest.wait(1)) == []


def test_a_stream_that_is_no_broadcast_is_not_announced() -> None:
    guest = ServiceByHand()
    guest.ready().streams(InteractiveStreamStart("A cat"))
    assert streamed(guest.wait(1)) == []


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "{}/whep", 405),
        ("PATCH", "{}/whep/x", 405),
        ("DELETE", "{}/whep/x", 404),
        ("OPTIONS", "{}/whep", 204),
        ("POST", "/live/nobody/whep", 404),
        ("GET", "{}", 404),
    ],
)
def test_what_is_asked_in_a_wrong_way(method: str, path: str, code: int) -> None:
    show = Show()
    assert show.guest.reply(method, path.format(show.path), SDP.encode()).status == code


def test_who_may_not_watch() -> None:
    show = Show(viewers=1)
    assert status(show.offers("wrong")) == 401
    assert status(show.offers("ü")) == 401
    assert status(show.offers(body=b"v=0")) == 400
    assert status(show.offers(body=b"\xff")) == 400
    show.watched()
    assert status(show.offers()) == 503


@pytest.mark.parametrize(
    "notice",
    [
        PeerFailed(PeerId(0), TransportError(TransportErrorKind.INVALID)),
        PeerStateChanged(PeerId(0), PeerState.FAILED),
    ],
)
def test_a_spectator_that_breaks_is_let_go(notice: Any) -> None:
    show = Show()
    peer, _ = show.watched()
    outputs = show.guest.step(type(notice)(peer, getattr(notice, "error", None) or notice.state))
    assert dropped(outputs) == [peer]


def test_an_offer_that_cannot_be_answered_is_refused() -> None:
    show = Show()
    peer = next(output.peer for output in show.offers() if isinstance(output, MakePeer))
    assert status(show.guest.step(PeerFailed(peer, TransportError(TransportErrorKind.INVALID)))) == 400


def test_a_spectator_that_goes_before_the_answer_is_let_go() -> None:
    show = Show()
    peer = next(output.peer for output in show.offers() if isinstance(output, MakePeer))
    assert dropped(show.guest.step(AskerGone(max(show.guest.asked)))) == [peer]


def test_a_spectator_that_never_comes_or_is_lost_is_let_go() -> None:
    show = Show(idle_seconds=1000)
    peer = next(output.peer for output in show.offers() if isinstance(output, MakePeer))
    assert dropped(show.guest.wait(31)) == [peer]
    peer, _ = show.watched()
    show.guest.step(PeerStateChanged(peer, PeerState.DISCONNECTED))
    show.guest.wait(10)
    show.guest.step(PeerStateChanged(peer, PeerState.CONNECTED))
    assert dropped(show.guest.wait(40)) == []
    show.guest.step(PeerStateChanged(peer, PeerState.DISCONNECTED))
    assert dropped(show.guest.wait(31)) == [peer]


def test_nothing_is_left() -> None:
    show = Show()
    show.watched()
    assert isinstance(show.guest.reply("GET", "/config"), HttpReply)
    show.guest.finish()
