"""One client on its WebSocket: the offer, the answer, the channels, the streams, the goodbye."""

from collections.abc import Iterator
from enum import Enum, unique

from odyssey_proto.conversations import Side
from odyssey_proto.conversations.signaling import signaling_conversation
from odyssey_proto.entropy import Entropy
from odyssey_proto.errors import RemoteProtocolError
from odyssey_proto.inputs import (
    ChannelText,
    ChannelUp,
    Described,
    MediaInput,
    PeerBroke,
    PeerId,
    PeerMoved,
    PeerState,
    SdpKind,
    SocketId,
)
from odyssey_proto.machine import Deadline, Instant, Timers, after, earliest, seconds
from odyssey_proto.messages import signaling, stream
from odyssey_proto.messages.ice import IceCandidate, check_candidate, check_sdp
from odyssey_proto.messages.signaling import (
    Answer,
    ClientDisconnecting,
    Offer,
    SignalingError,
    SignalingMessage,
)
from odyssey_proto.messages.stream import InteractiveStreamStart, StreamMessage
from odyssey_proto.outputs import (
    AddCandidate,
    ChannelSend,
    CloseSocket,
    DropPeer,
    MakeOffer,
    MakePeer,
    SendText,
    SetRemote,
)
from odyssey_proto.service.config import ServiceConfig
from odyssey_proto.service.faults import (
    Close,
    DropMedia,
    Faults,
    Garble,
    Moment,
    NoOffer,
    OfferAgain,
    SignalError,
    WithoutChannel,
)
from odyssey_proto.service.seam import Noted, ServiceOutput, Show
from odyssey_proto.service.streamer import Reply, Streamer, StreamerOutput

TO_STREAMER = "clientToStreamer"
FROM_STREAMER = "streamerToClient"
CHANNELS = (TO_STREAMER, FROM_STREAMER)

LIMIT_CODE = 4000
"""The close code of a connection whose time is over; none is documented."""

MOST_HELD = 64
"""So many replies wait for the channel to open."""


@unique
class VisitReason(Enum):
    """Why a visit wants to be woken."""

    IDLE = "idle"
    LIMIT = "limit"


