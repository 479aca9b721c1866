"""
A spectator of a broadcast: connecting, watching, leaving (docs/protocol.md#whep).

| state | in flight | leaves when | deadline |
|---|---|---|---|
| IDLE | nothing | `Connect` | none |
| PREPARING | ICE servers | known, or not to be had | negotiate |
| NEGOTIATING | offer, answer, peer | ready / lost | negotiate, naming what is missing |
| WATCHING | video | the broadcast ends / loss / command | none |
| LEAVING | the leave | the media server knows | leave |
| GONE | nothing | never | none |

`WhepExchange` talks to the media server and `Peer` runs the connection; this is what they mean for the
application.

A host that ends its broadcast and a media server that dies look alike: the connection closes.
The difference is what came before: a server that closes on purpose does so while it still sends, so one
that had been silent for longer than a stall is taken to be lost.
"""

from collections.abc import Iterable
from enum import Enum, unique
from typing import Literal

from attrs import evolve

from odyssey_proto.client.live import notices
from odyssey_proto.client.live.peer import Peer
from odyssey_proto.client.live.peer_outputs import (
    DescriptionReady,
    FramesCounted,
    Loss,
    PeerInterrupted,
    PeerLost,
    PeerOutput,
    PeerReady,
    PeerRestored,
    RelaysFailed,
    StreamerText,
)
from odyssey_proto.client.live.peer_role import SPECTATOR
from odyssey_proto.client.live.stall_watch import StallWatch
from odyssey_proto.client.live.whep import (
    OfferAnswered,
    OfferRefused,
    ServersKnown,
    WhepExchange,
    WhepOutput,
    WhepState,
)
from odyssey_proto.client.outlet import Outlet
from odyssey_proto.client.rest.ids import IdSource
from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.kernel.failures import ABANDONED, Failure, FailureKind, Phase, refused, timed_out
from odyssey_proto.kernel.machine import Deadline, Instant, RootMachine, Timers, after, earliest, seconds
from odyssey_proto.model import events
from odyssey_proto.model.events import ConnectionStatus
from odyssey_proto.seam.commands import Abandon, Command, CommandId, Connect, Disconnect
from odyssey_proto.seam.inputs import (
    ExchangeFailed,
    FetchedBytes,
    FetchEnded,
    FetchFailed,
    FetchOpened,
    NetworkInput,
    Replied,
    SocketAnswered,
    SocketClosed,
    SocketOpened,
    SocketRefused,
    SocketText,
    Wake,
)
from odyssey_proto.seam.outputs import ClientOutput, Completed, Failed, Happened
from odyssey_proto.seam.settings import SpectatorSettings, ice_config

BROADCAST_ENDED = "broadcast.ended"
"""The code of the end that the host chose."""


@unique
class SpectatorState(Enum):
    """Where a spectator stands."""

    IDLE = "idle"
    PREPARING = "preparing"
    NEGOTIATING = "negotiating"
    WATCHING = "watching"
    LEAVING = "leaving"
    GONE = "gone"


