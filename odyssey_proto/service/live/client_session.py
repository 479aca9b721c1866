"""
One client on its WebSocket: the offer, the answer, the channels, the goodbye.

The wire: docs/protocol.md#signaling.
"""

from collections.abc import Iterator
from enum import Enum, unique
from typing import Literal

from odyssey_proto.conversations import Side
from odyssey_proto.conversations.signaling import signaling_conversation
from odyssey_proto.kernel.failures import RemoteProtocolError
from odyssey_proto.kernel.machine import Deadline, Instant, Timers, after, earliest, seconds
from odyssey_proto.messages import signaling, stream
from odyssey_proto.messages.sdp import check_candidate, check_sdp
from odyssey_proto.messages.signaling import (
    Answer,
    ClientDisconnecting,
    Offer,
    SignalingError,
    SignalingMessage,
)
from odyssey_proto.messages.stream import FROM_STREAMER, TO_STREAMER, InteractiveStreamStart, StreamMessage
from odyssey_proto.model.ice import IceCandidate
from odyssey_proto.seam.inputs import (
    ChannelDown,
    ChannelText,
    ChannelUp,
    LocalDescription,
    MediaInput,
    PeerFailed,
    PeerId,
    PeerState,
    PeerStateChanged,
    SdpKind,
    SocketId,
)
from odyssey_proto.seam.outputs import ChannelSend, CloseSocket, DropSocket, SendText
from odyssey_proto.service.io import faults as fault
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.io.faults import Faults, Moment
from odyssey_proto.service.io.seam import Noted, ServiceOutput
from odyssey_proto.service.io.timers import ServiceTimer
from odyssey_proto.service.live.streamer import Streamers
from odyssey_proto.service.live.streamer_peer import CHANNELS, StreamerPeer

PEER_LOSS_GRACE = 5.0
"""How long a broken peer connection may take to heal, or its client to say goodbye, in seconds."""

type _Timer = Literal[
    ServiceTimer.CONNECTION_LIMIT,
    ServiceTimer.CLIENT_IDLE,
    ServiceTimer.NEGOTIATION_TIMEOUT,
    ServiceTimer.PEER_LOSS,
]


@unique
class CloseCode(Enum):
    """The close codes of the service; none is documented, and 1000 and 1001 are not seen by all clients."""

    TIME_OVER = 4000
    IDLE = 4001
    MEDIA_LOST = 4002
    NOT_CONNECTED = 4003
    TAKEN_OVER = 4004
    TOO_MUCH = 4005