class Visit:
    """Speaks with one client from the open WebSocket to its end; `over` once it has ended."""

    def __init__(
        self,
        socket: SocketId,
        peers: Iterator[int],
        session_id: str,
        config: ServiceConfig,
        entropy: Entropy,
        faults: Faults,
    ) -> None:
        self.socket = socket
        self.session_id = session_id
        self.over = False
        self.peer = PeerId(next(peers))
        self._peers = peers
        self._config = config
        self._faults = faults
        self._talk = signaling_conversation(Side.SERVER)
        self._streamer = Streamer(config, entropy, faults)
        self._timers = Timers(VisitReason)
        self._up: set[str] = set()
        self._held: list[StreamMessage] = []
        self._ready = False

    @property
    def deadline(self) -> Deadline | None:
        """The end of the client's silence, of the stream or of the connection."""
        return earliest(self._timers.deadline, self._streamer.deadline)

    def begin(self, now: Instant) -> list[ServiceOutput]:
        """Offers, unasked (protocol.md section 4.3)."""
        self._heard(now)
        self._timers.set(VisitReason.LIMIT, after(now, seconds(self._config.connection_seconds)))
        struck = self._strike(now, Moment.OPEN)
        if self.over or self._faults.strike(NoOffer) is not None:
            return struck
        return [*struck, *self._offer()]

    def text(self, now: Instant, text: str) -> list[ServiceOutput]:
        """Takes what the client says on its WebSocket."""
        self._heard(now)
        try:
            message = signaling.decode(text)
            self._talk.passes(Side.CLIENT, message)
            return self._told(now, message)
        except RemoteProtocolError as error:
            return [Noted(f"{self.session_id}: unusable signaling message: {error}")]

    def noticed(self, now: Instant, inp: MediaInput) -> list[ServiceOutput]:
        """Takes what the media engine noticed."""
        match inp:
            case Described(_, SdpKind.OFFER, sdp):
                return self._say(Offer(sdp))
            case ChannelUp(_, label):
                self._up.add(label)
                return self._channels(now)
            case ChannelText(_, label, text) if label == TO_STREAMER:
                return self._streamed(now, text)
            case PeerMoved(_, PeerState.FAILED | PeerState.CLOSED) | PeerBroke():
                return [Noted(f"{self.session_id}: media is gone"), *self.leave(now, 1000, "media is gone")]
            case _:
                return []

    def leave(self, now: Instant, code: int = 1000, reason: str = "") -> list[ServiceOutput]:
        """Ends the visit."""
        if self.over:
            return []
        self.over = True
        self._timers.clear()
        return [CloseSocket(self.socket, code, reason), *self._let_go()]

    def gone(self) -> list[ServiceOutput]:
        """The WebSocket is gone."""
        if self.over:
            return []
        self.over = True
        self._timers.clear()
        return self._let_go()

    def wake(self, now: Instant) -> list[ServiceOutput]:
        """Carries out whatever is due."""
        outputs = self._carry(now, self._streamer.wake(now))
        match self._timers.due(now):
            case VisitReason.IDLE:
                outputs += [Noted(f"{self.session_id}: silent for too long")]
                outputs += self.leave(now, 1001, "idle")
            case VisitReason.LIMIT:
                outputs += self._say(SignalingError("duration_limit_reached"))
                outputs += self.leave(now, LIMIT_CODE, "duration limit reached")
            case None:
                pass
        return outputs

    # --- signaling ------------------------------------------------------------------------------

    def _told(self, now: Instant, message: SignalingMessage) -> list[ServiceOutput]:
        match message:
            case Answer(sdp):
                check_sdp(sdp)
                return [SetRemote(self.peer, SdpKind.ANSWER, sdp), *self._strike(now, Moment.ANSWER)]
            case IceCandidate():
                return [AddCandidate(self.peer, check_candidate(message))]
            case InteractiveStreamStart():
                return self._asked(now, message)
            case ClientDisconnecting():
                return [Noted(f"{self.session_id}: says goodbye"), *self.leave(now)]
            case _:
                return []

    def _offer(self) -> list[ServiceOutput]:
        missing = self._faults.strike(WithoutChannel)
        channels = tuple(label for label in CHANNELS if missing is None or label != missing.label)
        return [MakePeer(self.peer, self._config.ice, sends=True, channels=channels), MakeOffer(self.peer)]

    def _say(self, message: SignalingMessage) -> list[ServiceOutput]:
        self._talk.passes(Side.SERVER, message)
        return [SendText(self.socket, signaling.encode(message))]

    def _heard(self, now: Instant) -> None:
        self._timers.set(VisitReason.IDLE, after(now, seconds(self._config.idle_seconds)))

    # --- streams --------------------------------------------------------------------------------

    def _streamed(self, now: Instant, text: str) -> list[ServiceOutput]:
        try:
            return self._asked(now, stream.decode(text))
        except RemoteProtocolError as error:
            return [Noted(f"{self.session_id}: unusable stream message: {error}")]

    def _asked(self, now: Instant, message: StreamMessage) -> list[ServiceOutput]:
        moment = _MOMENTS.get(type(message))
        struck = [] if moment is None else self._strike(now, moment)
        return struck if self.over else [*struck, *self._carry(now, self._streamer.heard(now, message))]

    def _carry(self, now: Instant, lines: list[StreamerOutput]) -> list[ServiceOutput]:
        outputs: list[ServiceOutput] = []
        for line in lines:
            match line:
                case Reply(message):
                    if len(self._held) < MOST_HELD:
                        self._held.append(message)
                case _:
                    outputs.append(Show(self.peer, line.scene))
        return outputs + self._speak()

    def _speak(self) -> list[ServiceOutput]:
        """Says what waits, once the channel is open (protocol.md section 5.4)."""
        if FROM_STREAMER not in self._up:
            return []
        held, self._held = self._held, []
        return [ChannelSend(self.peer, FROM_STREAMER, stream.encode(message)) for message in held]

    def _channels(self, now: Instant) -> list[ServiceOutput]:
        outputs = self._speak()
        if self._ready or not self._up.issuperset(CHANNELS):
            return outputs
        self._ready = True
        outputs += self._strike(now, Moment.READY)
        if not self.over and self._faults.strike(OfferAgain) is not None:
            outputs.append(DropPeer(self.peer))
            self.peer = PeerId(next(self._peers))
            self._up.clear()
            outputs += self._offer()
        return outputs

    # --- misfortunes ----------------------------------------------------------------------------

    def _strike(self, now: Instant, at: Moment) -> list[ServiceOutput]:
        outputs: list[ServiceOutput] = []
        if (garble := self._faults.strike(Garble, at)) is not None:
            outputs.append(self._garbled(garble.text))
        if (error := self._faults.strike(SignalError, at)) is not None:
            outputs += self._say(SignalingError(error.reason))
        if self._faults.strike(DropMedia, at) is not None:
            outputs.append(DropPeer(self.peer))
        if (close := self._faults.strike(Close, at)) is not None:
            outputs += self.leave(now, close.code, close.reason)
        return outputs

    def _garbled(self, text: str) -> ServiceOutput:
        if FROM_STREAMER in self._up:
            return ChannelSend(self.peer, FROM_STREAMER, text)
        return SendText(self.socket, text)

    def _let_go(self) -> list[ServiceOutput]:
        return [DropPeer(self.peer)]


_MOMENTS: dict[type[object], Moment] = {
    InteractiveStreamStart: Moment.START,
    stream.Update: Moment.UPDATE,
    stream.InteractiveStreamEnd: Moment.END,
}
