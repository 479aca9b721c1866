"""
A client whose whole outside is the test: for moments that no service would bring about.

The test says what comes, one thing after another, and lets time pass; `situations` has clients for
whom everything went well so far.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from odyssey_proto.client.client import Client
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages import signaling, stream
from odyssey_proto.messages.stream import FROM_STREAMER, TO_STREAMER
from odyssey_proto.messages.token import sign
from odyssey_proto.seam.http import HttpReply, json_reply
from odyssey_proto.seam.inputs import (
    ABNORMAL_CLOSURE,
    ChannelDown,
    ChannelText,
    ChannelUp,
    ExchangeFailed,
    FetchedBytes,
    FetchEnded,
    FetchFailed,
    FetchOpened,
    LocalDescription,
    MediaInput,
    MediaKind,
    MediaSeen,
    PeerFailed,
    PeerId,
    PeerState,
    PeerStateChanged,
    Replied,
    SdpKind,
    SocketClosed,
    SocketId,
    SocketOpened,
    SocketRefused,
    SocketText,
    TrackDown,
    TrackUp,
    TransportError,
    TransportErrorKind,
)
from odyssey_proto.seam.outputs import ChannelSend, Fetch, MakePeer, OpenSocket, Request, SendText, SetRemote
from odyssey_proto.seam.settings import Settings
from odyssey_proto.testing.fake_media import describe
from odyssey_proto.testing.hand_driven import HandDriven, path_of

SESSION_TOKEN = sign({"session_id": "s1"}, b"key")
SDP = describe("streamer")
OFFER = signaling.Offer(SDP)
RENEWAL = signaling.Offer(describe("another streamer"))
"""The offer of another peer, for which a new connection is made."""
SETTINGS = Settings(api_url="https://api.example", api_key=Secret("ody_laws"), seed=b"laws")

SOCKET = SocketId(1)
"""The first socket of a client."""
PEER = PeerId(1)
"""The first peer of a client."""
MAX_MESSAGE = 200
"""The largest message that the data channels take, in bytes."""

GOOD_REPLIES: Mapping[str, HttpReply] = MappingProxyType(
    {
        "/auth/token": json_reply({"access_token": "t1", "expires_in": 3600}),
        "/regions": json_reply({"regions": [{"id": "r1", "ping_url": "https://r1.example/"}]}),
        "/sessions/request": json_reply(
            {
                "session_id": "s1",
                "signalling_url": "wss://sig.example",
                "capabilities": {"image_to_video": True},
            }
        ),
        "/sessions/token": json_reply({"session_token": SESSION_TOKEN, "expires_in": 600}),
        "/config": json_reply({"iceServers": []}),
        "/recordings/stream-1": json_reply(
            {"stream_id": "stream-1", "video_url": "https://files.example/v?sig=1", "events_url": None}
        ),
        "/simulation-jobs/job-1": json_reply(
            {"job_id": "job-1", "status": "pending", "priority": "normal", "created_at": "now"}
        ),
    }
)
"""What a request is answered with by `goes_well`, by its path; any other gets an empty 200."""


class ClientByHand(HandDriven):
    """A client, and what a test says to it in place of the service and the media engine."""

    def __init__(self, settings: Settings = SETTINGS) -> None:
        self.client: Client = Client(settings)
        super().__init__(self.client, settings)

    # --- the signaling connection ---------------------------------------------------------------

    @property
    def sockets(self) -> dict[SocketId, bool]:
        """Every socket that is not gone, and whether it is open."""
        return self.obligations.sockets

    def socket_opens(self, socket: SocketId = SOCKET) -> list[Any]:
        """Completes the handshake."""
        return self.step(SocketOpened(socket))

    def socket_is_refused(self, reply: HttpReply, socket: SocketId = SOCKET) -> list[Any]:
        """Refuses the handshake."""
        return self.step(SocketRefused(socket, reply))

    def socket_closes(self, code: int, reason: str = "", socket: SocketId = SOCKET) -> list[Any]:
        """Closes the socket from the other side."""
        return self.step(SocketClosed(socket, code, reason))

    def socket_breaks(self, kind: TransportErrorKind, socket: SocketId = SOCKET) -> list[Any]:
        """Lets the connection of the socket break, or never come about."""
        return self.step(SocketClosed(socket, ABNORMAL_CLOSURE, error=TransportError(kind)))

    def server_says(self, message: signaling.SignalingMessage | str, socket: SocketId = SOCKET) -> list[Any]:
        """Brings a message of the signaling server, or any text."""
        text = message if isinstance(message, str) else signaling.encode(message)
        return self.step(SocketText(socket, text))

    @property
    def signaled(self) -> list[signaling.SignalingMessage]:
        """Everything that the client said on signaling connections."""
        return [signaling.decode(output.text) for output in self.outputs(SendText)]

    # --- media ----------------------------------------------------------------------------------

    def media_connects(self, peer: PeerId = PEER) -> list[Any]:
        """Lets a peer answer the offer and connect: video and both data channels are there."""
        return self.media(*connecting(peer))

    def streamer_says(self, message: stream.StreamMessage | str, peer: PeerId = PEER) -> list[Any]:
        """Brings a message of the streamer on the data channel, or any text."""
        text = message if isinstance(message, str) else stream.encode(message)
        return self.step(ChannelText(peer, FROM_STREAMER, text))

    @property
    def sent(self) -> list[stream.StreamMessage]:
        """Everything that the client said to the streamer on data channels."""
        return [stream.decode(output.text) for output in self.outputs(ChannelSend)]

    # --- all goes well --------------------------------------------------------------------------

    def goes_well(self, choice: int = 0) -> None:
        """
        Lets the next thing go well: a reply comes, a socket opens, an offer comes, or media connects.

        `choice` says which of several requests is answered.
        """
        if self.requests:
            names = list(self.requests)
            name = names[choice % len(names)]
            self.step(Replied(name, GOOD_REPLIES.get(path_of(self.requests[name]), HttpReply(200))))
            return
        for socket, opened in self.sockets.items():
            if not opened:
                self.socket_opens(socket)
                return
            described = {output.peer for output in self.outputs(SetRemote)}
            if not self.peers & described:
                self.server_says(OFFER, socket)
                return
        for peer in list(self.peers):
            self.media_connects(peer)

    def late_inputs(self) -> Iterator[Any]:
        """Gives what may still come for everything that there ever was."""
        closed = TransportError(TransportErrorKind.CLOSED)
        for output in [output for step in self.steps for output in step.outputs]:
            match output:
                case Request(exchange):
                    yield Replied(exchange, GOOD_REPLIES["/sessions/request"])
                    yield ExchangeFailed(exchange, closed)
                case Fetch(fetch):
                    yield FetchOpened(fetch, HttpReply(200))
                    yield FetchedBytes(fetch, 1)
                    yield FetchEnded(fetch)
                    yield FetchFailed(fetch, closed)
                case OpenSocket(socket):
                    yield SocketOpened(socket)
                    yield SocketText(socket, signaling.encode(OFFER))
                    yield SocketRefused(socket, HttpReply(503))
                    yield SocketClosed(socket, ABNORMAL_CLOSURE)
                case MakePeer(peer):
                    yield from connecting(peer)
                    yield ChannelText(peer, FROM_STREAMER, stream.encode(stream.StreamEnded()))
                    yield from (PeerStateChanged(peer, state) for state in PeerState)
                    yield MediaSeen(peer, 1)
                    yield ChannelDown(peer, FROM_STREAMER)
                    yield TrackDown(peer, MediaKind.VIDEO)
                    yield PeerFailed(peer, closed)


def connecting(peer: PeerId) -> tuple[MediaInput, ...]:
    """Returns what a media engine reports of a peer that connects."""
    return (
        LocalDescription(peer, SdpKind.ANSWER, SDP),
        PeerStateChanged(peer, PeerState.CONNECTED),
        TrackUp(peer, MediaKind.VIDEO),
        ChannelUp(peer, TO_STREAMER, MAX_MESSAGE),
        ChannelUp(peer, FROM_STREAMER, MAX_MESSAGE),
    )
