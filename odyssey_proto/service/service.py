"""The whole local service as one machine: what is asked of it in, what is to be done out."""

from itertools import count

from odyssey_proto.entropy import Entropy
from odyssey_proto.exchange import HttpReply
from odyssey_proto.inputs import SocketClosed, SocketId, SocketText, Wake
from odyssey_proto.machine import Deadline, Instant, earliest
from odyssey_proto.messages.endpoint import path_of, revealed
from odyssey_proto.messages.refusals import detail_reply
from odyssey_proto.service.config import ServiceConfig
from odyssey_proto.service.faults import Faults, Refuse, RefuseSocket, Silent
from odyssey_proto.service.rest import Rest, is_ping
from odyssey_proto.service.seam import (
    AcceptSocket,
    Answer,
    Asked,
    AskerGone,
    Noted,
    ServiceInput,
    ServiceOutput,
    SocketAsked,
)
from odyssey_proto.service.seam import (
    RefuseSocket as RefuseHandshake,
)
from odyssey_proto.service.sessions import Sessions
from odyssey_proto.service.visit import Visit

CLIENT_PATH = "/client/"


class Service:
    """
    Answers REST calls, speaks on WebSockets, and streams to whoever was granted a session.

    `seed` decides ids and tokens, `wall` is the wall-clock time at instant zero, in microseconds
    since 1970 (UTC).
    """

    def __init__(self, config: ServiceConfig, seed: bytes = b"", wall: int = 0) -> None:
        self._config = config
        self._now = Instant(0)
        self._entropy = Entropy(seed)
        self._faults = Faults(config.faults)
        self._sessions = Sessions(config, self._entropy, wall)
        self._rest = Rest(config, self._entropy, self._sessions)
        self._peers = count(1)
        self._visits: dict[SocketId, Visit] = {}

    def __repr__(self) -> str:
        return f"<Service {len(self._sessions)} sessions, {len(self._visits)} clients>"

    def step(self, now: Instant, inp: ServiceInput, /) -> list[ServiceOutput]:
        """Takes the time and one input and returns what must be done, in order."""
        self._now = now = Instant(max(now, self._now))
        outputs = self._take(now, inp)
        while (deadline := self.deadline) is not None and deadline.at <= now:
            for visit in list(self._visits.values()):
                outputs += visit.wake(now)
            self._settle()
        self._settle()
        return outputs

    @property
    def deadline(self) -> Deadline | None:
        """The earliest deadline of any client."""
        return earliest(*(visit.deadline for visit in self._visits.values()))

    def _take(self, now: Instant, inp: ServiceInput) -> list[ServiceOutput]:
        match inp:
            case Wake() | AskerGone():
                return []
            case Asked():
                return self._answer(now, inp)
            case SocketAsked():
                return self._welcome(now, inp)
            case SocketText(socket, text):
                visit = self._visits.get(socket)
                return [] if visit is None else visit.text(now, text)
            case SocketClosed(socket):
                visit = self._visits.get(socket)
                return [] if visit is None else visit.gone()
            case _:
                for visit in self._visits.values():
                    if visit.peer == inp.peer:
                        return visit.noticed(now, inp)
                return []

    def _answer(self, now: Instant, asked: Asked) -> list[ServiceOutput]:
        path = path_of(asked.request)
        if self._faults.strike(Silent, path=path) is not None:
            return [Noted(f"{asked.request.method} {path}: silent on purpose")]
        refuse = self._faults.strike(Refuse, path=path)
        if refuse is not None:
            reply = refuse.reply
        else:
            reply = HttpReply(200) if is_ping(asked.request) else self._rest.answer(now, asked.request)
        return [Answer(asked.exchange, reply), Noted(f"{asked.request.method} {path}: {reply.status}")]

    def _welcome(self, now: Instant, asked: SocketAsked) -> list[ServiceOutput]:
        path = path_of(asked.request)
        refuse = self._faults.strike(RefuseSocket)
        if refuse is not None:
            return [RefuseHandshake(asked.socket, detail_reply(refuse.status, "refused on purpose"))]
        if not path.startswith(CLIENT_PATH):
            return [RefuseHandshake(asked.socket, detail_reply(404, "Not Found"))]
        session_id = path.removeprefix(CLIENT_PATH)
        status = self._sessions.claim(now, session_id, revealed(asked.request.parameter("token")))
        if status is not None:
            return [RefuseHandshake(asked.socket, detail_reply(status, "the session token is not good"))]
        visit = Visit(
            asked.socket,
            self._peers,
            session_id,
            self._config,
            self._entropy,
            self._faults,
        )
        self._visits[asked.socket] = visit
        return [AcceptSocket(asked.socket), Noted(f"{session_id}: joined"), *visit.begin(now)]

    def _settle(self) -> None:
        for socket, visit in list(self._visits.items()):
            if visit.over:
                self._sessions.release(visit.session_id)
                del self._visits[socket]
