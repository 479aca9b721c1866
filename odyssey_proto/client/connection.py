"""
One connection, as the application sees it: from the connect to its end, one session after another.

| state | sessions | goes on when |
|---|---|---|
| `CONNECTING` | the first comes up | it is ready: `CONNECTED`; it is lost: `OVER` |
| `CONNECTED` | one is in use | it is lost for good: `OVER` |
| `OVER` | those that are left say goodbye | never |

A session that is lost is not the end if a `Recovery` replaces it; then there is none in use for a while,
and another one comes up.
It is given back before the next is asked for, so that nothing is held twice.

Sessions make no events of what becomes of them: `SessionReady` and `SessionLost` are for this file, which
says, with `Recovery`, what they mean for the application.
"""

from collections.abc import Callable, Iterable
from enum import Enum, unique
from functools import partial
from typing import Any

from attrs import evolve, frozen

from odyssey_proto.client.connecting.calls import SessionCallResult
from odyssey_proto.client.connecting.reservation import RegionsMeasured
from odyssey_proto.client.live import notices
from odyssey_proto.client.live.path_check import PathCheckResult
from odyssey_proto.client.live.peer_outputs import FramesCounted
from odyssey_proto.client.live.stream import StreamCommand
from odyssey_proto.client.recovery.recovery import (
    BeginSession,
    ControlSession,
    LeaveSession,
    Recovery,
    RecoveryOutput,
    RecoveryState,
    ShowSession,
    TakeOver,
)
from odyssey_proto.client.rest.call_requests import CallOrder, CancelCall, StartCall
from odyssey_proto.client.rest.ids import IdSource
from odyssey_proto.client.session import Session, SessionState
from odyssey_proto.client.session_outputs import SessionLost, SessionOutput, SessionReady
from odyssey_proto.kernel.entropy import Entropy
from odyssey_proto.kernel.failures import ABANDONED, Failure, FailureKind, LocalProtocolError, refused
from odyssey_proto.kernel.machine import Deadline, Instant, earliest
from odyssey_proto.model import events
from odyssey_proto.model.access import RegionMap
from odyssey_proto.model.credentials import ClientCredentials, StreamerCapabilities
from odyssey_proto.model.events import ConnectionStatus
from odyssey_proto.seam.commands import RESTART, CommandId
from odyssey_proto.seam.inputs import MediaInput, PeerId, SocketId, SocketInput
from odyssey_proto.seam.outputs import ClientOutput, Completed, Failed, Happened, MakePeer, ShowPeer
from odyssey_proto.seam.settings import Settings

LEFT = Failure(FailureKind.CLOSED_LOCALLY, "disconnected while the call was waiting")
"""How a command ends that waits while the application leaves."""

RENEWED = Failure(FailureKind.CLOSED_LOCALLY, "another session has taken the place of this one")


