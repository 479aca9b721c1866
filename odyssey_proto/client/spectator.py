"""A spectator of a broadcast by WHEP (docs/protocol.md#whep): ask, offer, watch, leave."""

from enum import Enum, unique
from typing import Literal, assert_never

from odyssey_proto.client.live import notices as tell
from odyssey_proto.client.live.peer import GRACE
from odyssey_proto.client.live.stall_watch import FrameWatch
from odyssey_proto.client.rest.ids import Names
from odyssey_proto.client.rest.transport_failures import broken
from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.kernel.errors import LocalProtocolError
from odyssey_proto.kernel.failures import Failure, FailureKind, Phase, timed_out
from odyssey_proto.kernel.machine import Deadline, Instant, RootMachine, Timers, after, earliest, seconds
from odyssey_proto.messages.whep import (
    WHEP_CONFIG,
    WHEP_LEAVE,
    WHEP_OFFER,
    WhepAnswer,
    WhepOffer,
    redirected_offer,
    resource,
)
from odyssey_proto.model import events
from odyssey_proto.model.ice import IceServer
from odyssey_proto.model.status import ConnectionStatus
from odyssey_proto.seam.commands import Abandon, Command, CommandId, Connect, Disconnect
from odyssey_proto.seam.http import ExchangeId, HttpReply, HttpRequest
from odyssey_proto.seam.inputs import (
    ExchangeFailed,
    LocalDescription,
    MediaKind,
    MediaSeen,
    NetworkInput,
    PeerFailed,
    PeerState,
    PeerStateChanged,
    Replied,
    SdpKind,
    TrackDown,
    TrackUp,
)
from odyssey_proto.seam.outputs import (
    AskKeyframe,
    CancelRequest,
    ClientOutput,
    Completed,
    DropPeer,
    Failed,
    Happened,
    IceConfig,
    MakeOffer,
    MakePeer,
    Request,
    SetRemote,
)
from odyssey_proto.seam.redirects import MAX_REDIRECTS
from odyssey_proto.seam.settings import SpectatorSettings, ice_config

CONFIG = seconds(5)
"""How long the ICE servers are waited for; without them it goes on (docs/protocol.md#whep)."""

ENDED = "broadcast.ended"
"""The code of the end that the host chose."""

type _Timer = Literal[
    ClientTimer.ICE_CONFIG_TIMEOUT,
    ClientTimer.NEGOTIATION_TIMEOUT,
    ClientTimer.PEER_LOSS,
    ClientTimer.LEAVE_TIMEOUT,
]


@unique
class SpectatorPhase(Enum):
    """Where a spectator stands."""

    IDLE = "idle"
    CONFIG = "config"
    OFFERING = "offering"
    POSTING = "posting"
    CONNECTING = "connecting"
    WATCHING = "watching"
    LEAVING = "leaving"
    GONE = "gone"