class ClientSession:
    """Speaks with one client from the open WebSocket to its end; `over` once it has ended."""

    def __init__(
        self,
        socket: SocketId,
        session_id: str,
        peers: Iterator[int],
        streamers: Streamers,
        config: ServiceConfig,
        faults: Faults,
    ) -> None:
        self.socket = socket
        self.session_id = session_id
        self.over: bool = False
        self._peers = peers
        self._config = config
        self._streamers = streamers
        self._faults = faults
        self._conversation = signaling_conversation(Side.SERVER)
        self._timers: Timers[_Timer] = Timers()
        self._streamer_peer: StreamerPeer | None = None

    def __repr__(self) -> str:
        return (
            f"<ClientSession of {self.session_id} {self._conversation.state.name}, {self._streamer_peer!r}>"
        )

    def begin(self, now: Instant) -> list[ServiceOutput]:
        """Offers, unasked (docs/protocol.md#messages-of-the-server)."""
        self._arm(ServiceTimer.CLIENT_IDLE, now, self._config.idle_seconds)
        self._arm(ServiceTimer.CONNECTION_LIMIT, now, self._config.connection_seconds)
        self._arm(ServiceTimer.NEGOTIATION_TIMEOUT, now, self._config.negotiation_seconds)
        struck = self._strike(Moment.OPEN)
        if self.over or self._faults.strike(fault.NoOffer) is not None:
            return struck
        return struck + self._offer()

    def text(self, now: Instant, text: str) -> list[ServiceOutput]:
        """Takes what the client says on its WebSocket; whatever it is, it is a sign of life."""
        self._arm(ServiceTimer.CLIENT_IDLE, now, self._config.idle_seconds)
        try:
            message = signaling.decode(text)
            self._conversation.advance(Side.CLIENT, message)
            return self._on_signaling(now, message)
        except RemoteProtocolError as error:
            return [self._note(f"ignored a signaling message: {error}")]

    def owns_peer(self, peer: PeerId) -> bool:
        """Tells whether a peer is this session's."""
        return self._streamer_peer is not None and self._streamer_peer.peer == peer

    def on_media(self, now: Instant, inp: MediaInput) -> list[ServiceOutput]:
        """Takes what the media engine reports of this session's peer."""
        peer = self._streamer_peer
        assert peer is not None, "it is asked only for what it owns"
        match inp:
            case LocalDescription(_, SdpKind.OFFER, sdp):
                return self._say(Offer(sdp))
            case ChannelUp(_, label) if label in CHANNELS:
                return self._opened(peer, label)
            case ChannelText(_, label, text) if label == TO_STREAMER:
                return self._streamed(now, text)
            case ChannelDown(_, label) if label in CHANNELS:
                peer.shut(label)
                return self._grace(now)
            case PeerStateChanged(_, PeerState.CONNECTED):
                self._timers.stop(ServiceTimer.PEER_LOSS)
                return []
            case PeerStateChanged(_, PeerState.DISCONNECTED | PeerState.FAILED | PeerState.CLOSED):
                return self._grace(now)
            case PeerFailed(_, error):
                lost = self._note(f"the peer connection broke: {error.kind.value}")
                return [lost, *self._end("streamer_disconnected", CloseCode.MEDIA_LOST)]
            case _:
                return []

    def gone(self) -> list[ServiceOutput]:
        """The WebSocket is gone."""
        return [self._note("the WebSocket closed"), *self._let_go()]

    def taken_over(self) -> list[ServiceOutput]:
        """The client came again on another WebSocket."""
        return self._end("taken_over", CloseCode.TAKEN_OVER)

    def wake(self, now: Instant) -> list[ServiceOutput]:
        """Carries out whatever is due."""
        outputs = [] if self._streamer_peer is None else self._streamer_peer.streamer.wake(now)
        due = self._timers.due(now)
        if due is not None:
            outputs += self._end(*_ENDINGS[due])
        return outputs

    @property
    def deadline(self) -> Deadline | None:
        """The end of whatever has one."""
        return earliest(
            self._timers.deadline, self._streamer_peer.streamer.deadline if self._streamer_peer else None
        )

    # --- signaling ------------------------------------------------------------------------------

    def _on_signaling(self, now: Instant, message: SignalingMessage) -> list[ServiceOutput]:
        match message:
            case Answer(sdp):
                return self._answer(sdp)
            case IceCandidate():
                candidate = check_candidate(message)
                return [] if self._streamer_peer is None else self._streamer_peer.candidate(candidate)
            case InteractiveStreamStart():
                return self._asked(now, message)
            case ClientDisconnecting():
                return [self._note("the client leaves"), *self._leave(1000, "")]
            case _:
                return []

    def _answer(self, sdp: str) -> list[ServiceOutput]:
        try:
            check_sdp(sdp)
        except RemoteProtocolError as error:
            unusable = self._note(f"the answer is unusable: {error}")
            return [unusable, *self._end("invalid_answer", CloseCode.NOT_CONNECTED)]
        if self._streamer_peer is None:
            return []
        if self._faults.strike(fault.OfferAgain) is not None:
            return self._offer()
        return self._streamer_peer.answer(sdp) + self._strike(Moment.ANSWER)

    def _say(self, message: SignalingMessage) -> list[ServiceOutput]:
        self._conversation.advance(Side.SERVER, message)
        return [SendText(self.socket, signaling.encode(message))]

    # --- media ----------------------------------------------------------------------------------

    def _offer(self) -> list[ServiceOutput]:
        """Makes a new peer connection, in the place of one that may be there."""
        dropped = self._drop()
        peer = PeerId(next(self._peers))
        self._streamer_peer = StreamerPeer(self._streamers.on(peer))
        missing = self._faults.strike(fault.WithoutChannel)
        channels = tuple(label for label in CHANNELS if missing is None or label != missing.label)
        sends = self._faults.strike(fault.WithoutVideo) is None
        return dropped + self._streamer_peer.offer(
            self._config.ice, channels, sends=sends, audio=sends and self._config.audio
        )

    def _drop(self) -> list[ServiceOutput]:
        peer, self._streamer_peer = self._streamer_peer, None
        self._timers.stop(ServiceTimer.PEER_LOSS)
        return [] if peer is None else peer.drop()

    def _opened(self, peer: StreamerPeer, label: str) -> list[ServiceOutput]:
        was_ready = peer.ready
        outputs = peer.opened(label)
        if was_ready or not peer.ready:
            return outputs
        self._timers.stop(ServiceTimer.NEGOTIATION_TIMEOUT)
        return [*outputs, self._note("connected"), *self._strike(Moment.READY)]

    def _grace(self, now: Instant) -> list[ServiceOutput]:
        if not self._timers.armed(ServiceTimer.PEER_LOSS):
            self._arm(ServiceTimer.PEER_LOSS, now, PEER_LOSS_GRACE)
        return []

    # --- streams --------------------------------------------------------------------------------

    def _streamed(self, now: Instant, text: str) -> list[ServiceOutput]:
        try:
            return self._asked(now, stream.decode(text))
        except RemoteProtocolError as error:
            return [self._note(f"ignored a stream message: {error}")]

    def _asked(self, now: Instant, message: StreamMessage) -> list[ServiceOutput]:
        moment = _MOMENTS.get(type(message))
        struck = [] if moment is None else self._strike(moment)
        if self._streamer_peer is None:
            return [*struck, self._note("ignored a stream message: there is no peer connection")]
        outputs = struck + self._streamer_peer.streamer.on_message(now, message)
        if self._streamer_peer.streamer.crowded:
            outputs += self._end("too_many_requests", CloseCode.TOO_MUCH)
        return outputs

    # --- faults and the end ---------------------------------------------------------------------

    def _strike(self, at: Moment) -> list[ServiceOutput]:
        outputs: list[ServiceOutput] = []
        if (garble := self._faults.strike(fault.Garble, at=at)) is not None:
            outputs.append(self._garbled(garble.text))
        if (error := self._faults.strike(fault.SignalError, at=at)) is not None:
            outputs += self._say(SignalingError(error.reason))
        if self._faults.strike(fault.DropMedia, at=at) is not None:
            outputs += self._drop()
        if (close := self._faults.strike(fault.Close, at=at)) is not None:
            return outputs + self._leave(close.code, close.reason)
        if self._faults.strike(fault.Cut, at=at) is not None:
            return [*outputs, DropSocket(self.socket), *self._let_go()]
        return outputs

    def _garbled(self, text: str) -> ServiceOutput:
        if self._streamer_peer is not None and self._streamer_peer.audible:
            return ChannelSend(self._streamer_peer.peer, FROM_STREAMER, text)
        return SendText(self.socket, text)

    def _end(self, reason: str, code: CloseCode) -> list[ServiceOutput]:
        """Tells the client why and leaves."""
        return [*self._say(SignalingError(reason)), *self._leave(code.value, reason)]

    def _leave(self, code: int, reason: str) -> list[ServiceOutput]:
        return [CloseSocket(self.socket, code, reason), *self._let_go()]

    def _let_go(self) -> list[ServiceOutput]:
        self.over = True
        self._timers.clear()
        return self._drop()

    def _arm(self, timer: _Timer, now: Instant, span: float) -> None:
        self._timers.set(timer, after(now, seconds(span)))

    def _note(self, what: str) -> Noted:
        return Noted(f"session {self.session_id}: {what}")


_ENDINGS = {
    ServiceTimer.CONNECTION_LIMIT: ("duration_limit_reached", CloseCode.TIME_OVER),
    ServiceTimer.CLIENT_IDLE: ("client_idle", CloseCode.IDLE),
    ServiceTimer.NEGOTIATION_TIMEOUT: ("client_not_connected", CloseCode.NOT_CONNECTED),
    ServiceTimer.PEER_LOSS: ("streamer_disconnected", CloseCode.MEDIA_LOST),
}
"""What the client receives when something is due; of the reasons only those of
docs/protocol.md#signaling-errors are documented."""

_MOMENTS: dict[type[object], Moment] = {
    InteractiveStreamStart: Moment.START,
    stream.Update: Moment.UPDATE,
    stream.InteractiveStreamEnd: Moment.END,
}