@unique
class ConnectionState(Enum):
    """Where a connection stands."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    OVER = "over"


@frozen
class SessionResult:
    """The result of a call that a session has asked for."""

    session: Session
    result: SessionCallResult | PathCheckResult


type ConnectionOutput = ClientOutput | CallOrder | RegionsMeasured


class Connection:
    """Carries out one `Connect` or `ConnectWith`, and what follows until it is over."""

    def __init__(
        self,
        command: CommandId,
        settings: Settings,
        ids: IdSource,
        entropy: Entropy,
        known: RegionMap | None,
        credentials: ClientCredentials | None,
    ) -> None:
        self._connect: CommandId | None = command
        self._completed_connect: CommandId | None = None
        self._settings = settings
        self._ids = ids
        self._regions = known
        self._credentials = credentials
        # Credentials are for one session only.
        self._recovery = Recovery(settings.reconnect if credentials is None else None, entropy)
        self._session = Session(settings, ids, known)
        self._coming: Session | None = None
        self._sessions = [self._session]
        self._spare_peer: PeerId | None = None
        """The peer of the session that comes up, while another one is shown."""
        self._given_up: Failure | None = None
        """Why the session that comes up is to be left, once what it returned is passed on."""
        self.state: ConnectionState = ConnectionState.CONNECTING

    # --- what it is -----------------------------------------------------------------------------

    @property
    def over(self) -> bool:
        """Whether it has ended; a session may still say goodbye."""
        return self.state is ConnectionState.OVER

    @property
    def recovering(self) -> bool:
        """Whether a lost session is being replaced, so that none is in use."""
        return self._recovery.state in (RecoveryState.WAITING, RecoveryState.RESTORING)

    @property
    def releasing(self) -> bool:
        """Whether a session says goodbye."""
        return any(session.releasing for session in self._sessions)

    def closed(self, now: Instant) -> bool:
        """Tells whether there is nothing more to do."""
        return self.over and all(session.closed(now) for session in self._sessions)

    @property
    def states(self) -> tuple[SessionState, ...]:
        """The state of every session that is not over, those that still say goodbye included."""
        return tuple(session.state for session in self._sessions)

    @property
    def session_id(self) -> str | None:
        """The service's name for the session in use, or that comes up, once it is granted."""
        present = self._coming if self.recovering else self._session
        return None if present is None else present.session_id

    @property
    def capabilities(self) -> StreamerCapabilities | None:
        """What the streamer of the session in use can do, or that of the one that was lost."""
        return None if self._session.session_id is None else self._session.capabilities

    @property
    def last_applied_prompt(self) -> str | None:
        """The prompt that the picture shows now, as far as the service said, or will show again."""
        return self._recovery.last_applied_prompt if self.recovering else self._session.last_applied_prompt

    def owns_peer(self, peer: PeerId) -> bool:
        """Tells whether a peer is that of one of its sessions."""
        return any(session.owns_peer(peer) for session in self._sessions)

    def owns_socket(self, socket: SocketId) -> bool:
        """Tells whether a socket is that of one of its sessions."""
        return any(session.owns_socket(socket) for session in self._sessions)

    # --- commands -------------------------------------------------------------------------------

    def begin(self, now: Instant) -> list[ConnectionOutput]:
        """Begins, with the API key or with credentials."""
        return self._on_session(now, self._session, self._session.begin(now, self._credentials))

    def join(self, now: Instant, command: CommandId) -> list[ConnectionOutput]:
        """Takes a further connect; raises `LocalProtocolError` while the first one goes on."""
        if self.state is ConnectionState.CONNECTING:
            raise refused("already connecting", "state.connecting")
        return self._on_recovery(now, self._recovery.join(command))

    def control(self, now: Instant, command: CommandId, what: StreamCommand) -> list[ConnectionOutput]:
        """Carries out a stream command; `LocalProtocolError` if the state or a rule forbids it."""
        if self.recovering:
            return self._on_recovery(now, self._recovery.queue(command, what)) + self._settle(now)
        outputs = self._session.control(now, command, what)
        self._recovery.given(command, what)
        return self._on_session(now, self._session, outputs)

    def abandon(self, now: Instant, command: CommandId) -> list[ConnectionOutput] | None:
        """Ends a command whose caller is gone; `None` if it does not wait here."""
        if command in (self._connect, self._completed_connect) and not self.over:
            return self._leave(now, ABANDONED)
        streams = self._recovery.runs_for(command)
        ended = self._recovery.abandon(command)
        if ended is not None:
            return self._on_recovery(now, ended) + self._settle(now)
        if self.recovering:
            return self._settle(now) or None
        outputs = self._session.abandon(now, command)
        if outputs is None and streams:
            # A recovery has started its stream again.
            outputs = self._session.abandon(now, RESTART)
        return None if outputs is None else self._on_session(now, self._session, outputs)

    def leave(self, now: Instant) -> list[ConnectionOutput]:
        """Leaves by our own wish."""
        return self._leave(now, LEFT)

    # --- what comes from outside ----------------------------------------------------------------

    def on_result(self, now: Instant, result: SessionResult) -> list[ConnectionOutput]:
        """Takes the result of a call that a session has asked for."""
        session = result.session
        return self._on_session(now, session, session.on_result(now, result.result))

    def on_socket(self, now: Instant, inp: SocketInput) -> list[ConnectionOutput]:
        """Takes what happened to the socket of a session."""
        session = next(session for session in self._sessions if session.owns_socket(inp.socket))
        return self._on_session(now, session, session.on_socket(now, inp))

    def on_media(self, now: Instant, inp: MediaInput) -> list[ConnectionOutput]:
        """Takes what the media engine reports of the peer of a session."""
        session = next(session for session in self._sessions if session.owns_peer(inp.peer))
        return self._on_session(now, session, session.on_media(now, inp))

    def wake(self, now: Instant) -> list[ConnectionOutput]:
        """Carries out whatever is due."""
        outputs: list[ConnectionOutput] = []
        for session in self._sessions:
            outputs += self._on_session(now, session, session.wake(now))
        outputs += self._on_recovery(now, self._recovery.wake(now)) + self._settle(now)
        renewal = self._renewal
        if renewal is not None and renewal.at <= now:
            outputs += self._on_recovery(now, self._recovery.renew())
        return outputs

    @property
    def deadline(self) -> Deadline | None:
        """The earliest deadline of anything under way."""
        sessions = [session.deadline for session in self._sessions]
        return earliest(*sessions, self._recovery.deadline, self._renewal)

    @property
    def _renewal(self) -> Deadline | None:
        """When the session in use is renewed."""
        usable = self.state is ConnectionState.CONNECTED
        return self._recovery.renewal(self._session.next_end) if usable else None

    # --- what the parts return ------------------------------------------------------------------

    def _on_session(
        self, now: Instant, session: Session, outputs: Iterable[SessionOutput]
    ) -> list[ConnectionOutput]:
        passed: list[ConnectionOutput] = []
        replaced = False
        for output in outputs:
            coming = session is self._coming
            match output:
                case StartCall(name, request, wrap):
                    passed.append(StartCall((session, name), request, partial(_result_for, session, wrap)))
                case CancelCall(name):
                    passed.append(CancelCall((session, name)))
                case RegionsMeasured(regions):
                    self._regions = regions
                    passed.append(output)
                case SessionReady() if coming:
                    connected = self._recovery.connected(now, session.session_id or "")
                    passed += self._on_recovery(now, connected)
                case SessionReady():
                    passed += self._ready(now)
                case SessionLost(failure, intended):
                    passed += self._lost(now, session, failure, intended=intended)
                    replaced = not self.over
                case FramesCounted(received):
                    passed += self._on_recovery(now, self._recovery.counted(now, received, coming=coming))
                case Happened(event):
                    passed += self._on_recovery(now, self._recovery.happened(now, event, coming=coming))
                case Completed() | Failed() if replaced:
                    # What becomes of its commands has been decided.
                    pass
                case Completed() | Failed():
                    passed += self._on_recovery(now, self._recovery.ended(now, output, coming=coming))
                case MakePeer(peer) if coming and self._recovery.state is RecoveryState.RENEWING:
                    self._spare_peer = peer
                    passed.append(evolve(output, spare=True))
                case _:
                    passed.append(output)
        return passed + self._settle(now)

    def _on_recovery(self, now: Instant, outputs: Iterable[RecoveryOutput]) -> list[ConnectionOutput]:
        passed: list[ConnectionOutput] = []
        for output in outputs:
            match output:
                case BeginSession():
                    session = self._coming = Session(self._settings, self._ids, self._regions)
                    self._sessions.append(session)
                    passed += self._on_session(now, session, session.begin(now))
                case ControlSession(command, what):
                    session = self._coming or self._session
                    try:
                        controlled = session.control(now, command, what)
                    except LocalProtocolError as error:
                        end = Failed(command, error.failure)
                        ended = self._recovery.ended(now, end, coming=session is self._coming)
                        passed += self._on_recovery(now, ended)
                    else:
                        passed += self._on_session(now, session, controlled)
                case LeaveSession(failure):
                    self._given_up = failure
                case ShowSession():
                    passed += self._show()
                case TakeOver():
                    passed += self._take_over(now)
                case _:
                    passed.append(output)
        return passed

    def _settle(self, now: Instant) -> list[ConnectionOutput]:
        """Leaves what comes up in vain, forgets sessions that are over, and begins the next in its time."""
        failure, self._given_up = LEFT if self.over else self._given_up, None
        if failure is not None and self._coming is not None:
            return self._on_session(now, self._coming, self._coming.leave(now, failure))
        self._sessions = [session for session in self._sessions if not session.closed(now)]
        return self._on_recovery(now, self._recovery.settle(now, free=not self._sessions))

    # --- moves ----------------------------------------------------------------------------------

    def _ready(self, now: Instant) -> list[ConnectionOutput]:
        first, self.state = self.state is ConnectionState.CONNECTING, ConnectionState.CONNECTED
        connected = events.StatusChanged(ConnectionStatus.CONNECTED)
        outputs = self._on_recovery(now, self._recovery.happened(now, connected, coming=False))
        if first:
            outputs.append(Happened(events.Connected(self.session_id or "")))
        if self._connect is not None:
            outputs.append(Completed(self._connect))
            self._completed_connect, self._connect = self._connect, None
        return outputs

    def _show(self) -> list[ConnectionOutput]:
        peer, self._spare_peer = self._spare_peer, None
        return [] if peer is None else [ShowPeer(peer)]

    def _take_over(self, now: Instant) -> list[ConnectionOutput]:
        """The picture changes over, and the session before is left, if it is not lost already."""
        assert self._coming is not None, "what came up takes over"
        before, self._session, self._coming = self._session, self._coming, None
        return [*self._show(), *self._on_session(now, before, before.leave(now, RENEWED))]

    def _lost(
        self, now: Instant, session: Session, failure: Failure, *, intended: bool
    ) -> list[ConnectionOutput]:
        decided: list[RecoveryOutput] | None = None
        if session is self._coming:
            self._coming = self._spare_peer = None
            decided = [] if self.over else self._recovery.attempt_failed(now, failure)
        elif session is not self._session:
            # It is left because another has taken its place.
            decided = []
        elif self.state is ConnectionState.CONNECTED:
            decided = self._recovery.lost(now, failure)
        return self._end(failure, intended=intended) if decided is None else self._on_recovery(now, decided)

    def _leave(self, now: Instant, failure: Failure) -> list[ConnectionOutput]:
        if self.over:
            return []
        present = self._coming if self.recovering else self._session
        if present is None:
            return self._end(failure, intended=True)
        return self._on_session(now, present, present.leave(now, failure))

    def _end(self, failure: Failure, *, intended: bool) -> list[ConnectionOutput]:
        """It is over, and the application is the first to learn of it."""
        established = self.state is ConnectionState.CONNECTED
        self.state = ConnectionState.OVER
        recovering, wished = self.recovering, failure.kind in _OUR_WISH
        failure, failed = self._recovery.give_up(failure, chained=not wished)
        intended = intended and (wished or not recovering)
        status = ConnectionStatus.DISCONNECTED if intended else ConnectionStatus.FAILED
        outputs: list[ConnectionOutput] = [notices.status(status, None if wished else failure.message)]
        if not intended:
            outputs.append(Happened(events.ErrorHappened(failure, fatal=True)))
        if established:
            outputs.append(Happened(events.Disconnected(None if wished else failure)))
        if self._connect is not None:
            outputs.append(Failed(self._connect, failure))
            self._connect = None
        return outputs + failed


_OUR_WISH = (FailureKind.CLOSED_LOCALLY, FailureKind.ABANDONED)


def _result_for(session: Session, wrap: Callable[[Any], Any], result: object) -> SessionResult:
    return SessionResult(session, wrap(result))