class Spectator(RootMachine[NetworkInput | Command, ClientOutput]):
    """
    Watches one broadcast, once: `Connect` begins, `Disconnect` or the end of the broadcast ends it.

    Whatever had been reached, the media server is told that the spectator leaves, in bounded time.
    """

    def __init__(self, settings: SpectatorSettings) -> None:
        super().__init__()
        self._settings = settings
        self._names = Names()
        self._timers = Timers[_Timer]()
        self._frames = FrameWatch()
        self._peer = self._names.peer()
        self._exchange: ExchangeId | None = None
        self._offer: HttpRequest | None = None
        self._redirects = 0
        self._resource: str | None = None
        self._connect: CommandId | None = None
        self._leaving: list[CommandId] = []
        self._connected = self._track = False
        self.phase = SpectatorPhase.IDLE
        self.status = ConnectionStatus.DISCONNECTED

    def __repr__(self) -> str:
        return f"<Spectator {self.phase.value}>"

    @property
    def deadline(self) -> Deadline | None:
        """The earliest deadline of anything under way."""
        return earliest(self._timers.deadline, self._frames.deadline)

    def _take(self, now: Instant, inp: NetworkInput | Command) -> list[ClientOutput]:
        return self._command(now, inp) if isinstance(inp, Command) else self._network(now, inp)

    # --- commands -------------------------------------------------------------------------------

    def _command(self, now: Instant, command: Command) -> list[ClientOutput]:
        match command.what:
            case Connect():
                return self._begin(now, command.command)
            case Disconnect():
                self._leaving.append(command.command)
                return self._leave(now, Failure(FailureKind.CLOSED_LOCALLY, "the spectator left"))
            case Abandon(abandoned):
                return [*self._abandon(now, abandoned), Completed(command.command)]
            case _:
                raise _refused("a spectator only watches")

    def _begin(self, now: Instant, command: CommandId) -> list[ClientOutput]:
        if self.phase is not SpectatorPhase.IDLE:
            raise _refused("a spectator connects once")
        request = WHEP_CONFIG.encode_request(self._settings.webrtc_url, None)
        self._connect = command
        self.phase = SpectatorPhase.CONFIG
        self._timers.set(ClientTimer.ICE_CONFIG_TIMEOUT, after(now, CONFIG))
        self._timers.set(
            ClientTimer.NEGOTIATION_TIMEOUT, after(now, seconds(self._settings.timeouts.negotiate))
        )
        return [self._tell(ConnectionStatus.CONNECTING), self._ask(request)]

    def _abandon(self, now: Instant, abandoned: CommandId) -> list[ClientOutput]:
        gone = Failure(FailureKind.ABANDONED, "the caller was cancelled")
        if abandoned == self._connect:
            return self._leave(now, gone)
        if abandoned in self._leaving:
            self._leaving.remove(abandoned)
            return [Failed(abandoned, gone)]
        return []

    # --- what comes from outside ----------------------------------------------------------------

    def _network(self, now: Instant, inp: NetworkInput) -> list[ClientOutput]:
        match inp:
            case Replied(exchange, reply) if exchange == self._exchange:
                self._exchange = None
                return self._replied(now, reply)
            case ExchangeFailed(exchange, why) if exchange == self._exchange:
                self._exchange = None
                return self._unanswered(now, broken(why, "the connection to the media server"))
            case LocalDescription(peer, SdpKind.OFFER, sdp) if peer == self._peer:
                return self._described(sdp)
            case PeerStateChanged(peer, state) if peer == self._peer and self._live:
                return self._moved(now, state)
            case TrackUp(peer, MediaKind.VIDEO) if peer == self._peer:
                self._track = True
                return self._check(now)
            case TrackDown(peer, MediaKind.VIDEO) if peer == self._peer and self._live:
                return self._ended(now)
            case PeerFailed(peer, why) if peer == self._peer and self._live:
                return self._fail(now, broken(why, "the media connection"))
            case MediaSeen(peer, received) if peer == self._peer:
                return [*self._frames.seen(now, received)]
            case _:
                return []

    @property
    def _live(self) -> bool:
        """Whether there is a peer connection."""
        phases = SpectatorPhase
        return self.phase not in (phases.IDLE, phases.CONFIG, phases.LEAVING, phases.GONE)

    def _replied(self, now: Instant, reply: HttpReply) -> list[ClientOutput]:
        match self.phase:
            case SpectatorPhase.CONFIG:
                servers = WHEP_CONFIG.decode_reply(reply)
                if isinstance(servers, Failure):
                    return self._unanswered(now, servers)
                return self._make_offer(self._ice(servers))
            case SpectatorPhase.POSTING:
                elsewhere = None if self._offer is None else redirected_offer(self._offer, reply)
                if elsewhere is not None and self._redirects < MAX_REDIRECTS:
                    self._redirects += 1
                    return self._post(elsewhere)
                answer = WHEP_OFFER.decode_reply(reply)
                if isinstance(answer, Failure):
                    return self._fail(now, answer)
                self._resource = self._left_at(answer)
                self.phase = SpectatorPhase.CONNECTING
                return [SetRemote(self._peer, SdpKind.ANSWER, answer.sdp)]
            case _:
                return self._farewell(reply)

    def _unanswered(self, now: Instant, failure: Failure) -> list[ClientOutput]:
        match self.phase:
            case SpectatorPhase.CONFIG:
                return [tell.complaint(failure.during(Phase.SPECTATE)), *self._make_offer(self._ice(()))]
            case SpectatorPhase.LEAVING:
                return self._finish()
            case _:
                return self._fail(now, failure)

    def _make_offer(self, ice: IceConfig) -> list[ClientOutput]:
        self._timers.stop(ClientTimer.ICE_CONFIG_TIMEOUT)
        self.phase = SpectatorPhase.OFFERING
        return [MakePeer(self._peer, ice), MakeOffer(self._peer)]

    def _described(self, sdp: str) -> list[ClientOutput]:
        if self.phase is not SpectatorPhase.OFFERING:
            return []
        self.phase = SpectatorPhase.POSTING
        return self._post(
            WHEP_OFFER.encode_request(self._settings.webrtc_url, WhepOffer(sdp, self._settings.token))
        )

    def _post(self, offer: HttpRequest) -> list[ClientOutput]:
        self._offer = offer
        return [self._ask(offer)]

    def _left_at(self, answer: WhepAnswer) -> str | None:
        return None if self._offer is None else resource(self._offer, answer)

    def _moved(self, now: Instant, state: PeerState) -> list[ClientOutput]:
        match state:
            case PeerState.CONNECTED:
                self._timers.stop(ClientTimer.PEER_LOSS)
                self._connected = True
                return self._check(now)
            case PeerState.DISCONNECTED:
                self._timers.set(ClientTimer.PEER_LOSS, after(now, GRACE))
                return []
            case PeerState.FAILED:
                return self._fail(now, _media("the media connection failed", "media.failed"))
            case PeerState.CLOSED:
                return self._ended(now)
            case PeerState.NEW | PeerState.CONNECTING:
                return []
            case _:
                assert_never(state)

    def _check(self, now: Instant) -> list[ClientOutput]:
        if self.phase is not SpectatorPhase.CONNECTING or not (self._connected and self._track):
            return []
        self.phase = SpectatorPhase.WATCHING
        self._timers.stop(ClientTimer.NEGOTIATION_TIMEOUT)
        self._frames.live(now, True)
        outputs: list[ClientOutput] = [self._tell(ConnectionStatus.CONNECTED)]
        outputs.append(Happened(events.Connected("")))
        outputs += [] if self._connect is None else [Completed(self._connect)]
        self._connect = None
        # The picture begins with the next keyframe, which may be far off.
        return [*outputs, AskKeyframe(self._peer)]

    def _wake(self, now: Instant) -> list[ClientOutput]:
        match self._timers.due(now):
            case ClientTimer.ICE_CONFIG_TIMEOUT:
                return [*self._call_off(), *self._unanswered(now, timed_out(Phase.SPECTATE, ("ICE config",)))]
            case ClientTimer.NEGOTIATION_TIMEOUT:
                return self._fail(now, timed_out(Phase.SPECTATE, self._missing()))
            case ClientTimer.PEER_LOSS:
                text = "the media connection was interrupted and did not recover"
                return self._fail(now, _media(text, "media.interrupted"))
            case ClientTimer.LEAVE_TIMEOUT:
                return [*self._call_off(), *self._finish()]
            case None:
                return [*self._frames.wake(now, self._peer)]
            case reason:
                assert_never(reason)

    def _missing(self) -> tuple[str, ...]:
        match self.phase:
            case SpectatorPhase.OFFERING:
                return ("local description",)
            case SpectatorPhase.POSTING:
                return ("answer",)
            case _:
                parts = {"peer connection": self._connected, "video track": self._track}
                return tuple(name for name, there in parts.items() if not there)

    # --- the end --------------------------------------------------------------------------------

    def _ended(self, now: Instant) -> list[ClientOutput]:
        """The media server closed the connection, which it does when the host ends the stream."""
        if self.phase is not SpectatorPhase.WATCHING:
            return self._fail(now, _media("the media server closed the connection", "media.closed"))
        if self._frames.stalled:
            # A server that says goodbye does so while it sends; one that was silent is gone.
            return self._fail(now, _media("the media server went silent and is gone", "media.lost"))
        return self._leave(now, Failure(FailureKind.STREAM_ENDED, "the broadcast ended", code=ENDED))

    def _fail(self, now: Instant, failure: Failure) -> list[ClientOutput]:
        failure = failure.during(Phase.SPECTATE)
        return [
            self._tell(ConnectionStatus.FAILED, failure.text),
            Happened(events.ErrorHappened(failure, fatal=True)),
            *self._leave(now, failure, ConnectionStatus.FAILED),
        ]

    def _leave(
        self, now: Instant, failure: Failure, status: ConnectionStatus = ConnectionStatus.DISCONNECTED
    ) -> list[ClientOutput]:
        """Ends whatever there is: the application first, then the media server is told, then the peer."""
        if self.phase is SpectatorPhase.LEAVING:
            return []
        if self.phase in (SpectatorPhase.IDLE, SpectatorPhase.GONE):
            return self._finish()
        outputs: list[ClientOutput] = []
        if status is not ConnectionStatus.FAILED:
            outputs.append(self._tell(status))
        if self.phase is SpectatorPhase.WATCHING:
            wished = failure.kind in (FailureKind.CLOSED_LOCALLY, FailureKind.ABANDONED)
            outputs.append(Happened(events.Disconnected(None if wished else failure)))
        if self._connect is not None:
            outputs.append(Failed(self._connect, failure))
            self._connect = None
        torn: list[ClientOutput] = [DropPeer(self._peer)] if self._live else []
        awaits_answer = self.phase is SpectatorPhase.POSTING and self._exchange is not None
        self._frames.live(now, False)
        self._timers.clear()
        self.phase = SpectatorPhase.LEAVING
        if not awaits_answer:
            outputs += self._call_off()
            if self._resource is None:
                return [*outputs, *torn, *self._finish()]
            outputs.append(self._ask(WHEP_LEAVE.encode_request(self._resource, None)))
        self._timers.set(ClientTimer.LEAVE_TIMEOUT, after(now, seconds(self._settings.timeouts.leave)))
        return outputs + torn

    def _farewell(self, reply: HttpReply) -> list[ClientOutput]:
        """Takes a reply while leaving: the last one, or that to the offer, whose resource is given back."""
        if self._resource is None:
            answer = WHEP_OFFER.decode_reply(reply)
            if not isinstance(answer, Failure):
                self._resource = self._left_at(answer)
                if self._resource is not None:
                    return [self._ask(WHEP_LEAVE.encode_request(self._resource, None))]
        return self._finish()

    def _finish(self) -> list[ClientOutput]:
        if self.phase is not SpectatorPhase.IDLE:
            self.phase = SpectatorPhase.GONE
        self._timers.clear()
        left, self._leaving = self._leaving, []
        return [Completed(command) for command in left]

    # --- small things ---------------------------------------------------------------------------

    def _ask(self, request: HttpRequest) -> Request:
        self._exchange = self._names.exchange()
        return Request(self._exchange, request)

    def _call_off(self) -> list[ClientOutput]:
        exchange, self._exchange = self._exchange, None
        return [] if exchange is None else [CancelRequest(exchange)]

    def _tell(self, status: ConnectionStatus, message: str | None = None) -> ClientOutput:
        self.status = status
        return tell.status(status, message)

    def _ice(self, servers: tuple[IceServer, ...]) -> IceConfig:
        return ice_config(self._settings.ice, servers)


def _media(text: str, code: str) -> Failure:
    return Failure(FailureKind.MEDIA_FAILED, text, code=code)


def _refused(text: str) -> LocalProtocolError:
    return LocalProtocolError(text, Failure(FailureKind.STATE, text, code="state.spectator"))
