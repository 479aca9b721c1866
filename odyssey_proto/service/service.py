"""The whole local service as one machine: what is asked of it in, what is to be done out."""

from collections.abc import Callable
from itertools import count
from typing import assert_never

from odyssey_proto.kernel.entropy import Entropy
from odyssey_proto.kernel.machine import Deadline, Instant, RootMachine, earliest
from odyssey_proto.kernel.secret import revealed
from odyssey_proto.messages.endpoint import bearer
from odyssey_proto.messages.refusals import detail_reply
from odyssey_proto.seam.http import HttpRequest
from odyssey_proto.seam.inputs import (
    ChannelDown,
    ChannelText,
    ChannelUnreadable,
    ChannelUp,
    LocalDescription,
    MediaInput,
    MediaSeen,
    PeerFailed,
    PeerStateChanged,
    SocketClosed,
    SocketId,
    SocketText,
    TrackDown,
    TrackUp,
    Wake,
)
from odyssey_proto.service.films.films import Films
from odyssey_proto.service.io import faults as fault
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.io.faults import Faults
from odyssey_proto.service.io.seam import (
    AcceptSocket,
    Asked,
    AskerGone,
    Noted,
    RefuseSocket,
    Rendered,
    RenderFailed,
    ScriptFetched,
    ServiceInput,
    ServiceOutput,
    SocketAsked,
)
from odyssey_proto.service.live.broadcasts import Broadcasts
from odyssey_proto.service.live.client_session import ClientSession
from odyssey_proto.service.live.streamer import Streamers
from odyssey_proto.service.rest.accounts import Accounts
from odyssey_proto.service.rest.replies import Refused, shared
from odyssey_proto.service.rest.routes import LOCALHOST, RequestDesk, Rest, largest_body
from odyssey_proto.service.rest.sessions import Sessions