class Spectator(RootMachine[NetworkInput | Command, ClientOutput]):
    """
    Watches one broadcast, once: `Connect` begins, `Disconnect` or the end of the broadcast ends it.

    Whatever had been reached, the media server learns in bounded time that the spectator leaves.
    """

    def __init__(self, settings: SpectatorSettings) -> None:
        super().__init__()
        ids = IdSource()
        self._settings = settings
        self._outlet = Outlet()
        self._outlet.learn(settings.token)
        self._whep = WhepExchange(settings, ids)
        role = evolve(SPECTATOR, audio=settings.audio)
        self._peer = Peer(ids.peer(), role, seconds(settings.timeouts.silence))
        self._stalls = StallWatch()
        self._timers: Timers[Literal[ClientTimer.NEGOTIATION_TIMEOUT]] = Timers()
        self._no_relay = ""
        self._connect: CommandId | None = None
        self._disconnects: list[CommandId] = []
        self.state: SpectatorState = SpectatorState.IDLE
        self.status: ConnectionStatus = ConnectionStatus.DISCONNECTED

    def __repr__(self) -> str:
        return f"<Spectator {self.state.value}>"

    @property
    def state_in_words(self) -> tuple[tuple[str, str], ...]:
        """The state in a few words, each with its name; nothing secret is among them."""
        return (("status", self.status.value), ("phase", self.state.name))

    def _next_deadline(self) -> Deadline | None:
        parts = (self._whep.deadline, self._timers.deadline, self._peer.deadline)
        return earliest(*parts, self._stalls.deadline)

    def step(self, now: Instant, inp: NetworkInput | Command, /) -> list[ClientOutput]:
        """Takes the time and one input; what comes out repeats no secret of the spectator."""
        return self._outlet.passed(super().step(now, inp))

    # --- commands -------------------------------------------------------------------------------

    def _take(self, now: Instant, inp: NetworkInput | Command) -> list[ClientOutput]:
        match inp:
            case Command(command, Connect()):
                return self._begin(now, command)
            case Command(command, Disconnect()):
                self._disconnects.append(command)
                return self._leave(now, Failure(FailureKind.CLOSED_LOCALLY, "the spectator left"))
            case Command(command, Abandon(abandoned)):
                return [*self._abandon(now, abandoned), Completed(command)]
            case Command():
                raise refused("a spectator only watches", "state.spectator")
            case Replied() | ExchangeFailed():
                return self._on_whep(now, self._whep.on_exchange(now, inp))
            case Wake() | SocketOpened() | SocketRefused() | SocketText() | SocketAnswered() | SocketClosed():
                return []
            case FetchOpened() | FetchedBytes() | FetchEnded() | FetchFailed():
                return []
            case _ if inp.peer == self._peer.peer:
                return self._on_peer(now, self._peer.on_media(now, inp))
            case _:
                return []

    def _begin(self, now: Instant, command: CommandId) -> list[ClientOutput]:
        if self.state is not SpectatorState.IDLE:
            raise refused("a spectator connects once", "state.spectator")
        request = self._whep.begin(now)
        self.state = SpectatorState.PREPARING
        self._connect = command
        timeout = seconds(self._settings.timeouts.negotiate)
        self._timers.set(ClientTimer.NEGOTIATION_TIMEOUT, after(now, timeout))
        return [self._announce(ConnectionStatus.CONNECTING), request]

    def _abandon(self, now: Instant, abandoned: CommandId) -> list[ClientOutput]:
        if abandoned == self._connect:
            return self._leave(now, ABANDONED)
        if abandoned in self._disconnects:
            self._disconnects.remove(abandoned)
            return [Failed(abandoned, ABANDONED)]
        return []

    # --- what the parts report ------------------------------------------------------------------

    def _on_whep(self, now: Instant, lines: Iterable[WhepOutput]) -> list[ClientOutput]:
        outputs: list[ClientOutput] = []
        for line in lines:
            match line:
                case ServersKnown(servers, failure):
                    if failure is not None:
                        outputs.append(notices.warning(failure.during(Phase.SPECTATE)))
                    self.state = SpectatorState.NEGOTIATING
                    ice = ice_config(self._settings.ice, servers)
                    outputs += self._on_peer(now, self._peer.make_offer(ice))
                case OfferAnswered(sdp):
                    outputs += self._on_peer(now, self._peer.take_answer(sdp))
                case OfferRefused(failure):
                    outputs += self._fail(now, failure)
                case _:
                    outputs.append(line)
        return outputs + self._finish_when_left()

    def _on_peer(self, now: Instant, lines: Iterable[PeerOutput]) -> list[ClientOutput]:
        outputs: list[ClientOutput] = []
        for line in lines:
            match line:
                case DescriptionReady(sdp):
                    outputs += self._on_whep(now, self._whep.offer(sdp))
                case PeerReady():
                    outputs += self._ready(now)
                case FramesCounted(received, undecoded, _):
                    outputs += self._stalls.count(now, received, undecoded)
                case RelaysFailed(reasons):
                    self._no_relay = reasons
                case PeerInterrupted():
                    outputs.append(self._announce(ConnectionStatus.RECONNECTING))
                case PeerRestored():
                    outputs.append(self._announce(ConnectionStatus.CONNECTED))
                case PeerLost(_, Loss.CLOSED) if self.state is SpectatorState.WATCHING:
                    outputs += self._closed(now)
                case PeerLost(failure):
                    outputs += self._fail(now, failure)
                case _:
                    assert not isinstance(line, StreamerText), "a spectator has no data channels"
                    outputs.append(line)
        return outputs

    def _wake(self, now: Instant) -> list[ClientOutput]:
        outputs = self._on_whep(now, self._whep.wake(now)) + self._on_peer(now, self._peer.wake(now))
        if self._timers.due(now) is not None:
            late = timed_out(Phase.SPECTATE, self._peer.missing)
            outputs += self._fail(now, notices.without_relay(late, self._no_relay))
        return outputs + self._stalls.wake(now, self._peer)

    def _ready(self, now: Instant) -> list[ClientOutput]:
        self.state = SpectatorState.WATCHING
        self._timers.clear()
        self._stalls.watch(now, True)
        outputs = [self._announce(ConnectionStatus.CONNECTED), Happened(events.Connected(""))]
        outputs += [] if self._connect is None else [Completed(self._connect)]
        self._connect = None
        # The picture begins with the next keyframe, which may be far off.
        return [*outputs, *self._peer.request_keyframe()]

    # --- the end --------------------------------------------------------------------------------

    def _closed(self, now: Instant) -> list[ClientOutput]:
        """The media server closed the connection, which it does when the host ends the stream."""
        if self._stalls.stalled:
            text = "the media server went silent and is gone"
            return self._fail(now, Failure(FailureKind.MEDIA_FAILED, text, code="media.lost"))
        ended = Failure(FailureKind.STREAM_ENDED, "the broadcast ended", code=BROADCAST_ENDED)
        return self._leave(now, ended)

    def _fail(self, now: Instant, failure: Failure) -> list[ClientOutput]:
        failure = failure.during(Phase.SPECTATE)
        return [
            self._announce(ConnectionStatus.FAILED, failure.message),
            Happened(events.ErrorHappened(failure, fatal=True)),
            *self._leave(now, failure),
        ]

    def _leave(self, now: Instant, failure: Failure) -> list[ClientOutput]:
        """Ends whatever there is: for the application first, then with the media server, then the peer."""
        if self.state is SpectatorState.LEAVING:
            return []
        if self.state in (SpectatorState.IDLE, SpectatorState.GONE):
            return self._finish()
        outputs: list[ClientOutput] = []
        if self.status is not ConnectionStatus.FAILED:
            outputs.append(self._announce(ConnectionStatus.DISCONNECTED))
        if self.state is SpectatorState.WATCHING:
            wished = failure.kind in (FailureKind.CLOSED_LOCALLY, FailureKind.ABANDONED)
            outputs.append(Happened(events.Disconnected(None if wished else failure)))
        if self._connect is not None:
            outputs.append(Failed(self._connect, failure))
            self._connect = None
        self.state = SpectatorState.LEAVING
        self._timers.clear()
        self._stalls.watch(now, False)
        return [*outputs, *self._whep.leave(now), *self._peer.drop(), *self._finish_when_left()]

    def _finish_when_left(self) -> list[ClientOutput]:
        return self._finish() if self._whep.state is WhepState.LEFT else []

    def _finish(self) -> list[ClientOutput]:
        if self.state is not SpectatorState.IDLE:
            self.state = SpectatorState.GONE
        waiting, self._disconnects = self._disconnects, []
        return [Completed(command) for command in waiting]

    def _announce(self, status: ConnectionStatus, message: str | None = None) -> ClientOutput:
        self.status = status
        return notices.status(status, message)
