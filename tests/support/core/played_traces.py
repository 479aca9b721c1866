"""Traces written by hand, and a playback of them with its clock."""

from typing import Any

from odyssey_proto.kernel.machine import Instant
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages import signaling
from odyssey_proto.messages.stream import FROM_STREAMER, TO_STREAMER
from odyssey_proto.playback import Playback, script_of
from odyssey_proto.seam import inputs as i
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.http import ExchangeId, HttpReply, HttpRequest
from odyssey_proto.seam.inputs import PeerId, SdpKind, SocketId, Wake
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