class Service(RootMachine[ServiceInput, ServiceOutput]):
    """
    Answers REST calls, speaks on WebSockets, and streams to whoever was granted a session.

    `seed` decides ids and tokens, which are as secret as it is; `wall` is the wall-clock time at
    instant zero, in microseconds since 1970 (UTC).
    """

    def __init__(self, config: ServiceConfig, seed: bytes = b"", wall: int = 0) -> None:
        super().__init__()
        self._config = config
        self._entropy = Entropy(seed)
        self._faults = Faults(config.faults)
        self._sessions = Sessions(config, self._entropy, wall)
        self._films = Films(config, self._entropy, self._faults, wall)
        self._accounts = Accounts(config, self._entropy)
        rest = Rest(config, self._accounts, self._sessions, self._films)
        self._desk = RequestDesk(rest, self._faults)
        self._peers = count(1)
        self._broadcasts = Broadcasts(config, self._entropy, self._peers)
        self._clients: dict[SocketId, ClientSession] = {}

    def __repr__(self) -> str:
        parts = (self._sessions, self._films, self._broadcasts)
        return f"<Service {len(self._clients)} clients, {', '.join(map(repr, parts))}>"

    def _next_deadline(self) -> Deadline | None:
        clients = [client.deadline for client in self._clients.values()]
        own = (self._desk.deadline, self._sessions.deadline, self._films.deadline, self._broadcasts.deadline)
        return earliest(*own, *clients)

    def max_body(self, now: Instant, head: HttpRequest) -> int:
        """Returns how many bytes the body of a request may have: little, unless its access token is good."""
        return largest_body(head, known=self._accounts.knows(now, bearer(head)))

    def _take(self, now: Instant, inp: ServiceInput) -> list[ServiceOutput]:
        outputs = self._answer(now, inp)
        self._settle()
        return outputs

    def _answer(self, now: Instant, inp: ServiceInput) -> list[ServiceOutput]:
        match inp:
            case Wake():
                return []
            case Asked(request=request) if self._films.store.serves(request):
                return self._films.store.ask(now, inp)
            case Asked(request=request) if self._broadcasts.serves(request):
                return self._broadcasts.ask(now, inp)
            case Asked():
                return self._desk.ask(now, inp)
            case AskerGone(exchange):
                self._desk.gone(exchange)
                self._films.store.gone(exchange)
                return self._broadcasts.gone(exchange)
            case Rendered() | RenderFailed() | ScriptFetched():
                return self._films.on_film(now, inp)
            case SocketAsked():
                return self._welcome(now, inp)
            case SocketText(socket, text):
                return self._recorded(now, socket, lambda client: client.text(now, text))
            case SocketClosed(socket):
                return self._recorded(now, socket, lambda client: client.gone())
            case (
                LocalDescription()
                | PeerStateChanged()
                | TrackUp()
                | TrackDown()
                | ChannelUp()
                | ChannelText()
                | ChannelUnreadable()
                | ChannelDown()
                | MediaSeen()
                | PeerFailed()
            ):
                return self._on_media(now, inp)
            case _:
                assert_never(inp)

    def _on_media(self, now: Instant, inp: MediaInput) -> list[ServiceOutput]:
        for socket, client in self._clients.items():
            if client.owns_peer(inp.peer):
                return self._recorded(now, socket, lambda client: client.on_media(now, inp))
        return self._broadcasts.on_media(now, inp)

    def _recorded(
        self, now: Instant, socket: SocketId, act: Callable[[ClientSession], list[ServiceOutput]]
    ) -> list[ServiceOutput]:
        """Has a client act, and lets those see it who record and broadcast its streams."""
        client = self._clients.get(socket)
        if client is None:
            return []
        outputs = act(client)
        if not outputs:
            return []
        ended = [one for output in outputs for one in self._broadcasts.sees(output)]
        key = self._sessions.owner(client.session_id)
        kept = [] if key is None else self._films.sees(now, key, outputs)
        return [*outputs, *ended, *kept]

    def _welcome(self, now: Instant, asked: SocketAsked) -> list[ServiceOutput]:
        planned = self._faults.strike(fault.RefuseSocket)
        if planned is not None:
            return [RefuseSocket(asked.socket, shared(detail_reply(planned.status, "refused on purpose")))]
        try:
            session_id = self._sessions.claim(now, asked.request)
        except Refused as refusal:
            reply = shared(refusal.reply)
            return [RefuseSocket(asked.socket, reply), Noted(f"refused a WebSocket: {reply.status}")]
        replaced = self._taken_over(now, session_id)
        streamers = Streamers(self._config, self._entropy, self._faults, self._broadcasts, _authority(asked))
        client = ClientSession(asked.socket, session_id, self._peers, streamers, self._config, self._faults)
        self._clients[asked.socket] = client
        joined = Noted(f"session {session_id}: joined")
        return [*replaced, AcceptSocket(asked.socket), joined, *client.begin(now)]

    def _taken_over(self, now: Instant, session_id: str) -> list[ServiceOutput]:
        """Ends an earlier client of the same session: its connection may be dead without knowing it."""
        earlier = [client for client in self._clients.values() if client.session_id == session_id]
        outputs: list[ServiceOutput] = []
        for client in earlier:
            outputs += self._recorded(now, client.socket, lambda client: client.taken_over())
            del self._clients[client.socket]
        return outputs

    def _wake(self, now: Instant) -> list[ServiceOutput]:
        outputs = self._desk.wake(now)
        outputs += [Noted(f"session {name}: nobody came") for name in self._sessions.wake(now)]
        for socket in list(self._clients):
            outputs += self._recorded(now, socket, lambda client: client.wake(now))
        outputs += [*self._films.wake(now), *self._broadcasts.wake(now)]
        self._settle()
        return outputs

    def _settle(self) -> None:
        """Sets the streamers of clients that are gone free."""
        for client in [client for client in self._clients.values() if client.over]:
            del self._clients[client.socket]
            self._sessions.release(client.session_id)


def _authority(asked: SocketAsked) -> str:
    """Returns the host and port by which the client found the service."""
    return revealed(asked.request.header("host")) or LOCALHOST
