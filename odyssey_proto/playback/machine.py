"""Traces as a service: a machine with the seam of the local service, run by the same drivers."""

from collections.abc import Iterable
from enum import Enum, unique
from itertools import count

from odyssey_proto.kernel.machine import Deadline, Instant, RootMachine, earliest
from odyssey_proto.messages.endpoint import path_of
from odyssey_proto.messages.refusals import detail_reply
from odyssey_proto.playback.content import Content, request_content
from odyssey_proto.playback.divergence import Differences, Divergence, DivergenceError
from odyssey_proto.playback.moves import MessageKey
from odyssey_proto.playback.played_session import PlayedSession
from odyssey_proto.playback.script import Script, join_key, request_key
from odyssey_proto.seam.http import HttpRequest
from odyssey_proto.seam.inputs import SocketClosed, SocketId, SocketText, Wake
from odyssey_proto.service.io.seam import (
    Answer,
    Asked,
    AskerGone,
    RefuseSocket,
    Rendered,
    RenderFailed,
    ScriptFetched,
    ServiceInput,
    ServiceOutput,
    SocketAsked,
)
from odyssey_proto.service.rest.replies import preflight, shared
from odyssey_proto.service.rest.routes import largest_body

NOT_RECORDED = 400
"""The status of what was not recorded: one after which nobody tries again."""


@unique
class PlaybackTimer(Enum):
    """Why a playback wants to be woken."""

    MOVE = "move"


class Playback(RootMachine[ServiceInput, ServiceOutput]):
    """
    Plays recorded sessions for whoever asks as their clients did, in the order in which they began.

    Each is played with its own times, or as fast as its client goes on if it is `fast`.
    `stun` is the port at which STUN is answered, for what the recorded service had of that kind;
    `wall` the wall-clock time at instant zero, in microseconds since 1970 (UTC).
    """

    def __init__(
        self, scripts: Iterable[Script], *, fast: bool = False, stun: int | None = None, wall: int = 0
    ) -> None:
        super().__init__()
        peers = count(1)
        self._sessions = tuple(
            PlayedSession(script, peers, fast=fast, stun=stun, wall=wall) for script in scripts
        )
        self._extra = Differences()
        self.deadline: Deadline | None = self._next_deadline()

    def __repr__(self) -> str:
        return f"<Playback {', '.join(map(repr, self._sessions))}>"

    @property
    def complete(self) -> bool:
        """Whether everything in the traces was done and said."""
        return all(session.complete for session in self._sessions)

    @property
    def connected(self) -> bool:
        """Whether the client of any session has its WebSocket open."""
        return any(session.connected for session in self._sessions)

    @property
    def divergences(self) -> tuple[Divergence, ...]:
        """What was done otherwise than recorded until now."""
        return (*(each for session in self._sessions for each in session.divergences), *self._extra)

    def check(self) -> None:
        """Raises `DivergenceError` if anything was done otherwise than recorded, or not at all."""
        missing = (each for session in self._sessions for each in session.missing())
        if found := (*self.divergences, *missing):
            raise DivergenceError(found)

    def _next_deadline(self) -> Deadline | None:
        due = [at for session in self._sessions if (at := session.next_due) is not None]
        return earliest(*(Deadline(at, PlaybackTimer.MOVE) for at in due))

    def max_body(self, now: Instant, head: HttpRequest) -> int:
        """Returns how many bytes the body of a request may have: little, unless it is in a trace."""
        key = request_key(head.method, path_of(head))
        return largest_body(head, known=self._session(key) is not None)

    def _take(self, now: Instant, inp: ServiceInput) -> list[ServiceOutput]:
        match inp:
            case Wake() | AskerGone() | Rendered() | RenderFailed() | ScriptFetched():
                return []
            case Asked(exchange, request) if request.method == "OPTIONS":
                return [Answer(exchange, preflight())]
            case Asked():
                return self._asked(now, inp)
            case SocketAsked():
                return self._joined(now, inp)
            case SocketText(socket, text):
                session = self._on(socket)
                return [] if session is None else session.text(now, socket, text)
            case SocketClosed(socket):
                session = self._on(socket)
                return [] if session is None else session.gone(now, socket)
            case _:
                session = next((each for each in self._sessions if each.sends_to(inp.peer)), None)
                return [] if session is None else session.on_media(now, inp)

    def _wake(self, now: Instant) -> list[ServiceOutput]:
        return [output for session in self._sessions for output in session.advance(now)]

    def _asked(self, now: Instant, asked: Asked) -> list[ServiceOutput]:
        key = request_key(asked.request.method, path_of(asked.request))
        session = self._session(key)
        if session is not None:
            return session.ask(now, key, asked)
        refusal = shared(detail_reply(NOT_RECORDED, f"{key} is not in the trace"))
        return [*self._differs(key, request_content(asked.request)), Answer(asked.exchange, refusal)]

    def _joined(self, now: Instant, asked: SocketAsked) -> list[ServiceOutput]:
        key = join_key(path_of(asked.request))
        session = self._session(key)
        if session is not None:
            return session.join(now, key, asked)
        refusal = shared(detail_reply(NOT_RECORDED, f"{key} is not in the trace"))
        return [*self._differs(key, Content()), RefuseSocket(asked.socket, refusal)]

    def _on(self, socket: SocketId) -> PlayedSession | None:
        return next((each for each in self._sessions if each.speaks_on(socket)), None)

    def _session(self, key: MessageKey) -> PlayedSession | None:
        return next((each for each in self._sessions if each.expects(key)), None)

    def _differs(self, key: MessageKey, came: Content) -> list[ServiceOutput]:
        return self._extra.add([Divergence(key, None, came)])
