"""One recorded session being played: its requests, WebSockets and peers of this time."""

from collections.abc import Iterator
from typing import assert_never

from attrs import evolve

from odyssey_proto.kernel.machine import Instant
from odyssey_proto.kernel.secret import revealed
from odyssey_proto.messages import signaling, stream
from odyssey_proto.messages.stream import FROM_STREAMER
from odyssey_proto.model.ice import IceConfig
from odyssey_proto.playback.content import Content, request_content
from odyssey_proto.playback.divergence import Differences, Divergence
from odyssey_proto.playback.moves import (
    LEAVE,
    SIGNALING,
    Close,
    CompleteHandshake,
    Frames,
    LosePeer,
    MessageKey,
    Offer,
    Reply,
    SendOnChannel,
    SendOnSocket,
    ServerMove,
)
from odyssey_proto.playback.played_peer import PlayedPeer
from odyssey_proto.playback.script import Script, channel_key, said_content, signaling_key
from odyssey_proto.playback.script_cursor import ScriptCursor
from odyssey_proto.playback.tokens import later
from odyssey_proto.seam.http import HttpReply, HttpRequest
from odyssey_proto.seam.inputs import (
    ChannelText,
    ChannelUp,
    LocalDescription,
    MediaInput,
    PeerFailed,
    PeerId,
    SdpKind,
    SocketId,
)
from odyssey_proto.seam.outputs import (
    ChannelSend,
    CloseSocket,
    DropPeer,
    DropSocket,
    MakeAnswer,
    MakeOffer,
    MakePeer,
    SendText,
    SetRemote,
)
from odyssey_proto.service.io.seam import (
    AcceptSocket,
    Answer,
    Asked,
    HangUp,
    Noted,
    Pace,
    RefuseSocket,
    ServiceOutput,
    SocketAsked,
)
from odyssey_proto.service.rest.routes import LOCALHOST

DIVERGED = 4010
"""The close code after something that was not recorded."""

MEDIA_LOST = 4002

REASON = "not_recorded"

_OF_THE_CONNECTION = frozenset({"content-length", "transfer-encoding", "connection", "keep-alive"})
"""Header fields that say nothing of the reply (RFC 9110 section 7.6.1)."""


