"""
One connection, as the application sees it: from the connect to its end, and what is reported of it.

A connection runs a session, which is the service's; its calls are made, and its socket and its peer are
found, by way of the connection.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from attrs import frozen

from odyssey_proto.client.connecting.calls import SessionCallResult
from odyssey_proto.client.connecting.reservation import RegionMap, RegionsMeasured
from odyssey_proto.client.live import notices
from odyssey_proto.client.live.stream import StreamCommand
from odyssey_proto.client.rest.call_requests import CallOrder, CancelCall, StartCall
from odyssey_proto.client.rest.ids import IdSource
from odyssey_proto.client.session import Session, SessionLost, SessionOutput, SessionReady, SessionState
from odyssey_proto.kernel.failures import ABANDONED, Failure, FailureKind, refused
from odyssey_proto.kernel.machine import Deadline, Instant, earliest
from odyssey_proto.model import events
from odyssey_proto.model.credentials import ClientCredentials, StreamerCapabilities
from odyssey_proto.model.events import ConnectionStatus
from odyssey_proto.seam.commands import CommandId
from odyssey_proto.seam.inputs import MediaInput, PeerId, SocketId, SocketInput
from odyssey_proto.seam.outputs import ClientOutput, Completed, Failed, Happened
from odyssey_proto.seam.settings import Settings

LEFT = Failure(FailureKind.CLOSED_LOCALLY, "disconnected while the call was waiting")
"""How a command ends that waits while the application leaves."""


@frozen
class SessionResult:
    """The result of a call that a session has asked for."""

    session: Session
    result: SessionCallResult


type ConnectionOutput = ClientOutput | CallOrder | RegionsMeasured


class Connection:
    """
    Carries out one `Connect` or `ConnectWith`, and what follows until it is over.

    `established` tells whether it was ever up; only then is its end an event of its own.
    """

    def __init__(
        self, command: CommandId, settings: Settings, ids: IdSource, known: RegionMap | None
    ) -> None:
        self._connect: CommandId | None = command
        self._completed_connect: CommandId | None = None
        self._session = Session(settings, ids, known)
        self.established: bool = False
        self.over: bool = False
        """Whether it has ended; its session may still say goodbye."""

    # --- what it is -----------------------------------------------------------------------------

    @property
    def releasing(self) -> bool:
        """Whether a session says goodbye."""
        return self._session.releasing

    def closed(self, now: Instant) -> bool:
        """Tells whether there is nothing more to do."""
        return self.over and self._session.closed(now)

    @property
    def states(self) -> tuple[SessionState, ...]:
        """The state of every session that is not over, those that still say goodbye included."""
        return (self._session.state,)

    @property
    def session_id(self) -> str | None:
        """The service's name for the session in use, once it is granted."""
        return self._session.session_id

    @property
    def capabilities(self) -> StreamerCapabilities:
        """What the streamer of the session in use can do."""
        return self._session.capabilities

    @property
    def last_applied_prompt(self) -> str | None:
        """The prompt that the picture shows now, as far as the service said."""
        return self._session.last_applied_prompt

    def owns_peer(self, peer: PeerId) -> bool:
        """Tells whether a peer is that of its session."""
        return self._session.owns_peer(peer)

    def owns_socket(self, socket: SocketId) -> bool:
        """Tells whether a socket is that of its session."""
        return self._session.owns_socket(socket)

    # --- commands -------------------------------------------------------------------------------

    def begin(self, now: Instant, credentials: ClientCredentials | None = None) -> list[ConnectionOutput]:
        """Begins, with the API key or with credentials."""
        return self._on_session(now, self._session, self._session.begin(now, credentials))

    def join(self, command: CommandId) -> list[ConnectionOutput]:
        """Takes a further connect; raises `LocalProtocolError` while the first one goes on."""
        if not self.established:
            raise refused("already connecting", "state.connecting")
        return [Completed(command)]

    def control(self, now: Instant, command: CommandId, what: StreamCommand) -> list[ConnectionOutput]:
        """Carries out a stream command; `LocalProtocolError` if the state or a rule forbids it."""
        return self._on_session(now, self._session, self._session.control(now, command, what))

    def abandon(self, now: Instant, command: CommandId) -> list[ConnectionOutput] | None:
        """Ends a command whose caller is gone; `None` if it does not wait here."""
        if command in (self._connect, self._completed_connect) and not self.over:
            return self._leave(now, ABANDONED)
        outputs = self._session.abandon(now, command)
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
        """Takes what happened to the socket of its session."""
        return self._on_session(now, self._session, self._session.on_socket(now, inp))

    def on_media(self, now: Instant, inp: MediaInput) -> list[ConnectionOutput]:
        """Takes what the media engine reports of the peer of its session."""
        return self._on_session(now, self._session, self._session.on_media(now, inp))

    def wake(self, now: Instant) -> list[ConnectionOutput]:
        """Carries out whatever is due."""
        return self._on_session(now, self._session, self._session.wake(now))

    @property
    def deadline(self) -> Deadline | None:
        """The earliest deadline of anything under way."""
        return earliest(self._session.deadline)

    # --- what a session returns -----------------------------------------------------------------

    def _on_session(
        self, now: Instant, session: Session, outputs: Iterable[SessionOutput]
    ) -> list[ConnectionOutput]:
        passed: list[ConnectionOutput] = []
        for output in outputs:
            match output:
                case StartCall(name, request, wrap):
                    passed.append(StartCall((session, name), request, partial(_result_for, session, wrap)))
                case CancelCall(name):
                    passed.append(CancelCall((session, name)))
                case SessionReady():
                    passed += self._ready()
                case SessionLost(failure, intended):
                    passed += self._end(failure, intended=intended)
                case _:
                    passed.append(output)
        return passed

    # --- moves ----------------------------------------------------------------------------------

    def _ready(self) -> list[ConnectionOutput]:
        outputs: list[ConnectionOutput] = [notices.status(ConnectionStatus.CONNECTED)]
        if not self.established:
            self.established = True
            outputs.append(Happened(events.Connected(self.session_id or "")))
        if self._connect is not None:
            outputs.append(Completed(self._connect))
            self._completed_connect, self._connect = self._connect, None
        return outputs

    def _leave(self, now: Instant, failure: Failure) -> list[ConnectionOutput]:
        return self._on_session(now, self._session, self._session.leave(now, failure))

    def _end(self, failure: Failure, *, intended: bool) -> list[ConnectionOutput]:
        """It is over, and the application is the first to learn of it."""
        self.over = True
        wished = failure.kind in (FailureKind.CLOSED_LOCALLY, FailureKind.ABANDONED)
        status = ConnectionStatus.DISCONNECTED if intended else ConnectionStatus.FAILED
        outputs: list[ConnectionOutput] = [notices.status(status, None if wished else failure.message)]
        if not intended:
            outputs.append(Happened(events.ErrorHappened(failure, fatal=True)))
        if self.established:
            outputs.append(Happened(events.Disconnected(None if wished else failure)))
        if self._connect is not None:
            outputs.append(Failed(self._connect, failure))
            self._connect = None
        return outputs


def _result_for(session: Session, wrap: Callable[[Any], Any], result: object) -> SessionResult:
    return SessionResult(session, wrap(result))