class PlayedSession:
    """
    Speaks for the server of one trace.

    `divergences` holds what differed until now.
    """

    def __init__(
        self, script: Script, peers: Iterator[int], *, fast: bool, stun: int | None, wall: int
    ) -> None:
        self.divergences: Differences = Differences()
        self._cursor = ScriptCursor(script, fast=fast)
        self._names = peers
        self._fast = fast
        self._stun = stun
        # As long ago as the first thing in the trace, once that has come.
        self._began = script.wall + (script.moves[0].at if script.moves else 0)
        self._wall = wall
        self._age: int | None = None
        self._host = LOCALHOST
        self._asked: dict[int, Asked] = {}
        self._sockets: dict[int, SocketId] = {}
        self._peers: dict[int, PlayedPeer] = {}

    def __repr__(self) -> str:
        return f"<PlayedSession {self._cursor!r}, {len(self.divergences)} divergences>"

    @property
    def complete(self) -> bool:
        """Whether everything in the trace was done and said."""
        return self._cursor.complete

    @property
    def connected(self) -> bool:
        """Whether the client has its WebSocket open."""
        return bool(self._sockets)

    def missing(self) -> tuple[Divergence, ...]:
        """Returns what the client did not do until now."""
        return self._cursor.missing()

    def expects(self, key: MessageKey) -> bool:
        """Tells whether the client does something of a kind."""
        return self._cursor.expects(key) is not None

    def speaks_on(self, socket: SocketId) -> bool:
        """Tells whether a WebSocket is one of this session's."""
        return socket in self._sockets.values()

    def sends_to(self, peer: PeerId) -> bool:
        """Tells whether a peer is one of this session's."""
        return any(each.name == peer for each in self._peers.values())

    # --- what the client does -------------------------------------------------------------------

    def ask(self, now: Instant, key: MessageKey, asked: Asked) -> list[ServiceOutput]:
        """Takes a request that is expected."""
        self._found(now, asked.request)
        expected = self._cursor.expects(key)
        assert expected is not None, "the caller asked whether it is expected"
        self._asked[expected.name] = asked
        outputs = self.divergences.add(self._cursor.take(now, key, request_content(asked.request)))
        if asked.request.method == "DELETE":
            # A spectator leaves.
            outputs += self._drop(None)
        return outputs

    def join(self, now: Instant, key: MessageKey, asked: SocketAsked) -> list[ServiceOutput]:
        """Takes a handshake that is expected."""
        self._found(now, asked.request)
        expected = self._cursor.expects(key)
        assert expected is not None, "the caller asked whether it is expected"
        self._sockets[expected.name] = asked.socket
        return self.divergences.add(self._cursor.take(now, key, Content()))

    def text(self, now: Instant, socket: SocketId, text: str) -> list[ServiceOutput]:
        """Takes a message on a WebSocket."""
        recorded = self._name_of(socket)
        peer = next((each for each in self._peers.values() if each.socket == recorded), None)
        outputs = [] if peer is None else peer.negotiated(text)
        key = signaling_key(text)
        if key is None:
            return outputs
        expected = self.expects(key)
        outputs += self.divergences.add(self._cursor.take(now, key, said_content(text)))
        if expected:
            return outputs
        refusal = SendText(socket, signaling.encode(signaling.SignalingError(REASON)))
        return [*outputs, refusal, CloseSocket(socket, DIVERGED, REASON), *self._forget(socket)]

    def gone(self, now: Instant, socket: SocketId) -> list[ServiceOutput]:
        """The client closed a WebSocket."""
        key = MessageKey(SIGNALING, LEAVE)
        different = self._cursor.take(now, key, Content())
        return [*self.divergences.add(different), *self._forget(socket)]

    def on_media(self, now: Instant, inp: MediaInput) -> list[ServiceOutput]:
        """Takes what the media engine reports of one of this session's peers."""
        recorded, peer = next(each for each in self._peers.items() if each[1].name == inp.peer)
        match inp:
            case LocalDescription(_, _, sdp):
                return self._described(peer, sdp)
            case ChannelUp(_, label):
                peer.up.add(label)
                return []
            case ChannelText(_, _, text):
                return self._streamed(now, peer, text)
            case PeerFailed(_, error):
                del self._peers[recorded]
                socket = None if peer.socket is None else self._sockets.get(peer.socket)
                closed = [] if socket is None else [CloseSocket(socket, MEDIA_LOST), *self._forget(socket)]
                unanswered = [] if peer.reply is None or peer.described else [HangUp(peer.reply[0].exchange)]
                lost = Noted(f"a peer connection broke: {error.kind.value}")
                return [lost, *unanswered, DropPeer(peer.name), *closed]
            case _:
                return []

    def _streamed(self, now: Instant, peer: PlayedPeer, text: str) -> list[ServiceOutput]:
        peer.picture.on_message(text)
        key = channel_key(text)
        expected = self.expects(key)
        outputs = self.divergences.add(self._cursor.take(now, key, said_content(text)))
        if not expected and FROM_STREAMER in peer.up:
            refusal = stream.InteractiveStreamError(REASON, f"{key} is not in the trace")
            outputs.append(ChannelSend(peer.name, FROM_STREAMER, stream.encode(refusal)))
        return outputs

    # --- what the server does -------------------------------------------------------------------

    def advance(self, now: Instant) -> list[ServiceOutput]:
        """Does everything that is due."""
        outputs: list[ServiceOutput] = []
        while (move := self._cursor.due(now, self._possible)) is not None:
            outputs += self._perform(move)
        return outputs

    @property
    def next_due(self) -> Instant | None:
        """When something is due that depends on nothing but time."""
        return self._cursor.next_due(self._possible)

    def _possible(self, move: ServerMove) -> bool:
        """Tells whether something can be done; what nobody is there for can, and nothing comes of it."""
        if any(not peer.described for peer in self._peers.values()):
            return False
        peer = self._peers.get(move.peer) if isinstance(move, SendOnChannel) else None
        return not isinstance(move, SendOnChannel) or peer is None or move.label in peer.up

    def _perform(self, move: ServerMove) -> list[ServiceOutput]:
        match move:
            case Reply(_, exchange):
                asked = self._asked.pop(exchange, None)
                return [] if asked is None else self._reply(asked, move)
            case SendOnChannel(_, name) | Frames(_, name) | LosePeer(_, name):
                peer = self._peers.get(name)
                return [] if peer is None else self._send(peer, move)
            case CompleteHandshake(_, name) | SendOnSocket(_, name) | Offer(_, name) | Close(_, name):
                socket = self._sockets.get(name)
                return [] if socket is None else self._speak(socket, move)
            case _:
                assert_never(move)

    def _reply(self, asked: Asked, move: Reply) -> list[ServiceOutput]:
        if move.reply is None:
            return [HangUp(asked.exchange)]
        reply = self._moved(move.reply)
        if not move.media:
            return [Answer(asked.exchange, reply)]
        peer = PlayedPeer(PeerId(next(self._names)), None, reply=(asked, reply))
        self._peers[-peer.name] = peer
        return [
            MakePeer(peer.name, IceConfig(), sends=True),
            SetRemote(peer.name, SdpKind.OFFER, asked.request.content().decode(errors="replace")),
            MakeAnswer(peer.name),
        ]

    def _speak(
        self, socket: SocketId, move: CompleteHandshake | SendOnSocket | Offer | Close
    ) -> list[ServiceOutput]:
        match move:
            case CompleteHandshake(_, _, refusal):
                if refusal is None:
                    return [AcceptSocket(socket)]
                return [RefuseSocket(socket, self._moved(refusal)), *self._forget(socket)]
            case SendOnSocket(_, _, text):
                return [SendText(socket, self._here(text))]
            case Offer():
                return self._offer(move)
            case Close(_, _, code, reason):
                end = DropSocket(socket) if code is None else CloseSocket(socket, code, reason)
                return [end, *self._forget(socket)]
            case _:
                assert_never(move)

    def _offer(self, move: Offer) -> list[ServiceOutput]:
        dropped = self._drop(move.socket)
        peer = PlayedPeer(PeerId(next(self._names)), move.socket)
        self._peers[-peer.name if move.peer is None else move.peer] = peer
        made = MakePeer(peer.name, IceConfig(), sends=move.sends, channels=move.channels)
        return [*dropped, made, MakeOffer(peer.name)]

    def _described(self, peer: PlayedPeer, sdp: str) -> list[ServiceOutput]:
        peer.described = True
        if peer.reply is not None:
            asked, reply = peer.reply
            return [Answer(asked.exchange, evolve(reply, body=sdp.encode()))]
        socket = None if peer.socket is None else self._sockets.get(peer.socket)
        return [] if socket is None else [SendText(socket, signaling.encode(signaling.Offer(sdp)))]

    def _send(self, peer: PlayedPeer, move: SendOnChannel | Frames | LosePeer) -> list[ServiceOutput]:
        match move:
            case SendOnChannel(_, _, label, text):
                shown = peer.picture.on_reply(peer.name, text)
                return [*shown, ChannelSend(peer.name, label, self._here(text))]
            case Frames(_, _, still, frames, span):
                return [] if self._fast else [Pace(peer.name, still, frames, span)]
            case LosePeer(_, recorded):
                del self._peers[recorded]
                return [DropPeer(peer.name)]
            case _:
                assert_never(move)

    def _found(self, now: Instant, request: HttpRequest) -> None:
        """The client found this server by some name, at some time."""
        self._host = revealed(request.header("host")) or self._host
        if self._age is None:
            self._age = (self._wall + now - self._began) // 1_000_000

    def _here(self, text: str) -> str:
        """Returns a recorded text as it has to be here and now."""
        return later(self._cursor.addresses.here(text, self._host, self._stun), self._age or 0)

    def _moved(self, reply: HttpReply) -> HttpReply:
        try:
            body = self._here(reply.body.decode()).encode()
        except UnicodeDecodeError:
            body = reply.body
        fields = (pair for pair in reply.headers if pair[0] not in _OF_THE_CONNECTION)
        return evolve(reply, headers=tuple((name, self._here(value)) for name, value in fields), body=body)

    def _forget(self, socket: SocketId) -> list[ServiceOutput]:
        """Lets go of a WebSocket and of what was offered over it."""
        recorded = self._name_of(socket)
        del self._sockets[recorded]
        return self._drop(recorded)

    def _name_of(self, socket: SocketId) -> int:
        return next(name for name, each in self._sockets.items() if each == socket)

    def _drop(self, socket: int | None) -> list[ServiceOutput]:
        """Drops the peers that were offered over a WebSocket, or that came by requests."""
        lost = [name for name, peer in self._peers.items() if peer.socket == socket]
        return [DropPeer(self._peers.pop(name).name) for name in lost]
